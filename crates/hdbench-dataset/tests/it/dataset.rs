//! Cases in the LiTS layout, pairs of volume and label map, splits.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use hdbench_dataset::split::{Labelled, for_cases};
use hdbench_dataset::{Case, lits, load_pair};
use hdbench_ground::error::{Error, ExitCode};
use hdbench_ground::seed::Seed;
use hdbench_volume::{self as volume, Geometry, Volume};
use ndarray::Array3;
use proptest::prelude::*;
use tempfile::TempDir;

fn touch(root: &Path, names: &[&str]) {
    for name in names {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"x").unwrap();
    }
}

fn folder(names: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    touch(dir.path(), names);
    dir
}

#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::BadInput);
    error.to_string()
}

#[test]
fn cases_are_found_at_any_depth_in_the_order_of_their_numbers() {
    let dir = folder(&[
        "Training Batch 2/volume-100.nii",
        "Training Batch 2/segmentation-100.nii",
        "Training Batch 1/Volume-9.NII.GZ",
        "Training Batch 1/labels/deep/segmentation-9.nii",
        "volume-10.nii.gz",
        "test/test-volume-3.nii",
        "test/test-volume-0.nii.gz",
        "._volume-4.nii",
        "notes.txt",
    ]);
    let cases = lits::find(dir.path()).unwrap();
    let names: Vec<_> = cases
        .iter()
        .map(|case| (case.id, case.name.as_str()))
        .collect();
    assert_eq!(
        names,
        [(9, "volume-9"), (10, "volume-10"), (100, "volume-100")]
    );
    assert!(cases[0].image.ends_with("Training Batch 1/Volume-9.NII.GZ"));
    let labels = cases[0].labels.as_ref().unwrap();
    assert!(labels.ends_with("labels/deep/segmentation-9.nii"));
    assert_eq!(cases[1].labels, None);

    let test = lits::find_test(dir.path()).unwrap();
    let names: Vec<_> = test.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["test-volume-0", "test-volume-3"]);
}

#[test]
fn contradictions_in_a_folder_are_named() {
    let twice = folder(&["a/volume-3.nii", "b/volume-3.nii.gz"]);
    let text = refusal(lits::find(twice.path()));
    assert!(
        text.contains("a/volume-3.nii") && text.contains("b/volume-3.nii.gz"),
        "{text}"
    );
    let zeros = folder(&["volume-3.nii", "volume-03.nii"]);
    assert!(refusal(lits::find(zeros.path())).contains("number 3 occurs twice"));
    let labels_twice = folder(&[
        "volume-3.nii",
        "segmentation-3.nii",
        "segmentation-3.nii.gz",
    ]);
    assert!(refusal(lits::find(labels_twice.path())).contains("segmentation-3.nii.gz"));
    let orphan = folder(&["volume-1.nii", "segmentation-2.nii"]);
    assert!(refusal(lits::find(orphan.path())).contains("segmentation 2 has no volume-2.nii"));
    let nothing = folder(&["liver_3.nii.gz", "test-volume-1.nii"]);
    let text = refusal(lits::find(nothing.path()));
    assert!(
        text.contains("no LiTS volumes found") && text.contains("hint: expected volume-N.nii"),
        "{text}"
    );
    assert!(refusal(lits::find_test(twice.path())).contains("test-volume-N"));
    assert!(refusal(lits::find(Path::new("nowhere"))).contains("nowhere: cannot read"));
    assert!(refusal(lits::find(&nothing.path().join("liver_3.nii.gz"))).contains("found a file"));
}

#[test]
fn a_case_called_as_all_of_them_is_refused() {
    let dir = folder(&[
        "imagesTr/a_0000.nii.gz",
        "labelsTr/a.nii.gz",
        "imagesTr/_all_0000.nii.gz",
        "labelsTr/_all.nii.gz",
    ]);
    let labels = r#"{"labels": {"background": 0, "liver": 1, "tumour": 2}, "channel_names": {"0": "CT"},
        "numTraining": 2, "file_ending": ".nii.gz"}"#;
    std::fs::write(dir.path().join("dataset.json"), labels).unwrap();
    let told = refusal(hdbench_dataset::find(dir.path()));
    assert!(told.contains("a case is called _all"), "{told}");
}

#[test]
fn links_are_followed_and_loops_are_not() {
    let disk = folder(&["batch/volume-0.nii", "batch/segmentation-0.nii"]);
    let study = folder(&["volume-1.nii"]);
    symlink(disk.path().join("batch"), study.path().join("batch 1")).unwrap();
    symlink(
        disk.path().join("batch"),
        study.path().join("the same again"),
    )
    .unwrap();
    symlink(study.path(), study.path().join("loop")).unwrap();
    symlink("nowhere", study.path().join("broken")).unwrap();
    let cases = lits::find(study.path()).unwrap();
    let names: Vec<_> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["volume-0", "volume-1"]);
    assert!(cases[0].labels.is_some());
    symlink("nowhere.nii", study.path().join("volume-2.nii")).unwrap();
    assert!(refusal(lits::find(study.path())).contains("volume-2.nii: cannot read"));
}

/// A case of 4 x 3 x 2 voxels whose labels have the given geometry and one changed voxel.
fn case(dir: &Path, labels: Geometry, label: u8) -> Case {
    let geometry = Geometry::axis_aligned([2, 3, 4], [2.5, 0.7, 0.7]);
    let image = Volume {
        voxels: Array3::from_elem(geometry.shape, 40_i16),
        geometry,
    };
    let mut voxels = Array3::zeros(labels.shape);
    voxels[[0, 0, 1]] = label;
    let case = Case::nifti(
        48,
        "volume-48",
        dir.join("volume-48.nii.gz"),
        Some(dir.join("segmentation-48.nii")),
    );
    volume::write_image(&case.image, &image).unwrap();
    volume::write_labels(
        case.labels.as_ref().unwrap(),
        &Volume {
            voxels,
            geometry: labels,
        },
    )
    .unwrap();
    case
}

#[test]
fn a_sound_pair_loads_without_warnings() {
    let dir = tempfile::tempdir().unwrap();
    let grid = Geometry::axis_aligned([2, 3, 4], [2.5, 0.7, 0.7]);
    let pair = load_pair(&case(dir.path(), grid.clone(), 2)).unwrap();
    assert_eq!(pair.warnings, [""; 0]);
    assert!(pair.has_tumour());
    assert_eq!(pair.image.voxels[[1, 2, 3]], 40.0);
    assert!(!load_pair(&case(dir.path(), grid, 1)).unwrap().has_tumour());
}

#[test]
fn a_label_header_that_disagrees_yields_to_the_image_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let case = case(dir.path(), Geometry::axis_aligned([2, 3, 4], [1.0; 3]), 2);
    let pair = load_pair(&case).unwrap();
    assert_eq!(pair.labels.geometry, pair.image.geometry);
    let [warning] = &pair.warnings[..] else {
        panic!("{:?}", pair.warnings)
    };
    assert!(
        warning.starts_with("volume-48: ") && warning.contains("2.5000 mm"),
        "{warning}"
    );
    assert!(
        warning.contains("the volume's header is used for both"),
        "{warning}"
    );
}

#[test]
fn pairs_that_do_not_belong_together_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let other = case(
        dir.path(),
        Geometry::axis_aligned([2, 4, 3], [2.5, 0.7, 0.7]),
        1,
    );
    let text = refusal(load_pair(&other));
    assert!(
        text.contains("volume-48.nii.gz") && text.contains("segmentation-48.nii"),
        "{text}"
    );
    assert!(
        text.contains("3 x 4 x 2") && text.contains("4 x 3 x 2"),
        "{text}"
    );
    let mut high = case(
        dir.path(),
        Geometry::axis_aligned([2, 3, 4], [2.5, 0.7, 0.7]),
        3,
    );
    let text = refusal(load_pair(&high));
    assert!(
        text.contains("segmentation-48.nii: has labels outside") && text.contains("3 (1 voxels)"),
        "{text}"
    );
    high.labels = None;
    assert!(
        load_pair(&high)
            .unwrap_err()
            .to_string()
            .contains("volume-48 has no label map")
    );
}

#[test]
fn a_spacing_of_exactly_1_mm_is_pointed_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = case(dir.path(), Geometry::axis_aligned([2, 3, 4], [1.0; 3]), 0);
    case.image = dir.path().join("volume-28.nii");
    let geometry = Geometry::axis_aligned([2, 3, 4], [1.0; 3]);
    let image = Volume {
        voxels: Array3::zeros(geometry.shape),
        geometry,
    };
    volume::write_image(&case.image, &image).unwrap();
    let pair = load_pair(&case).unwrap();
    assert!(
        pair.warnings.len() == 1 && pair.warnings[0].contains("1 x 1 x 1 mm"),
        "{:?}",
        pair.warnings
    );
}

fn lits_cases() -> Vec<Labelled> {
    const TUMOUR_FREE: [u32; 13] = [32, 34, 38, 41, 47, 87, 89, 91, 105, 106, 114, 115, 119];
    (0..131)
        .map(|id| Labelled {
            name: format!("volume-{id}"),
            tumour: !TUMOUR_FREE.contains(&id),
        })
        .collect()
}

#[test]
fn lits_gets_its_committed_split_whatever_the_seed_and_order() {
    let mut cases = lits_cases();
    let split = for_cases(&cases, Seed(0)).unwrap();
    assert_eq!((split.train.len(), split.test.len()), (91, 40));
    assert!(split.description.contains("91 training and 40 validation"));
    cases.reverse();
    assert_eq!(for_cases(&cases, Seed(5)).unwrap(), split);
    // Phantoms in the same layout are not LiTS.
    cases[0].tumour = !cases[0].tumour;
    let drawn = for_cases(&cases, Seed(5)).unwrap();
    assert_eq!(drawn.test.len(), 33);
    assert!(
        drawn.description.contains("drawn with seed 5"),
        "{}",
        drawn.description
    );
}

#[test]
fn a_split_that_cannot_be_made_says_why() {
    let one = [Labelled {
        name: "volume-0".to_owned(),
        tumour: true,
    }];
    let error = for_cases(&one, Seed(0)).unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Usage);
    assert!(
        error
            .to_string()
            .contains("at least 2 labelled cases, found 1"),
        "{error}"
    );
    let twice = [one[0].clone(), one[0].clone()];
    assert!(
        for_cases(&twice, Seed(0))
            .unwrap_err()
            .to_string()
            .contains("same name")
    );
}

proptest! {
    #[test]
    fn a_split_depends_on_the_set_and_the_seed_alone(
        flags in prop::collection::vec(any::<bool>(), 2..60), seed: u64, rotation in 0..60_usize,
    ) {
        let mut cases: Vec<Labelled> = flags
            .iter()
            .enumerate()
            .map(|(i, &tumour)| Labelled { name: format!("volume-{i}"), tumour })
            .collect();
        let split = for_cases(&cases, Seed(seed)).unwrap();
        let n = cases.len();
        cases.rotate_left(rotation % n);
        cases.swap(0, n - 1);
        prop_assert_eq!(&for_cases(&cases, Seed(seed)).unwrap(), &split);
        let tumour = |names: &[String]| cases.iter().filter(|c| c.tumour && names.contains(&c.name)).count() as f64;
        let all = tumour(&split.train) + tumour(&split.test);
        prop_assert!((tumour(&split.test) - all * split.test.len() as f64 / n as f64).abs() <= 1.0);
    }
}

#[test]
fn the_real_cases_load() {
    let Some(data) = hdbench_testing::test_data() else {
        return;
    };
    let cases = lits::find(&data.join("ct/lits")).unwrap();
    assert_eq!(cases.len(), 2);
    for case in &cases {
        let pair = load_pair(case).unwrap();
        assert_eq!(pair.warnings, [""; 0], "{}", case.name);
        assert!(pair.has_tumour());
        assert!(
            pair.image
                .voxels
                .iter()
                .all(|&hu| (-2048.0..=4096.0).contains(&hu))
        );
    }
}
