//! Where the disk is full or memory is short: Linux can be asked for both.

use std::fs;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use hdbench::volume::{self, Geometry, Volume};
use ndarray::Array3;
use serde_json::Value;

use super::failures::{UNET, said};
use super::harness::{phantoms, state, states};

const DENSEUNET_3D: &str = "denseunet3d/fold_0/seed_0";

/// A file system of its own, with no room for the models: needs the right to mount one.
#[test]
fn a_full_disk_fails_cells_and_keeps_what_is_done() {
    let dir = phantoms();
    let path = dir.path();
    let script = "mount -t tmpfs -o \"$1\" none small && shift && \"$@\" >out 2>err; code=$?; \
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
            "encoder_cases=2",
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
        let (code, errors) = within(&format!("size={megabytes}m"));
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
    // Without inodes not even the cell's folder can be made: its failure is kept in the study's.
    let mut elsewhere = false;
    for inodes in 36..60 {
        let (code, errors) = within(&format!("size=200m,nr_inodes={inodes}"));
        let unmade =
            errors.contains("_encoder/fold_0/seed_0: small/run/_encoder/fold_0/seed_0: cannot");
        if code != Some(4) || !unmade || errors.contains("could not be recorded") {
            continue;
        }
        let status = fs::read_to_string(path.join("status")).unwrap();
        let status: Value = serde_json::from_str(&status).unwrap();
        let cells = status["cells"].as_array().unwrap();
        let encoder = cells
            .iter()
            .find(|cell| cell["cell"] == "_encoder/fold_0/seed_0");
        assert_eq!(encoder.unwrap()["state"], "failed", "{inodes}: {status}");
        elsewhere = true;
        break;
    }
    assert!(
        elsewhere,
        "no number of inodes let the study begin and no cell"
    );
}

/// The output of a process that ends; one that hangs fails the test.
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

fn read_back(mut file: fs::File) -> String {
    let mut text = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// An allocation that the system refuses ends the process at once: the study's says why.
#[test]
fn a_cell_that_runs_out_of_memory_says_so_and_the_others_go_on() {
    let dir = phantoms();
    // Where the first cells fit depends on the machine; so wide a U-Net needs many times as much, so that
    // some limits lie between: they are bracketed, then closed in on.
    let (mut least, mut most) = (50_u32, None);
    for _ in 0..16 {
        let megabytes = match most {
            None => least * 3 / 2,
            Some(most) => (least + most) / 2,
        };
        match a_study_within(dir.path(), megabytes) {
            Fits::Nothing => least = megabytes,
            Fits::Everything => most = Some(megabytes),
            Fits::AllButTheWidest => return,
        }
    }
    panic!("no limit let some cells run and others not: {least} MB to {most:?}");
}

/// What of a study finds room within a limit.
enum Fits {
    Nothing,
    AllButTheWidest,
    Everything,
}

/// A study of two networks, one of them very wide, in processes of at most `megabytes` MB of addresses.
fn a_study_within(path: &Path, megabytes: u32) -> Fits {
    let _ = fs::remove_dir_all(path.join("run"));
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -v $1 && shift && exec \"$@\"", "sh"])
        .arg((megabytes * 1000).to_string())
        .arg(env!("CARGO_BIN_EXE_hdbench"))
        .args([
            "ablation", "--data", "phantoms", "--out", "run", "--jobs", "1",
        ])
        .args(["--variant", "unet", "--variant", "denseunet3d"])
        .args(["--set", "iterations=3", "--set", "encoder_iterations=3"])
        .args(["--set", "encoder_cases=2", "--set", "coarse_iterations=3"])
        .args(["--set", "scale.unet=[256,512,1024,2048,2048]"])
        // Every thread takes its share of what a process may address.
        .env("RAYON_NUM_THREADS", "2")
        // Backtraces ask for memory too, where there is none.
        .env("RUST_BACKTRACE", "1")
        .current_dir(path);
    let output = ended(&mut command);
    match output.status.code() {
        Some(0) => return Fits::Everything,
        Some(4) => {}
        _ => return Fits::Nothing,
    }
    let cells = states(path);
    assert!(cells.iter().all(|(_, cell)| cell["state"] != "killed"));
    if state(&cells, DENSEUNET_3D)["state"] != "done" {
        return Fits::Nothing;
    }
    // Where the last of the memory goes to an arena, a thread that cannot begin may be what fails.
    let reason = state(&cells, UNET)["reason"].as_str();
    if !reason.is_some_and(|reason| reason.contains("out of memory")) {
        return Fits::Nothing;
    }
    said(&output, "need less memory");
    Fits::AllButTheWidest
}

/// The signal of a file that grows too large ends a process without a word unless it is taken.
#[test]
fn a_limit_on_the_size_of_files_is_a_write_error_with_its_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -f 64 && exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_hdbench"))
        .args([
            "datasets", "synth", "--layout", "lits", "--cases", "1", "--out", "set",
        ])
        .current_dir(dir.path());
    let output = ended(&mut command);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    said(&output, "cannot write: ");
    said(&output, "hint: raise the limit on the size of files");
}

/// Every other voxel is a lesion of its own.
fn write_noise(path: &Path, shape: [usize; 3]) {
    let voxels = Array3::from_shape_fn(shape, |(z, y, x)| 1 + ((z + y + x) % 2) as u8);
    let map = Volume {
        voxels,
        geometry: Geometry::axis_aligned(shape, [1.0; 3]),
    };
    volume::write_labels(path, &map).unwrap();
}

/// The most memory a process has had, bytes, as the kernel says while it runs.
fn peak(command: &mut Command) -> (Output, u64) {
    let (out, errors) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(errors.try_clone().unwrap())
        .spawn()
        .unwrap();
    let mut most = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        most = most.max(1024 * kibibytes.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    };
    let output = Output {
        status,
        stdout: read_back(out).into_bytes(),
        stderr: read_back(errors).into_bytes(),
    };
    (output, most)
}

/// What a map of noise costs in every reader: 40 bytes a voxel beside what the program takes itself.
#[test]
fn a_map_of_noise_costs_at_most_40_bytes_a_voxel() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    // Large enough that what the threads and the allocator hold beside it, some 100 MB, says little.
    let shape = [60, 512, 512];
    for folder in ["pred", "ref"] {
        fs::create_dir(path.join(folder)).unwrap();
        write_noise(&path.join(folder).join("volume-1.nii.gz"), shape);
    }
    let evaluate = ["evaluate", "--pred", "pred", "--ref", "ref", "--out", "out"];
    let strict = [&evaluate[..], &["--profile", "strict"]].concat();
    let lits = [&evaluate[..], &["--profile", "lits"]].concat();
    let leaderboard = ["leaderboard", "pred", "--ref", "ref", "--out", "board"];
    // The official scorer, whose table it is, cannot count that number of lesions.
    for (arguments, code) in [(&strict[..], 0), (&lits, 3), (&leaderboard, 3)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hdbench"));
        command.args(arguments).current_dir(path);
        let (output, bytes) = peak(&mut command);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let voxels = shape.iter().product::<usize>() as u64;
        assert!(
            bytes < 40 * voxels + (60 << 20),
            "{arguments:?}: {bytes} bytes"
        );
    }
}

/// Of all pairs the one that costs the measuring of distances most: every other voxel, each of them far
/// from a single one.
#[test]
fn every_other_voxel_against_a_single_one_costs_at_most_40_bytes_a_voxel() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let shape = [16, 512, 512];
    let write = |folder: &str, of: fn((usize, usize, usize)) -> u8| {
        fs::create_dir(path.join(folder)).unwrap();
        let map = Volume {
            voxels: Array3::from_shape_fn(shape, of),
            geometry: Geometry::axis_aligned(shape, [1.0; 3]),
        };
        volume::write_labels(&path.join(folder).join("volume-1.nii.gz"), &map).unwrap();
    };
    write("pred", |(z, y, x)| ((z + y + x) % 2) as u8);
    write("ref", |place| u8::from(place == (8, 256, 256)));
    let mut command = Command::new(env!("CARGO_BIN_EXE_hdbench"));
    command
        .args(["evaluate", "--pred", "pred", "--ref", "ref", "--out", "out"])
        .args(["--profile", "strict"])
        .current_dir(path);
    let (output, bytes) = peak(&mut command);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let voxels = shape.iter().product::<usize>() as u64;
    assert!(bytes < 40 * voxels + (60 << 20), "{bytes} bytes");
}

/// A case that needs more memory than there is fails by name, and the sound ones beside it are scored.
#[test]
fn a_case_that_does_not_fit_into_memory_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    for folder in ["pred", "ref"] {
        fs::create_dir(path.join(folder)).unwrap();
        for case in 1..4 {
            write_noise(
                &path.join(format!("{folder}/volume-{case}.nii.gz")),
                [4, 16, 16],
            );
        }
        write_noise(&path.join(folder).join("volume-4.nii.gz"), [120, 512, 512]);
    }
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -v 1000000 && exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_hdbench"))
        .args([
            "evaluate",
            "--pred",
            "pred",
            "--ref",
            "ref",
            "--out",
            "out",
            "--threads",
            "2",
        ])
        .current_dir(path);
    let output = ended(&mut command);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    said(&output, "volume-4.nii.gz: needs about 1.3 GB of memory, ");
    said(&output, "hint: use a machine with more memory");
    let cases = fs::read_to_string(path.join("out/cases.csv")).unwrap();
    assert_eq!(cases.lines().count(), 4, "{cases}");
}
