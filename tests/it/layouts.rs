//! Which layout a folder has, what its files' oddities are and how they are taken.

use std::fs;
use std::io::Write;
use std::path::Path;

use hdbench::dataset::check::{Report, check};
use hdbench::dataset::lock::Lock;
use hdbench::dataset::{Dataset, Layout, Severity, find, ircadb, load_pair};
use hdbench::error::ExitCode;
use hdbench::progress::Silent;
use hdbench::volume::{Geometry, Orientation, Volume, read_labels, write_hu, write_labels};
use ndarray::Array3;
use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::scans::{
    Scan, as_lps, code, datasets, real_ct, small_scan, stderr, stdout, write_lits, write_msd,
    write_nnunet, write_patient,
};

const SPACING: [f64; 3] = [2.5, 0.75, 0.75];

fn scan() -> Scan {
    small_scan([8, 12, 16], SPACING, 1)
}

fn names(dataset: &Dataset) -> Vec<&str> {
    dataset
        .cases
        .iter()
        .map(|case| case.name.as_str())
        .collect()
}

#[track_caller]
fn refusal(dir: &Path) -> String {
    let error = find(dir).unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::BadInput);
    error.to_string()
}

fn report(dataset: &Dataset) -> Report {
    check(dataset, 2, &Silent).unwrap()
}

/// `volume-28 spacing-1mm`, sorted.
fn codes(report: &Report) -> Vec<String> {
    let problems = report.problems.iter();
    let mut found: Vec<String> = problems.map(|p| format!("{} {}", p.case, p.code)).collect();
    found.sort();
    found
}

#[track_caller]
fn assert_found(dataset: &Dataset, problem: &str) {
    let found = codes(&report(dataset));
    assert!(found.iter().any(|code| code == problem), "{found:?}");
}

// ---------------------------------------------------------------- finding

#[test]
fn one_scan_in_four_layouts_is_one_pair() {
    let dir = tempfile::tempdir().unwrap();
    let root = |name: &str| dir.path().join(name);
    let scan = scan();
    write_lits(&root("lits/Training Batch 1"), 3, ".nii", &scan);
    write_msd(&root("msd"), "liver_3", &scan);
    fs::write(root("msd/imagesTr/._liver_3.nii.gz"), b"macOS").unwrap();
    write_nnunet(&root("nnunet"), "case_003", &scan);
    write_patient(&root("ircadb"), 3, &as_lps(&scan));
    for (folder, layout, name) in [
        ("lits", Layout::Lits, "volume-3"),
        ("msd", Layout::Msd, "liver_3"),
        ("nnunet", Layout::NnUnet, "case_003"),
        ("ircadb", Layout::Ircadb, "3Dircadb1.3"),
    ] {
        let dataset = find(&root(folder)).unwrap();
        assert_eq!(dataset.layout, layout, "{folder}");
        assert_eq!(names(&dataset), [name]);
        let case = &dataset.cases[0];
        assert_eq!((case.id, case.has_labels()), (3, true), "{folder}");
        let files = case.files().unwrap();
        assert!(files.len() >= 2 && files.iter().all(|file| file.is_file()));
        let pair = load_pair(case).unwrap();
        let turn = Orientation::of(&pair.image.geometry);
        let image = turn.to_canonical(&pair.image);
        assert_eq!(image.voxels, scan.image.voxels, "{folder}");
        assert_eq!(image.geometry.spacing_mm, SPACING);
        let labels = turn.to_canonical(&pair.labels).voxels;
        assert_eq!(labels, scan.labels.voxels, "{folder}");
        assert_eq!(case.read_image().unwrap(), pair.image);
        assert_eq!(case.read_geometry().unwrap(), pair.image.geometry);
    }
}

#[test]
fn patients_in_an_archive_are_a_data_set_too() {
    let dir = tempfile::tempdir().unwrap();
    write_patient(&dir.path().join("unpacked"), 4, &scan());
    let packed = dir.path().join("3Dircadb1.zip");
    let mut zip = ZipWriter::new(fs::File::create(&packed).unwrap());
    let unpacked = find(&dir.path().join("unpacked")).unwrap().cases.remove(0);
    for file in unpacked.files().unwrap() {
        let name = file.strip_prefix(dir.path().join("unpacked")).unwrap();
        zip.start_file(name.to_string_lossy(), SimpleFileOptions::default())
            .unwrap();
        zip.write_all(&fs::read(&file).unwrap()).unwrap();
    }
    zip.finish().unwrap();
    let dataset = find(&packed).unwrap();
    assert_eq!(
        (dataset.layout, names(&dataset)),
        (Layout::Ircadb, vec!["3Dircadb1.4"])
    );
    let (ours, theirs) = (
        load_pair(&dataset.cases[0]).unwrap(),
        load_pair(&unpacked).unwrap(),
    );
    assert_eq!(ours.image.voxels, theirs.image.voxels);
    assert_eq!(ours.labels.voxels, theirs.labels.voxels);
    let lock = Lock::of(&packed, 1, &Silent).unwrap();
    assert_eq!(lock.files[0].path, "3Dircadb1.zip");
}

#[test]
fn cases_come_in_natural_order_and_the_test_set_apart() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["liver_10", "liver_2"] {
        write_msd(dir.path(), name, &scan());
    }
    write_hu(&dir.path().join("imagesTs/liver_131.nii.gz"), &scan().image).unwrap();
    let dataset = find(dir.path()).unwrap();
    assert_eq!(names(&dataset), ["liver_2", "liver_10"]);
    assert_eq!(dataset.test_cases[0].name, "liver_131");
    assert_eq!(dataset.all_cases().count(), 3);
    let summary = report(&dataset).summary;
    assert_eq!(
        (summary.cases, summary.with_labels, summary.with_tumour),
        (3, 2, 2)
    );
}

#[test]
fn a_folder_without_dataset_json_is_read_as_lits_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    write_msd(dir.path(), "liver_0", &scan());
    fs::remove_file(dir.path().join("dataset.json")).unwrap();
    let dataset = find(dir.path()).unwrap();
    assert_eq!(dataset.layout, Layout::Msd);
    assert!(
        dataset.warnings[0].contains("no dataset.json"),
        "{:?}",
        dataset.warnings
    );
    assert!(load_pair(&dataset.cases[0]).unwrap().has_tumour());
}

#[test]
fn folders_of_the_first_nnunet_are_read() {
    let dir = tempfile::tempdir().unwrap();
    write_nnunet(dir.path(), "liver_3", &scan());
    fs::write(
        dir.path().join("dataset.json"),
        r#"{"modality": {"0": "CT"}, "labels": {"0": "background", "1": "tumor", "2": "liver"}}"#,
    )
    .unwrap();
    let dataset = find(dir.path()).unwrap();
    assert_eq!(
        (dataset.layout, names(&dataset)),
        (Layout::NnUnet, vec!["liver_3"])
    );
    let labels = load_pair(&dataset.cases[0]).unwrap().labels.voxels;
    assert_eq!(labels, scan().labels.voxels);
}

#[test]
fn what_is_no_single_data_set_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let root = |name: &str| dir.path().join(name);
    fs::create_dir(root("empty")).unwrap();
    let text = refusal(&root("empty"));
    for accepted in [
        "volume-N.nii",
        "imagesTr/CASE_0000.nii.gz",
        "liver_N",
        "3Dircadb1.N",
    ] {
        assert!(text.contains(accepted), "{text}");
    }
    write_lits(&root("two/a"), 0, ".nii", &scan());
    write_msd(&root("two/b"), "liver_0", &scan());
    let text = refusal(&root("two"));
    assert!(text.contains("more than one data set"), "{text}");
    assert!(
        text.contains("volume-0.nii") || text.contains("segmentation-0.nii"),
        "{text}"
    );
    write_nnunet(&root("channels"), "a", &scan());
    let channel = root("channels/imagesTr/a_0001.nii.gz");
    write_hu(&channel, &scan().image).unwrap();
    assert!(refusal(&root("channels")).contains("channel 0001 of a"));
    fs::remove_file(channel).unwrap();
    let orphan = root("channels/labelsTr/b.nii.gz");
    write_labels(&orphan, &scan().labels).unwrap();
    assert!(refusal(&root("channels")).contains("the label map b has no image"));
    fs::remove_file(orphan).unwrap();
    let description = root("channels/dataset.json");
    fs::write(
        &description,
        r#"{"channel_names": {"0": "CT", "1": "PET"}, "labels": {"background": 0, "liver": 1}}"#,
    )
    .unwrap();
    assert!(refusal(&root("channels")).contains("describes 2 images a case"));
    fs::write(
        &description,
        r#"{"labels": {"background": 0, "spleen": 1}}"#,
    )
    .unwrap();
    assert!(refusal(&root("channels")).contains("names neither liver nor tumour"));
}

// ---------------------------------------------------------------- LiTS's oddities

#[test]
fn missing_spacing_comes_from_the_patient_whose_scan_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (lits, patients) = (dir.path().join("lits"), dir.path().join("ircadb"));
    let true_scan = small_scan([8, 12, 16], [1.6, 0.57, 0.57], 1);
    let mut lits_scan = as_lps(&true_scan);
    lits_scan.image.geometry = Geometry::axis_aligned([8, 12, 16], [1.0; 3]);
    lits_scan.labels.geometry = lits_scan.image.geometry.clone();
    write_lits(&lits, 28, ".nii", &lits_scan);
    let other = small_scan([9, 12, 16], [1.0; 3], 2);
    write_lits(&lits, 29, ".nii", &other);
    let with_spacing = small_scan([8, 12, 16], SPACING, 3);
    write_lits(&lits, 30, ".nii", &with_spacing);
    for number in 1..=3 {
        write_patient(&patients, number, &true_scan);
    }

    let mut dataset = find(&lits).unwrap();
    assert_found(&dataset, "volume-28 spacing-1mm");
    dataset
        .with_ircadb_spacing(&ircadb::find(&patients).unwrap())
        .unwrap();
    let [borrowed, kept] = &dataset.warnings[..] else {
        panic!("{:?}", dataset.warnings)
    };
    assert!(borrowed.contains("volume-28") && borrowed.contains("0.5700 x 0.5700 x 1.6000"));
    assert!(
        kept.contains("volume-29") && kept.contains("16 x 12 x 9"),
        "{kept}"
    );
    let spacing = |index: usize| {
        let pair = load_pair(&dataset.cases[index]).unwrap();
        assert_eq!(pair.labels.geometry, pair.image.geometry);
        let geometry = dataset.cases[index].read_geometry().unwrap();
        assert_eq!(pair.image.geometry, geometry);
        (geometry.spacing_mm, geometry.stored_spacing_mm)
    };
    let (mm, stored) = spacing(0);
    for (found, expected) in mm.iter().zip([1.6, 0.57, 0.57]) {
        assert!((found - expected).abs() < 1e-6, "{mm:?}");
    }
    // Profile `lits` scores with what the file says.
    assert_eq!(stored, [1.0; 3]);
    assert_eq!(spacing(1), ([1.0; 3], [1.0; 3]));
    assert_eq!(spacing(2).0, SPACING);
    assert_found(&dataset, "volume-28 spacing-borrowed");
    assert_found(&dataset, "volume-29 spacing-1mm");
    // The cache of a study must not take the one for the other.
    let plain = find(&lits).unwrap();
    assert_ne!(plain.cases[0].reading(), dataset.cases[0].reading());
    assert_eq!(plain.cases[1].reading(), dataset.cases[1].reading());
}

/// A CT whose slices lie along the second axis, with a header that says that they lie along the
/// third.
fn swapped(spacing_mm: [f64; 3]) -> Volume<f32> {
    let shape = [64, 20, 64];
    Volume {
        // Index along the second axis counts from the feet, along the third to the front.
        voxels: Array3::from_shape_fn(shape, |(z, y, x)| (1000 * y + 10 * z + x) as f32 - 1000.0),
        geometry: Geometry::axis_aligned(shape, spacing_mm),
    }
}

#[test]
fn swapped_axes_are_put_right_and_predictions_keep_the_files_order() {
    let dir = tempfile::tempdir().unwrap();
    for (name, header_mm) in [
        ("fits the array", [0.7, 5.0, 0.7]),
        ("fits the claim", [5.0, 0.7, 0.7]),
    ] {
        let folder = dir.path().join(name);
        let image = swapped(header_mm);
        write_hu(&folder.join("test-volume-59.nii"), &image).unwrap();
        let dataset = find(&folder).unwrap();
        let case = &dataset.test_cases[0];
        let read = case.read_image().unwrap();
        assert_eq!(read.voxels, image.voxels, "the array stays as it is");
        assert_eq!(Orientation::of(&read.geometry).to_string(), "RSA", "{name}");
        let canonical = Orientation::of(&read.geometry).to_canonical(&read);
        assert_eq!(canonical.geometry.shape, [20, 64, 64]);
        for (found, expected) in canonical.geometry.spacing_mm.iter().zip([5.0, 0.7, 0.7]) {
            assert!((found - expected).abs() < 1e-6, "{name}: {canonical:?}");
        }
        assert_eq!(canonical.voxels[[3, 7, 5]], image.voxels[[7, 3, 5]]);
        // A prediction goes back the same way.
        let labels = canonical.voxels.mapv(|hu| u8::from(hu > 5000.0));
        let prediction = folder.join("prediction.nii");
        write_labels(
            &prediction,
            &Volume {
                voxels: Orientation::of(&read.geometry).from_canonical(&labels),
                geometry: read.geometry.clone(),
            },
        )
        .unwrap();
        let written = read_labels(&prediction).unwrap();
        assert_eq!(
            written.voxels,
            image.voxels.mapv(|hu| u8::from(hu > 5000.0))
        );
        assert_found(&dataset, "test-volume-59 axes-swapped");
    }
    // The same shape under another name is no file of LiTS.
    let folder = dir.path().join("nnunet");
    write_hu(
        &folder.join("imagesTr/a_0000.nii.gz"),
        &swapped([5.0, 0.7, 0.7]),
    )
    .unwrap();
    let case = find(&folder).unwrap().cases.remove(0);
    assert!(Orientation::of(&case.read_geometry().unwrap()).is_canonical());
}

#[test]
fn sound_lits_volumes_are_not_turned() {
    let dir = tempfile::tempdir().unwrap();
    let square = small_scan([20, 64, 64], [5.0, 0.7, 0.7], 1);
    write_lits(dir.path(), 0, ".nii", &square);
    let narrow = small_scan([30, 20, 30], [3.0; 3], 2);
    write_lits(dir.path(), 1, ".nii", &narrow);
    for case in find(dir.path()).unwrap().cases {
        assert!(Orientation::of(&case.read_geometry().unwrap()).is_canonical());
    }
}

/// Makes a file say that it has a fourth axis.
fn with_fourth_axis(path: &Path, volumes: i16) {
    let mut bytes = fs::read(path).unwrap();
    bytes[40..42].copy_from_slice(&4_i16.to_le_bytes());
    bytes[48..50].copy_from_slice(&volumes.to_le_bytes());
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_fourth_axis_of_one_is_noted_and_a_longer_one_refused() {
    let dir = tempfile::tempdir().unwrap();
    write_lits(dir.path(), 0, ".nii", &scan());
    write_lits(dir.path(), 1, ".nii", &scan());
    with_fourth_axis(&dir.path().join("volume-0.nii"), 1);
    with_fourth_axis(&dir.path().join("volume-1.nii"), 3);
    let dataset = find(dir.path()).unwrap();
    let pair = load_pair(&dataset.cases[0]).unwrap();
    assert_eq!(pair.image.voxels, scan().image.voxels);
    assert!(
        pair.warnings[0].contains("4 dimensions"),
        "{:?}",
        pair.warnings
    );
    let text = load_pair(&dataset.cases[1]).unwrap_err().to_string();
    assert!(
        text.contains("volume-1.nii") && text.contains("dim[4] is 3"),
        "{text}"
    );
    assert_eq!(
        codes(&report(&dataset)),
        ["volume-0 header-note", "volume-1 image-header"]
    );
}

// ---------------------------------------------------------------- hdbench datasets check

#[test]
fn every_problem_of_every_case_is_named_and_the_good_ones_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    for number in 0..8 {
        write_lits(dir.path(), number, ".nii", &scan());
    }
    // 1: cut off; its labels hold a value without meaning.
    let bytes = fs::read(file("volume-1.nii")).unwrap();
    fs::write(file("volume-1.nii"), &bytes[..bytes.len() - 7]).unwrap();
    let mut labels = scan().labels;
    labels.voxels[[4, 6, 8]] = 7;
    write_labels(&file("segmentation-1.nii"), &labels).unwrap();
    // 2: not a number; 3: labels on another grid; 4: labels placed elsewhere.
    let mut image = scan().image;
    image.voxels[[0, 0, 0]] = f32::NAN;
    write_hu(&file("volume-2.nii"), &image).unwrap();
    let other = small_scan([9, 12, 16], SPACING, 1);
    write_labels(&file("segmentation-3.nii"), &other.labels).unwrap();
    let mut labels = scan().labels;
    labels.geometry = Geometry::axis_aligned(labels.geometry.shape, [1.0; 3]);
    write_labels(&file("segmentation-4.nii"), &labels).unwrap();
    // 5: no labels; 6: neither liver nor air; 7: another orientation.
    fs::remove_file(file("segmentation-5.nii")).unwrap();
    let empty = Volume {
        voxels: Array3::zeros((8, 12, 16)),
        geometry: scan().labels.geometry,
    };
    write_labels(&file("segmentation-6.nii"), &empty).unwrap();
    let mut shifted = scan().image;
    shifted.voxels += 1024.0;
    write_hu(&file("volume-6.nii"), &shifted).unwrap();
    write_lits(dir.path(), 7, ".nii", &as_lps(&scan()));

    let output = datasets(&[&"check", &dir.path(), &"--json"]);
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    assert!(stderr(&output).contains("3 of 8 cases failed: volume-1, volume-2, volume-3"));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut found: Vec<(String, String)> = Vec::new();
    for problem in json["problems"].as_array().unwrap() {
        let text = |key: &str| problem[key].as_str().unwrap().to_owned();
        assert!(!text("message").is_empty());
        if text("severity") == "error" {
            assert!(
                !text("hint").is_empty() && !text("file").is_empty(),
                "{problem}"
            );
        }
        found.push((
            text("case"),
            format!("{}[{}]", text("severity"), text("code")),
        ));
    }
    found.sort();
    let expected = [
        ("", "note[orientations]"),
        ("volume-1", "error[image-voxels]"),
        ("volume-1", "error[unknown-label]"),
        ("volume-2", "error[image-voxels]"),
        ("volume-3", "error[shape-mismatch]"),
        ("volume-4", "warning[headers-disagree]"),
        ("volume-5", "warning[no-labels]"),
        ("volume-6", "warning[no-air]"),
        ("volume-6", "warning[no-liver]"),
    ];
    let expected: Vec<(String, String)> = expected
        .iter()
        .map(|(case, code)| ((*case).to_owned(), (*code).to_owned()))
        .collect();
    assert_eq!(found, expected);
    let summary = &json["summary"];
    assert_eq!(summary["layout"], "LiTS");
    assert_eq!(
        (&summary["cases"], &summary["with_labels"]),
        (&8.into(), &7.into())
    );
    assert_eq!(
        summary["orientations"]["LPS"],
        serde_json::json!(["volume-7"])
    );
    assert_eq!(summary["spacing_mm"], serde_json::json!([SPACING, SPACING]));

    let library = report(&find(dir.path()).unwrap());
    let errors = library
        .problems
        .iter()
        .filter(|p| p.severity == Severity::Error);
    assert_eq!(errors.count(), 4);
}

#[test]
fn warnings_alone_are_no_failure_and_nothing_to_check_is_bad_input() {
    let dir = tempfile::tempdir().unwrap();
    write_hu(&dir.path().join("volume-0.nii"), &scan().image).unwrap();
    assert_eq!(code(&datasets(&[&"check", &dir.path()])), 0);
    let empty = tempfile::tempdir().unwrap();
    let output = datasets(&[&"check", &empty.path()]);
    assert_eq!(code(&output), 3);
    assert!(
        stderr(&output).contains("hint: accepted are LiTS"),
        "{}",
        stderr(&output)
    );
    let patients = tempfile::tempdir().unwrap();
    write_patient(patients.path(), 1, &scan());
    let output = datasets(&[&"check", &dir.path(), &"--ircadb", &patients.path()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn a_patient_with_a_broken_slice_is_named_and_the_others_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    for number in [1, 2] {
        write_patient(dir.path(), number, &scan());
    }
    let slice = dir.path().join("3Dircadb1.2/PATIENT_DICOM/image_3");
    fs::write(&slice, b"no DICOM").unwrap();
    let output = datasets(&[&"check", &dir.path(), &"--json"]);
    assert_eq!(code(&output), 4);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        json["summary"]["failed"],
        serde_json::json!(["3Dircadb1.2"])
    );
    assert_eq!(json["summary"]["with_tumour"], 1);
    assert_eq!(json["problems"][0]["code"], "patient");
    assert!(stdout(&output).contains("image_3"), "{}", stdout(&output));
}

#[test]
fn the_real_cases_have_no_problem_but_their_orientations() {
    let Some(ct) = real_ct() else { return };
    let lits = report(&find(&ct.join("lits")).unwrap());
    assert_eq!(codes(&lits), [" orientations"]);
    assert_eq!(lits.summary.with_tumour, 2);
    let ircadb = report(&find(&ct.join("ircadb")).unwrap());
    assert_eq!(codes(&ircadb), [""; 0]);
    assert_eq!(ircadb.summary.shape, Some([[20, 512, 512]; 2]));
}
