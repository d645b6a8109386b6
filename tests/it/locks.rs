//! Lock files: one scan has one hash in every layout, and every change is named.

use std::fs;
use std::path::Path;

use hdbench::dataset::lock::{Change, Lock, hash_image};
use hdbench::error::ExitCode;
use hdbench::progress::Silent;
use hdbench::volume::write_hu;

use super::scans::{
    Scan, as_lps, code, datasets, real_ct, small_scan, stderr, stdout, write_lits, write_msd,
    write_nnunet, write_patient,
};

fn scan() -> Scan {
    small_scan([8, 12, 16], [2.5, 0.75, 0.75], 1)
}

fn lock(dir: &Path) -> Lock {
    Lock::of(dir, 2, &Silent).unwrap()
}

#[test]
fn a_scan_has_one_hash_in_every_layout() {
    let dir = tempfile::tempdir().unwrap();
    let root = |name: &str| dir.path().join(name);
    write_lits(&root("plain"), 3, ".nii", &scan());
    write_lits(&root("gzip"), 3, ".nii.gz", &scan());
    write_lits(&root("lps"), 3, ".nii", &as_lps(&scan()));
    write_msd(&root("msd"), "liver_3", &scan());
    write_nnunet(&root("nnunet"), "a", &as_lps(&scan()));
    write_patient(&root("ircadb"), 3, &scan());
    let reference = lock(&root("plain"));
    let case = &reference.cases[0];
    assert_eq!(case.voxels, hash_image(&scan().image));
    assert_eq!(
        (case.shape, case.orientation.as_str()),
        ([8, 12, 16], "RAS")
    );
    let [background, liver, tumour] = case.label_voxels.unwrap();
    assert_eq!(background + liver + tumour, 8 * 12 * 16);
    assert!(liver > 0 && tumour > 0);
    for layout in ["gzip", "lps", "msd", "nnunet", "ircadb"] {
        let other = lock(&root(layout));
        assert_eq!(other.cases[0].voxels, case.voxels, "{layout}");
        assert_eq!(other.cases[0].labels, case.labels, "{layout}");
        assert_eq!(other.cases[0].label_voxels, case.label_voxels, "{layout}");
        assert_ne!(other.files, reference.files, "{layout}");
    }
    // One voxel, or another place of the same voxels in the array, is another scan.
    let mut changed = scan().image;
    changed.voxels[[1, 2, 3]] += 1.0;
    assert_ne!(hash_image(&changed), case.voxels);
    let mut mirrored = scan().image;
    mirrored.voxels.invert_axis(ndarray::Axis(2));
    mirrored.voxels = mirrored.voxels.as_standard_layout().into_owned();
    assert_ne!(hash_image(&mirrored), case.voxels);
}

#[test]
fn a_lock_is_the_same_bytes_every_time_and_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    for number in [0, 10, 2] {
        write_lits(dir.path(), number, ".nii", &scan());
    }
    let first = lock(dir.path());
    let text = first.to_text().unwrap();
    assert_eq!(
        Lock::of(dir.path(), 1, &Silent).unwrap().to_text().unwrap(),
        text
    );
    let names: Vec<&str> = first.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["volume-0", "volume-2", "volume-10"]);
    let file = dir.path().join("data.lock");
    first.write(&file).unwrap();
    assert_eq!(Lock::read(&file).unwrap(), first);
    for (broken, expected) in [
        (text.replace("format = 1", "format = 9"), "has format 9"),
        (text.replace("layout", "lay"), "expected a lock file"),
        ("\u{0}".into(), "expected a lock file"),
    ] {
        fs::write(&file, broken).unwrap();
        let error = Lock::read(&file).unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::BadInput);
        let message = error.to_string();
        assert!(
            message.contains("data.lock") && message.contains(expected),
            "{message}"
        );
    }
}

#[test]
fn every_difference_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    for number in 0..5 {
        write_lits(dir.path(), number, ".nii", &scan());
    }
    let locked = lock(dir.path());
    assert_eq!(locked.differences(dir.path(), 2, &Silent).unwrap(), []);
    // 0 is gone, 1 packed anew, 2 another scan, 5 new, 3 and 4 as they were.
    fs::remove_file(file("volume-0.nii")).unwrap();
    fs::remove_file(file("segmentation-0.nii")).unwrap();
    let mut bytes = fs::read(file("volume-1.nii")).unwrap();
    bytes.extend([0; 8]);
    fs::write(file("volume-1.nii"), bytes).unwrap();
    let mut image = scan().image;
    image.voxels[[1, 2, 3]] += 1.0;
    write_hu(&file("volume-2.nii"), &image).unwrap();
    write_lits(dir.path(), 5, ".nii", &scan());
    let found = locked.differences(dir.path(), 2, &Silent).unwrap();
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    let size = fs::metadata(file("volume-2.nii")).unwrap().len();
    assert_eq!(
        lines,
        [
            "missing: file segmentation-0.nii".to_owned(),
            "missing: file volume-0.nii".to_owned(),
            format!(
                "changed: file volume-1.nii ({} bytes instead of {size})",
                size + 8
            ),
            "changed: file volume-2.nii (other bytes of the same number)".to_owned(),
            "new: file segmentation-5.nii".to_owned(),
            "new: file volume-5.nii".to_owned(),
            "missing: case volume-0".to_owned(),
            "changed: case volume-2 (other voxels)".to_owned(),
            "new: case volume-5".to_owned(),
        ]
    );
    assert_eq!(found[0].change, Change::Missing);
}

#[test]
fn verifying_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("data"), dir.path().join("data.lock"));
    write_lits(&data, 0, ".nii", &scan());
    let output = datasets(&[&"lock", &data, &"--out", &file]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(
        stdout(&datasets(&[&"lock", &data])),
        fs::read_to_string(&file).unwrap()
    );
    let output = datasets(&[&"lock", &"--verify", &file, &data]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("all 2 files and 1 cases are as locked"));
    fs::remove_file(data.join("segmentation-0.nii")).unwrap();
    let output = datasets(&[&"lock", &"--verify", &file, &data]);
    assert_eq!(code(&output), 4);
    assert_eq!(
        stdout(&output),
        "missing: file segmentation-0.nii\nchanged: case volume-0 (other labels, other files)\n"
    );
    assert!(
        stderr(&output).contains("2 differences from the 3 entries"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_real_scan_has_one_hash_as_nifti_and_as_dicom() {
    let Some(ct) = real_ct() else { return };
    let (lits, ircadb) = (lock(&ct.join("lits")), lock(&ct.join("ircadb")));
    let (nifti, dicom) = (&lits.cases[1], &ircadb.cases[0]);
    assert_eq!(nifti.voxels, dicom.voxels);
    assert_eq!(nifti.labels, dicom.labels);
    assert_eq!(nifti.label_voxels, dicom.label_voxels);
}
