//! What goes wrong in a cell is that cell's failure: told, recorded, shown by `hdbench status`; the
//! others go on.

use std::fs;
use std::path::Path;
use std::process::Output;

use hdbench::volume::{self, Geometry, Volume};
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
        "encoder_cases=2",
        "--set",
        "coarse_iterations=6",
        "--variant",
        "unet",
        "--variant",
        "resnet",
    ];
    hdbench(dir, &[&common[..], more].concat())
}

pub(crate) const UNET: &str = "unet/fold_0/seed_0";
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
pub(crate) fn said(output: &Output, words: &str) {
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

/// A CT whose header counts in another unit than it says would be resampled to a grid of terabytes.
#[test]
fn a_scan_in_a_wrong_unit_is_refused_by_name_wherever_it_comes() {
    let dir = phantoms();
    let path = dir.path();
    text(&ablation(path, &["--only", "unet/*"]), 0);
    let ct = path.join("phantoms/volume-1.nii.gz");
    let scaled = |by: f64| {
        let mut scan = volume::read_image(&ct).unwrap();
        let Geometry {
            spacing_mm,
            stored_spacing_mm,
            affine,
            ..
        } = &mut scan.geometry;
        *spacing_mm = spacing_mm.map(|mm| mm * by);
        *stored_spacing_mm = spacing_mm.map(|mm| mm as f32);
        for row in &mut affine[..3] {
            *row = row.map(|mm| mm * by);
        }
        let scan = Volume {
            voxels: scan.voxels.mapv(|hu| hu as i16),
            geometry: scan.geometry,
        };
        volume::write_image(&path.join("wrong.nii.gz"), &scan).unwrap();
    };
    let predict = [
        "predict",
        "--model",
        "run",
        "--variant",
        "unet",
        "--input",
        "wrong.nii.gz",
        "--out",
        "labels.nii.gz",
    ];
    for by in [1000.0, 100.0, 2e-4] {
        scaled(by);
        let output = hdbench(path, &predict);
        text(&output, 3);
        said(&output, "wrong.nii.gz: measures ");
        said(&output, "for a scan of a person");
        said(&output, "hint: the voxel sizes seem to be in another unit");
    }
    scaled(1000.0);
    fs::rename(path.join("wrong.nii.gz"), &ct).unwrap();
    let checked = hdbench(path, &["datasets", "check", "phantoms"]);
    let report: Value = serde_json::from_str(&text(&checked, 4)).unwrap();
    let problems = report["problems"].as_array().unwrap();
    let extent = problems
        .iter()
        .find(|problem| problem["code"] == "scan-extent");
    let extent = extent.unwrap();
    assert_eq!(
        (&extent["case"], &extent["severity"]),
        (&"volume-1".into(), &"error".into())
    );
    let output = hdbench(path, &["ablation", "--data", "phantoms", "--out", "other"]);
    text(&output, 3);
    said(&output, "volume-1.nii.gz: measures ");
}

/// Numbers of a scanner that were never made Hounsfield units are segmented, and said to be odd.
#[test]
fn a_scan_of_shifted_numbers_is_warned_of_wherever_it_comes() {
    let dir = phantoms();
    let path = dir.path();
    let run = |arguments: &str, code: i32| {
        let output = hdbench(path, &arguments.split(' ').collect::<Vec<_>>());
        text(&output, code);
        output
    };
    let ct = path.join("phantoms/volume-1.nii.gz");
    let scan = volume::read_image(&ct).unwrap();
    let shifted = Volume {
        voxels: scan.voxels.mapv(|hu| hu as i16 + 1024),
        geometry: scan.geometry,
    };
    fs::create_dir(path.join("shifted")).unwrap();
    let file = path.join("shifted/test-volume-1.nii.gz");
    volume::write_image(&file, &shifted).unwrap();
    run(
        "ablation --data phantoms --out run --variant unet --set iterations=4 --set coarse_iterations=4",
        0,
    );
    let shifted = "the numbers seem shifted, or clipped to a window";
    for arguments in [
        "predict --model run --variant unet --input shifted/test-volume-1.nii.gz --out labels.nii.gz",
        "submit-lits --model run --variant unet --test shifted --out lits.zip",
    ] {
        let output = run(arguments, 0);
        said(&output, "test-volume-1.nii.gz: no voxel is below");
        said(&output, shifted);
    }
    let sound =
        "predict --model run --variant unet --input phantoms/volume-1.nii.gz --out sound.nii.gz";
    let output = run(sound, 0);
    assert!(!String::from_utf8_lossy(&output.stderr).contains(shifted));
    fs::copy(&file, &ct).unwrap();
    let checked = hdbench(path, &["datasets", "check", "phantoms"]);
    let report: Value = serde_json::from_str(&text(&checked, 0)).unwrap();
    let problems = report["problems"].as_array().unwrap();
    assert!(
        problems
            .iter()
            .any(|p| p["code"] == "no-air" && p["case"] == "volume-1")
    );
}
