//! Archives for the Decathlon's Task03, and for a challenge of one's own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hdbench::artifact::{Archive, gzip_writer};
use hdbench::volume::{Geometry, Volume, read_labels, write_image, write_labels};
use ndarray::{Array3, s};
use serde_json::Value;
use tempfile::TempDir;

use super::archives::zip_file;

/// 161 is none that the challenge takes.
const TEST: [u32; 3] = [132, 161, 163];

struct Task(TempDir);

fn geometry() -> Geometry {
    Geometry::axis_aligned([6, 8, 8], [20.0, 22.0, 21.0])
}

fn labels() -> Array3<u8> {
    let mut voxels = Array3::zeros((6, 8, 8));
    voxels.slice_mut(s![1..5, 1..7, 1..7]).fill(1);
    voxels.slice_mut(s![2..4, 2..4, 2..4]).fill(2);
    voxels
}

impl Task {
    /// `Task03_Liver` as it is unpacked, droppings of macOS and training cases included, and predictions.
    fn new() -> Self {
        let task = Self(tempfile::tempdir().unwrap());
        let image = Volume {
            voxels: Array3::from_elem((6, 8, 8), -50_i16),
            geometry: geometry(),
        };
        let labels = Volume {
            voxels: labels(),
            geometry: geometry(),
        };
        for folder in ["Task03_Liver/imagesTs", "Task03_Liver/imagesTr", "out"] {
            fs::create_dir_all(task.path(folder)).unwrap();
        }
        for number in TEST {
            let name = format!("liver_{number}.nii.gz");
            let test = task.path("Task03_Liver/imagesTs");
            write_image(&test.join(&name), &image).unwrap();
            fs::write(test.join(format!("._{name}")), "macOS").unwrap();
            write_labels(&task.path("out").join(&name), &labels).unwrap();
        }
        write_image(&task.path("Task03_Liver/imagesTr/liver_7.nii.gz"), &image).unwrap();
        task
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn pack(&self, more: &[&str]) -> Output {
        let mut command = submit();
        command
            .args(["--json", "--challenge", "msd-task03", "--from"])
            .arg(self.path("out"))
            .arg("--test")
            .arg(self.path("Task03_Liver"))
            .arg("--out")
            .arg(self.path("msd.zip"))
            .args(more);
        command.output().unwrap()
    }

    fn check(&self, archive: &Path, more: &[&str]) -> Output {
        let mut command = submit();
        command
            .arg("check")
            .arg(archive)
            .args(["--json", "--challenge", "msd-task03", "--test"])
            .arg(self.path("Task03_Liver"))
            .args(more);
        command.output().unwrap()
    }

    fn zip(&self, name: &str, entries: &[(&str, Vec<u8>)]) -> PathBuf {
        zip_file(self.path(name), entries)
    }
}

fn submit() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hdbench"));
    command.arg("submit-lits");
    command
}

fn json(ran: &Output, code: i32) -> Value {
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(code), "{said}");
    serde_json::from_slice(&ran.stdout).unwrap()
}

fn said(ran: &Output) -> String {
    String::from_utf8_lossy(&ran.stderr).into_owned()
}

fn rule<'a>(verdicts: &'a Value, id: &str) -> &'a Value {
    let rules = verdicts["rules"].as_array().unwrap();
    let found = rules.iter().find(|rule| rule["rule"] == id);
    found.unwrap_or_else(|| panic!("{id} is no rule of this challenge"))
}

fn bytes(gzipped: bool) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii");
    let volume = Volume {
        voxels: labels(),
        geometry: geometry(),
    };
    write_labels(&path, &volume).unwrap();
    let plain = fs::read(path).unwrap();
    if !gzipped {
        return plain;
    }
    let mut out = gzip_writer(Vec::new(), 6);
    out.write_all(&plain).unwrap();
    out.finish().unwrap()
}

#[test]
fn predictions_become_the_archive_of_the_task() {
    let task = Task::new();
    let ran = task.pack(&[]);
    assert!(!said(&ran).contains("takes no submissions"));
    let written = json(&ran, 0);
    let archive = Archive::examine(&task.path("msd.zip")).map_err(|e| e.error);
    let archive = archive.unwrap();
    let names: Vec<&str> = archive.entries().iter().map(|e| e.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Task03_Liver/liver_132.nii.gz",
            "Task03_Liver/liver_163.nii.gz"
        ]
    );
    let after = &written["after"];
    assert_eq!(after["challenge"], "msd-task03");
    assert_eq!(rule(after, "in-folder")["status"], "passed");
    assert_eq!(rule(after, "gzipped")["looked_at"], 2);
    let set = rule(after, "challenge-set");
    assert_eq!(set["status"], "warning");
    assert_eq!(
        set["findings"][0]["message"],
        "58 of the challenge's 60 volumes are not among the 2 of the test folder"
    );
    // What the task leaves out is left out, and said.
    let extra = &rule(&written["before"], "no-extras")["findings"][0];
    let expected = "is for liver_161, of which the challenge takes no segmentation";
    assert_eq!(extra["message"], expected);

    // What is in it are the predictions, whatever reads them.
    let unpacked = task.path("unpacked");
    let packed = fs::File::open(task.path("msd.zip")).unwrap();
    let mut packed = zip::ZipArchive::new(packed).unwrap();
    packed.extract(&unpacked).unwrap();
    let entry = unpacked.join("Task03_Liver/liver_163.nii.gz");
    assert_eq!(&fs::read(&entry).unwrap()[..2], [0x1f, 0x8b]);
    assert_eq!(read_labels(&entry).unwrap().voxels, labels());

    // The same predictions give the same bytes.
    let first = fs::read(task.path("msd.zip")).unwrap();
    json(&task.pack(&["--jobs", "1"]), 0);
    assert_eq!(fs::read(task.path("msd.zip")).unwrap(), first);
}

#[test]
fn a_case_that_the_task_leaves_out_cannot_be_asked_for() {
    let ran = Task::new().pack(&["--only", "161", "--allow-partial"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(said(&ran).contains("the challenge takes no segmentation of liver_161"));
}

#[test]
fn an_archive_laid_out_for_lits_is_refused_and_mended() {
    let task = Task::new();
    let broken = task.zip(
        "broken.zip",
        &[
            ("liver_132.nii", bytes(false)),
            ("Task03_Liver/case_163.nii.gz", bytes(true)),
        ],
    );
    let verdicts = json(&task.check(&broken, &[]), 5);
    for (id, message) in [
        (
            "in-folder",
            "lies at the top level; the challenge looks in Task03_Liver alone",
        ),
        (
            "gzipped",
            "is not packed by gzip; the challenge takes .nii.gz",
        ),
        ("file-names", "expected the name liver_163.nii.gz"),
    ] {
        assert_eq!(rule(&verdicts, id)["findings"][0]["message"], message);
    }
    let rules = verdicts["rules"].as_array().unwrap();
    assert!(!rules.iter().any(|rule| rule["rule"] == "flat"));
    let hint = said(&task.check(&broken, &[]));
    assert!(
        hint.contains("--test DIR --challenge msd-task03 --fix OUT.zip"),
        "{hint}"
    );
    let mended = task.path("mended.zip");
    let written = json(
        &task.check(&broken, &["--fix", mended.to_str().unwrap()]),
        0,
    );
    assert_eq!(rule(&written["after"], "file-names")["status"], "passed");
    assert_eq!(json(&task.check(&mended, &[]), 0)["entries"], 2);
}

#[test]
fn other_tasks_of_the_same_archive_are_neither_judged_nor_lost() {
    let task = Task::new();
    let entry = |number: u32| (format!("Task03_Liver/liver_{number}.nii.gz"), bytes(true));
    let [a, b] = [entry(132), entry(163)];
    let whole = task.zip(
        "whole.zip",
        &[
            (&a.0, a.1),
            (&b.0, b.1),
            // Ends with the number of a liver, and is none.
            ("Task09_Spleen/spleen_132.nii.gz", bytes(true)),
        ],
    );
    assert_eq!(json(&task.check(&whole, &[]), 0)["entries"], 2);
    let out = task.path("mended.zip");
    let ran = task.check(&whole, &["--fix", out.to_str().unwrap()]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(
        said(&ran).contains("holds 1 files for other tasks"),
        "{}",
        said(&ran)
    );
    assert!(!out.exists());
}

#[test]
fn a_challenge_of_ones_own_is_a_file() {
    let task = Task::new();
    let own = task.path("ours.toml");
    let lits = include_str!("../../src/submission/challenges/lits.toml");
    let text = lits
        .replace("test-volume-{}", "liver_{}")
        .replace("test-segmentation-{}", "seg_{}")
        .replace("0-69", "132,161,163");
    fs::write(&own, &text).unwrap();
    let pack = |challenge: &Path| {
        let mut command = submit();
        command.args(["--json", "--from"]).arg(task.path("out"));
        command.arg("--test").arg(task.path("Task03_Liver"));
        command.arg("--out").arg(task.path("ours.zip"));
        command.arg("--challenge").arg(challenge).output().unwrap()
    };
    let after = json(&pack(&own), 0)["after"].clone();
    assert_eq!(after["challenge"], "ours");
    assert_eq!(rule(&after, "challenge-set")["status"], "passed");
    let archive = Archive::examine(&task.path("ours.zip")).map_err(|e| e.error);
    assert_eq!(archive.unwrap().entries()[0].name, "seg_132.nii");

    fs::write(&own, text.replace("\"shape\"", "\"shap\"")).unwrap();
    let ran = pack(&own);
    assert_eq!(ran.status.code(), Some(3));
    let message = said(&ran);
    assert!(
        message.contains("ours.toml") && message.contains("did you mean shape?"),
        "{message}"
    );
    let ran = pack(Path::new("msd-taks03"));
    assert_eq!(ran.status.code(), Some(2));
    assert!(said(&ran).contains("did you mean msd-task03?"));
}
