//! Nothing is waited for without an end, and nobody who reads or does not read makes a run fail: pipes,
//! devices, signals, standard streams that take nothing.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::harness::{hdbench, phantoms, states, text};

fn program(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hdbench"));
    command.args(arguments).current_dir(dir);
    command
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn pipes_and_devices_are_no_inputs() {
    let dir = phantoms();
    let path = dir.path();
    let make = |name: &str| {
        let made = Command::new("mkfifo").arg(path.join(name)).status();
        assert!(made.unwrap().success());
    };
    make("pipe.nii");
    make("pipe.json");
    std::os::unix::fs::symlink("/dev/zero", path.join("zeros.nii")).unwrap();
    let reference = "phantoms/segmentation-0.nii.gz";
    let evaluated = |pred, reference| {
        [
            "evaluate", "--out", "scores", "--pred", pred, "--ref", reference,
        ]
    };
    for arguments in [
        &evaluated("pipe.nii", reference)[..],
        &evaluated("zeros.nii", reference),
        &evaluated(reference, "pipe.nii"),
        &["leaderboard", "pipe.nii", "--ref", "phantoms"],
        &["analyze", "pipe.json"],
        &[
            "regress",
            "--baseline",
            "pipe.json",
            "--current",
            "pipe.json",
        ],
        &["study", "run", "pipe.json"],
        &[
            "crossval",
            "--data",
            "phantoms",
            "--splits",
            "pipe.json",
            "--out",
            "splits",
        ],
        &[
            "model", "import", "pipe.nii", "--part", "unet", "--scale", "demo", "--out", "model",
        ],
    ] {
        let output = hdbench(path, arguments);
        let told = errors(&output);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {told}");
        assert!(
            told.contains("expected a file, found a "),
            "{arguments:?}: {told}"
        );
        assert!(told.contains("(COMMAND > FILE)"), "{told}");
    }
    // A case of a data set is named.
    fs::remove_file(path.join("phantoms/volume-0.nii.gz")).unwrap();
    make("phantoms/volume-0.nii.gz");
    let output = hdbench(path, &["datasets", "check", "phantoms"]);
    let told = text(&output, 4);
    assert!(
        told.contains("volume-0.nii.gz") && told.contains("found a pipe"),
        "{told}"
    );
}

#[test]
fn a_standard_error_that_takes_nothing_costs_only_the_messages() {
    let dir = tempfile::tempdir().unwrap();
    let synth = [
        "datasets", "synth", "--layout", "lits", "--cases", "2", "--out", "made",
    ];
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let output = program(dir.path(), &synth).stderr(full()).output().unwrap();
    assert_eq!(text(&output, 0), "2 cases in made\n");
    // Nobody reads any more.
    fs::remove_dir_all(dir.path().join("made")).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = program(dir.path(), &synth).stderr(writer).output().unwrap();
    assert_eq!(text(&output, 0), "2 cases in made\n");
    // A failure keeps its code.
    let missing = ["status", "no-study"];
    let output = program(dir.path(), &missing)
        .stderr(full())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_standard_output_that_takes_nothing_fails_only_what_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    // The work lies in files: a warning.
    let synth = [
        "datasets", "synth", "--layout", "lits", "--cases", "2", "--out", "made",
    ];
    let output = program(dir.path(), &synth).stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let told = errors(&output);
    assert!(
        told.contains("warning: standard output: cannot write"),
        "{told}"
    );
    assert!(told.contains("2 cases in made"), "{told}");
    // The text is all there is.
    let explain = ["explain", "lits"];
    let output = program(dir.path(), &explain)
        .stdout(full())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("standard output: cannot write"));
    // Who reads has seen enough.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = program(dir.path(), &explain)
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), errors(&output)),
        (Some(0), String::new())
    );
}

/// Ctrl-C twice, as a terminal sends it: to all of its processes.
#[test]
fn a_second_signal_ends_at_once_and_fails_no_cell() {
    use std::os::unix::process::CommandExt;
    let dir = phantoms();
    let path = dir.path();
    let study = [
        "ablation",
        "--data",
        "phantoms",
        "--out",
        "run",
        "--variant",
        "unet",
        "--set",
        "iterations=100000",
        "--set",
        "coarse_iterations=100000",
    ];
    let mut command = program(path, &study);
    let mut child = command
        .process_group(0)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let signal = |group: u32| {
        let sent = Command::new("kill")
            .args(["-INT", "--", &format!("-{group}")])
            .status();
        assert!(sent.unwrap().success());
    };
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let heard = |lines: &mut dyn Iterator<Item = std::io::Result<String>>, words: &str| {
        lines.map_while(Result::ok).any(|line| line.contains(words))
    };
    // Its process listens once it tells of a stage.
    assert!(heard(&mut lines, "_coarse/fold_0/seed_0: "));
    signal(child.id());
    signal(child.id());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(75), "{rest:?}");
    for (name, cell) in states(path) {
        assert_ne!(cell["state"], "failed", "{name}: {cell}");
    }
    // Nobody holds the folder any more: the next start is not refused.
    let plan = hdbench(path, &[&study[..], &["--dry-run"]].concat());
    assert!(text(&plan, 0).contains("would run"));
}

/// What a signal waits for is told.
#[test]
fn a_signal_is_answered_and_the_study_can_be_gone_on_with() {
    let dir = phantoms();
    let path = dir.path();
    let study = [
        "ablation",
        "--data",
        "phantoms",
        "--out",
        "run",
        "--variant",
        "unet",
        "--set",
        "iterations=100000",
        "--set",
        "coarse_iterations=100000",
    ];
    let mut child = program(path, &study)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(lines.any(|line| line.contains("_coarse/fold_0/seed_0: ")));
    let sent = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(75), "{rest:?}");
    let states = states(path);
    assert!(
        states
            .iter()
            .any(|(_, cell)| cell["state"] == "interrupted"),
        "{states:?}"
    );
    let log = fs::read_to_string(path.join("run/_coarse/fold_0/seed_0/log.txt")).unwrap();
    assert!(!log.is_empty(), "the log tells the stages");
}

#[test]
fn a_report_waits_its_turn_and_a_lease_from_the_future_holds_nobody() {
    let dir = phantoms();
    let path = dir.path();
    let study = [
        "ablation",
        "--data",
        "phantoms",
        "--out",
        "run",
        "--variant",
        "unet",
        "--set",
        "iterations=3",
        "--set",
        "coarse_iterations=3",
    ];
    text(&hdbench(path, &study), 0);
    let reports: Vec<_> = (0..3)
        .map(|_| {
            let mut report = program(path, &["report", "run"]);
            report
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for report in reports {
        text(&report.wait_with_output().unwrap(), 0);
    }
    // Somebody else's lease with a time that has not come.
    let cell = path.join("run/unet/fold_0/seed_0");
    fs::remove_file(cell.join("state.json")).unwrap();
    fs::write(cell.join(".lease"), r#"{"host":"another-machine","pid":7}"#).unwrap();
    let lease = File::options()
        .write(true)
        .open(cell.join(".lease"))
        .unwrap();
    let next_year = std::time::SystemTime::now() + std::time::Duration::from_secs(365 * 86_400);
    lease.set_modified(next_year).unwrap();
    assert!(
        states(path)
            .iter()
            .all(|(_, cell)| cell["state"] != "running")
    );
    // Waited for, and with an ear for signals.
    let mut child = program(path, &["cell", "run", "run", "unet/fold_0/seed_0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(lines.any(|line| line.contains("waiting for pid 7 on another-machine")));
    let sent = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(75));
}
