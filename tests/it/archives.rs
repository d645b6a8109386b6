//! Archives for the LiTS challenge, through the binary: what is refused, what is mended, what is
//! packed, and what becomes of a disk that is full.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::{Compress, Compression, FlushCompress};
use hdbench::artifact::{Archive, gzip_writer};
use hdbench::dataset::lits;
use hdbench::error::ExitCode;
use hdbench::progress::Progress;
use hdbench::submission::{Challenge as Profile, Options, TestSet, mend};
use hdbench::volume::{Geometry, Volume, read_header, read_labels, write_image, write_labels};
use ndarray::{Array3, Axis, s};
use serde_json::Value;
use tempfile::TempDir;

use super::raw_zip::{Raw, raw_zip};

// ---------------------------------------------------------------- test volumes and predictions

const SHAPE: [usize; 3] = [6, 8, 8];

/// The test volumes; 3 lies in a folder and is packed.
const VOLUMES: [(u32, &str); 2] = [(0, "test-volume-0.nii"), (3, "more/test-volume-3.nii.gz")];

/// Large voxels, 25 mL each, so that a few of them are a liver; the first axis runs to the left.
fn geometry() -> Geometry {
    let mut geometry = Geometry::axis_aligned(SHAPE, [40.0, 25.0, 25.0]);
    geometry.affine[0][0] = -25.0;
    for (row, mm) in [180.5, -90.25, -412.0].into_iter().enumerate() {
        geometry.affine[row][3] = mm;
    }
    geometry
}

/// A liver of 3.6 L with a lesion in a place of its own for each case.
fn labels(case: u32) -> Array3<u8> {
    let x = 2 + case as usize;
    let mut voxels = Array3::zeros(SHAPE);
    voxels.slice_mut(s![1..5, 1..7, 1..7]).fill(1);
    voxels.slice_mut(s![2..4, 2..4, x..x + 1]).fill(2);
    voxels
}

fn write(path: &Path, voxels: Array3<u8>, geometry: Geometry) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_labels(path, &Volume { voxels, geometry }).unwrap();
}

/// A `.nii` in memory.
fn nifti(voxels: Array3<u8>, geometry: Geometry) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii");
    write(&path, voxels, geometry);
    fs::read(path).unwrap()
}

/// A sound entry.
fn sound(case: u32) -> Vec<u8> {
    nifti(labels(case), geometry())
}

/// A sound entry with other numbers as `float32`.
fn float32(case: u32, value: impl Fn(u8) -> f32) -> Vec<u8> {
    let mut bytes = sound(case);
    bytes[70..74].copy_from_slice(&[16, 0, 32, 0]);
    let voxels = bytes.split_off(352);
    bytes.extend(voxels.into_iter().flat_map(|v| value(v).to_le_bytes()));
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = gzip_writer(Vec::new(), 6);
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn name(case: u32) -> String {
    format!("test-segmentation-{case}.nii")
}

/// A folder with `test/`, the challenge's volumes.
struct Challenge(TempDir);

impl Challenge {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (_, volume) in VOLUMES {
            let path = dir.path().join("test").join(volume);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let (voxels, geometry) = (Array3::from_elem(SHAPE, 40), geometry());
            write_image(&path, &Volume { voxels, geometry }).unwrap();
        }
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// An archive of an ordinary program.
    fn zip(&self, name: &str, entries: &[(&str, Vec<u8>)]) -> PathBuf {
        zip_file(self.path(name), entries)
    }

    /// The archive that all sound predictions come to.
    fn packed(&self) -> Vec<u8> {
        let folder = self.path("sound");
        for (case, _) in VOLUMES {
            write(&folder.join(name(case)), labels(case), geometry());
        }
        let out = self.path("sound.zip");
        self.pack(&folder, &out, &[], 0);
        fs::read(out).unwrap()
    }

    #[track_caller]
    fn pack(&self, from: &Path, out: &Path, more: &[&str], code: i32) -> Output {
        let mut command = hdbench();
        command.arg("--from").arg(from).arg("--out").arg(out);
        self.run(command.args(more), code)
    }

    /// The verdicts of `check`.
    #[track_caller]
    fn check(&self, archive: &Path, code: i32) -> Value {
        let mut command = hdbench();
        let ran = self.run(command.arg("check").arg(archive), code);
        serde_json::from_slice(&ran.stdout).unwrap()
    }

    #[track_caller]
    fn fix(&self, archive: &Path, out: &Path, code: i32) -> Value {
        let mut command = hdbench();
        let ran = self.run(
            command.arg("check").arg(archive).arg("--fix").arg(out),
            code,
        );
        serde_json::from_slice(&ran.stdout).unwrap()
    }

    #[track_caller]
    fn run(&self, command: &mut Command, code: i32) -> Output {
        let ran = command
            .arg("--test")
            .arg(self.path("test"))
            .arg("--json")
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(code), "{}", all(&ran));
        ran
    }

    /// Every file below, with its content.
    fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        walkdir::WalkDir::new(self.0.path())
            .into_iter()
            .map(|entry| entry.unwrap().into_path())
            .filter(|path| !path.is_dir())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }
}

/// Writes an archive as an ordinary program does.
pub fn zip_file(path: PathBuf, entries: &[(&str, Vec<u8>)]) -> PathBuf {
    let entries: Vec<Raw> = entries
        .iter()
        .map(|(name, content)| Raw::new(name, content))
        .collect();
    fs::write(&path, raw_zip(&entries)).unwrap();
    path
}

fn hdbench() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hdbench"));
    command.arg("submit-lits");
    command
}

/// The binary where a process may have 4 GB of addresses, or files of 8 blocks.
fn limited(limits: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{limits}; exec \"$0\" \"$@\"")])
        .arg(env!("CARGO_BIN_EXE_hdbench"))
        .arg("submit-lits");
    command
}

fn all(ran: &Output) -> String {
    String::from_utf8_lossy(&[&ran.stdout[..], &ran.stderr[..]].concat()).into_owned()
}

/// The rules that came out with a status.
fn with(status: &str, verdicts: &Value) -> Vec<String> {
    let rules = verdicts["rules"].as_array().unwrap();
    let found = rules.iter().filter(|rule| rule["status"] == status);
    found
        .map(|rule| rule["rule"].as_str().unwrap().to_owned())
        .collect()
}

fn failed(verdicts: &Value) -> Vec<String> {
    with("failed", verdicts)
}

/// Warnings but for the one that two volumes are not the challenge's seventy.
fn warned(verdicts: &Value) -> Vec<String> {
    let mut rules = with("warning", verdicts);
    rules.retain(|rule| rule != "challenge-set");
    rules
}

/// All that is said of a rule: entries, messages, hints and mends.
fn said(verdicts: &Value, rule: &str) -> String {
    let rules = verdicts["rules"].as_array().unwrap();
    let rule = rules.iter().find(|found| found["rule"] == rule).unwrap();
    rule["findings"].to_string()
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
}

/// DEFLATE's form of a content with so much of zeros behind it, whose pieces are all the same.
fn before_zeros(content: &[u8], gibibytes: u64) -> Vec<u8> {
    const PIECE_BYTES: usize = 64 << 20;
    let mut zlib = Compress::new(Compression::best(), false);
    let mut pack = |bytes: &[u8], flush| {
        let mut out = Vec::with_capacity(1 << 20);
        zlib.compress_vec(bytes, &mut out, flush).unwrap();
        out
    };
    let start = pack(content, FlushCompress::Full);
    let zeros = pack(&vec![0; PIECE_BYTES], FlushCompress::Full);
    let end = pack(&[], FlushCompress::Finish);
    let pieces = (gibibytes << 30) / PIECE_BYTES as u64;
    [start, zeros.repeat(pieces as usize), end].concat()
}

// ---------------------------------------------------------------- what is refused

/// Whatever is asked for, the rule is named, and no file appears or changes.
#[track_caller]
fn assert_refused(challenge: &Challenge, archive: &[u8], rule: &str, parts: &[&str]) {
    let path = challenge.path("hostile.zip");
    fs::write(&path, archive).unwrap();
    let before = challenge.tree();
    let verdicts = challenge.check(&path, 5);
    assert_eq!(failed(&verdicts), [rule], "{verdicts}");
    says(&said(&verdicts, rule), parts);
    let written = challenge.fix(&path, &challenge.path("mended.zip"), 5);
    assert_eq!(failed(&written["before"]), [rule]);
    assert!(written["archive"].is_null() && written["after"].is_null());
    let packed = challenge.pack(&path, &challenge.path("packed.zip"), &[], 5);
    says(&all(&packed), &["hostile.zip: refused: ", rule, "hint: "]);
    assert!(challenge.tree() == before, "{rule}: files changed");
}

/// An archive for every rule of the reader, whose refusals are tested beside it.
#[test]
fn archives_that_mean_harm_are_refused_and_nothing_is_written() {
    let challenge = Challenge::new();
    let (a, b) = (name(0), name(3));
    let (content, other) = (sound(0), sound(3));
    let two = |second: Raw| raw_zip(&[Raw::new(&a, &content), second]);
    let refused = |second: Raw, rule: &str, parts: &[&str]| {
        assert_refused(&challenge, &two(second), rule, parts);
    };
    let parts = ["leads out of the archive"];
    let outside = challenge.path("outside.nii");
    for name in ["../outside.nii", outside.to_str().unwrap()] {
        refused(Raw::new(name, &other), "archive-safe-names", &parts);
    }
    let parts = [&a, "occurs twice"];
    refused(Raw::new(&a, &other), "archive-unique-names", &parts);
    let link = Raw {
        mode: 0o120_777,
        ..Raw::new(&b, b"/etc/passwd")
    };
    refused(link, "archive-no-links", &["is a link"]);
    let encrypted = Raw {
        flags: 1,
        ..Raw::new(&b, &other)
    };
    refused(encrypted, "archive-not-encrypted", &["is encrypted"]);
    let bzip2 = Raw {
        method: 12,
        ..Raw::new(&b, &other)
    };
    refused(bzip2, "archive-compression", &["expected Deflate"]);
    let liar = Raw {
        size: u64::MAX / 4,
        zip64: true,
        ..Raw::new(&b, &other)
    };
    refused(liar, "archive-no-bomb", &[&b, "promises"]);
    // One bit of a voxel.
    let mut flipped = two(Raw::new(&b, &other));
    flipped[500] ^= 1;
    let parts = [&a, "checksum"];
    assert_refused(&challenge, &flipped, "nifti-readable", &parts);
    let cut = &flipped[..400];
    assert_refused(&challenge, cut, "archive-readable", &["zip archive"]);
    // Of an archive that is not opened, nothing else is judged.
    let verdicts = challenge.check(&challenge.path("hostile.zip"), 5);
    assert_eq!(with("skipped", &verdicts).len(), 27 - 1);
}

/// 8 GB that are a few megabytes in the archive, for a process that gets 4.
#[test]
fn bombs_are_refused_before_they_go_off() {
    let challenge = Challenge::new();
    let out = challenge.path("mended.zip");
    let check = |archive: &Path, fix: bool, code: i32| {
        let mut command = limited("ulimit -v 4000000");
        command.arg("check").arg(archive).args(["--jobs", "2"]);
        if fix {
            command.arg("--fix").arg(&out);
        }
        let ran = challenge.run(&mut command, code);
        serde_json::from_slice::<Value>(&ran.stdout).unwrap()
    };
    let (a, b) = (sound(0), sound(3));
    let path = challenge.path("bomb.zip");
    // A sound image with gigabytes behind it.
    let zeros = |path: &Path, names: &[String], contents: &[&[u8]], gibibytes: u64| {
        let bomb = before_zeros(contents[0], gibibytes);
        let first = Raw {
            method: 8,
            size: contents[0].len() as u64 + (gibibytes << 30),
            zip64: true,
            ..Raw::new(&names[0], &bomb)
        };
        let others = names.iter().zip(contents).skip(1);
        let others = others.map(|(name, content)| Raw::new(name, content));
        let entries: Vec<Raw> = std::iter::once(first).chain(others).collect();
        fs::write(path, raw_zip(&entries)).unwrap();
    };
    let names = [name(0), name(3)];
    zeros(&path, &names, &[&a, &b], 8);
    let verdicts = check(&path, false, 5);
    assert_eq!(failed(&verdicts), ["nifti-readable"]);
    says(&said(&verdicts, "nifti-readable"), &[&names[0], "goes on"]);
    // The same packed once more.
    let inside = gzip(&[a.clone(), vec![0; 64 << 20]].concat());
    let path = challenge.zip("gzip.zip", &[(&names[0], inside), (&names[1], b.clone())]);
    let verdicts = check(&path, false, 5);
    assert_eq!(failed(&verdicts), ["not-gzipped", "nifti-readable"]);
    // A header that asks for 2^31 voxels of 8 bytes, and the zeros for them.
    let mut large = a.clone();
    large.truncate(352);
    for (at, size) in [(42, 2048_u16), (44, 1024), (46, 1024), (70, 64), (72, 64)] {
        large[at..at + 2].copy_from_slice(&size.to_le_bytes());
    }
    let path = challenge.path("bomb.zip");
    zeros(&path, &names, &[&large, &b], 16);
    let verdicts = check(&path, false, 5);
    assert_eq!(failed(&verdicts), ["shape"], "{verdicts}");
    // Beside the segmentations nobody looks into it.
    let names = ["zeros.bin".to_owned(), name(0), name(3)];
    zeros(&path, &names, &[b"", &a, &b], 8);
    let written = check(&path, true, 0);
    assert_eq!(failed(&written["before"]), ["no-extras"]);
    assert!(fs::metadata(&out).unwrap().len() < 2000);
}

// ---------------------------------------------------------------- what is mended

/// What was broken, and that the mended archive is the one that sound predictions come to.
#[track_caller]
fn assert_mended(challenge: &Challenge, entries: &[(&str, Vec<u8>)], rules: &[&str], odd: &[&str]) {
    let archive = challenge.zip("theirs.zip", entries);
    let (out, theirs) = (challenge.path("mended.zip"), fs::read(&archive).unwrap());
    let verdicts = challenge.check(&archive, if rules.is_empty() { 0 } else { 5 });
    assert_eq!(failed(&verdicts), rules, "{verdicts}");
    assert_eq!(warned(&verdicts), odd, "{verdicts}");
    for rule in rules.iter().chain(odd) {
        says(&said(&verdicts, rule), &["\"mend\":"]);
    }
    let written = challenge.fix(&archive, &out, 0);
    assert_eq!(written["before"], verdicts);
    assert_eq!(failed(&written["after"]), [""; 0]);
    assert_eq!(warned(&written["after"]), [""; 0]);
    assert_eq!(written["after"]["archive"], out.to_str().unwrap());
    assert_eq!(written["after"], challenge.check(&out, 0));
    assert!(fs::read(&out).unwrap() == challenge.packed());
    assert!(fs::read(&archive).unwrap() == theirs);
    fs::remove_file(out).unwrap();
}

#[test]
fn what_is_packed_has_the_voxels_of_the_predictions_and_the_header_of_the_volumes() {
    let challenge = Challenge::new();
    challenge.packed();
    let archive = Archive::open(&challenge.path("sound.zip")).unwrap();
    let names: Vec<&str> = archive.entries().iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, [name(0), name(3)]);
    for (entry, (case, volume)) in archive.entries().iter().zip(VOLUMES) {
        let path = challenge.path("unpacked.nii");
        let mut content = vec![0; entry.size as usize];
        archive.read(entry).unwrap().fill(&mut content).unwrap();
        fs::write(&path, content).unwrap();
        assert_eq!(read_labels(&path).unwrap().voxels, labels(case));
        let volume = challenge.path("test").join(volume);
        let (found, expected) = (read_header(&path).unwrap(), read_header(&volume).unwrap());
        assert_eq!(found.geometry, expected.geometry);
        assert_eq!((found.datatype, found.dimensions), ("uint8", 3));
    }
}

#[test]
fn names_folders_and_packing_are_mended() {
    let challenge = Challenge::new();
    let (a, b) = (name(0), name(3));
    let (content, other) = (sound(0), sound(3));
    let mended = |entries: &[(&str, Vec<u8>)], rules: &[&str]| {
        assert_mended(&challenge, entries, rules, &[]);
    };
    let packed = [gzip(&content), gzip(&other)];
    let [name_gz, other_gz] = [&a, &b].map(|name| format!("{name}.gz"));
    mended(
        &[
            (&name_gz, packed[0].clone()),
            (&other_gz, packed[1].clone()),
        ],
        &["file-names", "not-gzipped"],
    );
    mended(
        &[(&a, packed[0].clone()), (&b, other.clone())],
        &["not-gzipped"],
    );
    let [folder, deep, windows] =
        ["submission/", "a/b/", "a\\"].map(|folder| format!("{folder}{a}"));
    for inside in [&folder, &deep, &windows] {
        mended(&[(inside, content.clone()), (&b, other.clone())], &["flat"]);
    }
    // The paper's own script forgets a slash.
    for [first, second] in [
        [
            "resultstest-segmentation-0.nii",
            "resultstest-segmentation-3.nii",
        ],
        ["liver_0.nii", "LiTS_0003.nii"],
        ["segmentation-0.nii", "segmentation-003.nii"],
        ["test-volume-0.nii", "Test-Segmentation-3.NII"],
        ["liver_0_0000.nii", "liver_3_0000.nii"],
    ] {
        mended(
            &[(first, content.clone()), (second, other.clone())],
            &["file-names"],
        );
    }
    let both = [(a.as_str(), content.clone()), (b.as_str(), other.clone())];
    for extra in [
        "__MACOSX/._test-segmentation-0.nii",
        ".DS_Store",
        "README.txt",
        "test-volume-0.nii",
        "test-segmentation-71.nii",
        "mean.nii",
    ] {
        let dropped: Vec<_> = both
            .iter()
            .cloned()
            .chain([(extra, b"x".to_vec())])
            .collect();
        mended(&dropped, &["no-extras"]);
    }
}

#[test]
fn labels_and_headers_are_mended() {
    let challenge = Challenge::new();
    let (a, b) = (name(0), name(3));
    let other = sound(3);
    let mended = |content: Vec<u8>, rules: &[&str], odd: &[&str]| {
        let entries = [(a.as_str(), content), (b.as_str(), other.clone())];
        assert_mended(&challenge, &entries, rules, odd);
    };
    mended(float32(0, f32::from), &[], &["stored-type"]);
    // The scorer casts to integers: it would take the tumour for liver.
    let below = |label: u8| f32::from(label) - 0.0004 * f32::from(label / 2);
    mended(float32(0, below), &["whole-labels"], &["stored-type"]);
    // 0, 2, 4 with a slope of one half.
    let mut scaled = nifti(labels(0) * 2, geometry());
    scaled[112..116].copy_from_slice(&0.5_f32.to_le_bytes());
    mended(scaled, &[], &["stored-type"]);
    let mut four_axes = sound(0);
    four_axes[40] = 4;
    mended(four_axes, &["three-dimensional"], &[]);

    let sizes_lost = Geometry::axis_aligned(SHAPE, [1.0; 3]);
    mended(nifti(labels(0), sizes_lost), &["spacing", "affine"], &[]);
    let mut moved = geometry();
    moved.affine[2][3] += 40.0;
    mended(nifti(labels(0), moved), &["affine"], &[]);
    let mut rounded = sound(0);
    rounded[80..84].copy_from_slice(&25.1_f32.to_le_bytes());
    mended(rounded, &["spacing"], &[]);
}

/// The same voxels in another order, as the header says: turned back, not given a wrong header.
#[test]
fn axes_are_turned_to_those_of_the_volume() {
    let challenge = Challenge::new();
    let (a, b) = (name(0), name(3));
    let mended = |voxels: Array3<u8>, geometry: Geometry, rules: &[&str]| {
        let entries = [
            (a.as_str(), nifti(voxels, geometry)),
            (b.as_str(), sound(3)),
        ];
        assert_mended(&challenge, &entries, rules, &[]);
    };
    let mut mirrored = labels(0);
    mirrored.invert_axis(Axis(2));
    let mut to_the_right = geometry();
    to_the_right.affine[0][0] = 25.0;
    to_the_right.affine[0][3] -= 25.0 * (SHAPE[2] - 1) as f64;
    mended(mirrored, to_the_right, &["affine"]);
    // Slices along the first axis.
    let permuted = labels(0).permuted_axes([2, 1, 0]);
    let mut slices_first = geometry();
    slices_first.shape.reverse();
    slices_first.spacing_mm.reverse();
    slices_first.stored_spacing_mm.reverse();
    for row in &mut slices_first.affine[..3] {
        row.swap(0, 2);
    }
    mended(permuted, slices_first, &["shape", "affine"]);
}

/// LiTS's test volume 59 has its slices along the second axis and a header that denies it.
#[test]
fn the_swapped_axes_of_a_volume_are_those_of_its_segmentation() {
    let challenge = Challenge::new();
    let test = challenge.path("test");
    fs::remove_dir_all(&test).unwrap();
    fs::create_dir(&test).unwrap();
    let stored = Geometry::axis_aligned([64, 5, 64], [40.0, 6.0, 6.0]);
    let volume = Volume {
        voxels: Array3::from_elem(stored.shape, 40),
        geometry: stored.clone(),
    };
    write_image(&test.join("test-volume-59.nii"), &volume).unwrap();
    let mut labels = Array3::zeros(stored.shape);
    labels.slice_mut(s![10..40, 1..4, 12..40]).fill(1);
    labels.slice_mut(s![20..24, 2..3, 20..30]).fill(2);
    // As a user who corrected the volume predicts it: slices last, the second axis before them.
    let upright = labels.clone().permuted_axes([1, 0, 2]);
    let predictions = [
        ("as-stored", labels.clone(), stored),
        (
            "upright",
            upright,
            Geometry::axis_aligned([5, 64, 64], [40.0, 6.0, 6.0]),
        ),
    ];
    let archives = predictions.map(|(folder, voxels, geometry)| {
        let from = challenge.path(folder);
        write(&from.join("segmentation-59.nii"), voxels, geometry);
        let out = challenge.path(&format!("{folder}.zip"));
        challenge.pack(&from, &out, &[], 0);
        fs::read(out).unwrap()
    });
    assert!(archives[0] == archives[1]);
    let verdicts = challenge.check(&challenge.path("upright.zip"), 0);
    assert_eq!(warned(&verdicts), [""; 0]);
    let archive = Archive::open(&challenge.path("upright.zip")).unwrap();
    let mut content = vec![0; archive.entries()[0].size as usize];
    let mut entry = archive.read(&archive.entries()[0]).unwrap();
    entry.fill(&mut content).unwrap();
    let voxels: Vec<u8> = labels.into_iter().collect();
    assert!(content[352..] == voxels);
}

// ---------------------------------------------------------------- what cannot be mended

#[test]
fn what_only_the_user_can_mend_is_refused_and_nothing_is_written() {
    let challenge = Challenge::new();
    let (a, b) = (name(0), name(3));
    let other = sound(3);
    let (out, packed) = (challenge.path("out.zip"), challenge.path("packed.zip"));
    fs::write(&out, b"an earlier archive").unwrap();
    let refused = |entries: &[(&str, Vec<u8>)], rules: &[&str], parts: &[&str]| {
        let archive = challenge.zip("theirs.zip", entries);
        let before = challenge.tree();
        let verdicts = challenge.check(&archive, 5);
        assert_eq!(failed(&verdicts), rules, "{verdicts}");
        says(&said(&verdicts, rules[0]), parts);
        let written = challenge.fix(&archive, &out, 5);
        assert!(written["archive"].is_null() && written["after"].is_null());
        assert_eq!(written["before"], verdicts);
        challenge.pack(&archive, &packed, &[], 5);
        assert!(challenge.tree() == before, "{rules:?}: files changed");
    };
    let first = |content: Vec<u8>, rules: &[&str], parts: &[&str]| {
        refused(&[(&a, content), (&b, other.clone())], rules, parts);
    };
    let short = Geometry::axis_aligned([5, 8, 8], [40.0, 25.0, 25.0]);
    let voxels = labels(0).slice(s![..5, .., ..]).to_owned();
    let parts = ["8 x 8 x 5", "test-volume-0", "8 x 8 x 6"];
    first(nifti(voxels, short), &["shape"], &parts);
    let probability = |label: u8| 0.4 * f32::from(label);
    let parts = ["no labels: 0.4", "not probabilities"];
    first(float32(0, probability), &["whole-labels"], &parts);
    let nan = |label: u8| {
        if label == 2 {
            f32::NAN
        } else {
            f32::from(label)
        }
    };
    first(float32(0, nan), &["whole-labels"], &["NaN"]);
    let parts = [
        "holds other labels: 3 (140 voxels), 6 (4 voxels)",
        "--label-map",
    ];
    first(nifti(labels(0) * 3, geometry()), &["label-range"], &parts);
    let negative = |label: u8| -f32::from(label);
    first(float32(0, negative), &["label-range"], &["-1", "-2"]);
    let whole = sound(0);
    first(whole[..500].to_vec(), &["nifti-readable"], &["truncated"]);
    let nrrd = b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 1 1 1\nencoding: raw\n\n\0";
    first(
        nrrd.to_vec(),
        &["nifti-readable"],
        &["NRRD", "takes NIfTI-1"],
    );
    let half = gzip(&whole)[..60].to_vec();
    first(half, &["not-gzipped", "nifti-readable"], &["gzip"]);

    refused(
        &[(&b, other.clone())],
        &["complete"],
        &[&a, "is missing: test-volume-0", "--allow-partial"],
    );
    refused(&[], &["complete"], &[&a, &b]);
    let again = ("liver_3.nii", other.clone());
    refused(
        &[(&a, whole.clone()), (&b, other.clone()), again],
        &["file-names", "one-each"],
        &["liver_3.nii"],
    );
    // One thing that can be mended does not carry another that cannot.
    let folder = format!("x/{a}");
    refused(&[(&folder, whole.clone())], &["flat", "complete"], &[&a]);

    // Its own place is no place for the copy.
    let archive = challenge.zip("theirs.zip", &[(&folder, whole), (&b, other.clone())]);
    let before = challenge.tree();
    let mut command = hdbench();
    command
        .arg("check")
        .arg(&archive)
        .arg("--fix")
        .arg(&archive);
    let ran = challenge.run(&mut command, 2);
    says(&all(&ran), &["would be replaced by its own copy"]);
    let mut command = hdbench();
    command.arg("check").arg(challenge.path("none.zip"));
    let ran = challenge.run(&mut command, 3);
    says(&all(&ran), &["none.zip: no such file or folder"]);
    assert!(challenge.tree() == before);
}

#[test]
fn an_archive_without_some_volumes_is_one_where_that_is_allowed() {
    let challenge = Challenge::new();
    let archive = challenge.zip("one.zip", &[(&name(3), sound(3))]);
    let out = challenge.path("mended.zip");
    for (command, code) in [("check", 5), ("check --allow-partial", 0)] {
        let mut ran = hdbench();
        let (verb, flags) = command.split_at(5);
        ran.arg(verb).arg(&archive).args(flags.split_whitespace());
        let ran = challenge.run(&mut ran, code);
        let verdicts: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let (refused, warnings) = (failed(&verdicts), warned(&verdicts));
        assert_eq!([refused, warnings].concat(), ["complete"]);
    }
    let mut command = hdbench();
    command.arg("check").arg(&archive).arg("--allow-partial");
    challenge.run(command.arg("--fix").arg(&out), 0);
    assert_eq!(Archive::open(&out).unwrap().entries().len(), 1);
}

// ---------------------------------------------------------------- anatomy

/// A map of the first volume beside a sound second one.
#[track_caller]
fn assert_warned(voxels: Array3<u8>, rules: &[&str], parts: &[&str]) {
    let challenge = Challenge::new();
    let entries = [
        (&name(0)[..], nifti(voxels, geometry())),
        (&name(3)[..], sound(3)),
    ];
    let verdicts = challenge.check(&challenge.zip("odd.zip", &entries), 0);
    assert_eq!(verdicts["status"], "warning");
    assert_eq!(warned(&verdicts), rules, "{verdicts}");
    says(&said(&verdicts, rules[0]), &[&name(0)]);
    says(&said(&verdicts, rules[0]), parts);
}

#[test]
fn maps_that_no_patient_has_are_warnings() {
    let parts = ["neither liver nor tumour"];
    assert_warned(Array3::zeros(SHAPE), &["liver-present"], &parts);
    let parts = ["tumour (2) and no liver (1)"];
    let only_tumour = labels(0).mapv(|label| if label == 0 { 0 } else { 2 });
    assert_warned(
        only_tumour,
        &["liver-present", "lesion-in-liver", "plausible-volume"],
        &parts,
    );
    let mut loose = labels(0);
    loose.slice_mut(s![3.., 5.., 5..]).fill(0);
    loose[[5, 7, 7]] = 2;
    let parts = ["1 of 2 lesions touch no liver", "25.00 mL", "x 7, y 7, z 5"];
    assert_warned(loose, &["lesion-in-liver"], &parts);
    let mut gap = labels(0);
    gap.slice_mut(s![3, .., ..]).fill(0);
    assert_warned(gap, &["no-gaps"], &["1 slices", "slice 3"]);
    let mut small = Array3::zeros(SHAPE);
    small.slice_mut(s![1..2, 1..3, 1..3]).fill(1);
    assert_warned(small, &["plausible-volume"], &["0.10 L", "0.2 to 6 L"]);
    assert_warned(Array3::ones(SHAPE), &["plausible-volume"], &["9.60 L"]);
    let swapped = labels(0).mapv(|label| [0, 2, 1][usize::from(label)]);
    assert_warned(swapped, &["plausible-volume"], &["97 %", "1 is liver"]);
}

/// Every second voxel, which is one more lesion than 16 bits count; the scorer stops there.
#[test]
fn more_lesions_than_the_scorer_counts_are_refused() {
    let challenge = Challenge::new();
    fs::remove_dir_all(challenge.path("test/more")).unwrap();
    let shape = [41, 41, 41];
    let geometry = Geometry::axis_aligned(shape, [4.0, 4.0, 4.0]);
    let volume = Volume {
        voxels: Array3::from_elem(shape, 40),
        geometry: geometry.clone(),
    };
    write_image(&challenge.path("test/test-volume-0.nii"), &volume).unwrap();
    let voxels = Array3::from_shape_fn(shape, |(z, y, x)| 1 + ((z + y + x) % 2) as u8);
    let entries = [(&name(0)[..], nifti(voxels, geometry))];
    let verdicts = challenge.check(&challenge.zip("dots.zip", &entries), 5);
    assert_eq!(failed(&verdicts), ["lesion-count"]);
    says(
        &said(&verdicts, "lesion-count"),
        &["34460 lesions", "32767"],
    );
}

// ---------------------------------------------------------------- reports

#[test]
fn junit_has_a_test_case_for_every_rule_whatever_comes_out() {
    let challenge = Challenge::new();
    let xml = challenge.path("check.xml");
    let junit = |archive: &Path, fix: bool, code: i32| {
        let mut command = hdbench();
        command.arg("check").arg(archive).arg("--junit").arg(&xml);
        if fix {
            command.arg("--fix").arg(challenge.path("mended.zip"));
        }
        challenge.run(&mut command, code);
        let text = fs::read_to_string(&xml).unwrap();
        fs::remove_file(&xml).unwrap();
        assert_eq!(text.matches("<testcase ").count(), 27);
        for (rule, _) in Profile::lits().rules() {
            says(&text, &[&format!("name=\"{}\"", rule.id())]);
        }
        text
    };
    let folder = format!("x/{}", name(0));
    let broken = challenge.zip(
        "broken.zip",
        &[(&folder, sound(0)), (&name(3), float32(3, f32::from))],
    );
    let text = junit(&broken, false, 5);
    says(
        &text,
        &[
            "tests=\"27\" skipped=\"0\" failures=\"1\" errors=\"0\"",
            "type=\"flat\"",
            "x/test-segmentation-0.nii: lies in the folder",
            "warning: test-segmentation-3.nii: labels are stored as float32",
        ],
    );
    says(&junit(&broken, true, 0), &["failures=\"0\"", "mended.zip"]);
    let text = fs::read(&broken).unwrap();
    fs::write(&broken, &text[..100]).unwrap();
    let text = junit(&broken, false, 5);
    says(&text, &["skipped=\"26\" failures=\"1\" errors=\"0\""]);
}

// ---------------------------------------------------------------- packing

#[test]
fn the_same_predictions_give_the_same_bytes_whatever_they_are_called_and_stored_as() {
    let challenge = Challenge::new();
    let expected = challenge.packed();
    // What 0, 1 and 2 are stored as.
    type Stored = [u8; 3];
    let (identity, swapped) = ([0, 1, 2], [0, 2, 1]);
    // Name of a case's file, flags, labels, dataset.json.
    let forms: [(&str, &[&str], Stored, &str); 6] = [
        ("test-segmentation-{}.nii.gz", &[], identity, ""),
        ("deep/er/test-segmentation-{}.nii", &[], identity, ""),
        (
            "liver_{}.nii.gz",
            &["--label-map", "nnunet"],
            swapped,
            r#"{"labels": {"background": 0, "tumor": 1, "liver": 2}}"#,
        ),
        ("LiTS_{}_0000.nii.gz", &["--jobs", "1"], identity, ""),
        (
            "liver_{}.nii.gz",
            &["--label-map", "msd", "--jobs", "2"],
            swapped,
            r#"{"labels": {"0": "background", "1": "cancer", "2": "liver"}}"#,
        ),
        (
            "case-{}.nii",
            &["--label-map", "1=tumour,2=liver", "--jobs", "3"],
            swapped,
            "",
        ),
    ];
    for (number, (pattern, flags, stored, json)) in forms.into_iter().enumerate() {
        let folder = challenge.path(&format!("form-{number}"));
        for (case, _) in VOLUMES {
            let path = folder.join(pattern.replace("{}", &case.to_string()));
            write(
                &path,
                labels(case).mapv(|label| stored[usize::from(label)]),
                geometry(),
            );
        }
        if !json.is_empty() {
            fs::write(folder.join("dataset.json"), json).unwrap();
        }
        let out = challenge.path(&format!("{number}.zip"));
        // The second time over an earlier archive.
        for _ in 0..2 {
            let ran = challenge.pack(&folder, &out, flags, 0);
            let written: Value = serde_json::from_slice(&ran.stdout).unwrap();
            assert_eq!(warned(&written["after"]), [""; 0], "{pattern}");
            assert!(fs::read(&out).unwrap() == expected, "{pattern}");
        }
    }
    // An archive of them too, and its own archive.
    let out = challenge.path("again.zip");
    challenge.pack(&challenge.path("sound.zip"), &out, &[], 0);
    assert!(fs::read(out).unwrap() == expected);
    let leftovers = challenge.tree().into_keys().filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with('.')
    });
    assert_eq!(leftovers.count(), 0);
}

/// A map that hardly packs: archives of 30 kB, where files may have 8 blocks of 512 or 1024 bytes.
fn ragged(challenge: &Challenge) -> PathBuf {
    fs::remove_dir_all(challenge.path("test")).unwrap();
    fs::create_dir(challenge.path("test")).unwrap();
    let shape = [32, 64, 64];
    let geometry = Geometry::axis_aligned(shape, [5.0, 3.0, 3.0]);
    let mut state = 1_u32;
    let folder = challenge.path("ragged");
    for case in 0..3 {
        let volume = Volume {
            voxels: Array3::from_elem(shape, 40),
            geometry: geometry.clone(),
        };
        let path = challenge.path(&format!("test/test-volume-{case}.nii"));
        write_image(&path, &volume).unwrap();
        let voxels = Array3::from_shape_simple_fn(shape, || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            1 + (state >> 31) as u8
        });
        write(&folder.join(name(case)), voxels, geometry.clone());
    }
    folder
}

/// The shell's limit on files is met as a full disk is: in the middle of a write, by an error. By
/// default it kills, as an impatient user does.
#[test]
fn a_full_disk_leaves_no_half_archive_and_keeps_the_one_before() {
    let challenge = Challenge::new();
    let folder = ragged(&challenge);
    let out = challenge.path("out/lits.zip");
    let names = || -> BTreeSet<String> {
        let entries = fs::read_dir(challenge.path("out")).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    let pack = |limits: &str, code: Option<i32>| {
        let mut command = limited(limits);
        command.arg("--from").arg(&folder).arg("--out").arg(&out);
        let ran = command
            .arg("--test")
            .arg(challenge.path("test"))
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), code, "{}", all(&ran));
        all(&ran)
    };
    let full = "trap '' XFSZ; ulimit -f 8";
    says(&pack(full, Some(1)), &["cannot write: "]);
    assert!(names().is_empty(), "{:?}", names());
    fs::write(&out, b"an earlier archive").unwrap();
    says(&pack(full, Some(1)), &["cannot write: "]);
    assert_eq!(names(), BTreeSet::from(["lits.zip".to_owned()]));
    assert_eq!(fs::read(&out).unwrap(), b"an earlier archive");
    // The signal of it, which kills by default.
    says(&pack("ulimit -f 8", Some(1)), &["cannot write: "]);
    assert_eq!(names(), BTreeSet::from(["lits.zip".to_owned()]));
    assert_eq!(fs::read(&out).unwrap(), b"an earlier archive");
    // With room, over what a killed one left.
    fs::write(challenge.path("out/.hdbench-killed.tmp"), "half").unwrap();
    pack("true", Some(0));
    let archive = Archive::open(&out).unwrap();
    assert_eq!(archive.entries().len(), 3);
    assert!(fs::metadata(&out).unwrap().len() > 8 * 1024);
}

struct Impatient;

impl Progress for Impatient {
    fn plan(&self, _units: u64) {}
    fn stage(&self, _cell: &str, _name: &str) {}
    fn advance(&self, _units: u64) {}
    fn note(&self, _line: &str) {}
    fn interrupted(&self) -> bool {
        true
    }
}

#[test]
fn an_interruption_leaves_the_archive_before() {
    let challenge = Challenge::new();
    let archive = challenge.zip("theirs.zip", &[("x/test-segmentation-0.nii", sound(0))]);
    let out = challenge.path("mended.zip");
    fs::write(&out, b"an earlier archive").unwrap();
    let before = challenge.tree();
    let test = lits::find_test(&challenge.path("test")).unwrap();
    let test = TestSet::read(&Profile::lits(), &test, None).unwrap();
    let error = mend(&archive, &test, &Options::default(), &out, &Impatient).unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Interrupted);
    assert!(challenge.tree() == before);
}

/// A part of the challenge is a try, and no submission.
#[test]
fn some_volumes_alone_are_packed_where_that_is_allowed() {
    let challenge = Challenge::new();
    challenge.packed();
    let (folder, out) = (challenge.path("sound"), challenge.path("some.zip"));
    let ran = challenge.pack(&folder, &out, &["--only", "3"], 5);
    says(&all(&ran), &["complete", "test-segmentation-0.nii"]);
    let flags = ["--only", "3", "--allow-partial"];
    let ran = challenge.pack(&folder, &out, &flags, 0);
    let written: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(warned(&written["after"]), ["complete"]);
    let archive = Archive::open(&out).unwrap();
    let names: Vec<&str> = archive.entries().iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, [name(3)]);
    for (only, code) in [("7", 2), ("a", 2), ("3-0", 2)] {
        let before = challenge.tree();
        let flags = ["--only", only, "--allow-partial"];
        says(
            &all(&challenge.pack(&folder, &out, &flags, code)),
            &["hint: "],
        );
        assert!(challenge.tree() == before, "{only}");
    }
}
