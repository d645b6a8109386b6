//! Archives for the LiTS challenge, good and bad, through the library and the binary.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hdbench::artifact::Archive;
use hdbench::dataset::lits;
use hdbench::error::{Error, ExitCode};
use hdbench::progress::Silent;
use hdbench::submission::{
    CaseNumbers, Challenge, Options, Rule, RuleStatus, TestSet, Verdicts, WrittenArchive, check,
    mend, pack,
};
use hdbench::volume::{Geometry, Volume, read_header, read_labels, write_image, write_labels};
use ndarray::{Array3, s};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const CASES: u32 = 3;

// ---------------------------------------------------------------- what the tests submit

/// Voxels so large that a few make a liver; each case lies elsewhere.
fn geometry(case: u32) -> Geometry {
    let mut geometry = Geometry::axis_aligned([6, 8, 8], [20.0, 22.0, 21.0]);
    geometry.affine[0][3] = -80.0 - f64::from(case);
    geometry.affine[1][3] = 40.5;
    geometry.affine[2][3] = -300.25;
    geometry
}

/// A liver of 1.3 L with one lesion, which is another in each case.
fn labels(case: u32) -> Array3<u8> {
    let mut voxels = Array3::zeros((6, 8, 8));
    voxels.slice_mut(s![1..5, 1..7, 1..7]).fill(1);
    let at = 2 + case as usize;
    voxels.slice_mut(s![2..4, 2..4, at..at + 2]).fill(2);
    voxels
}

/// `test-volume-0 … test-volume-2`.
fn test_folder(dir: &Path) -> PathBuf {
    let folder = dir.join("test");
    fs::create_dir_all(&folder).unwrap();
    for case in 0..CASES {
        let image = Volume {
            voxels: Array3::from_elem((6, 8, 8), -50_i16),
            geometry: geometry(case),
        };
        write_image(&folder.join(format!("test-volume-{case}.nii.gz")), &image).unwrap();
    }
    folder
}

fn test_set(folder: &Path) -> TestSet {
    TestSet::read(&Challenge::lits(), &lits::find_test(folder).unwrap(), None).unwrap()
}

fn write(path: &Path, voxels: Array3<u8>, geometry: Geometry) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_labels(path, &Volume { voxels, geometry }).unwrap();
}

/// A file as `write_labels` makes it.
fn file(name: &str, voxels: Array3<u8>, geometry: Geometry) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    write(&path, voxels, geometry);
    fs::read(path).unwrap()
}

fn good(case: u32) -> Vec<u8> {
    file("a.nii", labels(case), geometry(case))
}

fn name(case: u32) -> String {
    format!("test-segmentation-{case}.nii")
}

fn entries() -> Vec<(String, Vec<u8>)> {
    (0..CASES).map(|case| (name(case), good(case))).collect()
}

/// The good archive with another file for case 1.
fn with_case_1(entry: &str, content: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let mut entries = entries();
    entries[1] = (entry.to_owned(), content);
    entries
}

fn zip(path: &Path, entries: &[(String, Vec<u8>)]) {
    let mut zip = ZipWriter::new(fs::File::create(path).unwrap());
    for (name, content) in entries {
        if name.ends_with('/') {
            let options = SimpleFileOptions::default();
            zip.add_directory(name.as_str(), options).unwrap();
            continue;
        }
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
}

/// What the entries of a written archive hold.
fn unpacked(path: &Path) -> BTreeMap<String, Volume<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::open(path).unwrap();
    let read = archive.entries().iter().map(|entry| {
        let mut bytes = vec![0; entry.size as usize];
        archive.read(entry).unwrap().fill(&mut bytes).unwrap();
        let out = dir.path().join(&entry.name);
        fs::write(&out, bytes).unwrap();
        (entry.name.clone(), read_labels(&out).unwrap())
    });
    read.collect()
}

fn failed(verdicts: &Verdicts) -> Vec<&'static str> {
    verdicts.failed().map(|verdict| verdict.rule.id()).collect()
}

fn warned(verdicts: &Verdicts) -> Vec<&'static str> {
    verdicts
        .warnings()
        .map(|verdict| verdict.rule.id())
        .collect()
}

/// The first finding of a rule, in one text.
fn finding(verdicts: &Verdicts, rule: Rule) -> String {
    let found = &verdicts.of(rule).unwrap().findings[0];
    format!("{}: {} {}", found.entry, found.message, found.hint)
}

struct Setup {
    dir: tempfile::TempDir,
    test: PathBuf,
    set: TestSet,
}

impl Setup {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let test = test_folder(dir.path());
        let set = test_set(&test);
        Self { dir, test, set }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn check(&self, entries: &[(String, Vec<u8>)]) -> Verdicts {
        let path = self.path("a.zip");
        zip(&path, entries);
        check(&path, &self.set, &Options::default(), &Silent).unwrap()
    }

    fn mend(&self, entries: &[(String, Vec<u8>)]) -> WrittenArchive {
        let (path, out) = (self.path("a.zip"), self.path("mended.zip"));
        zip(&path, entries);
        let _ = fs::remove_file(&out);
        mend(&path, &self.set, &Options::default(), &out, &Silent).unwrap()
    }

    fn pack(&self, from: &Path, out: &str, options: &Options) -> WrittenArchive {
        pack(from, &self.set, options, &self.path(out), &Silent).unwrap()
    }

    /// The good archive's bytes.
    fn expected(&self) -> Vec<u8> {
        let folder = self.path("plain");
        for case in 0..CASES {
            write(&folder.join(name(case)), labels(case), geometry(case));
        }
        self.pack(&folder, "expected.zip", &Options::default());
        fs::read(self.path("expected.zip")).unwrap()
    }
}

// ---------------------------------------------------------------- checking

#[test]
fn a_sound_archive_keeps_every_binding_rule() {
    let setup = Setup::new();
    let verdicts = setup.check(&entries());
    assert_eq!(failed(&verdicts), [""; 0]);
    assert_eq!(warned(&verdicts), ["challenge-set"]);
    assert_eq!(verdicts.status, RuleStatus::Warning);
    assert!(verdicts.verdict().is_ok());
    // Nothing was left unlooked at.
    let skipped = verdicts
        .rules
        .iter()
        .find(|r| r.status == RuleStatus::Skipped);
    assert!(skipped.is_none(), "{skipped:?}");
}

#[test]
fn what_is_wrong_inside_is_named_by_rule_and_entry() {
    let setup = Setup::new();
    let moved = |voxels| {
        let mut geometry = geometry(1);
        geometry.affine[0][3] += 500.0;
        file("a.nii", voxels, geometry)
    };
    let changed = |change: &dyn Fn(&mut Array3<u8>)| {
        let mut voxels = labels(1);
        change(&mut voxels);
        file("a.nii", voxels, geometry(1))
    };
    let short = good(1)[..400].to_vec();
    let wrong_shape = file("a.nii", Array3::ones((6, 8, 9)), {
        Geometry::axis_aligned([6, 8, 9], [20.0, 22.0, 21.0])
    });
    for (rule, content, says) in [
        (
            Rule::NiftiReadable,
            b"no image".to_vec(),
            "test-segmentation-1.nii",
        ),
        (Rule::NiftiReadable, short, "test-segmentation-1.nii"),
        (
            Rule::Shape,
            wrong_shape,
            "has 9 x 8 x 6 voxels, test-volume-1 has 8 x 8 x 6",
        ),
        (
            Rule::Affine,
            moved(labels(1)),
            "500.00 mm from where test-volume-1 has them",
        ),
        (
            Rule::LabelRange,
            changed(&|v| v[[2, 2, 2]] = 7),
            "7 (1 voxels); expected 0",
        ),
    ] {
        let verdicts = setup.check(&with_case_1(&name(1), content));
        assert_eq!(failed(&verdicts), [rule.id()]);
        let text = finding(&verdicts, rule);
        assert!(text.contains(says), "{text}");
    }
    for (rule, content, says) in [
        (
            Rule::LiverPresent,
            changed(&|v| v.fill(0)),
            "neither liver nor tumour",
        ),
        (
            Rule::LesionInLiver,
            changed(&|v| {
                v.slice_mut(s![.., .., 5..]).fill(0);
                v[[2, 2, 7]] = 2;
            }),
            "1 of 2 lesions touch no liver voxel",
        ),
        (
            Rule::NoGaps,
            changed(&|v| v.slice_mut(s![3, .., ..]).fill(0)),
            "slice 3",
        ),
        (
            Rule::PlausibleVolume,
            changed(&|v| {
                v.fill(0);
                v[[2, 2, 2]] = 1;
            }),
            "measures 0.01 L",
        ),
    ] {
        let verdicts = setup.check(&with_case_1(&name(1), content));
        assert_eq!(failed(&verdicts), [""; 0], "{}", rule.id());
        assert!(warned(&verdicts).contains(&rule.id()), "{}", rule.id());
        let text = finding(&verdicts, rule);
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn what_is_missing_double_or_foreign_is_named() {
    let setup = Setup::new();
    let verdicts = setup.check(&entries()[..2]);
    assert_eq!(failed(&verdicts), ["complete"]);
    assert!(finding(&verdicts, Rule::Complete).starts_with("test-segmentation-2.nii: is missing"));
    let partial = Options {
        allow_partial: true,
        ..Options::default()
    };
    let path = setup.path("a.zip");
    let verdicts = check(&path, &setup.set, &partial, &Silent).unwrap();
    assert_eq!(failed(&verdicts), [""; 0]);
    assert!(warned(&verdicts).contains(&"complete"));

    let mut double = entries();
    double.push(("liver_1.nii".into(), good(1)));
    let verdicts = setup.check(&double);
    assert!(failed(&verdicts).contains(&"one-each"));
    assert!(!verdicts.is_mendable());

    let mut foreign = entries();
    foreign.push(("test-segmentation-9.nii".into(), good(1)));
    foreign.push(("notes.txt".into(), b"hello".to_vec()));
    let verdicts = setup.check(&foreign);
    assert_eq!(failed(&verdicts), ["no-extras"]);
    let extras = &verdicts.of(Rule::NoExtras).unwrap().findings;
    assert_eq!(extras.len(), 2);
    assert!(verdicts.is_mendable());
}

// ---------------------------------------------------------------- mending

#[test]
fn what_can_be_mended_becomes_the_archive_that_should_have_been() {
    let setup = Setup::new();
    let expected = setup.expected();
    let float = {
        let mut bytes = good(1);
        // float32, 32 bits; voxels follow the header of 352 bytes.
        bytes[70..72].copy_from_slice(&16_i16.to_le_bytes());
        bytes[72..74].copy_from_slice(&32_i16.to_le_bytes());
        let voxels = bytes.split_off(352);
        bytes.extend(
            voxels
                .iter()
                .flat_map(|&label| f32::from(label).to_le_bytes()),
        );
        bytes
    };
    let nearly = {
        let mut bytes = float.clone();
        for voxel in bytes[352..].chunks_exact_mut(4) {
            let value = f32::from_le_bytes(voxel.try_into().unwrap());
            // 0.9999: the scorer would cut it off to 0.
            let value = if value > 0.0 { value - 1e-4 } else { value };
            voxel.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    };
    let four_axes = {
        let mut bytes = good(1);
        bytes[40..42].copy_from_slice(&4_i16.to_le_bytes());
        bytes
    };
    let drifted = file("a.nii", labels(1), {
        let mut geometry = geometry(1);
        geometry.affine[2][3] += 3.5;
        geometry
    });
    let flipped = {
        let mut geometry = geometry(1);
        // The same voxels in another order: x runs the other way.
        geometry.affine[0][3] += 7.0 * geometry.affine[0][0];
        geometry.affine[0][0] *= -1.0;
        let voxels = labels(1).slice(s![.., .., ..;-1]).to_owned();
        file("a.nii", voxels, geometry)
    };
    let packed = file("a.nii.gz", labels(1), geometry(1));
    let foldered: Vec<_> = entries()
        .into_iter()
        .map(|(name, content)| (format!("submission/{name}"), content))
        .collect();
    // A folder of its own, as some zip programs write it, beside files that lie flat.
    let mut with_folder = entries();
    with_folder.push(("submission/".into(), Vec::new()));
    let mut droppings = entries();
    droppings.push(("__MACOSX/._test-segmentation-0.nii".into(), b"x".to_vec()));
    droppings.push((".DS_Store".into(), b"x".to_vec()));
    for (rule, broken) in [
        (
            Rule::NotGzipped,
            with_case_1("test-segmentation-1.nii.gz", packed),
        ),
        (Rule::Flat, foldered),
        (Rule::Flat, with_folder),
        (Rule::NoExtras, droppings),
        (Rule::FileNames, with_case_1("segmentation-1.nii", good(1))),
        (
            Rule::FileNames,
            with_case_1("test-segmentation-001.nii", good(1)),
        ),
        (Rule::FileNames, with_case_1("liver_1.nii", good(1))),
        (Rule::StoredType, with_case_1(&name(1), float)),
        (Rule::WholeLabels, with_case_1(&name(1), nearly)),
        (Rule::ThreeDimensional, with_case_1(&name(1), four_axes)),
        (Rule::Affine, with_case_1(&name(1), drifted)),
        (Rule::Affine, with_case_1(&name(1), flipped)),
    ] {
        let written = setup.mend(&broken);
        let found = written.before.of(rule).unwrap();
        assert!(!found.findings.is_empty(), "{}", rule.id());
        assert!(
            written.mended().any(|(mended, _)| mended == rule),
            "{}",
            rule.id()
        );
        assert_eq!(failed(written.last()), [""; 0], "{}", rule.id());
        let bytes = fs::read(setup.path("mended.zip")).unwrap();
        assert!(bytes == expected, "{}", rule.id());
    }
    for (case, (entry, volume)) in unpacked(&setup.path("mended.zip")).into_iter().enumerate() {
        let case = case as u32;
        assert_eq!(entry, name(case));
        assert_eq!(volume.voxels, labels(case));
        let image = read_header(&setup.test.join(format!("test-volume-{case}.nii.gz"))).unwrap();
        assert_eq!(volume.geometry, image.geometry);
    }
}

#[test]
fn what_cannot_be_mended_is_refused_and_nothing_is_written() {
    let setup = Setup::new();
    let written = setup.mend(&with_case_1(&name(1), b"no image".to_vec()));
    assert!(written.archive.is_none() && written.after.is_none());
    assert!(!setup.path("mended.zip").exists());
    let error = written.last().verdict().unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Refused);
    let text = error.to_string();
    assert!(text.contains("nifti-readable (test-segmentation-1.nii)") && text.contains("hint:"));
    // Over itself, an archive would be lost where the mending fails.
    let path = setup.path("a.zip");
    let error = mend(&path, &setup.set, &Options::default(), &path, &Silent).unwrap_err();
    assert!(matches!(error, Error::Usage { .. }), "{error}");
}

// ---------------------------------------------------------------- packing

/// As LiTS's `test-volume-59`: the second and the third axis of the file are swapped, and its header
/// does not say so.
#[test]
fn a_volume_with_swapped_axes_gets_labels_in_its_own_order() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("test");
    fs::create_dir_all(&folder).unwrap();
    let stored = Geometry::axis_aligned([64, 20, 64], [5.0, 20.0, 5.0]);
    let image = Volume {
        voxels: Array3::from_elem((64, 20, 64), 40_i16),
        geometry: stored.clone(),
    };
    write_image(&folder.join("test-volume-59.nii"), &image).unwrap();
    let case = &lits::find_test(&folder).unwrap()[0];
    let set = test_set(&folder);
    let mut own = Array3::zeros((64, 20, 64));
    own.slice_mut(s![10..40, 3..9, 20..40]).fill(1);
    own.slice_mut(s![20..25, 4..6, 25..30]).fill(2);
    // What a tool writes that was given the volume as it should have been.
    let upright = case.read_geometry().unwrap();
    assert_ne!(upright, stored, "the oddity is known");
    for (name, voxels, geometry) in [
        ("own", own.clone(), stored.clone()),
        ("claimed", own.clone(), upright),
    ] {
        let from = dir.path().join(name);
        write(&from.join("test-segmentation-59.nii.gz"), voxels, geometry);
        let out = dir.path().join("a.zip");
        let written = pack(&from, &set, &Options::default(), &out, &Silent).unwrap();
        assert_eq!(failed(written.last()), [""; 0], "{name}");
        let packed = unpacked(&out).remove("test-segmentation-59.nii").unwrap();
        assert_eq!(packed.voxels, own, "{name}");
        assert_eq!(packed.geometry.affine, stored.affine, "{name}");
    }
}

#[test]
fn a_trial_of_some_volumes_is_refused_unless_allowed() {
    let setup = Setup::new();
    setup.expected();
    let only: CaseNumbers = "0,2".parse().unwrap();
    let set = TestSet::read(
        &Challenge::lits(),
        &lits::find_test(&setup.test).unwrap(),
        Some(&only),
    )
    .unwrap();
    let (from, out) = (setup.path("plain"), setup.path("trial.zip"));
    let written = pack(&from, &set, &Options::default(), &out, &Silent).unwrap();
    assert_eq!(failed(written.last()), ["complete", "no-extras"]);
    assert!(finding(written.last(), Rule::Complete).contains("left out by --only"));
    assert!(!out.exists());
    let partial = Options {
        allow_partial: true,
        ..Options::default()
    };
    let written = pack(&from, &set, &partial, &out, &Silent).unwrap();
    assert_eq!(failed(written.last()), [""; 0]);
    assert!(warned(written.last()).contains(&"complete"));
    let names: Vec<String> = unpacked(&out).into_keys().collect();
    assert_eq!(names, [name(0), name(2)]);
}

// ---------------------------------------------------------------- the binary

fn hdbench(arguments: &[&str], setup: &Setup) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hdbench"));
    command.arg("submit-lits").args(arguments);
    command.current_dir(setup.dir.path()).output().unwrap()
}

fn code(output: &Output) -> ExitCode {
    let code = output.status.code().unwrap();
    ExitCode::ALL
        .into_iter()
        .find(|&known| known as i32 == code)
        .unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_binary_packs_checks_mends_and_scores() {
    let setup = Setup::new();
    setup.expected();
    let json = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    // References are the predictions, but for case 2.
    for case in 0..CASES {
        let voxels = labels(if case == 2 { 1 } else { case });
        let path = setup
            .path("ref")
            .join(format!("segmentation-{case}.nii.gz"));
        write(&path, voxels, geometry(case));
    }
    let made = hdbench(
        &[
            "--from",
            "plain",
            "--test",
            "test",
            "--out",
            "x/lits.zip",
            "--score",
            "ref",
        ],
        &setup,
    );
    assert_eq!(code(&made), ExitCode::Done, "{}", errors(&made));
    assert_eq!(
        fs::read(setup.path("x/lits.zip")).unwrap(),
        fs::read(setup.path("expected.zip")).unwrap()
    );
    let scores = fs::read_to_string(setup.path("x/lits-scores/scores.txt")).unwrap();
    assert!(scores.contains("liver_dice_per_case: 1.000"), "{scores}");
    assert!(scores.contains("lesion_dice_per_case: 0.833"), "{scores}");
    assert_eq!(json(&made)["scores"]["liver_dice_per_case"], 1.0);

    let checked = hdbench(
        &[
            "check",
            "x/lits.zip",
            "--test",
            "test",
            "--junit",
            "check.xml",
        ],
        &setup,
    );
    assert_eq!(code(&checked), ExitCode::Done);
    assert_eq!(json(&checked)["status"], "warning");
    let junit = fs::read_to_string(setup.path("check.xml")).unwrap();
    assert!(junit.contains("failures=\"0\""), "{junit}");

    zip(
        &setup.path("bad.zip"),
        &with_case_1("wrong/liver_1.nii", good(1)),
    );
    let refused = hdbench(&["check", "bad.zip", "--test", "test"], &setup);
    assert_eq!(code(&refused), ExitCode::Refused);
    assert!(errors(&refused).contains("--fix"), "{}", errors(&refused));
    let mended = hdbench(
        &["check", "bad.zip", "--test", "test", "--fix", "good.zip"],
        &setup,
    );
    assert_eq!(code(&mended), ExitCode::Done, "{}", errors(&mended));
    assert_eq!(
        fs::read(setup.path("good.zip")).unwrap(),
        fs::read(setup.path("expected.zip")).unwrap()
    );

    for (arguments, expected) in [
        (&["--from", "plain", "--out", "y.zip"][..], ExitCode::Usage),
        (&["--test", "test", "--out", "y.zip"], ExitCode::Usage),
        (
            &["--from", "nowhere", "--test", "test", "--out", "y.zip"],
            ExitCode::BadInput,
        ),
        (
            &["--from", "plain", "--test", "nowhere", "--out", "y.zip"],
            ExitCode::BadInput,
        ),
        (
            &[
                "--from", "plain", "--test", "test", "--out", "y.zip", "--only", "7",
            ],
            ExitCode::Usage,
        ),
        (
            &[
                "--from", "plain", "--test", "test", "--out", "y.zip", "--only", "1",
            ],
            ExitCode::Refused,
        ),
    ] {
        let output = hdbench(arguments, &setup);
        assert_eq!(
            code(&output),
            expected,
            "{arguments:?}: {}",
            errors(&output)
        );
        assert!(!setup.path("y.zip").exists());
    }
}

#[test]
fn archives_are_ranked_as_the_challenge_ranks_them() {
    let setup = Setup::new();
    for case in 0..CASES {
        let path = setup
            .path("ref")
            .join(format!("segmentation-{case}.nii.gz"));
        write(&path, labels(case), geometry(case));
    }
    zip(&setup.path("best.zip"), &entries());
    let worse = file("a.nii", labels(0), geometry(1));
    zip(&setup.path("worse.zip"), &with_case_1(&name(1), worse));
    zip(&setup.path("partial.zip"), &entries()[..2]);
    fs::write(setup.path("broken.zip"), b"PK\x03\x04").unwrap();
    let leaderboard = |archives: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hdbench"));
        command.arg("leaderboard").args(archives);
        command.args(["--ref", "ref", "--out", "board"]);
        command.current_dir(setup.dir.path()).output().unwrap()
    };
    let done = leaderboard(&["worse.zip", "best.zip"]);
    assert_eq!(code(&done), ExitCode::Done, "{}", errors(&done));
    let all = leaderboard(&["partial.zip", "broken.zip", "worse.zip", "best.zip"]);
    assert_eq!(code(&all), ExitCode::Partial, "{}", errors(&all));
    let table: Value = serde_json::from_slice(&all.stdout).unwrap();
    let names = |of: &str| -> Vec<&str> {
        let records = table[of].as_array().unwrap().iter();
        records
            .map(|one| one["submission"].as_str().unwrap())
            .collect()
    };
    assert_eq!(
        names("submissions"),
        ["best.zip", "worse.zip", "partial.zip", "broken.zip"]
    );
    assert_eq!(names("published"), ["H-DenseUNet"]);
    let first = &table["submissions"][0];
    assert_eq!((&first["rank"], &first["missing"]), (&json!(1), &json!(0)));
    assert_eq!(first["lesion_dice_per_case"], 1.0);
    assert_eq!(table["submissions"][2]["rank"], Value::Null);
    assert_eq!(table["ranked_by"], "lesion-dice-per-case");
    let csv = fs::read_to_string(setup.path("board/leaderboard.csv")).unwrap();
    assert!(
        csv.lines().nth(1).unwrap().starts_with("1,best.zip,"),
        "{csv}"
    );
    let none = leaderboard(&["broken.zip"]);
    assert_eq!(code(&none), ExitCode::BadInput, "{}", errors(&none));
}
