//! What goes wrong in a cell is that cell's failure: told, recorded, shown by `hdbench status`; the
//! others go on.

use std::fs;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::harness::{hdbench, phantoms, state, states, text};

fn ablation(dir: &Path, more: &[&str]) -> Output {
    let common = [
        "ablation",
        "--data",
        "phantoms",
        "--out",
        "run",
        "--jobs",
        "1",
        "--set",
        "iterations=6",
        "--set",
        "encoder_iterations=6",
        "--set",
        "coarse_iterations=6",
        "--variant",
        "unet",
        "--variant",
        "resnet",
    ];
    hdbench(dir, &[&common[..], more].concat())
}

const UNET: &str = "unet/fold_0/seed_0";
const RESNET: &str = "resnet/fold_0/seed_0";
const COARSE: &str = "_coarse/fold_0/seed_0";

#[track_caller]
fn failed(states: &[(String, Value)], cell: &str, reason: &str) {
    let cell = state(states, cell);
    assert_eq!(cell["state"], "failed", "{cell}");
    let told = cell["reason"].as_str().unwrap();
    assert!(told.contains(reason), "{told}");
}

#[track_caller]
fn said(output: &Output, words: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(words), "{errors}");
}

#[test]
fn a_folder_that_takes_nothing_is_one_cells_failure() {
    let dir = phantoms();
    let path = dir.path();
    fs::create_dir(path.join("run")).unwrap();
    // Root may write anywhere; nobody can make a folder where a file lies.
    fs::write(path.join("run/unet"), "no folder").unwrap();
    let output = ablation(path, &[]);
    text(&output, 4);
    said(&output, "1 of 3 cells failed");
    said(&output, "something else lies where a folder belongs");
    let cells = states(path);
    failed(&cells, UNET, "cannot write");
    assert_eq!(state(&cells, RESNET)["state"], "done");
    // Mended, the same start does what is left.
    fs::remove_file(path.join("run/unet")).unwrap();
    text(&ablation(path, &[]), 0);
    assert!(states(path).iter().all(|(_, cell)| cell["state"] == "done"));
    assert!(!path.join("run/unrecorded.json").exists());
}

#[test]
fn a_loss_that_is_no_number_fails_its_cell_and_blocks_those_that_need_it() {
    let dir = phantoms();
    let path = dir.path();
    let output = ablation(path, &["--set", "scale.learning_rate=1e30"]);
    text(&output, 4);
    said(&output, "lower the learning rate");
    let cells = states(path);
    failed(&cells, COARSE, "the loss became");
    assert_eq!(state(&cells, UNET)["state"], "blocked");
    assert_eq!(state(&cells, UNET)["by"], COARSE);
}

#[test]
fn a_data_set_that_vanishes_or_changes_fails_the_cells_that_come_later() {
    let dir = phantoms();
    let path = dir.path();
    text(&ablation(path, &["--only", "unet/*"]), 0);
    // As cells find it that start when the data is gone.
    fs::rename(path.join("phantoms"), path.join("elsewhere")).unwrap();
    let run = |cell: &str| hdbench(path, &["cell", "run", "run", cell]);
    text(&run(RESNET), 3);
    let cells = states(path);
    failed(&cells, RESNET, "phantoms");
    assert_eq!(state(&cells, UNET)["state"], "done", "what is done stays");
    text(&run(UNET), 3);
    assert_eq!(state(&states(path), UNET)["state"], "done");
    // Another content under the same name.
    fs::rename(path.join("elsewhere"), path.join("phantoms")).unwrap();
    let (first, second) = (
        path.join("phantoms/volume-0.nii.gz"),
        path.join("phantoms/volume-1.nii.gz"),
    );
    let original = fs::read(&first).unwrap();
    fs::copy(&second, &first).unwrap();
    text(&run(RESNET), 3);
    failed(&states(path), RESNET, "volume-0 has other contents");
    fs::write(&first, original).unwrap();
    text(&run(RESNET), 0);
    text(&ablation(path, &[]), 0);
}

/// A file system of its own, with no room for the models: needs the right to mount one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_cells_and_keeps_what_is_done() {
    let dir = phantoms();
    let path = dir.path();
    let script = "mount -t tmpfs -o size=\"$1\" none small && shift && \"$@\" >out 2>err; code=$?; \
                  \"$BIN\" status small/run --json >status 2>&1; exit $code";
    let within = |size: &str| {
        fs::create_dir_all(path.join("small")).unwrap();
        let mut command = Command::new("unshare");
        command.args([
            "-rm",
            "sh",
            "-c",
            script,
            "sh",
            size,
            env!("CARGO_BIN_EXE_hdbench"),
        ]);
        command.args(["ablation", "--data", "phantoms", "--out", "small/run"]);
        command.args([
            "--jobs",
            "1",
            "--variant",
            "unet",
            "--variant",
            "hdenseunet",
        ]);
        for set in [
            "iterations=4",
            "encoder_iterations=4",
            "coarse_iterations=4",
        ] {
            command.args(["--set", set]);
        }
        command.env("BIN", env!("CARGO_BIN_EXE_hdbench"));
        let output = command.current_dir(path).output();
        let errors = fs::read_to_string(path.join("err")).unwrap_or_default();
        (output.ok().and_then(|output| output.status.code()), errors)
    };
    let probe = Command::new("unshare")
        .args([
            "-rm",
            "sh",
            "-c",
            "mkdir -p probe && mount -t tmpfs -o size=1m none probe",
        ])
        .current_dir(path)
        .status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("no right to mount a file system here: a full disk is not tested");
        return;
    }
    // Room for the prepared cases and the first networks, found by trying: the cache alone takes a few MB.
    let mut seen = false;
    for megabytes in [6, 8, 10, 12, 14, 16, 20, 24] {
        let (code, errors) = within(&format!("{megabytes}m"));
        if code != Some(4) {
            continue;
        }
        assert!(errors.contains("make room and start again"), "{errors}");
        let status = fs::read(path.join("status")).unwrap();
        let status: Value = serde_json::from_slice(&status).unwrap();
        let counts = &status["counts"];
        assert!(counts["failed"].as_u64().unwrap() >= 1, "{status}");
        assert_eq!(counts["running"], 0, "{status}");
        assert_eq!(counts["killed"], 0, "{status}");
        let told = status["cells"].as_array().unwrap();
        let reasons = told.iter().filter_map(|cell| cell["reason"].as_str());
        assert!(
            reasons
                .clone()
                .any(|reason| reason.contains("No space left")),
            "{status}"
        );
        seen = true;
    }
    assert!(seen, "no size of the disk let the study begin and not end");
}

/// The output of a process that ends; one that hangs fails the test.
#[cfg(target_os = "linux")]
fn ended(command: &mut Command) -> Output {
    let (out, errors) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(errors.try_clone().unwrap())
        .spawn()
        .unwrap();
    let patience = Duration::from_secs(300);
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > patience {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it hangs after {}", read_back(errors));
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    Output {
        status,
        stdout: read_back(out).into_bytes(),
        stderr: read_back(errors).into_bytes(),
    }
}

#[cfg(target_os = "linux")]
fn read_back(mut file: fs::File) -> String {
    let mut text = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// An allocation that the system refuses ends the process at once: the study's says why.
#[cfg(target_os = "linux")]
#[test]
fn a_cell_that_runs_out_of_memory_says_so_and_the_others_go_on() {
    let dir = phantoms();
    let path = dir.path();
    let mut seen = false;
    // Enough for the study's own process, too little for one of the networks; where that begins
    // depends on the machine.
    for megabytes in (110..=400).step_by(10) {
        let _ = fs::remove_dir_all(path.join("run"));
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -v $1 && shift && exec \"$@\"", "sh"])
            .arg((megabytes * 1000).to_string())
            .arg(env!("CARGO_BIN_EXE_hdbench"))
            .args([
                "ablation", "--data", "phantoms", "--out", "run", "--jobs", "1",
            ])
            .args([
                "--variant",
                "unet",
                "--variant",
                "denseunet3d",
                "--variant",
                "hdenseunet",
            ])
            .args(["--set", "iterations=3", "--set", "encoder_iterations=3"])
            .args(["--set", "coarse_iterations=3"])
            // Every thread takes its share of what a process may address.
            .env("RAYON_NUM_THREADS", "2")
            // Backtraces ask for memory too, where there is none.
            .env("RUST_BACKTRACE", "1")
            .current_dir(path);
        let output = ended(&mut command);
        if output.status.code() != Some(4) {
            continue;
        }
        let cells = states(path);
        let reasons = cells.iter().filter_map(|(_, cell)| cell["reason"].as_str());
        let out = reasons.filter(|reason| reason.contains("out of memory"));
        seen |= out.count() > 0;
        assert!(cells.iter().all(|(_, cell)| cell["state"] != "killed"));
        if seen && cells.iter().any(|(_, cell)| cell["state"] == "done") {
            said(&output, "need less memory");
            return;
        }
    }
    panic!("no limit let some cells run and others not");
}
