//! DICOM in and out, trees of archives, 3DIRCADb: against files written by pydicom and dcmtk, with
//! what pydicom and SimpleITK read from them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use hdbench_dataset::ircadb;
use hdbench_ground::error::{Error, ExitCode};
use hdbench_volume::artifact::Tree;
use hdbench_volume::{self as volume, DicomIdentity, DicomSeries, Geometry, Volume};
use ndarray::Array3;
use serde::Deserialize;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

/// What pydicom and SimpleITK read; or the name of the series that this one is, stored differently.
#[derive(Deserialize)]
struct Expected {
    same_as: Option<String>,
    shape_zyx: Option<[usize; 3]>,
    spacing_xyz: Option<[f64; 3]>,
    affine: Option<[[f64; 4]; 4]>,
    values: Option<Vec<f64>>,
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/dicom")
        .join(name)
}

fn expected() -> BTreeMap<String, Expected> {
    serde_json::from_str(&fs::read_to_string(fixture("expected.json")).unwrap()).unwrap()
}

pub fn open(path: &Path) -> Tree {
    Tree::open(path).unwrap()
}

pub fn read(path: &Path) -> (Volume<f32>, Vec<String>) {
    volume::read_dicom_series(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[track_caller]
pub fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::BadInput, "{error}");
    let text = error.to_string();
    assert!(text.contains("hint: "), "{text}");
    text
}

#[track_caller]
pub fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

pub fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        archive
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A zip archive of a folder, with the folder's name in front.
pub fn zip_folder(folder: &Path, prefix: &str) -> Vec<u8> {
    let tree = open(folder);
    let files: Vec<(String, Vec<u8>)> = tree
        .files()
        .iter()
        .map(|file| {
            (
                format!("{prefix}{}", file.path),
                tree.read(file, 1 << 20).unwrap(),
            )
        })
        .collect();
    let entries: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    zip_of(&entries)
}

#[test]
fn every_series_reads_as_pydicom_and_simpleitk_read_it() {
    let all = expected();
    let mut read_ones = 0;
    for (name, own) in &all {
        let expected = match &own.same_as {
            Some(other) => &all[other],
            None => own,
        };
        let Some(shape) = expected.shape_zyx else {
            continue;
        };
        let (found, _) = read(&fixture(name));
        assert_eq!(found.geometry.shape, shape, "{name}");
        let values: Vec<f32> = expected
            .values
            .iter()
            .flatten()
            .map(|&v| v as f32)
            .collect();
        assert_eq!(found.voxels.as_slice().unwrap(), values, "{name}");
        if let (Some(spacing), Some(affine)) = (expected.spacing_xyz, expected.affine) {
            let [x, y, z] = spacing;
            for (f, e) in found.geometry.spacing_mm.iter().zip([z, y, x]) {
                assert!((f - e).abs() < 1e-6, "{name}: {f} != {e}");
            }
            let pairs = found
                .geometry
                .affine
                .iter()
                .flatten()
                .zip(affine.iter().flatten());
            for (f, e) in pairs {
                assert!(
                    (f - e).abs() < 1e-6,
                    "{name}: {:?} != {affine:?}",
                    found.geometry.affine
                );
            }
        }
        let series = DicomSeries::open(&open(&fixture(name))).unwrap();
        assert_eq!(*series.geometry(), found.geometry, "{name}");
        read_ones += 1;
    }
    assert_eq!(read_ones, 30);
}

#[test]
fn a_zipped_series_is_the_same_and_clutter_is_passed_over() {
    let dir = TempDir::new().unwrap();
    let expected = read(&fixture("shuffled"));
    let path = dir.path().join("series.zip");
    fs::write(&path, zip_folder(&fixture("shuffled"), "PATIENT_DICOM/")).unwrap();
    assert_eq!(read(&path), expected);

    let folder = dir.path().join("cluttered");
    fs::create_dir(&folder).unwrap();
    for file in fs::read_dir(fixture("shuffled")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    for name in [
        "DICOMDIR",
        "Thumbs.db",
        ".DS_Store",
        "._image_3",
        "desktop.ini",
    ] {
        fs::write(folder.join(name), b"no slice").unwrap();
    }
    assert_eq!(read(&folder), expected);
}

#[test]
fn threads_do_not_change_the_volume() {
    let wide = read(&fixture("fractions"));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    assert_eq!(pool.install(|| read(&fixture("fractions"))), wide);
}

#[test]
fn what_is_odd_is_noted() {
    let (_, notes) = read(&fixture("shuffled"));
    assert!(notes.is_empty(), "{notes:?}");
    let (_, notes) = read(&fixture("no_rescale"));
    assert_says(
        &notes.join(";"),
        &["4 of 4 slices have no RescaleIntercept"],
    );
    let (found, notes) = read(&fixture("no_orientation"));
    assert_says(&notes.join(";"), &["taken as axial"]);
    assert_eq!(found, read(&fixture("shuffled")).0);
    let (found, notes) = read(&fixture("rounded_positions"));
    assert_says(
        &notes.join(";"),
        &["vary from 1.2 to 1.3 mm", "mean of 1.267 mm"],
    );
    assert!((found.geometry.spacing_mm[0] - 3.8 / 3.0).abs() < 1e-9);
}

#[test]
fn series_that_are_no_volume_are_refused_with_the_reason() {
    for (name, says) in [
        (
            "refused_gap",
            &[
                "1 slice is missing between",
                "image_3 and",
                "they are 5 mm apart, the others 2.5 mm",
            ][..],
        ),
        (
            "refused_duplicate",
            &[
                "image_10: lies at the same position as",
                "again: -40.25, -61.5, 107.625 mm",
            ],
        ),
        (
            "refused_mixed",
            &[
                "refused_mixed: holds 2 series",
                "7777.200.1 (3 files)",
                "7777.200.2 (1 file)",
                "a folder of its own",
            ],
        ),
        (
            "refused_tilt",
            &["12.0 degrees off their normal", "tilted gantry", "dcm2niix"],
        ),
        ("refused_uneven", &["uneven, from 1.75 to 3.25 mm"]),
        (
            "refused_size",
            &["refused_size/IM0001 of the same series: it has 7 rows of 9 instead of 21 of 3"],
        ),
        (
            "refused_spacing",
            &[
                "does not fit to",
                "it has pixels of [0.75, 0.625] mm instead of [0.75, 0.8] mm",
            ],
        ),
        ("refused_orientation", &["the orientation [["]),
        (
            "refused_missing_tags",
            &["IM0001: lacks ImagePositionPatient (0020,0032), PixelSpacing (0028,0030)"],
        ),
        (
            "refused_missing_format",
            &["IM0001: lacks Rows (0028,0010), BitsAllocated (0028,0100)"],
        ),
        (
            "refused_multi_frame",
            &["IM0001: is a multi-frame file of 3 frames"],
        ),
        (
            "refused_colour",
            &["IM0001: is a colour image (RGB, 3 samples a pixel)"],
        ),
        (
            "refused_no_pixels",
            &["IM0001: has no pixel data (modality \"SR\")"],
        ),
        (
            "refused_few_pixels",
            &["IM0001: has 100 bytes of pixels, expected 126 for 7 rows of 9"],
        ),
        (
            "refused_not_perpendicular",
            &["expected two perpendicular directions of length 1"],
        ),
        (
            "refused_not_a_number",
            &["RescaleIntercept (0028,1052) is \"nan\", expected 1 finite number"],
        ),
        (
            "refused_jpeg_ls",
            &[
                "compressed by JPEG-LS Lossless Image Compression (1.2.840.10008.1.2.4.80)",
                "gdcmconv --raw",
            ],
        ),
    ] {
        assert_says(&message(volume::read_dicom_series(&fixture(name))), says);
    }
    let empty = TempDir::new().unwrap();
    assert_says(
        &message(volume::read_dicom_series(empty.path())),
        &["no DICOM files found"],
    );
}

#[test]
fn a_cut_file_is_truncated_wherever_it_is_cut_and_never_a_panic() {
    for name in [
        "shuffled",
        "deflated",
        "rle",
        "jpeg_lossless",
        "jpeg_lossless_every_predictor_12_bit",
        "implicit",
        "undefined_lengths",
        "no_meta_explicit",
    ] {
        let dir = TempDir::new().unwrap();
        let whole = fs::read(fixture(name).join("image_3")).unwrap();
        let path = dir.path().join("slice");
        for length in (0..whole.len()).step_by(3) {
            fs::write(&path, &whole[..length]).unwrap();
            let result = volume::read_dicom_series(dir.path());
            // The last byte may be padding.
            if length + 1 < whole.len() || result.is_err() {
                let text = message(result);
                let says = [
                    "truncated",
                    "no DICOM",
                    "no pixel data",
                    "ends in",
                    "damaged",
                    "lacks",
                ];
                assert!(
                    says.iter().any(|part| text.contains(part)),
                    "{name} {length}: {text}"
                );
            }
        }
    }
    let dir = TempDir::new().unwrap();
    let whole = fs::read(fixture("shuffled").join("image_3")).unwrap();
    fs::write(dir.path().join("slice"), &whole[..whole.len() - 6]).unwrap();
    let text = message(volume::read_dicom_series(dir.path()));
    assert_says(
        &text,
        &[
            "the file promises 126 bytes, 120 are there",
            "compare its size",
        ],
    );
}

#[test]
fn a_size_that_no_file_can_fill_is_refused_before_memory_is_asked_for() {
    let dir = TempDir::new().unwrap();
    for name in ["shuffled", "rle"] {
        let mut bytes = fs::read(fixture(name).join("image_3")).unwrap();
        let rows = bytes
            .windows(8)
            .position(|w| w == b"\x28\x00\x10\x00US\x02\x00")
            .unwrap();
        bytes[rows + 8..rows + 10].fill(0xff);
        bytes[rows + 18..rows + 20].fill(0xff);
        fs::write(dir.path().join("slice"), &bytes).unwrap();
        let text = message(DicomSeries::open(&open(dir.path())));
        assert_says(&text, &["slice: has 65535 rows of 65535, more than its"]);
    }
}

/// RLE makes at most 128 bytes of two, far less than DEFLATE.
#[test]
fn a_run_length_slice_may_not_promise_more_than_its_packets_can_hold() {
    let mut bytes = fs::read(fixture("rle").join("image_3")).unwrap();
    let rows = bytes
        .windows(8)
        .position(|w| w == b"\x28\x00\x10\x00US\x02\x00")
        .unwrap();
    let mut refused = |side: u16| {
        bytes[rows + 8..rows + 10].copy_from_slice(&side.to_le_bytes());
        bytes[rows + 18..rows + 20].copy_from_slice(&side.to_le_bytes());
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("slice"), &bytes).unwrap();
        message(volume::read_dicom_series(dir.path())).contains("more than its")
    };
    // 16-bit samples; the file is small.
    let most =
        (64.0 * fs::metadata(fixture("rle").join("image_3")).unwrap().len() as f64 / 2.0).sqrt();
    assert!(!refused(most as u16 - 1));
    assert!(refused(most as u16 + 1));
}

#[test]
fn sizes_that_no_scan_has_are_refused_by_name() {
    for (spacing, says) in [
        (
            "1e308",
            "a voxel measures 1e308 mm, expected 1e-5 to 1e6 mm",
        ),
        ("1e-99", "a voxel measures 1e-99 mm"),
        ("0", "has the PixelSpacing"),
        ("nan", "expected 2 finite numbers"),
    ] {
        let dir = TempDir::new().unwrap();
        for entry in fs::read_dir(fixture("shuffled")).unwrap() {
            let file = entry.unwrap().path();
            let mut bytes = fs::read(&file).unwrap();
            let tag = bytes
                .windows(6)
                .position(|w| w == b"\x28\x00\x30\x00DS")
                .unwrap();
            let length = usize::from(u16::from_le_bytes([bytes[tag + 6], bytes[tag + 7]]));
            let value = format!("{spacing}\\{spacing}");
            let value = format!("{value:<length$}");
            bytes.splice(tag + 8..tag + 8 + length, value.bytes());
            bytes[tag + 6..tag + 8].copy_from_slice(&(value.len() as u16).to_le_bytes());
            fs::write(dir.path().join(file.file_name().unwrap()), &bytes).unwrap();
        }
        assert_says(&message(volume::read_dicom_series(dir.path())), &[says]);
    }
}

#[test]
fn changed_bytes_are_an_error_or_a_volume_and_never_a_panic() {
    for name in [
        "shuffled",
        "rle",
        "jpeg_lossless",
        "jpeg_lossless_every_predictor_16_bit",
        "undefined_lengths_implicit",
        "deflated",
    ] {
        let dir = TempDir::new().unwrap();
        let whole = fs::read(fixture(name).join("image_3")).unwrap();
        let path = dir.path().join("slice");
        for at in (128..whole.len()).step_by(3) {
            for value in [0x00, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                fs::write(&path, &changed).unwrap();
                let _ = volume::read_dicom_series(dir.path());
            }
        }
    }
}

#[test]
fn a_mask_lies_on_the_images_grid() {
    let expected: Vec<u8> = expected()["mask"]
        .values
        .iter()
        .flatten()
        .map(|&v| v as u8)
        .collect();
    let image = DicomSeries::open(&open(&fixture("shuffled"))).unwrap();
    let mask = |name: &str| volume::read_dicom_mask(&open(&fixture(name)), &image);
    let (found, notes) = mask("mask").unwrap();
    assert_eq!(found.voxels.as_slice().unwrap(), expected);
    assert_eq!(found.geometry, *image.geometry());
    assert!(notes.is_empty(), "{notes:?}");
    // The slices left out are empty.
    let (found, notes) = mask("mask_of_two_slices").unwrap();
    assert_eq!(found.voxels.as_slice().unwrap(), expected);
    assert_says(
        &notes.join(";"),
        &["mask_of_two_slices: has 2 of the image's 4 slices"],
    );
    // InstanceNumber runs against the positions in both.
    let (found, notes) = mask("mask_without_positions").unwrap();
    assert_eq!(found.voxels.as_slice().unwrap(), expected);
    assert_says(
        &notes.join(";"),
        &["no positions", "in the order of their numbers"],
    );
    assert_says(
        &message(mask("mask_elsewhere")),
        &[
            "is no mask of",
            "it lies at -40.25, -61.5, 103.5 mm",
            "nearest slice at -40.25, -61.5, 102.625 mm",
        ],
    );
    assert_says(
        &message(mask("oblique")),
        &["is no mask of", "the orientation"],
    );
}

fn identity(series: &str, number: u32) -> DicomIdentity {
    DicomIdentity {
        patient: "3Dircadb1.1".into(),
        series: series.into(),
        number,
    }
}

/// A small volume with whole numbers and an oblique, right-handed grid.
fn made_up() -> Volume<f32> {
    let shape = [4, 5, 6];
    let mut geometry = Geometry::axis_aligned(shape, [2.5, 0.7, 0.8]);
    let (sin, cos) = 0.3_f64.sin_cos();
    geometry.affine = [
        [-0.8 * cos, 0.7 * sin, 0.0, 12.3],
        [-0.8 * sin, -0.7 * cos, 0.0, -4.5],
        [0.0, 0.0, 2.5, 1.0 / 3.0],
        [0.0, 0.0, 0.0, 1.0],
    ];
    let voxels = Array3::from_shape_fn(shape, |(z, y, x)| (z * 400 + y * 30 + x) as f32 - 1000.0);
    Volume { voxels, geometry }
}

#[test]
fn what_is_written_reads_back_and_is_the_same_every_time() {
    let volume = made_up();
    let dir = TempDir::new().unwrap();
    for intercept in [0, -1024] {
        let [first, second] = ["a", "b"].map(|name| dir.path().join(format!("{name}{intercept}")));
        for folder in [&first, &second] {
            volume::write_dicom_series(folder, &volume, &identity("CT", 1), intercept).unwrap();
        }
        let (found, notes) = read(&first);
        assert_eq!(found.voxels, volume.voxels);
        assert!(found.geometry.displacement_mm(&volume.geometry) < 1e-9);
        assert!(notes.is_empty(), "{notes:?}");
        for z in 0..4 {
            let name = format!("image_{z}");
            assert_eq!(
                fs::read(first.join(&name)).unwrap(),
                fs::read(second.join(&name)).unwrap()
            );
        }
        assert_eq!(fs::read_dir(&first).unwrap().count(), 4);
    }
    let labels = Volume {
        voxels: volume.voxels.mapv(|hu| u8::from(hu > 0.0)),
        geometry: volume.geometry.clone(),
    };
    let folder = dir.path().join("mask");
    volume::write_dicom_mask(&folder, &labels, &identity("liver", 2)).unwrap();
    let image = DicomSeries::open(&open(&dir.path().join("a0"))).unwrap();
    let (found, notes) = volume::read_dicom_mask(&open(&folder), &image).unwrap();
    assert_eq!(found.voxels, labels.voxels);
    assert!(notes.is_empty(), "{notes:?}");

    let mut half = volume.clone();
    half.voxels[[1, 2, 3]] = 0.5;
    let error = volume::write_dicom_series(&folder, &half, &identity("CT", 1), 0).unwrap_err();
    assert_says(
        &error.to_string(),
        &["0.5 HU cannot be stored", "round the volume"],
    );
}

#[test]
fn a_tree_opens_archives_in_archives_and_writes_nothing() {
    let dir = TempDir::new().unwrap();
    let inner = zip_of(&[("image_0", b"slice"), ("deep/er", b"x")]);
    let outer = zip_of(&[("3Dircadb1.1/PATIENT_DICOM.zip", &inner), ("note", b"n")]);
    let path = dir.path().join("3Dircadb1.1.zip");
    fs::write(&path, &outer).unwrap();
    let tree = open(&path);
    let names: Vec<&str> = tree.files().iter().map(|file| file.path.as_str()).collect();
    assert_eq!(names, ["3Dircadb1.1/PATIENT_DICOM.zip", "note"]);
    let nested = tree.enter(&tree.files()[0]).unwrap();
    let image = &nested.files()[1];
    assert_eq!(nested.read(image, 5).unwrap(), b"slice");
    assert_eq!(
        nested.path_of(image),
        path.join("3Dircadb1.1/PATIENT_DICOM.zip/image_0")
    );
    assert_eq!(nested.on_disk(image), path);
    let text = message(nested.read(image, 4));
    assert_says(
        &text,
        &["3Dircadb1.1/PATIENT_DICOM.zip/image_0: has 5 bytes, expected at most 4"],
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn bombs_and_names_that_lead_out_are_refused_at_every_level() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("data.zip");
    let put = |bytes: &[u8]| fs::write(&path, bytes).unwrap();
    let enter_first = || {
        let tree = open(&path);
        tree.enter(&tree.files()[0])
    };

    // Zeros pack a thousandfold, which no archive does.
    put(&zip_of(&[("PATIENT_DICOM.zip", &vec![0; 40 << 20])]));
    assert_says(
        &message(enter_first()),
        &[
            "data.zip/PATIENT_DICOM.zip: is an archive that unpacks from",
            "to 41943040 bytes",
            "bomb",
        ],
    );

    let climbing = zip_of(&[("../../outside", b"x")]);
    put(&zip_of(&[("inner.zip", &climbing)]));
    assert_says(
        &message(enter_first()),
        &["data.zip/inner.zip: the entry \"../../outside\" leads out of the archive"],
    );
    put(&climbing);
    assert_says(&message(Tree::open(&path)), &["leads out of the archive"]);

    put(&zip_of(&[("inner.zip", b"no archive at all")]));
    assert_says(
        &message(enter_first()),
        &["data.zip/inner.zip: is no sound zip archive"],
    );

    let mut nested = zip_of(&[("slice", b"x")]);
    for _ in 0..3 {
        nested = zip_of(&[("inner.zip", &nested)]);
    }
    put(&nested);
    let enter = |tree: Tree| tree.enter(&tree.files()[0]);
    let third = enter(enter(open(&path)).unwrap()).unwrap();
    assert_says(
        &message(enter(third)),
        &["inner.zip/inner.zip/inner.zip: is an archive inside 3 archives"],
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    fs::write(dir.path().join("file"), b"text").unwrap();
    assert_says(
        &message(Tree::open(&dir.path().join("file"))),
        &["is neither a folder nor a zip archive"],
    );
}

/// A patient's folder with the image and masks of liver, tumours and what only sounds like them.
fn patient(folder: &Path, number: u32, tumour_structures: &[&str]) -> (Volume<f32>, Array3<u8>) {
    let image = made_up();
    let shape = image.voxels.dim();
    let patient = format!("3Dircadb1.{number}");
    let identity = |series: &str| DicomIdentity {
        patient: patient.clone(),
        series: series.into(),
        number: 1,
    };
    volume::write_dicom_series(&folder.join("PATIENT_DICOM"), &image, &identity("CT"), 0).unwrap();
    let mut labels = Array3::from_shape_fn(shape, |(_, y, x)| u8::from(y > 0 && x > 0));
    let mask = |name: &str, voxels: Array3<u8>| {
        let mask = Volume {
            voxels,
            geometry: image.geometry.clone(),
        };
        let folder = folder.join("MASKS_DICOM").join(name);
        volume::write_dicom_mask(&folder, &mask, &identity(name)).unwrap();
    };
    mask("liver", labels.clone());
    for (i, name) in tumour_structures.iter().enumerate() {
        let tumour =
            Array3::from_shape_fn(shape, |(z, y, x)| u8::from(z == 1 + i && y < 2 && x == 3));
        labels.zip_mut_with(&tumour, |label, &set| {
            *label = if set > 0 { 2 } else { *label }
        });
        mask(name, tumour);
    }
    for name in ["leftsurretumor", "livercyst", "bone"] {
        mask(name, Array3::from_elem(shape, 1));
    }
    (image, labels)
}

#[test]
fn patients_are_found_and_loaded_from_folders() {
    let dir = TempDir::new().unwrap();
    let root = dir.path().join("data/3Dircadb1");
    let (image, labels) = patient(
        &root.join("3Dircadb1.2"),
        2,
        &["livertumor01", "LiverTumors2"],
    );
    patient(&root.join("3DIRCADB1.10"), 10, &[]);
    fs::create_dir_all(root.join("3Dircadb1.10x")).unwrap();
    let patients = ircadb::find(dir.path()).unwrap();
    let names: Vec<&str> = patients.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["3Dircadb1.2", "3Dircadb1.10"]);
    let second = &patients[0];
    assert_eq!(second.number, 2);
    assert!(second.has_labels());
    assert_eq!(
        second.structures().unwrap(),
        [
            "LiverTumors2",
            "bone",
            "leftsurretumor",
            "liver",
            "livercyst",
            "livertumor01"
        ]
    );
    // The image, the liver and two tumours, of four slices each.
    assert_eq!(second.files_on_disk().len(), 16);
    let pair = second.load().unwrap();
    assert_eq!(pair.image.voxels, image.voxels);
    assert_eq!(pair.labels.voxels, labels);
    assert_eq!(pair.labels.geometry, pair.image.geometry);
    assert_eq!(second.geometry().unwrap(), pair.image.geometry);
    assert_eq!(second.read_image().unwrap().0, pair.image);
    let warnings = pair.warnings.join("\n");
    assert_says(
        &warnings,
        &[
            "3Dircadb1.2: not taken as liver or liver tumour: leftsurretumor, livercyst",
            // The row y = 0 of two tumours.
            "3Dircadb1.2: 2 tumour voxels lie outside the liver's mask",
        ],
    );
    assert_eq!(pair.warnings.len(), 2, "{warnings}");
    assert!(!patients[1].load().unwrap().has_tumour());
    // The folder of a patient is enough.
    let alone = ircadb::find(&root.join("3Dircadb1.2")).unwrap();
    assert_eq!(alone[0].load().unwrap(), pair);

    fs::remove_dir_all(root.join("3Dircadb1.2/MASKS_DICOM/liver")).unwrap();
    assert_says(
        &message(second.load()),
        &["has no mask `liver`, found LiverTumors2, bone, leftsurretumor, livercyst, livertumor01"],
    );
    fs::remove_dir_all(root.join("3Dircadb1.2/MASKS_DICOM")).unwrap();
    let without = &ircadb::find(dir.path()).unwrap()[0];
    assert!(!without.has_labels());
    assert_eq!(without.read_image().unwrap().0, pair.image);
    assert_says(
        &message(without.load()),
        &["3Dircadb1.2: has no MASKS_DICOM"],
    );
}

#[test]
fn patients_are_read_from_archives_however_they_are_nested() {
    let dir = TempDir::new().unwrap();
    let plain = dir.path().join("plain/3Dircadb1.3");
    patient(&plain, 3, &["livertumor"]);
    let unpacked = ircadb::find(&plain).unwrap().remove(0);
    let expected = unpacked.load().unwrap();
    let hashes = unpacked.content_hashes().unwrap();
    let image = zip_folder(&plain.join("PATIENT_DICOM"), "PATIENT_DICOM/");
    let masks = zip_folder(&plain.join("MASKS_DICOM"), "MASKS_DICOM/");
    let liver = zip_folder(&plain.join("MASKS_DICOM/liver"), "");
    let tumour = zip_folder(&plain.join("MASKS_DICOM/livertumor"), "livertumor/");
    let flat = zip_folder(&plain, "3Dircadb1/3Dircadb1.3/");
    let of_zips = zip_of(&[
        ("3Dircadb1.3/PATIENT_DICOM.zip", &image),
        ("3Dircadb1.3/MASKS_DICOM.zip", &masks),
        ("3Dircadb1.3/MESHES_VTK.zip", b"never opened"),
    ]);
    let bare = zip_of(&[("PATIENT_DICOM.zip", &image), ("MASKS_DICOM.zip", &masks)]);
    let collection = zip_of(&[("3Dircadb1/3Dircadb1.3.zip", &bare)]);
    let by_structure = zip_of(&[
        ("patient_dicom.ZIP", &image),
        ("masks_dicom/liver.zip", &liver),
        ("masks_dicom/livertumor.zip", &tumour),
    ]);
    for (name, bytes) in [
        ("3Dircadb1.zip", &flat),
        ("download.zip", &of_zips),
        ("3Dircadb1.3.zip", &of_zips),
        ("3dircadb1.3.zip", &bare),
        ("3Dircadb1.zip", &collection),
        ("3Dircadb1.3.zip", &by_structure),
    ] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let mut by_path = ircadb::find(&path).unwrap();
        if name.starts_with('3') {
            by_path.extend(ircadb::find(folder.path()).unwrap());
        }
        for found in by_path {
            assert_eq!((found.number, found.name.as_str()), (3, "3Dircadb1.3"));
            assert_eq!(found.files_on_disk(), std::slice::from_ref(&path), "{name}");
            let pair = found.load().unwrap();
            assert_eq!(pair.image, expected.image, "{name}");
            assert_eq!(pair.labels, expected.labels, "{name}");
            assert_eq!(found.content_hashes().unwrap(), hashes, "{name}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    // Unpacked beside the archive: the folder counts. Twice in folders: a question for the user.
    let both = dir.path().join("plain");
    fs::write(both.join("3Dircadb1.3.zip"), &bare).unwrap();
    let found = ircadb::find(&both).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].load().unwrap(), expected);
    patient(&both.join("copy/3Dircadb1.3"), 3, &[]);
    assert_says(
        &message(ircadb::find(&both)),
        &["3Dircadb1.3 is there 2 times", "copy/3Dircadb1.3"],
    );
    let empty = TempDir::new().unwrap();
    assert_says(
        &message(ircadb::find(empty.path())),
        &["no patients of 3DIRCADb-01 found", "PATIENT_DICOM"],
    );
}

#[test]
fn a_real_scan_is_the_same_from_dicom_and_from_nifti() {
    let Some(data) = hdbench_testing::test_data() else {
        return;
    };
    let patients = ircadb::find(&data.join("ct/ircadb")).unwrap();
    assert_eq!(patients.len(), 1);
    let pair = patients[0].load().unwrap();
    let lits = data.join("ct/lits");
    let image = volume::read_image(&lits.join("volume-1.nii.gz")).unwrap();
    let labels = volume::read_labels(&lits.join("segmentation-1.nii.gz")).unwrap();
    assert_eq!(pair.image.voxels, image.voxels);
    assert_eq!(pair.labels.voxels, labels.voxels);
    assert!(pair.image.geometry.displacement_mm(&image.geometry) < 1e-3);
    for (f, e) in pair
        .image
        .geometry
        .affine
        .iter()
        .flatten()
        .zip(image.geometry.affine.iter().flatten())
    {
        assert!(
            (f - e).abs() < 1e-3,
            "{:?} != {:?}",
            pair.image.geometry,
            image.geometry
        );
    }
    assert!(pair.has_tumour());
    let structures = patients[0].structures().unwrap();
    assert!(
        structures.contains(&"livertumor03".to_owned()) && structures.contains(&"bone".to_owned())
    );
}
