//! DICOM files after public bug reports of other readers: what they hold, or why they are refused.
//! The cases' names are those of `tests/data/dicom_cases`.

use std::fs;
use std::path::{Path, PathBuf};

use hdbench_dataset::ircadb;
use hdbench_volume::{self as volume, DicomSeries};
use serde::Deserialize;
use tempfile::TempDir;

use crate::dicom::{assert_says, fixture, message, open, read, zip_folder};

/// What all cases hold, whatever their encoding.
#[derive(Deserialize)]
struct Expected {
    shape_zyx: [usize; 3],
    values: Vec<f32>,
}

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/dicom_cases")
        .join(name)
}

/// Reads a case, compares its voxels, and returns the distance between its slices and its notes.
#[track_caller]
fn reads_right(name: &str) -> (f64, String) {
    let expected: Expected =
        serde_json::from_str(&fs::read_to_string(case("expected.json")).unwrap()).unwrap();
    let (found, notes) = read(&case(name));
    assert_eq!(found.geometry.shape, expected.shape_zyx, "{name}");
    assert_eq!(found.voxels.as_slice().unwrap(), expected.values, "{name}");
    (found.geometry.spacing_mm[0], notes.join("; "))
}

/// A folder with the files of another one, each changed.
fn changed(from: &Path, change: impl Fn(&mut Vec<u8>)) -> TempDir {
    let dir = TempDir::new().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let mut bytes = fs::read(entry.path()).unwrap();
        change(&mut bytes);
        fs::write(dir.path().join(entry.file_name()), bytes).unwrap();
    }
    dir
}

/// Puts bytes where others stand for the first time.
#[track_caller]
fn replace(bytes: &mut Vec<u8>, old: &[u8], new: &[u8]) {
    let at = bytes.windows(old.len()).position(|window| window == old);
    let at = at.unwrap_or_else(|| panic!("{old:?} is not there"));
    bytes.splice(at..at + old.len(), new.iter().copied());
}

/// An element in explicit VR with a short value.
fn element(group: u16, element: u16, vr: &str, value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    value.resize(value.len().next_multiple_of(2), 0);
    [
        &group.to_le_bytes()[..],
        &element.to_le_bytes(),
        vr.as_bytes(),
        &(value.len() as u16).to_le_bytes(),
        &value,
    ]
    .concat()
}

/// A DICOM file without an image.
fn object(class: &str, modality: &str) -> Vec<u8> {
    [
        vec![0; 128],
        b"DICM".to_vec(),
        element(0x0002, 0x0002, "UI", class.as_bytes()),
        element(0x0002, 0x0010, "UI", b"1.2.840.10008.1.2.1"),
        element(0x0008, 0x0016, "UI", class.as_bytes()),
        element(0x0008, 0x0060, "CS", modality.as_bytes()),
        element(0x0010, 0x0010, "PN", b"fixture"),
    ]
    .concat()
}

/// D01: a private sequence of Philips, of kind UN and without a length, holds implicit VR.
#[test]
fn a_sequence_of_unknown_kind_holds_implicit_items() {
    let (_, notes) = reads_right("D01");
    assert_eq!(notes, "");
}

/// D02: explicit VR is named and implicit VR is written, and the reverse.
#[test]
fn the_written_vr_counts_and_the_lie_is_noted() {
    const NOTE: &str = "are not written as their transfer syntax says";
    let (_, notes) = reads_right("D02");
    assert_says(&notes, &["6 of 6 slices", NOTE]);

    let lying = changed(&fixture("shuffled"), |bytes| {
        replace(bytes, b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0");
    });
    let (found, notes) = read(lying.path());
    assert_eq!(found, read(&fixture("shuffled")).0);
    assert_says(&notes.join(";"), &["4 of 4 slices", NOTE]);

    // A mask tells it as well.
    let image = DicomSeries::open(&open(&fixture("shuffled"))).unwrap();
    let lying = changed(&fixture("mask"), |bytes| {
        replace(bytes, b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0");
    });
    let (found, notes) = volume::read_dicom_mask(&open(lying.path()), &image).unwrap();
    let (expected, _) = volume::read_dicom_mask(&open(&fixture("mask")), &image).unwrap();
    assert_eq!(found, expected);
    assert_says(&notes.join(";"), &[NOTE]);
}

/// D05c: 12 bits, a restart marker every five rows. `jpeg_lossless_every_predictor_*` among the
/// fixtures has the other predictors, precisions, point transforms and intervals.
#[test]
fn jpeg_lossless_restarts_its_prediction_at_every_marker() {
    reads_right("D05c");
}

#[test]
fn jpeg_lossless_that_cannot_be_decoded_is_refused_by_name() {
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let folder = changed(&case("D05c"), change);
        message(volume::read_dicom_series(folder.path()))
    };
    // 120 samples are five rows of 24.
    let text = refused(&|bytes| {
        replace(
            bytes,
            &[0xff, 0xdd, 0, 4, 0, 120],
            &[0xff, 0xdd, 0, 4, 0, 110],
        )
    });
    assert_says(
        &text,
        &[
            "JPEG Lossless that restarts after 110 samples in rows of 24",
            "dcmdjpeg",
        ],
    );
    let text = refused(&|bytes| {
        replace(
            bytes,
            &[0xff, 0xdd, 0, 4, 0, 120],
            &[0xff, 0xdd, 0, 4, 0, 48],
        )
    });
    assert_says(&text, &["are damaged: ", "download the file again"]);
    let text = refused(&|bytes| replace(bytes, &[0xff, 0xd1], &[0xff, 0xd3]));
    assert_says(&text, &["are damaged: a restart marker is missing, RST1"]);
    let text = refused(&|bytes| replace(bytes, &[0xff, 0xd1], &[0xff, 0xd9]));
    assert_says(&text, &["are damaged: a restart marker is missing, RST1"]);
}

/// D07: JPEG Extended of 12 bits, which scanners write and few programs decode.
#[test]
fn jpeg_that_is_not_decoded_is_called_so_and_not_damaged() {
    let text = message(volume::read_dicom_series(&case("D07")));
    let extended = "its pixels are compressed by JPEG Extended (Process 2 & 4) (1.2.840.10008.1.2.4.51) as JPEG \
                    Extended of 12 bits a sample, which hdbench does not decode";
    assert_says(&text, &[extended, "gdcmconv --raw", "dcmdjpeg"]);
    assert!(
        !text.contains("damaged") && !text.contains("download"),
        "{text}"
    );

    let lossless = [0xff, 0xc3, 0, 11, 12];
    for (new, says) in [
        ([0xff, 0xc2, 0, 11, 12], "progressive JPEG of 12 bits"),
        ([0xff, 0xc5, 0, 11, 8], "hierarchical JPEG of 8 bits"),
        ([0xff, 0xc7, 0, 11, 12], "hierarchical JPEG of 12 bits"),
        (
            [0xff, 0xc9, 0, 11, 8],
            "JPEG with arithmetic coding of 8 bits",
        ),
        (
            [0xff, 0xcb, 0, 11, 12],
            "JPEG with arithmetic coding of 12 bits",
        ),
        ([0xff, 0xf7, 0, 11, 12], "JPEG-LS of 12 bits"),
    ] {
        let folder = changed(&case("D05c"), |bytes| replace(bytes, &lossless, &new));
        let text = message(volume::read_dicom_series(folder.path()));
        assert_says(&text, &[says, "which hdbench does not decode", "dcmdjpeg"]);
    }
    let size = [12, 0, 20, 0, 24, 1];
    for (new, says) in [
        (
            [12, 0, 0, 0, 24, 1],
            "an image that tells its height only at its end",
        ),
        ([12, 0, 20, 0, 24, 3], "3 components in a grey image"),
    ] {
        let folder = changed(&case("D05c"), |bytes| replace(bytes, &size, &new));
        let text = message(volume::read_dicom_series(folder.path()));
        assert_says(&text, &[says, "which hdbench does not decode"]);
    }
    let jpeg_2000 = changed(&case("D05c"), |bytes| {
        replace(bytes, &[0xff, 0xd8, 0xff], &[0xff, 0x4f, 0xff]);
    });
    assert_says(
        &message(volume::read_dicom_series(jpeg_2000.path())),
        &["as JPEG 2000, which"],
    );
    // 12 bits where the header says 16 with a sign: -1 and 4095 would look the same.
    let signed = changed(&case("D05c"), |bytes| {
        replace(
            bytes,
            b"\x28\0\x01\x01US\x02\0\x0c\0",
            b"\x28\0\x01\x01US\x02\0\x10\0",
        );
        replace(
            bytes,
            b"\x28\0\x02\x01US\x02\0\x0b\0",
            b"\x28\0\x02\x01US\x02\0\x0f\0",
        );
        replace(
            bytes,
            b"\x28\0\x03\x01US\x02\0\0\0",
            b"\x28\0\x03\x01US\x02\0\x01\0",
        );
        // The first prediction, and with it every sample, is half of the range.
        replace(bytes, &lossless, &[0xff, 0xc3, 0, 11, 11]);
    });
    assert_says(
        &message(volume::read_dicom_series(signed.path())),
        &["11 bits a sample where the header says more, with a sign"],
    );
    let plain = changed(&case("D05c"), |bytes| {
        replace(
            bytes,
            b"1.2.840.10008.1.2.4.70",
            b"1.2.840.10008.1.2.1\0\0\0",
        );
    });
    assert_says(
        &message(volume::read_dicom_series(plain.path())),
        &[
            "its pixels are compressed, but its transfer syntax Explicit VR Little Endian says that they are not",
        ],
    );
}

/// D12b: steps of 0.625 mm, positions with one digit.
#[test]
fn rounded_positions_are_even_and_a_missing_slice_is_missed() {
    let (step_mm, notes) = reads_right("D12b");
    assert!((step_mm - 0.62).abs() < 1e-9, "{step_mm}");
    assert_says(&notes, &["vary from 0.6 to 0.7 mm", "mean of 0.62 mm"]);
    for place in 1..5 {
        let folder = changed(&case("D12b"), |_| {});
        fs::remove_file(folder.path().join(format!("image_{place}"))).unwrap();
        assert_says(
            &message(volume::read_dicom_series(folder.path())),
            &["1 slice is missing between"],
        );
    }
}

/// D14: what archives of scans put beside the slices.
#[test]
fn files_that_are_no_slices_are_passed_over_with_a_note() {
    let expected = read(&fixture("shuffled")).0;
    let folder = changed(&fixture("shuffled"), |_| {});
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("LICENSE", b"Creative Commons Attribution\n");
    let (found, notes) = read(folder.path());
    assert_eq!(found, expected);
    assert_says(
        &notes.join(";"),
        &["passed over 1 file that is no slice: LICENSE (text)"],
    );
    for (name, class, modality) in [
        ("MEDIA", "1.2.840.10008.1.3.10", ""),
        ("image_20", "1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"),
        ("report.dcm", "1.2.840.10008.5.1.4.1.1.88.11", "SR"),
        ("seg", "1.2.840.10008.5.1.4.1.1.66.4", "SEG"),
    ] {
        put(name, &object(class, modality));
    }
    put(
        "metadata.csv",
        b"Series UID,Collection\r\n1.2.3,\"3DIRCADb\"\r\n",
    );
    fs::create_dir(folder.path().join("docs")).unwrap();
    put("docs/paper.pdf", b"%PDF-1.4\n\xe2\xe3\0");
    let says = [
        "passed over 7 files that are no slices: LICENSE (text), MEDIA (directory of DICOM files), \
         docs/paper.pdf (PDF), image_20 (radiotherapy object), metadata.csv (text), and 2 more",
    ];
    let (found, notes) = read(folder.path());
    assert_eq!(found, expected);
    assert_says(&notes.join(";"), &says);

    let archive = TempDir::new().unwrap();
    let path = archive.path().join("PATIENT_DICOM.zip");
    fs::write(&path, zip_folder(folder.path(), "")).unwrap();
    let (found, notes) = read(&path);
    assert_eq!(found, expected);
    assert_says(&notes.join(";"), &says);

    // Masks too.
    let image = DicomSeries::open(&open(&fixture("shuffled"))).unwrap();
    let masks = changed(&fixture("mask"), |_| {});
    fs::write(masks.path().join("README.txt"), b"liver\n").unwrap();
    let (mask, notes) = volume::read_dicom_mask(&open(masks.path()), &image).unwrap();
    let (expected, _) = volume::read_dicom_mask(&open(&fixture("mask")), &image).unwrap();
    assert_eq!(mask, expected);
    assert_says(
        &notes.join(";"),
        &["passed over 1 file that is no slice: README.txt (text)"],
    );

    // Nothing else in the folder.
    let alone = TempDir::new().unwrap();
    fs::write(alone.path().join("LICENSE"), b"Creative Commons\n").unwrap();
    assert_says(
        &message(volume::read_dicom_series(alone.path())),
        &["holds no slices, only LICENSE (text)", "holds the slices"],
    );
}

#[test]
fn a_damaged_slice_is_never_passed_over() {
    let slices: Vec<_> = fs::read_dir(case("D15"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in &slices {
        let whole = fs::read(case("D15").join(name)).unwrap();
        let mut zeroed = whole.clone();
        zeroed[..512].fill(0);
        for damaged in [
            &whole[..0],
            &whole[..64],
            &whole[..132],
            &whole[..200],
            &whole[..700],
            &whole[..whole.len() - 2],
            &zeroed,
            // What servers send instead of a file.
            b"<!DOCTYPE html><title>404 Not Found</title>",
        ] {
            let folder = changed(&case("D15"), |_| {});
            fs::write(folder.path().join(name), damaged).unwrap();
            let text = message(volume::read_dicom_series(folder.path()));
            assert_says(&text, &[name.as_str()]);
        }
    }
    // A truncated object is still no slice, and an unknown file is not taken for one.
    let folder = changed(&case("D15"), |_| {});
    let report = object("1.2.840.10008.5.1.4.1.1.88.11", "SR");
    fs::write(folder.path().join("SR1"), &report[..report.len() - 9]).unwrap();
    assert_says(
        &read(folder.path()).1.join(";"),
        &["SR1 (structured report)"],
    );
    fs::write(folder.path().join("unknown"), [7, 0, 1, 255]).unwrap();
    assert_says(
        &message(volume::read_dicom_series(folder.path())),
        &["unknown: is no DICOM file", "take files that are no slices"],
    );
}

/// D15, D19: numbers that no rule of DICOM allows, and that nobody needs where positions are.
#[test]
fn an_odd_number_matters_only_where_it_is_needed() {
    for name in ["D15", "D19"] {
        let (step_mm, notes) = reads_right(name);
        assert_eq!((step_mm, notes.as_str()), (2.5, ""));
    }
    let odd = changed(&fixture("shuffled"), |bytes| {
        replace(
            bytes,
            b"\x18\0\x50\0DS\x02\x005 ",
            b"\x18\0\x50\0DS\x04\x002,5 ",
        );
    });
    assert_eq!(read(odd.path()), read(&fixture("shuffled")));
    for name in ["image_3", "IM0001", "a.dcm"] {
        fs::remove_file(odd.path().join(name)).unwrap();
    }
    assert_says(
        &message(volume::read_dicom_series(odd.path())),
        &[
            "SliceThickness (0018,0050) is \"2,5\", expected 1 finite number; a single slice needs it",
        ],
    );
}

#[test]
fn the_number_of_frames_is_read_as_a_number() {
    let with_frames = |value: &[u8]| {
        changed(&fixture("shuffled"), |bytes| {
            let rows = b"\x28\0\x10\0US";
            let frames = element(0x0028, 0x0008, "IS", value);
            replace(bytes, rows, &[&frames, &rows[..]].concat());
        })
    };
    let expected = read(&fixture("shuffled"));
    for one in ["1", "01", " 1", "+1", "1.0", "", "one", "1\\1"] {
        assert_eq!(
            read(with_frames(one.as_bytes()).path()),
            expected,
            "{one:?}"
        );
    }
    for other in ["3", "03", "0"] {
        let folder = with_frames(other.as_bytes());
        let frames: u8 = other.parse().unwrap();
        assert_says(
            &message(volume::read_dicom_series(folder.path())),
            &[&format!("is a multi-frame file of {frames} frames")],
        );
    }
    // Compressed pixels do not tell how many they are.
    let folder = changed(&fixture("rle"), |bytes| {
        let rows = b"\x28\0\x10\0US";
        let frames = element(0x0028, 0x0008, "IS", b"one ");
        replace(bytes, rows, &[&frames, &rows[..]].concat());
    });
    assert_says(
        &message(volume::read_dicom_series(folder.path())),
        &["NumberOfFrames (0028,0008) is \"one\", expected 1 finite number"],
    );
}

/// Without positions, masks are paired with their image by InstanceNumber.
#[test]
fn an_instance_number_that_is_none_is_refused_where_it_pairs() {
    let image = DicomSeries::open(&open(&fixture("shuffled"))).unwrap();
    let number =
        |bytes: &mut Vec<u8>| replace(bytes, b"\x20\0\x13\0IS\x02\0", b"\x20\0\x13\0IS\x04\0A5");
    let text = "InstanceNumber (0020,0013) is \"A5";
    let masks = changed(&fixture("mask_without_positions"), number);
    assert_says(
        &message(volume::read_dicom_mask(&open(masks.path()), &image)),
        &[text, "a mask without positions is paired"],
    );
    let folder = changed(&fixture("shuffled"), number);
    let odd = DicomSeries::open(&open(folder.path())).unwrap();
    assert_eq!(odd.read().unwrap(), image.read().unwrap());
    assert_says(
        &message(volume::read_dicom_mask(
            &open(&fixture("mask_without_positions")),
            &odd,
        )),
        &[text, "a mask without positions is paired"],
    );
    // With positions nobody asks.
    assert!(volume::read_dicom_mask(&open(&fixture("mask")), &odd).is_ok());
}

/// The same cases with their masks, as patients of 3DIRCADb.
#[test]
fn the_shared_cases_load_as_patients() {
    let Some(data) = hdbench_testing::test_data() else {
        return;
    };
    for name in ["D01", "D02", "D05c", "D12b", "D14", "D15", "D19"] {
        let folder = data.join("cases").join(name);
        let patients = ircadb::find(&folder.join("set")).unwrap();
        let pair = patients[0]
            .load()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected = float_array(&folder.join("expected.npy"));
        assert_eq!(pair.image.voxels.as_slice().unwrap(), expected, "{name}");
        let is_noted = pair
            .warnings
            .iter()
            .any(|note| note.contains("LICENSE (text)"));
        assert_eq!(is_noted, name == "D14", "{name}: {:?}", pair.warnings);
    }
    let refused = ircadb::find(&data.join("cases/D07/set")).unwrap();
    assert_says(
        &message(refused[0].load()),
        &["JPEG Extended of 12 bits a sample"],
    );
}

/// The values of a NumPy file of 64-bit numbers.
fn float_array(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (values, _) = bytes[10 + header..].as_chunks::<8>();
    values
        .iter()
        .map(|&value| f64::from_le_bytes(value) as f32)
        .collect()
}
