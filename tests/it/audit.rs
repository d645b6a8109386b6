//! The leakage audit: one scan under two names, however it was changed, and nothing else.

use std::fs;
use std::path::Path;

use hdbench::dataset::audit::{Evidence, known_pair, same_scans, same_scans_within};
use hdbench::dataset::{Fingerprint, Overlap};
use hdbench::volume::{Geometry, Volume, read_header, read_image, write_hu};
use ndarray::{Array3, Axis, s};
use rayon::prelude::*;
use serde_json::Value;

use super::scans::{
    as_lps, code, datasets, phantom_scan, real_ct, stderr, write_lits, write_msd, write_patient,
};

fn volume(voxels: Array3<f32>) -> Volume<f32> {
    let voxels = voxels.as_standard_layout().into_owned();
    Volume {
        geometry: Geometry::axis_aligned(voxels.dim().into(), [1.0; 3]),
        voxels,
    }
}

fn fingerprint(voxels: &Array3<f32>) -> Fingerprint {
    Fingerprint::of(&volume(voxels.clone()))
}

#[track_caller]
fn overlap(changed: &Array3<f32>, scan: &Array3<f32>) -> Overlap {
    let (changed, scan) = (fingerprint(changed), fingerprint(scan));
    changed.compare(&scan).unwrap_or_else(|| {
        panic!(
            "{} and {} marks have nothing in common",
            changed.len(),
            scan.len()
        )
    })
}

#[test]
fn a_scan_is_itself() {
    let scan = phantom_scan(3, 0).image.voxels;
    let found = overlap(&scan, &scan);
    assert_eq!(
        (found.share_of_smaller, found.shared),
        (1.0, fingerprint(&scan).len())
    );
    assert!(found.relation.is_identical_grid());
    assert_eq!(found.relation.to_string(), "identical grid");
}

#[test]
fn every_turn_of_the_grid_is_found_and_named() {
    let scan = phantom_scan(3, 0).image.voxels;
    let shape: [usize; 3] = scan.dim().into();
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        for flips in 0..8 {
            let mut turned = scan.view().permuted_axes(order);
            let flipped = [0, 1, 2].map(|axis| flips >> axis & 1 == 1);
            for axis in (0..3).filter(|&axis| flipped[axis]) {
                turned.invert_axis(Axis(axis));
            }
            let turned = turned.to_owned();
            let found = overlap(&scan, &turned);
            assert_eq!(found.share_of_smaller, 1.0);
            assert_eq!(found.relation.source, order);
            assert_eq!(found.relation.flipped, flipped);
            assert_eq!(found.relation.box_in_first(), shape.map(|size| [0, size]));
            let turned_shape: [usize; 3] = turned.dim().into();
            assert_eq!(
                found.relation.box_in_second(),
                turned_shape.map(|size| [0, size])
            );
        }
    }
    let mut flipped = scan.clone();
    flipped.invert_axis(Axis(1));
    flipped.invert_axis(Axis(2));
    let found = overlap(&flipped, &scan);
    assert_eq!(
        found.relation.to_string(),
        "same extent, flipped along x and y"
    );
}

#[test]
fn a_piece_of_a_scan_is_found_with_its_place() {
    let scan = phantom_scan(3, 0).image.voxels;
    let [z, y, x] = scan.dim().into();
    let third = |size: usize| [size / 3, 2 * size / 3];
    let inside = [z, y, x].map(third);
    let [[z0, z1], [y0, y1], [x0, x1]] = inside;
    let mut piece = scan.slice(s![z0..z1, y0..y1, x0..x1]).to_owned();
    let found = overlap(&piece, &scan);
    assert_eq!(found.relation.box_in_second(), inside);
    assert_eq!(found.share_of_smaller, 1.0);
    assert_eq!(
        found.relation.to_string(),
        format!("the first is the box x {x0}..{x1}, y {y0}..{y1}, z {z0}..{z1} of the second")
    );
    // The same in a mirror, the other way round, and shifted.
    piece.invert_axis(Axis(2));
    piece += 1024.0;
    let found = overlap(&scan, &piece);
    assert_eq!(found.relation.box_in_first(), inside);
    assert_eq!(found.relation.flipped, [false, false, true]);
    assert_eq!(found.relation.offset_hu, 1024);
    assert!(
        found
            .relation
            .to_string()
            .ends_with("of the first, values +1024 HU")
    );
}

#[test]
fn two_pieces_that_overlap_are_found() {
    let scan = phantom_scan(3, 0).image.voxels;
    let left = scan.slice(s![.., .., ..40]).to_owned();
    let right = scan.slice(s![.., .., 24..]).to_owned();
    let found = overlap(&left, &right);
    assert_eq!(found.relation.box_in_first()[2], [24, 40]);
    assert_eq!(found.relation.box_in_second()[2], [0, 16]);
}

#[test]
fn other_numbers_for_the_same_scan_are_found() {
    let scan = phantom_scan(3, 0).image.voxels;
    let shifted = scan.mapv(|hu| hu + 1024.0);
    let found = overlap(&scan, &shifted);
    assert_eq!(
        (found.share_of_smaller, found.relation.offset_hu),
        (1.0, 1024)
    );
    let clipped = scan.mapv(|hu| hu.clamp(-200.0, 300.0));
    let found = overlap(&clipped, &scan);
    assert!(found.share_of_smaller > 0.5, "{found:?}");
    assert!(found.relation.is_identical_grid());
    assert_eq!(found.relation.offset_hu, 0);
    // Padded with what scanners write outside their field of view.
    let mut padded = Array3::from_elem((scan.dim().0 + 9, 80, 90), -2048.0);
    padded
        .slice_mut(s![4..4 + scan.dim().0, 7..71, 20..84])
        .assign(&scan);
    let found = overlap(&padded, &scan);
    assert_eq!(found.relation.box_in_first()[1..], [[7, 71], [20, 84]]);
    assert!(found.share_of_smaller > 0.9, "{found:?}");
}

#[test]
fn forty_phantoms_and_two_noises_are_all_different_scans() {
    let cases: Vec<(String, Fingerprint)> = (0..40_usize)
        .into_par_iter()
        .map(|index| {
            let scan = phantom_scan(5, index);
            (format!("volume-{index}"), Fingerprint::of(&scan.image))
        })
        .collect();
    assert!(cases.iter().all(|(_, fingerprint)| fingerprint.len() > 300));
    assert_eq!(same_scans_within(&cases), []);
    assert_eq!(same_scans(&cases[..20], &cases[20..]), []);
    // One body scanned twice: the noise differs.
    let once = phantom_scan(5, 0).image.voxels;
    let again = Array3::from_shape_fn(once.dim(), |(z, y, x)| {
        let noise = (x * 7919 + y * 104_729 + z * 1_299_709) % 23;
        once[[z, y, x]] + noise as f32 - 11.0
    });
    assert_eq!(fingerprint(&once).compare(&fingerprint(&again)), None);
}

#[test]
fn constant_regions_and_ramps_prove_nothing() {
    let flat = Array3::from_elem((40, 60, 60), -1024.0);
    assert!(fingerprint(&flat).is_empty());
    let mut boxed = flat.clone();
    boxed.slice_mut(s![10..30, 20..40, 20..40]).fill(40.0);
    assert_eq!(fingerprint(&boxed).compare(&fingerprint(&boxed)), None);
    let ramp = Array3::from_shape_fn((40, 60, 60), |(z, y, x)| (3 * x + 7 * y + 11 * z) as f32);
    assert_eq!(fingerprint(&ramp).compare(&fingerprint(&ramp)), None);
    assert!(fingerprint(&Array3::zeros((2, 2, 2))).is_empty());
}

#[test]
fn a_fingerprint_survives_its_bytes_and_damage_is_refused() {
    let fingerprint = fingerprint(&phantom_scan(3, 0).image.voxels);
    let bytes = fingerprint.to_bytes();
    let path = Path::new("case.marks");
    assert_eq!(Fingerprint::from_bytes(&bytes, path).unwrap(), fingerprint);
    let mut other_version = bytes.clone();
    other_version[4] += 1;
    let mut out_of_order = bytes.clone();
    out_of_order[40..48].fill(0xff);
    let mut outside = bytes.clone();
    outside[48..50].fill(0xff);
    for broken in [
        &b""[..],
        b"HDFP",
        &bytes[..bytes.len() - 1],
        &other_version,
        &out_of_order,
        &outside,
    ] {
        let text = Fingerprint::from_bytes(broken, path)
            .unwrap_err()
            .to_string();
        assert!(
            text.starts_with("case.marks: ") && text.contains("hint:"),
            "{text}"
        );
    }
}

// ---------------------------------------------------------------- hdbench datasets audit

#[track_caller]
fn audit(train: &Path, test: &Path, expected: i32) -> Value {
    let output = datasets(&[&"audit", &train, &test, &"--json"]);
    assert_eq!(code(&output), expected, "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_scan_in_two_layouts_is_a_leak_and_the_table_alone_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let root = |name: &str| dir.path().join(name);
    let (lits, msd, patients) = (root("lits"), root("msd"), root("ircadb"));
    let scans: Vec<_> = (0..3).map(|index| phantom_scan(9, index)).collect();
    write_lits(&lits, 0, ".nii", &scans[0]);
    write_lits(&lits, 28, ".nii.gz", &scans[1]);
    write_lits(&lits, 29, ".nii", &scans[2]);
    write_msd(&msd, "liver_7", &as_lps(&scans[0]));
    // Patient 1 is volume 28; patient 2 carries the number of volume 29 and is another scan.
    write_patient(&patients, 1, &scans[1]);
    write_patient(&patients, 2, &phantom_scan(9, 3));

    let found = audit(&lits, &msd, 4);
    assert_eq!(found["leaks"], 1);
    let pair = &found["pairs"][0];
    assert_eq!(
        (&pair["train"], &pair["test"]),
        (&"volume-0".into(), &"liver_7".into())
    );
    assert_eq!(pair["relation"], "same extent, flipped along x and y");
    assert_eq!(pair["share_of_smaller"], 1.0);

    let found = audit(&lits, &patients, 4);
    assert_eq!(found["leaks"], 1);
    let pairs = found["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 2);
    assert_eq!(pairs[0]["test"], "3Dircadb1.1");
    assert_eq!(
        (&pairs[0]["in_table"], &pairs[0]["evidence"]),
        (&true.into(), &"marks".into())
    );
    assert_eq!(
        (&pairs[1]["train"], &pairs[1]["leak"]),
        (&"volume-29".into(), &false.into())
    );
    assert_eq!(pairs[1]["evidence"], "table");

    assert_eq!(audit(&msd, &patients, 0)["pairs"], serde_json::json!([]));
    // One set alone: nothing twice, and no case is paired with itself.
    assert_eq!(audit(&lits, &lits, 0)["pairs"], serde_json::json!([]));
    write_lits(&lits, 60, ".nii", &as_lps(&scans[2]));
    let found = audit(&lits, &lits, 4);
    assert_eq!(found["leaks"], 1);
    assert_eq!(found["pairs"][0]["train"], "volume-29");
    assert_eq!(found["pairs"][0]["test"], "volume-60");
    let twice = root("twice.lock");
    assert_eq!(code(&datasets(&[&"lock", &lits, &"--out", &twice])), 0);
    let by_hash = audit(&twice, &twice, 4);
    assert_eq!(by_hash["leaks"], 1);
    assert_eq!(by_hash["pairs"][0]["test"], "volume-60");

    // A lock knows all voxels or nothing.
    let lock = root("lits.lock");
    assert_eq!(code(&datasets(&[&"lock", &lits, &"--out", &lock])), 0);
    let found = audit(&lock, &patients, 4);
    assert_eq!(found["by_hash_alone"], true);
    assert_eq!(found["pairs"][0]["evidence"], "voxels");
    assert_eq!(found["leaks"], 1);
    // What cannot be read is no proof of innocence.
    fs::write(msd.join("imagesTr/liver_8.nii.gz"), b"broken").unwrap();
    let found = audit(&patients, &msd, 4);
    assert_eq!(found["leaks"], 0);
    assert_eq!(found["unreadable"][0]["case"], "liver_8");
}

#[test]
fn a_scan_stored_as_another_type_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (train, test) = (dir.path().join("train"), dir.path().join("test"));
    let mut scan = phantom_scan(9, 0);
    write_lits(&train, 0, ".nii", &scan);
    // One voxel between two numbers, and the file is float32.
    scan.image.voxels[[0, 0, 0]] += 0.25;
    write_lits(&test, 0, ".nii", &scan);
    let datatype = |dir: &Path| read_header(&dir.join("volume-0.nii")).unwrap().datatype;
    assert_eq!((datatype(&train), datatype(&test)), ("int16", "float32"));
    let found = audit(&train, &test, 4);
    assert_eq!(found["pairs"][0]["relation"], "identical grid");
    assert_eq!(found["pairs"][0]["share_of_smaller"], 1.0);
}

#[test]
fn the_error_names_the_pairs_and_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let (train, test) = (dir.path().join("train"), dir.path().join("test"));
    write_lits(&train, 0, ".nii", &phantom_scan(9, 0));
    write_lits(&test, 5, ".nii", &phantom_scan(9, 0));
    let text = stderr(&datasets(&[&"audit", &train, &test]));
    assert!(text.contains("volume-0 = volume-5"), "{text}");
    assert!(
        text.contains("hint: take them out of the training set"),
        "{text}"
    );
}

#[test]
fn the_real_patient_is_found_in_lits_also_flipped_and_cropped() {
    let Some(ct) = real_ct() else { return };
    assert!(!known_pair("volume-1", "3Dircadb1.1"));
    let (lits, patients) = (ct.join("lits"), ct.join("ircadb"));
    let one = |found: &Value| {
        assert_eq!(found["pairs"].as_array().unwrap().len(), 1, "{found}");
        let pair = &found["pairs"][0];
        assert_eq!(pair["train"], "volume-1");
        assert_eq!(pair["test"], "3Dircadb1.1");
        pair["relation"].as_str().unwrap().to_owned()
    };
    assert_eq!(one(&audit(&lits, &patients, 4)), "identical grid");
    let mut image = read_image(&lits.join("volume-1.nii.gz")).unwrap();
    image.voxels.invert_axis(Axis(1));
    let cropped = image.voxels.slice(s![3..15, 150..350, 100..420]).to_owned();
    let dir = tempfile::tempdir().unwrap();
    write_hu(&dir.path().join("volume-1.nii.gz"), &volume(cropped)).unwrap();
    let relation = one(&audit(dir.path(), &patients, 4));
    // Row 150 of the flipped file is row 361 of the patient, row 349 is row 162.
    assert_eq!(
        relation,
        "flipped along y, the first is the box x 100..420, y 162..362, z 3..15 of the second"
    );
}

#[test]
fn evidence_says_what_is_a_leak() {
    let scan = Fingerprint::of(&phantom_scan(9, 0).image);
    let other = Fingerprint::of(&phantom_scan(9, 1).image);
    let train = [
        ("volume-30".to_owned(), scan.clone()),
        ("volume-31".to_owned(), other),
    ];
    let test = [("3Dircadb1.4".to_owned(), scan)];
    let pairs = same_scans(&train, &test);
    let leaks: Vec<(&str, bool, bool)> = pairs
        .iter()
        .map(|pair| (pair.train.as_str(), pair.in_table, pair.is_leak()))
        .collect();
    assert_eq!(
        leaks,
        [("volume-30", false, true), ("volume-31", true, false)]
    );
    assert_eq!(pairs[1].evidence, Evidence::TableAlone);
}
