//! Data sets in other layouts, voxel for voxel.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use hdbench::dataset::check::check;
use hdbench::dataset::{Dataset, Layout, find, load_pair};
use hdbench::progress::Silent;
use hdbench::volume::{read_header, write_hu};
use ndarray::Axis;

use super::scans::{
    as_lps, code, datasets, real_ct, small_scan, stderr, stdout, write_lits, write_nnunet,
    write_patient,
};

#[track_caller]
fn convert(to: &str, dir: &Path, out: &Path, expected: i32) -> String {
    let output = datasets(&[&"convert", &"--to", &to, &dir, &out]);
    assert_eq!(code(&output), expected, "{}", stderr(&output));
    stdout(&output) + &stderr(&output)
}

/// Each case of the one with the case in the same place of the other.
#[track_caller]
fn assert_same(found: &Dataset, expected: &Dataset) {
    assert_eq!(found.cases.len(), expected.cases.len());
    for (found, expected) in found.cases.iter().zip(&expected.cases) {
        let (ours, theirs) = (load_pair(found).unwrap(), load_pair(expected).unwrap());
        assert_eq!(ours.image.voxels, theirs.image.voxels, "{}", found.name);
        assert_eq!(ours.labels.voxels, theirs.labels.voxels, "{}", found.name);
        let apart = ours.image.geometry.displacement_mm(&theirs.image.geometry);
        assert!(apart < 1e-3, "{}: {apart} mm", found.name);
    }
}

#[test]
fn patients_become_nifti_files_and_nnunet_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let root = |name: &str| dir.path().join(name);
    for number in [2, 11] {
        let scan = small_scan([6, 12, 16], [1.6, 0.57, 0.57], u64::from(number));
        write_patient(&root("ircadb"), number, &as_lps(&scan));
    }
    let patients = find(&root("ircadb")).unwrap();
    let said = convert("lits", &root("ircadb"), &root("lits"), 0);
    assert!(
        said.contains("2 cases written, 0 were there already"),
        "{said}"
    );
    let lits = find(&root("lits")).unwrap();
    assert_eq!(lits.layout, Layout::Lits);
    assert_eq!(lits.cases[1].name, "volume-11");
    assert_same(&lits, &patients);
    let header = read_header(&root("lits/volume-2.nii.gz")).unwrap();
    assert_eq!(header.datatype, "int16");

    convert("nnunet", &root("lits"), &root("Dataset001_Liver"), 0);
    let nnunet = find(&root("Dataset001_Liver")).unwrap();
    assert_eq!(nnunet.layout, Layout::NnUnet);
    assert_same(&nnunet, &patients);
    let json = fs::read_to_string(root("Dataset001_Liver/dataset.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json["labels"],
        serde_json::json!({"background": 0, "liver": 1, "tumor": 2})
    );
    assert_eq!(
        (&json["numTraining"], &json["file_ending"]),
        (&2.into(), &".nii.gz".into())
    );
    convert("lits", &root("Dataset001_Liver"), &root("back"), 0);
    assert_same(&find(&root("back")).unwrap(), &patients);
    // Straight from the patients, whose names have a dot.
    convert("nnunet", &root("ircadb"), &root("Dataset002"), 0);
    let direct = find(&root("Dataset002")).unwrap();
    assert_eq!(direct.cases[0].name, "3Dircadb1.2");
    assert_same(&direct, &patients);
}

#[test]
fn labels_get_their_meaning_and_odd_numbers_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (dir.path().join("data"), dir.path().join("out"));
    let mut scan = small_scan([6, 12, 16], [5.0, 0.7, 0.7], 1);
    scan.image.voxels[[0, 0, 0]] = 0.5;
    write_nnunet(&data, "liver_4", &scan);
    write_hu(&data.join("imagesTs/liver_9_0000.nii.gz"), &scan.image).unwrap();
    convert("lits", &data, &out, 0);
    let dataset = find(&out).unwrap();
    assert_same(&dataset, &find(&data).unwrap());
    let header = read_header(&dataset.cases[0].image).unwrap();
    assert_eq!(header.datatype, "float32");
    assert!(out.join("test-volume-9.nii.gz").is_file());
    let labels = load_pair(&dataset.cases[0]).unwrap().labels.voxels;
    assert_eq!(labels, scan.labels.voxels);
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn a_second_start_writes_only_what_is_missing_or_changed() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (dir.path().join("data"), dir.path().join("out"));
    for number in 0..4 {
        write_lits(
            &data,
            number,
            ".nii",
            &small_scan([6, 12, 16], [1.0; 3], number.into()),
        );
    }
    // Cut short: case 3 is broken and named, the others are written.
    let broken = data.join("volume-3.nii");
    let bytes = fs::read(&broken).unwrap();
    fs::write(&broken, &bytes[..500]).unwrap();
    let said = convert("lits", &data, &out, 4);
    assert!(said.contains("3 cases written"), "{said}");
    assert!(
        said.contains("error: volume-3:") && said.contains("truncated"),
        "{said}"
    );
    let kept = modified(&out.join("volume-0.nii.gz"));
    fs::write(&broken, &bytes).unwrap();
    fs::write(out.join("segmentation-1.nii.gz"), b"damaged").unwrap();
    write_lits(&data, 2, ".nii", &small_scan([6, 12, 16], [1.0; 3], 77));
    let said = convert("lits", &data, &out, 0);
    assert!(
        said.contains("3 cases written, 1 were there already"),
        "{said}"
    );
    assert_eq!(modified(&out.join("volume-0.nii.gz")), kept);
    assert_same(&find(&out).unwrap(), &find(&data).unwrap());
    // A case that is no longer part of it does not stay behind.
    fs::remove_file(data.join("volume-0.nii")).unwrap();
    fs::remove_file(data.join("segmentation-0.nii")).unwrap();
    convert("lits", &data, &out, 0);
    assert_same(&find(&out).unwrap(), &find(&data).unwrap());
}

#[test]
fn other_peoples_volumes_are_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (dir.path().join("data"), dir.path().join("out"));
    write_lits(&data, 0, ".nii", &small_scan([6, 12, 16], [1.0; 3], 1));
    write_lits(&out, 0, ".nii.gz", &small_scan([6, 12, 16], [1.0; 3], 2));
    let before = fs::read(out.join("volume-0.nii.gz")).unwrap();
    let said = convert("lits", &data, &out, 2);
    assert!(
        said.contains("holds other volumes") && said.contains("hint:"),
        "{said}"
    );
    assert_eq!(fs::read(out.join("volume-0.nii.gz")).unwrap(), before);
    let said = convert("nnunet", &data, &data.join("inside"), 2);
    assert!(said.contains("lies in the data set itself"), "{said}");
    let output = datasets(&[
        &"convert", &"--from", &"msd", &"--to", &"nnunet", &data, &"x",
    ]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("has the layout of LiTS, not of Decathlon"));
}

#[test]
fn borrowed_spacing_is_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let root = |name: &str| dir.path().join(name);
    let true_scan = small_scan([6, 12, 16], [1.6, 0.57, 0.57], 1);
    let lits = small_scan([6, 12, 16], [1.0; 3], 1);
    write_lits(&root("lits"), 28, ".nii", &lits);
    write_patient(&root("ircadb"), 1, &true_scan);
    let output = datasets(&[
        &"convert",
        &"--to",
        &"lits",
        &"--ircadb",
        &root("ircadb"),
        &root("lits"),
        &root("out"),
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("3Dircadb1.1 are used"),
        "{}",
        stderr(&output)
    );
    let geometry = find(&root("out")).unwrap().cases[0]
        .read_geometry()
        .unwrap();
    for (found, expected) in geometry.spacing_mm.iter().zip([1.6, 0.57, 0.57]) {
        assert!((found - expected).abs() < 1e-6);
    }
    assert_eq!(geometry.stored_spacing_mm, [1.6, 0.57, 0.57]);
}

#[test]
fn the_real_patient_becomes_the_real_lits_case() {
    let Some(ct) = real_ct() else { return };
    let dir = tempfile::tempdir().unwrap();
    convert("lits", &ct.join("ircadb"), dir.path(), 0);
    let ours = load_pair(&find(dir.path()).unwrap().cases[0]).unwrap();
    let theirs = load_pair(&find(&ct.join("lits")).unwrap().cases[1]).unwrap();
    assert_eq!(ours.image.voxels, theirs.image.voxels);
    assert_eq!(ours.labels.voxels, theirs.labels.voxels);
    let apart = ours.image.geometry.displacement_mm(&theirs.image.geometry);
    assert!(apart < 1e-3, "{apart} mm");
    assert_eq!(
        ours.image.geometry.stored_spacing_mm,
        theirs.image.geometry.stored_spacing_mm
    );
    // Turned round, it would not be.
    let mut turned = ours.image.voxels;
    turned.invert_axis(Axis(1));
    assert_ne!(turned, theirs.image.voxels);
}

/// A liver on the patient's left is told; its scan is turned where that is asked for, and then alone.
#[test]
fn a_mirrored_scan_is_told_and_turned_only_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let lits = dir.path().join("lits");
    let mut scan = small_scan([8, 12, 16], [2.5, 0.75, 0.75], 1);
    // Canonical x grows to the patient's right.
    scan.labels.voxels.fill(0);
    scan.labels
        .voxels
        .slice_mut(ndarray::s![2..6, 3..9, 2..7])
        .fill(1);
    write_lits(&lits, 28, ".nii.gz", &scan);
    let mut right = scan.clone();
    right.labels.voxels.invert_axis(ndarray::Axis(2));
    write_lits(&lits, 29, ".nii.gz", &right);
    let told = |data: &Path| -> Vec<String> {
        let problems = check(&find(data).unwrap(), 1, &Silent).unwrap().problems;
        let left = problems.into_iter().filter(|p| p.code == "liver-left");
        left.map(|problem| format!("{}: {}", problem.case, problem.message))
            .collect()
    };
    let found = told(&lits);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("volume-28: by its affine (RAS)"));
    assert!(found[0].contains("volumes 28 to 47"), "{found:?}");
    let plain = dir.path().join("plain");
    convert("lits", &lits, &plain, 0);
    assert_eq!(told(&plain), found);
    let turned = dir.path().join("turned");
    let command = |case: &str, out: &Path| {
        let output = datasets(&[
            &"convert",
            &"--to",
            &"lits",
            &"--mirror",
            &case,
            &lits,
            &out,
        ]);
        (code(&output), stderr(&output))
    };
    assert_eq!(command("volume-28", &turned).0, 0);
    assert_eq!(told(&turned), Vec::<String>::new());
    let read = |folder: &Path, id: usize| load_pair(&find(folder).unwrap().cases[id]).unwrap();
    for id in [0, 1] {
        let (before, after) = (read(&lits, id), read(&turned, id));
        assert_eq!(before.image.voxels, after.image.voxels);
        assert_eq!(before.labels.voxels, after.labels.voxels);
        let same = before.image.geometry.affine == after.image.geometry.affine;
        assert_eq!(same, id == 1);
    }
    // About the middle of the volume: where the first voxel was, the last one is.
    let affine = read(&turned, 0).image.geometry.affine;
    let old = read(&lits, 0).image.geometry.affine;
    assert_eq!(affine[0][0], -old[0][0]);
    assert!((affine[0][3] - (old[0][3] + 15.0 * old[0][0])).abs() < 1e-6);
    let (ended, said) = command("volume-7", &dir.path().join("none"));
    assert_eq!(ended, 2);
    assert!(said.contains("--mirror volume-7"), "{said}");
}
