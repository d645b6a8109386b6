//! MetaImage and NRRD in: against files written and read by SimpleITK and pynrrd.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, ExitCode};
use hdbench_volume::artifact::{MaybeGzip, gzip_writer};
use hdbench_volume::{self as volume, HeaderTemplate};
use serde::Deserialize;

/// What SimpleITK read, turned to RAS; values x fastest.
#[derive(Deserialize)]
struct Expected {
    shape_xyz: [usize; 3],
    is_planar: bool,
    affine: [[f64; 4]; 4],
    datatype: String,
    values: Vec<f64>,
    /// The same map as NIfTI.
    twin: Option<String>,
    /// A part of each note.
    notes: Vec<String>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/volume_formats")
}

fn expected() -> BTreeMap<String, Expected> {
    let text = fs::read_to_string(fixtures().join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[track_caller]
fn assert_affine(found: &[[f64; 4]; 4], expected: &[[f64; 4]; 4], context: &str) {
    for (f, e) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!((f - e).abs() < 1e-6, "{context}: {found:?} != {expected:?}");
    }
}

#[test]
fn every_fixture_reads_as_itk_reads_it() {
    let all = expected();
    assert_eq!(all.len(), 96);
    for (name, expected) in &all {
        let path = fixtures().join(name);
        let read = volume::read_image(&path).unwrap();
        let [x, y, z] = expected.shape_xyz;
        assert_eq!(read.geometry.shape, [z, y, x], "{name}");
        assert_eq!(read.geometry.is_planar, expected.is_planar, "{name}");
        assert_affine(&read.geometry.affine, &expected.affine, name);
        let values: Vec<f32> = expected.values.iter().map(|&v| v as f32).collect();
        assert_eq!(read.voxels.as_slice().unwrap(), values, "{name}");
        let header = volume::read_header(&path).unwrap();
        assert_eq!(header.geometry, read.geometry, "{name}");
        assert_eq!(header.datatype, expected.datatype, "{name}");
        let notes: Vec<_> = header.notes.iter().map(ToString::to_string).collect();
        assert_eq!(notes.len(), expected.notes.len(), "{name}: {notes:?}");
        for (note, says) in notes.iter().zip(&expected.notes) {
            assert!(note.contains(says), "{name}: {note}");
        }
    }
}

#[test]
fn a_label_map_is_the_same_in_every_format() {
    let mut pairs = 0;
    for (name, expected) in expected() {
        let Some(twin) = expected.twin else { continue };
        let [labels, nifti] =
            [&name, &twin].map(|name| volume::read_labels(&fixtures().join(name)).unwrap());
        assert_eq!(labels.voxels, nifti.voxels, "{name}");
        assert_affine(&labels.geometry.affine, &nifti.geometry.affine, &name);
        assert!(labels.geometry.apart_mm(&nifti.geometry).is_none());
        for (own, other) in labels
            .geometry
            .spacing_mm
            .iter()
            .zip(nifti.geometry.spacing_mm)
        {
            assert!((own - other).abs() < 1e-6, "{name}");
        }
        assert_eq!(
            labels.geometry.stored_spacing_mm, nifti.geometry.stored_spacing_mm,
            "{name}"
        );
        let boxed = volume::read_label_box(&fixtures().join(&name)).unwrap();
        assert_eq!(boxed.window([0; 3], labels.geometry.shape), labels.voxels);
        pairs += 1;
    }
    assert_eq!(pairs, 29);
}

/// An entry of an archive, or a file packed as a whole.
#[test]
fn content_that_is_no_file_reads_alike_unless_its_voxels_are_elsewhere() {
    for name in [
        "oblique_mha.mha",
        "oblique_nrrd.nrrd",
        "words.nrrd",
        "skips.nrrd",
    ] {
        let path = fixtures().join(name);
        let bytes = fs::read(&path).unwrap();
        let whole = volume::read_image(&path).unwrap();
        if name == "oblique_mha.mha" {
            let text = refusal("packed.gz", &gzip(&bytes));
            assert!(text.contains("the whole file once more"), "{text}");
        } else {
            in_a_file("packed.gz", &gzip(&bytes), |path| {
                assert_eq!(volume::read_image(path).unwrap(), whole, "{name}");
            });
        }
        if name.starts_with("oblique") {
            let labels = volume::read_labels(&path).unwrap();
            assert_eq!(
                volume::read_labels_from(&path, content(&path, bytes.clone())).unwrap(),
                labels
            );
            let header = volume::read_header_from(&path, &mut content(&path, bytes.clone()));
            assert_eq!(header.unwrap().geometry, labels.geometry);
            let boxed = volume::label_box_of(&path, &mut content(&path, bytes)).unwrap();
            assert_eq!(boxed, volume::read_label_box(&path).unwrap());
        }
    }
    for name in ["beside.mhd", "beside.nhdr"] {
        let path = fixtures().join(name);
        let entry = content(&path, fs::read(&path).unwrap());
        let text = message(&volume::read_labels_from(&path, entry).unwrap_err());
        assert!(text.contains("lie in another file"), "{text}");
    }
    let path = fixtures().join("skip_to_last.nrrd");
    let packed = gzip(&fs::read(&path).unwrap());
    let text = refusal("packed.gz", &packed);
    assert!(text.contains("unpack the file first"), "{text}");
}

fn content(path: &Path, bytes: Vec<u8>) -> MaybeGzip {
    let len = bytes.len() as u64;
    MaybeGzip::from_reader(path, Box::new(std::io::Cursor::new(bytes)), Some(len)).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut out = gzip_writer(Vec::new(), 6);
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn message(error: &Error) -> String {
    assert_eq!(error.exit_code(), ExitCode::BadInput, "{error}");
    let text = error.to_string();
    assert!(text.contains("hint: "), "{text}");
    text
}

fn in_a_file<T>(name: &str, bytes: &[u8], use_it: impl FnOnce(&Path) -> T) -> T {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    use_it(&path)
}

fn refusal(name: &str, bytes: &[u8]) -> String {
    in_a_file(name, bytes, |path| {
        let text = message(&volume::read_image(path).unwrap_err());
        assert!(text.contains(name), "{text}");
        text
    })
}

#[test]
fn what_is_no_single_volume_of_numbers_is_refused_by_name() {
    for (name, says) in [
        ("refused_two_volumes.mha", "DimSize gives 2 for axis 4"),
        ("refused_two_channels.mha", "ElementNumberOfChannels is 2"),
        (
            "refused_two_channels.nrrd",
            "axis 1 holds 2 values for each voxel (kind vector)",
        ),
        (
            "refused_bzip2.nrrd",
            "encoding is bzip2, expected raw, gzip or ascii",
        ),
        ("refused_cut.mha", "the zlib stream ends too early"),
        (
            "refused_not_finite.mha",
            "2 of 60 voxels are no finite numbers, the first NaN at x 1, y 2, z 3",
        ),
        (
            "refused_not_finite.nrrd",
            "2 of 60 voxels are no finite numbers",
        ),
    ] {
        let text = message(&volume::read_image(&fixtures().join(name)).unwrap_err());
        assert!(text.contains(says) && text.contains(name), "{says}: {text}");
    }
    for (name, bytes, says) in [
        (
            "a.mha",
            &b""[..],
            "expected a MetaImage file (.mha or .mhd), found 0 bytes",
        ),
        (
            "a.nrrd",
            b"a text",
            "expected an NRRD file (.nrrd or .nhdr), found a file that begins",
        ),
        (
            "a.nii",
            b"a text",
            "expected a NIfTI-1 file (.nii or .nii.gz), found a file that",
        ),
        (
            "a.dat",
            b"a text",
            "expected a NIfTI-1 (.nii, .nii.gz), MetaImage (.mha, .mhd) or NRRD",
        ),
    ] {
        let text = refusal(name, bytes);
        assert!(text.contains(says), "{text}");
    }
    // The header of a label map to come is NIfTI.
    for (name, says) in [
        ("words.mha", "found a MetaImage file"),
        ("words.nrrd", "found an NRRD file"),
    ] {
        let text = message(&HeaderTemplate::read(&fixtures().join(name)).unwrap_err());
        assert!(text.contains(says), "{text}");
    }
}

/// A sound MetaImage of 4 x 3 x 2 `int16` voxels after one of its keys is changed.
fn metaimage(key: &str, line: &str) -> Vec<u8> {
    let lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryDataByteOrderMSB = False",
        "TransformMatrix = 1 0 0 0 1 0 0 0 1",
        "Offset = 0 0 0",
        "ElementSpacing = 1 1 1",
        "DimSize = 4 3 2",
        "ElementType = MET_SHORT",
        "ElementDataFile = LOCAL",
    ];
    file(&lines, key, line, "\n")
}

/// The same as NRRD.
fn nrrd(key: &str, line: &str) -> Vec<u8> {
    let lines = [
        "NRRD0004",
        "type: short",
        "dimension: 3",
        "space: left-posterior-superior",
        "sizes: 4 3 2",
        "space directions: (1,0,0) (0,1,0) (0,0,1)",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: raw",
        "space origin: (0,0,0)",
    ];
    file(&lines, key, line, "\n\n")
}

fn file(lines: &[&str], key: &str, line: &str, end: &str) -> Vec<u8> {
    assert!(lines.iter().any(|old| old.starts_with(key)), "{key}");
    let changed = |old: &str| match !key.is_empty() && old.starts_with(key) {
        true => line.to_owned(),
        false => old.to_owned(),
    };
    let mut lines: Vec<String> = lines.iter().map(|old| changed(old)).collect();
    lines.retain(|line| !line.is_empty());
    let mut bytes = (lines.join("\n") + end).into_bytes();
    bytes.extend([7; 48]);
    bytes
}

#[test]
fn hostile_metaimages_are_refused_with_the_key() {
    assert!(in_a_file("a.mha", &metaimage("", ""), volume::read_image).is_ok());
    for (key, line, says) in [
        ("ObjectType", "ObjectType = Scene", "ObjectType is Scene"),
        ("NDims", "", "does not give NDims"),
        (
            "NDims",
            "NDims = 11",
            "NDims is 11, expected a whole number from 2 to 10",
        ),
        (
            "NDims",
            "NDims = 2",
            "DimSize is 4 3 2, expected 2 whole numbers",
        ),
        ("DimSize", "", "does not give DimSize"),
        ("DimSize", "DimSize = 4 0 2", "DimSize is 4 0 2"),
        ("DimSize", "DimSize = 4 -3 2", "DimSize is 4 -3 2"),
        (
            "DimSize",
            "DimSize = 10000 10000 10000",
            "asks for 10000 x 10000 x 10000 voxels",
        ),
        (
            "DimSize",
            "DimSize = 9999999999 9999999999 9999999999",
            "more than the 2147483648",
        ),
        (
            "DimSize",
            "DimSize = 99999999999999999999 3 2",
            "DimSize is 99999999999999999999",
        ),
        ("DimSize", "DimSize = 1024 1024 1024", "promises 2147483"),
        (
            "DimSize",
            "DimSize = 4 3 2\nDimSize = 4 3 2",
            "gives DimSize twice",
        ),
        (
            "ElementType",
            "ElementType = MET_OTHER",
            "ElementType is MET_OTHER",
        ),
        ("ElementType", "", "does not give ElementType"),
        (
            "ElementType",
            "ElementType = MET_\u{1b}[2J",
            "MET_\\u{1b}[2J",
        ),
        (
            "ElementSpacing",
            "ElementSpacing = 1 0 1",
            "ElementSpacing is 0 along axis 2",
        ),
        (
            "ElementSpacing",
            "ElementSpacing = 1 nan 1",
            "ElementSpacing is NaN along axis 2",
        ),
        (
            "ElementSpacing",
            "ElementSpacing = 1 1",
            "ElementSpacing is 1 1, expected 3 numbers",
        ),
        (
            "ElementSpacing",
            "ElementSpacing = 1 1 1e9",
            "a voxel measures 1e9 mm",
        ),
        (
            "TransformMatrix",
            "TransformMatrix = 1 0 0 1 0 0 0 0 1",
            "the TransformMatrix is singular",
        ),
        (
            "TransformMatrix",
            "TransformMatrix = 1 0 0 0 1 0 0 0",
            "expected 9 numbers",
        ),
        (
            "TransformMatrix",
            "TransformMatrix = nan 0 0 0 1 0 0 0 1",
            "values that are no numbers",
        ),
        ("Offset", "Offset = 0 0 1e9", "the first voxel lies 1e9 mm"),
        (
            "Offset",
            "Offset = 0 0 1\nOrigin = 0 0 2",
            "Offset and Origin contradict each other",
        ),
        (
            "BinaryData",
            "BinaryDataByteOrderMSB = True\nElementByteOrderMSB = False",
            "contradicts itself about its byte order",
        ),
        (
            "BinaryData",
            "BinaryDataByteOrderMSB = perhaps",
            "expected True or False",
        ),
        (
            "BinaryData",
            "BinaryData = False",
            "number 1 of the voxels reads \\x07",
        ),
        (
            "BinaryData",
            "BinaryData = False\nCompressedData = True",
            "text that is compressed",
        ),
        (
            "BinaryData",
            "CompressedData = True",
            "the zlib stream is damaged",
        ),
        (
            "Offset",
            "HeaderSize = 20",
            "HeaderSize is 20 where the header alone has",
        ),
        ("Offset", "HeaderSize = -2", "HeaderSize is -2"),
        (
            "Offset",
            "HeaderSize = 9000000000000000000",
            "the header promises 9000000000000000",
        ),
        (
            "Offset",
            "no key here",
            "line 5 of the header is no key here",
        ),
        (
            "ElementDataFile",
            "ElementDataFile = LIST",
            "expected LOCAL or the name of one file",
        ),
        (
            "ElementDataFile",
            "ElementDataFile = a%02d.raw 1 9 1",
            "the name of one file",
        ),
        (
            "ElementDataFile",
            "ElementDataFile = ../a.raw",
            "outside of the folder",
        ),
        (
            "ElementDataFile",
            "ElementDataFile = b/../../a.raw",
            "outside of the folder",
        ),
        (
            "ElementDataFile",
            "ElementDataFile = /etc/hostname",
            "outside of the folder",
        ),
        (
            "ElementDataFile",
            "ElementDataFile = none.raw",
            "lie in none.raw, which cannot be read",
        ),
        (
            "ElementDataFile",
            "ElementDataFile = .",
            "lie in ., which cannot be read",
        ),
    ] {
        let text = refusal("a.mha", &metaimage(key, line));
        assert!(text.contains(says), "{says}: {text}");
    }
    let text = refusal("a.mha", b"ObjectType = Image\nNDims = 3\n");
    assert!(text.contains("ends without ElementDataFile"), "{text}");
    let endless = [b"ObjectType = Image\nComment = ", &vec![b'x'; 2 << 20][..]].concat();
    assert!(refusal("a.mha", &endless).contains("goes on for more than 1048576 bytes"));
    let lines = [b"NDims = 3\n", "a = b\n".repeat(20_000).as_bytes()].concat();
    assert!(refusal("a.mha", &lines).contains("goes on for more than 16384 lines"));
}

#[test]
fn hostile_nrrds_are_refused_with_the_field() {
    assert!(in_a_file("a.nrrd", &nrrd("", ""), volume::read_image).is_ok());
    for (key, line, says) in [
        ("NRRD0004", "NRRD0009", "begins with NRRD0009"),
        ("dimension", "", "does not give dimension"),
        ("dimension", "dimension: 17", "dimension is 17"),
        (
            "dimension",
            "dimension: 4",
            "sizes is 4 3 2, expected 4 whole numbers",
        ),
        ("sizes", "", "does not give sizes"),
        (
            "sizes",
            "sizes: 10000 10000 10000",
            "asks for 10000 x 10000 x 10000 voxels",
        ),
        ("sizes", "sizes: 1024 1024 1024", "promises 2147483"),
        ("sizes", "sizes: 4 3 2\nsizes: 4 3 2", "gives sizes twice"),
        ("type", "type: char", "type is char"),
        ("type", "type: block", "type is block"),
        ("type", "", "does not give type"),
        ("endian", "", "does not give endian"),
        ("endian", "endian: middle", "endian is middle"),
        ("encoding", "encoding: hex", "encoding is hex"),
        ("encoding", "encoding: gzip", "the gzip stream is damaged"),
        (
            "encoding",
            "encoding: ascii",
            "number 1 of the voxels reads \\x07",
        ),
        (
            "space:",
            "space: left-posterior-superior-time",
            "space is left-posterior-superior-time",
        ),
        (
            "space:",
            "space: LPS\nspace dimension: 2",
            "contradict each other",
        ),
        (
            "space directions",
            "space directions: (1,0,0) (0,1,0)",
            "expected 3 vectors",
        ),
        (
            "space directions",
            "space directions: (1,0,0) (0,1,0) (0,0",
            "expected 3 vectors",
        ),
        (
            "space directions",
            "space directions: (1,0) (0,1) (1,1)",
            "vectors of 2 numbers, expected 3",
        ),
        (
            "space directions",
            "space directions: (1,0,0) (1,0,0) (0,0,1)",
            "is singular",
        ),
        (
            "space directions",
            "space directions: (1,0,0) (0,inf,0) (0,0,1)",
            "no numbers",
        ),
        (
            "space directions",
            "space directions: (1,0,0) (0,1,0) none",
            "axis 3 holds 2 values",
        ),
        (
            "space directions",
            "spacings: 1 0 1",
            "spacings gives 0 for axis 2",
        ),
        (
            "space origin",
            "space origin: (0,0,1e9)",
            "the first voxel lies 1e9 mm",
        ),
        ("space origin", "space origin: 0 0 1", "expected 1 vectors"),
        (
            "kinds",
            "kinds: domain domain",
            "kinds has 2 words for 3 axes",
        ),
        ("kinds", "byte skip: -2", "byte skip is -2"),
        (
            "kinds",
            "byte skip: 9000000000000000000",
            "the header promises 9000000000000000",
        ),
        ("kinds", "line skip: 9000000000000000000", "truncated"),
        (
            "kinds",
            "no field here",
            "line 7 of the NRRD header is no field here",
        ),
        (
            "kinds",
            "data file: LIST\na.raw",
            "expected the name of one file",
        ),
        (
            "kinds",
            "data file: a%02d.raw 1 9 1",
            "expected the name of one file",
        ),
        ("kinds", "data file: ../a.raw", "outside of the folder"),
        (
            "kinds",
            "data file: none.raw",
            "lie in none.raw, which cannot be read",
        ),
    ] {
        let text = refusal("a.nrrd", &nrrd(key, line));
        assert!(text.contains(says), "{says}: {text}");
    }
    let sound = nrrd("", "");
    let header = sound.len() - 49;
    let text = refusal("a.nrrd", &sound[..header]);
    assert!(text.contains("an empty line has to part it"), "{text}");
}

#[test]
fn cut_and_overlong_files_are_refused() {
    for (name, sound) in [("a.mha", metaimage("", "")), ("a.nrrd", nrrd("", ""))] {
        let len = sound.len();
        let text = refusal(name, &sound[..len - 1]);
        assert!(text.contains(&format!(
            "promises {len} bytes but the file has only {}",
            len - 1
        )));
        let followed_by = |rest: &[u8]| [&sound[..], rest].concat();
        assert!(in_a_file(name, &followed_by(&[0; 112]), volume::read_image).is_ok());
        assert!(refusal(name, &followed_by(b"rubbish")).contains("by 7 bytes"));
        let packed = gzip(&sound[..len - 1]);
        assert!(refusal(name, &packed).contains("expected 48 bytes, found 47"));
    }
    let of = |name: &str| fs::read(fixtures().join(name)).unwrap();
    for (name, says) in [
        ("packed.nrrd", "other bytes follow the gzip stream"),
        ("oblique_mha.mha", "other bytes follow the zlib stream"),
        ("words.nrrd", "goes on after the 60 numbers"),
        ("words.mha", "goes on after the 60 numbers"),
    ] {
        let whole = of(name);
        let text = refusal(name, &[&whole[..], b"12"].concat());
        assert!(text.contains(says), "{text}");
    }
    let words = of("words.nrrd");
    let text = refusal("words.nrrd", &words[..words.len() - 40]);
    assert!(text.contains("expected 60 numbers, found"), "{text}");
    let text = refusal("words.nrrd", &words[..words.len() - 250]);
    assert!(text.contains("promises 60 numbers") || text.contains("expected 60 numbers"));
    // A stream that holds less or more than the header says.
    for (size, says) in [
        ("4 3 6", "expected 72 bytes, found 60"),
        ("4 3 4", "by 12 bytes"),
    ] {
        let whole = of("oblique_mha.mha");
        let at = whole
            .windows(15)
            .position(|part| part == b"DimSize = 4 3 5")
            .unwrap();
        let mut other = whole.clone();
        other[at + 10..at + 15].copy_from_slice(size.as_bytes());
        let text = refusal("a.mha", &other);
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn a_file_of_voxels_is_held_against_its_header() {
    let dir = tempfile::tempdir().unwrap();
    let header = dir.path().join("a.mhd");
    fs::write(
        &header,
        metaimage("ElementDataFile", "ElementDataFile = a.raw"),
    )
    .unwrap();
    let read = |len: usize| {
        fs::write(dir.path().join("a.raw"), vec![1; len]).unwrap();
        volume::read_labels(&header)
    };
    let told = |len: usize| message(&read(len).unwrap_err());
    // Bytes of 1, of which two are 257.
    assert!(told(48).contains("a.mhd: 24 of 24 voxels are no labels"));
    let text = told(47);
    assert!(
        text.contains("a.raw: the header promises 48 bytes but the file has only 47"),
        "{text}"
    );
    let text = told(50);
    assert!(
        text.contains("a.raw: the file goes on after the voxels"),
        "{text}"
    );
    // Found by fuzzing: the file was named with the header's `./`, which nobody would look for.
    fs::write(
        &header,
        metaimage("ElementDataFile", "ElementDataFile = ./a.raw"),
    )
    .unwrap();
    let named = dir.path().join("a.raw").display().to_string();
    let text = told(50);
    assert!(text.starts_with(&named), "{text}");
    // The header alone does not ask for it.
    fs::remove_file(dir.path().join("a.raw")).unwrap();
    assert!(volume::read_header(&header).is_ok());
}
