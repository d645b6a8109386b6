//! Folders, files and archives of label maps, good and bad, through the library and the binary.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hdbench::error::ExitCode;
use hdbench::evaluation::{
    ALL_CASES, CaseResults, Label, LabelMapChoice, Metric, MetricRow, MetricValue, Options,
    PairOptions, StrictCase, evaluate, pair, read_metrics_long, score_strict,
};
use hdbench::progress::{Progress, Silent};
use hdbench::volume::{Geometry, Volume, write_labels};
use hdbench_testing::golden;
use ndarray::{Array3, s};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

// ---------------------------------------------------------------- what the tests score

fn geometry() -> Geometry {
    Geometry::axis_aligned([6, 8, 8], [2.5, 0.75, 0.75])
}

/// A liver with one lesion; `shift` moves the lesion along x.
fn labels(shift: usize) -> Array3<u8> {
    let mut voxels = Array3::zeros((6, 8, 8));
    voxels.slice_mut(s![1..5, 1..7, 1..7]).fill(1);
    voxels
        .slice_mut(s![2..4, 2..4, 2 + shift..4 + shift])
        .fill(2);
    voxels
}

fn write(path: &Path, voxels: Array3<u8>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let geometry = geometry();
    write_labels(path, &Volume { voxels, geometry }).unwrap();
}

/// A file as `write_labels` makes it, in memory.
fn bytes(name: &str, voxels: Array3<u8>) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    write(&path, voxels);
    fs::read(path).unwrap()
}

/// `segmentation-0 … segmentation-2` as references, and the same names as predictions.
fn three_cases(dir: &Path) -> (PathBuf, PathBuf) {
    let (pred, reference) = (dir.join("pred"), dir.join("ref"));
    for case in 0..3 {
        let name = format!("segmentation-{case}.nii.gz");
        write(&reference.join(&name), labels(0));
        write(&pred.join(&name), labels(case));
    }
    (pred, reference)
}

fn zip(path: &Path, entries: &[(&str, Vec<u8>)]) {
    let mut zip = ZipWriter::new(fs::File::create(path).unwrap());
    for (name, content) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
}

fn run(pred: &Path, reference: &Path, options: &PairOptions) -> CaseResults<StrictCase> {
    let pairing = pair(pred, reference).unwrap();
    evaluate(&pairing.pairs, 2, &pool(2), &Silent, |pair| {
        score_strict(pair, options, &Options::default())
    })
    .unwrap()
}

fn dice(outcome: &CaseResults<StrictCase>) -> BTreeMap<String, f64> {
    let scored = outcome.scored.iter().map(|case| &case.scored);
    scored
        .map(|case| {
            let value = case.scores[Label::LESION].value(Metric::Dice);
            (case.case.clone(), value)
        })
        .collect()
}

/// The failures' messages by case; every scored case is one that was to be scored.
fn failures(outcome: &CaseResults<StrictCase>) -> BTreeMap<&str, String> {
    let failures = outcome.failures.iter();
    failures
        .map(|failure| {
            assert_eq!(failure.error.exit_code(), ExitCode::BadInput);
            (failure.case.as_str(), failure.error.to_string())
        })
        .collect()
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
}

// ---------------------------------------------------------------- pairing

#[test]
fn files_folders_and_archives_score_alike() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = (dir.path().join("pred"), dir.path().join("ref"));
    let mut entries = Vec::new();
    let mut alone = BTreeMap::new();
    for case in golden::pairs() {
        let name = format!("{}.nii.gz", case.name);
        for (folder, file) in [(&pred, &case.prediction), (&reference, &case.reference)] {
            fs::create_dir_all(folder).unwrap();
            fs::copy(file, folder.join(&name)).unwrap();
        }
        let content = fs::read(&case.prediction).unwrap();
        let options = PairOptions {
            ignore_geometry: true,
            ..PairOptions::default()
        };
        let one = run(&pred.join(&name), &reference.join(&name), &options);
        assert!(one.failures.is_empty(), "{:?}", one.failures);
        alone.extend(dice(&one));
        // Packed, unpacked inside the archive, and inside folders.
        let (entry, content) = match entries.len() % 3 {
            0 => (name, content),
            1 => (format!("deep/er/{name}"), content),
            _ => {
                let mut unpacked = Vec::new();
                let mut gzip = flate2::read::MultiGzDecoder::new(content.as_slice());
                std::io::copy(&mut gzip, &mut unpacked).unwrap();
                (format!("{}.nii", case.name), unpacked)
            }
        };
        entries.push((entry, content));
    }
    assert_eq!(alone.len(), 21);
    let archive = dir.path().join("submission.zip");
    let entries: Vec<(&str, Vec<u8>)> = entries
        .iter()
        .map(|(n, c)| (n.as_str(), c.clone()))
        .collect();
    zip(&archive, &entries);
    let folder = run(&pred, &reference, &PairOptions::default());
    let zipped = run(&archive, &reference, &PairOptions::default());
    assert_eq!(dice(&folder), alone);
    assert_eq!(dice(&zipped), alone);
    let notes = pair(&archive, &reference).unwrap().notes;
    assert!(
        notes.iter().any(|note| note.contains("would refuse")),
        "{notes:?}"
    );
    let bits = |burdens: &[(&str, MetricValue)]| -> Vec<u64> {
        burdens.iter().map(|(_, f)| f.value.to_bits()).collect()
    };
    for (a, b) in folder.scored.iter().zip(&zipped.scored) {
        assert_eq!(
            bits(&a.scored.scores.burdens()),
            bits(&b.scored.scores.burdens())
        );
    }
    let one = run(
        &pred.join("bigger.nii.gz"),
        &reference,
        &PairOptions::default(),
    );
    assert_eq!(
        dice(&one).into_iter().collect::<Vec<_>>(),
        [("bigger".to_owned(), alone["bigger"])]
    );
}

#[test]
fn names_of_every_layout_are_paired() {
    let dir = tempfile::tempdir().unwrap();
    let place = |side: &str, names: &[&str]| {
        let folder = dir.path().join(side);
        for name in names {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, []).unwrap();
        }
        folder
    };
    let found = |number: usize, pred: &[&str], reference: &[&str]| {
        let pred = place(&format!("{number}/pred"), pred);
        let reference = place(&format!("{number}/ref"), reference);
        pair(&pred, &reference).unwrap()
    };
    let cases = |pairing: &hdbench::evaluation::Pairing| -> Vec<String> {
        pairing.pairs.iter().map(|pair| pair.case.clone()).collect()
    };
    // LiTS: the CT volumes lie beside the references; predictions carry the volume's name.
    let lits = found(
        0,
        &[
            "predictions/volume-10.nii.gz",
            "predictions/volume-2.nii.gz",
        ],
        &[
            "Batch 1/volume-2.nii",
            "Batch 1/segmentation-2.nii",
            "Batch 2/segmentation-10.nii",
        ],
    );
    assert_eq!(cases(&lits), ["volume-2", "volume-10"], "by number");
    assert!(
        lits.pairs[0]
            .reference
            .path()
            .ends_with("Batch 1/segmentation-2.nii")
    );
    assert_eq!(lits.notes.len(), 1, "{:?}", lits.notes);
    says(&lits.notes[0], &["1 CT images", "volume-2.nii"]);
    // The challenge's test set, with padded numbers.
    let test = found(
        1,
        &["test-segmentation-07.nii"],
        &["test-segmentation-7.nii.gz"],
    );
    assert_eq!(cases(&test), ["test-volume-7"]);
    let across = found(2, &["test-segmentation-7.nii"], &["segmentation-7.nii"]);
    assert_eq!(cases(&across), ["volume-7"]);
    says(&across.notes[0], &["taken for one case"]);
    // nnU-Net: images beside the labels, and predictions named like images.
    let nnunet = found(
        3,
        &["liver_3_0000.nii.gz", "liver_4.nii.gz", "summary.json"],
        &[
            "imagesTr/liver_4.nii.gz",
            "labelsTr/liver_3.nii.gz",
            "labelsTr/liver_4.nii.gz",
            "dataset.json",
        ],
    );
    assert_eq!(cases(&nnunet), ["liver_3", "liver_4"]);
    let images = found(4, &["a.nii.gz", "a_0000.nii.gz"], &["a.nii.gz"]);
    assert_eq!(cases(&images), ["a"]);
    assert!(images.extra.is_empty());
    // Two channels of one case: neither is the prediction.
    let predictions = place("channels/pred", &["a_0000.nii", "a_0001.nii", "b.nii"]);
    let references = place("channels/ref", &["a.nii", "b.nii"]);
    let told = pair(&predictions, &references).unwrap_err().to_string();
    says(&told, &["several files are one case", "a: a_0000, a_0001"]);
    // What macOS leaves behind.
    let mac = found(
        5,
        &["a.nii", "._a.nii", "__MACOSX/._a.nii", ".DS_Store"],
        &["a.nii.gz"],
    );
    assert_eq!(cases(&mac), ["a"]);
    says(&mac.notes[0], &["3 hidden files", "macOS"]);
    // Missing and extra.
    let other = found(6, &["a.nii", "c.nii"], &["a.nii", "b.nii"]);
    assert_eq!(cases(&other), ["a"]);
    assert_eq!(other.missing[0].case, "b");
    assert!(other.extra[0].path().ends_with("c.nii"));
}

#[test]
fn links_to_one_file_are_one_case_and_links_to_nowhere_fail_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = three_cases(dir.path());
    let link = |from: &str, to: &str| std::os::unix::fs::symlink(from, pred.join(to)).unwrap();
    fs::create_dir(pred.join("again")).unwrap();
    link("../segmentation-0.nii.gz", "again/segmentation-0.nii.gz");
    link("..", "again/loop");
    fs::remove_file(pred.join("segmentation-1.nii.gz")).unwrap();
    link("nowhere", "segmentation-1.nii.gz");
    let outcome = run(&pred, &reference, &PairOptions::default());
    assert_eq!(outcome.scored.len(), 2);
    says(
        &failures(&outcome)["volume-1"],
        &["segmentation-1.nii.gz", "cannot read"],
    );
}

/// The same file, a link, a hard link, an archive, and a folder of them: a score of 1 that says nothing.
#[test]
fn predictions_that_are_their_own_references_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = three_cases(dir.path());
    assert!(pair(&pred, &reference).unwrap().warnings.is_empty());
    let file = |number: usize| reference.join(format!("segmentation-{number}.nii.gz"));
    let own = |number: usize| pred.join(format!("segmentation-{number}.nii.gz"));
    fs::remove_file(own(0)).unwrap();
    std::os::unix::fs::symlink(file(0), own(0)).unwrap();
    fs::remove_file(own(1)).unwrap();
    fs::hard_link(file(1), own(1)).unwrap();
    let told = |pred: &Path, reference: &Path| {
        let warnings = pair(pred, reference).unwrap().warnings;
        assert_eq!(warnings.len(), 1);
        warnings[0].clone()
    };
    let one_file = "prediction and reference are one file in";
    says(
        &told(&pred, &reference),
        &[one_file, "2 of 3 cases (volume-0, volume-1)"],
    );
    says(&told(&file(2), &file(2)), &[one_file, "1 of 1"]);
    says(&told(&reference, &reference), &[one_file, "3 of 3"]);
    let archive = dir.path().join("both.zip");
    zip(&archive, &[("a.nii", bytes("a.nii", labels(0)))]);
    says(&told(&archive, &archive), &[one_file, "1 of 1 cases (a)"]);
    let out = dir.path().join("scores");
    let output = hdbench(&[&"--pred", &reference, &"--ref", &reference, &"--out", &out]);
    assert_eq!(output.status.code(), Some(0));
    says(
        &text(&output.stderr),
        &["warning: prediction and reference are one file in 3 of 3"],
    );
}

/// Every table would take it for a sum over the cases and leave it out.
#[test]
fn a_case_called_as_all_of_them_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = three_cases(dir.path());
    let names = ["_all.nii.gz", "other.nii.gz"];
    for (folder, name) in [(&pred, names[0]), (&pred, names[1]), (&reference, names[0])] {
        write(&folder.join(name), labels(0));
    }
    let refused = |pred: &Path, reference: &Path| pair(pred, reference).unwrap_err().to_string();
    let why = ["a case is called _all", "hint: give its files another name"];
    says(&refused(&pred, &reference), &why);
    let single = (pred.join(names[1]), reference.join(names[0]));
    says(&refused(&single.0, &single.1), &why);
    // Also where it has no prediction.
    fs::remove_file(pred.join(names[0])).unwrap();
    says(&refused(&pred, &reference), &why);
}

#[test]
fn ambiguous_empty_and_foreign_folders_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = three_cases(dir.path());
    let refused = |pred: &Path, reference: &Path| {
        let error = pair(pred, reference).unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::BadInput, "{error}");
        error.to_string()
    };
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    says(
        &refused(&empty, &reference),
        &["empty", "is empty", "hint:"],
    );
    says(&refused(&pred, &empty), &["empty", "is empty", "hint:"]);
    says(
        &refused(&dir.path().join("absent"), &reference),
        &["absent", "no such file", "hint:"],
    );
    fs::write(empty.join("scan.dcm"), []).unwrap();
    says(
        &refused(&empty, &reference),
        &["none of its 1 files", "scan.dcm", ".nii.gz"],
    );
    write(&dir.path().join("foreign/patient.nii.gz"), labels(0));
    let text = refused(&dir.path().join("foreign"), &reference);
    says(&text, &["patient", "volume-0, volume-1, volume-2", "hint:"]);
    for twice in ["copy/segmentation-1.nii", "copy/segmentation-02.nii.gz"] {
        write(&pred.join(twice), labels(0));
    }
    let text = refused(&pred, &reference);
    says(
        &text,
        &[
            "volume-1: copy/segmentation-1.nii, segmentation-1.nii.gz",
            "volume-2: copy/segmentation-02.nii.gz, segmentation-2.nii.gz",
            "hint:",
        ],
    );
}

// ---------------------------------------------------------------- bad input

/// Every kind of bad file, each the prediction of one case; all messages name file and remedy, and
/// the one good case is scored.
#[test]
fn a_bad_file_fails_alone_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = (dir.path().join("pred"), dir.path().join("ref"));
    let (good, mut expected) = (labels(1), BTreeMap::new());
    let mut case = |name: &'static str, parts: &'static [&'static str]| {
        write(&reference.join(format!("{name}.nii")), labels(0));
        expected.insert(name, parts);
        pred.join(format!("{name}.nii"))
    };
    let plain = bytes("a.nii", good.clone());
    let packed = bytes("a.nii.gz", good.clone());

    write(&case("good", &[]), good.clone());
    fs::write(
        case("truncated_gzip", &["truncated"]),
        &packed[..packed.len() / 2],
    )
    .unwrap();
    fs::write(case("truncated", &["truncated"]), &plain[..plain.len() - 9]).unwrap();
    fs::write(case("empty_file", &[]), []).unwrap();
    fs::write(
        case("no_nifti", &[]),
        b"these are not the voxels you are looking for",
    )
    .unwrap();
    fs::create_dir(case("unreadable", &[])).unwrap();
    let smaller = good.slice(s![.., .., ..7]).to_owned();
    let grid = Geometry::axis_aligned([6, 8, 7], [2.5, 0.75, 0.75]);
    let volume = Volume {
        voxels: smaller,
        geometry: grid,
    };
    write_labels(&case("shape", &["7 x 8 x 6 voxels", "8 x 8 x 6"]), &volume).unwrap();
    let mut moved = geometry();
    moved.affine[0][0] = -0.75;
    let volume = Volume {
        voxels: good.clone(),
        geometry: moved,
    };
    write_labels(
        &case(
            "moved",
            &[
                "mm away",
                "% of a voxel; shifted by -",
                "the affine of its CT volume",
            ],
        ),
        &volume,
    )
    .unwrap();
    let mut outside = good.clone();
    outside[[0, 0, 0]] = 7;
    outside[[0, 0, 1]] = 7;
    write(
        &case("outside", &["7 (2 voxels)", "7=background", "--label-map"]),
        outside,
    );
    // The same header with voxels of datatype 16, 32 bits.
    let float = |change: &dyn Fn(f32) -> f32| {
        let mut file = plain[..352].to_vec();
        file[70..72].copy_from_slice(&16_i16.to_le_bytes());
        file[72..74].copy_from_slice(&32_i16.to_le_bytes());
        let voxels = good.iter().map(|&label| change(f32::from(label)));
        file.extend(voxels.flat_map(f32::to_le_bytes));
        file
    };
    fs::write(case("noise", &[]), float(&|v| v + 1e-4)).unwrap();
    let nan = float(&|v| if v > 1.0 { f32::NAN } else { v });
    fs::write(case("nan", &["NaN", "no labels"]), nan).unwrap();
    let half = float(&|v| v / 2.0);
    fs::write(case("half", &["0.5", "nearest neighbour"]), half).unwrap();
    // dim[1..=3] of 2^14, 2^13, 2^13: 2^40 voxels.
    let mut huge = plain.clone();
    for (axis, size) in [1_i16 << 14, 1 << 13, 1 << 13].into_iter().enumerate() {
        huge[42 + 2 * axis..44 + 2 * axis].copy_from_slice(&size.to_le_bytes());
    }
    fs::write(case("huge", &["16384"]), huge).unwrap();

    // A folder named like a label map is no file: its case is missing.
    fs::remove_dir(pred.join("unreadable.nii")).unwrap();
    std::os::unix::fs::symlink("/proc/self/mem", pred.join("unreadable.nii")).unwrap();

    let outcome = run(&pred, &reference, &PairOptions::default());
    let scored: Vec<&str> = outcome
        .scored
        .iter()
        .map(|c| c.scored.case.as_str())
        .collect();
    assert_eq!(scored, ["good", "noise"]);
    assert_eq!(dice(&outcome)["noise"], dice(&outcome)["good"]);
    let failed = failures(&outcome);
    for (case, parts) in expected {
        if scored.contains(&case) {
            continue;
        }
        let text = &failed[case];
        says(text, &[&format!("{case}.nii")]);
        says(text, parts);
        assert!(
            text.contains("hint:") || text.contains("cannot read"),
            "{text}"
        );
    }
    let ignoring = PairOptions {
        ignore_geometry: true,
        ..PairOptions::default()
    };
    let outcome = run(
        &pred.join("moved.nii"),
        &reference.join("moved.nii"),
        &ignoring,
    );
    let apart = outcome.scored[0].apart.unwrap();
    assert_eq!(apart.mm, 10.5, "7 voxels of 2 x 0.75 mm");
}

/// A signal is heeded between two cases; the cases begun are not taken for all of them.
#[test]
fn a_signal_ends_the_evaluation() {
    struct StopAfterOne(AtomicBool);
    impl Progress for StopAfterOne {
        fn plan(&self, _units: u64) {}
        fn stage(&self, _cell: &str, _name: &str) {}
        fn advance(&self, _units: u64) {
            self.0.store(true, Ordering::SeqCst);
        }
        fn note(&self, _line: &str) {}
        fn interrupted(&self) -> bool {
            self.0.load(Ordering::SeqCst)
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = three_cases(dir.path());
    let pairs = pair(&pred, &reference).unwrap().pairs;
    let begun = AtomicUsize::new(0);
    let progress = StopAfterOne(AtomicBool::new(false));
    let error = evaluate(&pairs, 1, &pool(2), &progress, |_| {
        begun.fetch_add(1, Ordering::SeqCst);
        Ok(())
    })
    .unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Interrupted);
    assert_eq!(begun.into_inner(), 1);
}

/// However many threads there are, no more cases are begun than asked for.
#[test]
fn cases_in_flight_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = three_cases(dir.path());
    let three = pair(&pred, &reference).unwrap().pairs;
    let pairs: Vec<_> = three.iter().cycle().take(60).cloned().collect();
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begun = AtomicUsize::new(0);
    let both = std::sync::Barrier::new(2);
    let options = PairOptions::default();
    let outcome = evaluate(&pairs, 2, &pool(4), &Silent, |pair| {
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // The first two meet, so that a busy machine cannot run one after the other.
        if begun.fetch_add(1, Ordering::SeqCst) < 2 {
            both.wait();
        }
        let scored = score_strict(pair, &options, &Options::default());
        now.fetch_sub(1, Ordering::SeqCst);
        scored
    })
    .unwrap();
    assert_eq!(outcome.scored.len(), 60);
    assert_eq!(most.into_inner(), 2);
}

#[test]
fn label_maps_of_other_conventions_score_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = three_cases(dir.path());
    let expected = dice(&run(&pred, &reference, &PairOptions::default()));
    let other = dir.path().join("other/labelsTr");
    for case in 0..3 {
        let swapped = labels(case).mapv(|label| [0, 9, 1][usize::from(label)]);
        write(&other.join(format!("segmentation-{case}.nii.gz")), swapped);
    }
    let scored = |choice: LabelMapChoice| {
        let (map, note) = choice.resolve(&other).unwrap();
        let options = PairOptions {
            prediction_map: map,
            ..PairOptions::default()
        };
        (run(&other, &reference, &options), note)
    };
    let (listed, _) = scored("9=liver,1=tumour".parse().unwrap());
    assert_eq!(dice(&listed), expected);
    let (plain, note) = scored(LabelMapChoice::Auto);
    assert!(note.is_none() && plain.scored.is_empty());
    says(
        &failures(&plain)["volume-0"],
        &["9 (", "segmentation-0.nii.gz"],
    );
    let json = dir.path().join("other/dataset.json");
    for (text, named) in [
        (
            r#"{"labels": {"background": 0, "tumor": 1, "liver": 9}}"#,
            "nnunet",
        ),
        (
            r#"{"labels": {"0": "background", "1": "cancer", "9": "liver"}}"#,
            "msd",
        ),
    ] {
        fs::write(&json, text).unwrap();
        for choice in [LabelMapChoice::Auto, named.parse().unwrap()] {
            let (found, note) = scored(choice);
            assert_eq!(dice(&found), expected, "{text}");
            says(&note.unwrap(), &["dataset.json", "1=tumour,9=liver"]);
        }
        let wrong = if named == "msd" {
            LabelMapChoice::NnUnet
        } else {
            LabelMapChoice::Msd
        };
        says(
            &wrong.resolve(&other).unwrap_err().to_string(),
            &["dataset.json", "hint:"],
        );
        // Against what the files say: done, and told.
        let (_, note) = scored(LabelMapChoice::Lits);
        says(&note.unwrap(), &["as asked, though", "1=tumour,9=liver"]);
    }
}

// ---------------------------------------------------------------- archives

/// What is wrong inside one entry is that case's failure; the others are scored.
#[test]
fn an_entry_that_lies_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let reference = dir.path().join("ref");
    let names = ["a.nii", "b.nii", "c.nii", "d.nii"];
    for name in names {
        write(&reference.join(name), labels(0));
    }
    let path = dir.path().join("a.zip");
    let content = bytes("a.nii", labels(1));
    let packed = bytes("a.nii.gz", labels(1));
    zip(
        &path,
        &[
            ("a.nii", content.clone()),
            ("b.nii", content.clone()),
            ("c.nii", content.clone()),
            ("d.nii", packed),
        ],
    );
    let sound = fs::read(&path).unwrap();
    let header = |name: &[u8]| {
        let found = |&at: &usize| {
            sound[at..].starts_with(b"PK\x01\x02") && sound[at + 46..].starts_with(name)
        };
        (0..sound.len()).find(found).unwrap()
    };
    let mut lies = sound.clone();
    // a: another checksum; b: a promise that DEFLATE cannot keep; c: one byte too few.
    lies[header(b"a.nii") + 16] ^= 1;
    lies[header(b"b.nii") + 24..][..4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    let short = u32::try_from(content.len() - 1).unwrap();
    lies[header(b"c.nii") + 24..][..4].copy_from_slice(&short.to_le_bytes());
    fs::write(&path, lies).unwrap();
    let outcome = run(&path, &reference, &PairOptions::default());
    assert_eq!(outcome.scored[0].scored.case, "d", "packed twice is fine");
    let failed = failures(&outcome);
    says(&failed["a"], &["a.zip/a.nii", "checksum", "hint:"]);
    says(
        &failed["b"],
        &["a.zip/b.nii", "promises 2147483647 bytes", "hint:"],
    );
    says(&failed["c"], &["a.zip/c.nii", "hint:"]);
}

// ---------------------------------------------------------------- the binary

fn hdbench(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hdbench"));
    command.arg("evaluate");
    for argument in arguments {
        command.arg(argument);
    }
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

const RESULTS: [&str; 6] = [
    "cases.csv",
    "lesions.csv",
    "metrics.json",
    "metrics_long.csv",
    "metrics_long.parquet",
    "summary.json",
];

#[test]
fn every_number_of_threads_writes_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = three_cases(dir.path());
    let mut first: Option<(Vec<u8>, Vec<Vec<u8>>)> = None;
    for (threads, jobs) in [("1", "1"), ("2", "1"), ("2", "3"), ("3", "2")] {
        let out = dir.path().join(format!("out-{threads}-{jobs}"));
        let ran = hdbench(&[
            &"--pred",
            &pred,
            &"--ref",
            &reference,
            &"--out",
            &out,
            &"--threads",
            &threads,
            &"--jobs",
            &jobs,
        ]);
        assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
        assert_eq!(files(&out), RESULTS);
        let written: Vec<Vec<u8>> = RESULTS
            .iter()
            .map(|name| fs::read(out.join(name)).unwrap())
            .collect();
        assert_eq!(ran.stdout, written[3], "a pipe gets the rows");
        match &first {
            None => first = Some((ran.stdout, written)),
            Some(first) => assert!(
                *first == (ran.stdout, written),
                "{threads} threads, {jobs} jobs"
            ),
        }
    }
}

#[test]
fn missing_cases_fail_unless_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = three_cases(dir.path());
    let out = dir.path().join("out");
    fs::remove_file(pred.join("segmentation-1.nii.gz")).unwrap();
    write(&pred.join("segmentation-9.nii.gz"), labels(0));
    let ran = hdbench(&[
        &"--pred",
        &pred,
        &"--ref",
        &reference,
        &"--out",
        &out,
        &"--format",
        &"table",
    ]);
    assert_eq!(ran.status.code(), Some(4));
    let error = text(&ran.stderr);
    says(
        &error,
        &[
            "1 of 3 references have no prediction: volume-1",
            "--allow-missing",
            "segmentation-9",
            "1 of 3 cases failed: volume-1",
        ],
    );
    says(&text(&ran.stdout), &["2 of 3 cases scored", "2/2"]);
    let failed = fs::read_to_string(out.join("failures.csv")).unwrap();
    says(
        &failed,
        &["case,reason\nvolume-1,", "segmentation-1.nii.gz"],
    );
    let cases = fs::read_to_string(out.join("cases.csv")).unwrap();
    assert_eq!(cases.lines().count(), 3);
    // The same folder again: what no longer holds is taken away.
    let ran = hdbench(&[
        &"--pred",
        &pred,
        &"--ref",
        &reference,
        &"--out",
        &out,
        &"--allow-missing",
        &"--format",
        &"jsonl",
    ]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    says(
        &text(&ran.stderr),
        &["warning: 1 of 3 references have no prediction: volume-1"],
    );
    assert_eq!(files(&out), RESULTS);
    for line in text(&ran.stdout).lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&row["algorithm"], &row["task"]),
            (&"pred".into(), &"ref".into())
        );
    }
}

#[test]
fn exit_codes_tell_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = three_cases(dir.path());
    let out = dir.path().join("out");
    let code = |arguments: &[&dyn AsRef<std::ffi::OsStr>], code: i32, parts: &[&str]| {
        let ran = hdbench(arguments);
        assert_eq!(ran.status.code(), Some(code), "{}", text(&ran.stderr));
        says(&text(&ran.stderr), parts);
        ran
    };
    // One bad case, the others written.
    let packed = fs::read(pred.join("segmentation-2.nii.gz")).unwrap();
    fs::write(pred.join("segmentation-2.nii.gz"), &packed[..40]).unwrap();
    code(
        &[&"--pred", &pred, &"--ref", &reference, &"--out", &out],
        4,
        &["volume-2", "truncated", "1 of 3 cases failed"],
    );
    let rows = fs::read_to_string(out.join("metrics_long.csv")).unwrap();
    assert!(rows.contains("volume-1,liver,dice") && !rows.contains("volume-2"));
    // All bad: nothing old is left to be taken for a result.
    for case in 0..3 {
        fs::write(
            pred.join(format!("segmentation-{case}.nii.gz")),
            &packed[..40],
        )
        .unwrap();
    }
    code(
        &[&"--pred", &pred, &"--ref", &reference, &"--out", &out],
        3,
        &["none of 3 cases could be scored", "failures.csv"],
    );
    assert_eq!(files(&out), ["failures.csv"]);
    code(
        &[
            &"--pred",
            &dir.path().join("absent"),
            &"--ref",
            &reference,
            &"--out",
            &out,
        ],
        3,
        &["absent", "hint:"],
    );
    code(
        &[&"--pred", &pred, &"--ref", &reference, &"--out", &pred],
        2,
        &["--out and --pred", "hint:"],
    );
    code(
        &[
            &"--pred", &pred, &"--ref", &reference, &"--out", &out, &"--jobs", &"0",
        ],
        2,
        &["'--jobs <N>': a number from 1 to 1024"],
    );
    code(
        &[
            &"--pred",
            &pred,
            &"--ref",
            &reference,
            &"--out",
            &out,
            &"--threads",
            &"100000",
        ],
        2,
        &["'--threads <N>': a number from 1 to 1024; more than there are cores"],
    );
    code(
        &[
            &"--pred",
            &pred,
            &"--ref",
            &reference,
            &"--out",
            &out,
            &"--label-map",
            &"1=spleen",
        ],
        2,
        &["1=spleen", "FROM=TO"],
    );
}

/// The official scorer's own file, for every group of golden cases that it finishes; the rest of
/// the cases are reported with the reason.
#[test]
fn the_lits_profile_writes_the_official_scores() {
    let dir = tempfile::tempdir().unwrap();
    let official = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/lits/official.json");
    let official: serde_json::Value = serde_json::from_slice(&fs::read(official).unwrap()).unwrap();
    let cases = golden::pairs();
    let mut compared = 0;
    for (group, expected) in official["groups"].as_object().unwrap() {
        let members = expected["members"].as_array().unwrap();
        let (pred, out) = (
            dir.path().join(format!("{group}.zip")),
            dir.path().join(group),
        );
        let reference = dir.path().join(format!("{group}-ref"));
        fs::create_dir(&reference).unwrap();
        let mut entries = Vec::new();
        for case in cases
            .iter()
            .filter(|case| members.contains(&case.name.as_str().into()))
        {
            let name = format!("{}.nii.gz", case.name);
            fs::copy(&case.reference, reference.join(&name)).unwrap();
            entries.push((name, fs::read(&case.prediction).unwrap()));
        }
        assert_eq!(entries.len(), members.len());
        let entries: Vec<(&str, Vec<u8>)> = entries
            .iter()
            .map(|(n, c)| (n.as_str(), c.clone()))
            .collect();
        zip(&pred, &entries);
        let ran = hdbench(&[
            &"--pred",
            &pred,
            &"--ref",
            &reference,
            &"--out",
            &out,
            &"--profile",
            &"lits",
        ]);
        let Some(scores) = expected["scores_txt"].as_object() else {
            // Where it dies, the others are scored all the same.
            assert_eq!(ran.status.code(), Some(4), "{group}");
            let failed = fs::read_to_string(out.join("failures.csv")).unwrap();
            says(
                &failed,
                &[
                    "no_liver_ref,",
                    "all_background,",
                    "ZeroDivisionError",
                    "--profile strict",
                ],
            );
            says(&text(&ran.stderr), &["scores.txt covers 19 of 21 cases"]);
            continue;
        };
        assert_eq!(ran.status.code(), Some(0), "{group}: {}", text(&ran.stderr));
        let written = fs::read_to_string(out.join("scores.txt")).unwrap();
        assert_eq!(written.lines().count(), 24);
        for line in written.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            assert_eq!(scores[name], value, "{group} {name}");
            compared += 1;
        }
        let rows = read_metrics_long(&out.join("metrics_long.csv")).unwrap();
        assert!(rows.iter().all(|row| row.policy.starts_with("lits")));
        let pooled = rows.iter().filter(|row| row.case == ALL_CASES).count();
        assert_eq!(pooled, 24, "{group}");
        let penalty = |row: &&MetricRow| row.value == 9001.0 && row.case != ALL_CASES;
        for row in rows.iter().filter(penalty) {
            assert!(row.raw_value.is_nan() && row.policy == "lits:no_liver_predicted");
        }
        let table = fs::read_to_string(out.join("cases.csv")).unwrap();
        assert_eq!(table.lines().count(), 1 + members.len());
    }
    assert_eq!(compared, 3 * 24);
}

/// What `strict` refuses, the official scorer takes; a warning says how.
#[test]
fn the_lits_profile_warns_of_labels_and_places() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = (dir.path().join("p.nii"), dir.path().join("r.nii"));
    let out = dir.path().join("out");
    write(&reference, labels(0));
    let mut voxels = labels(0);
    voxels[[0, 0, 0]] = 255;
    let mut moved = geometry();
    moved.affine[0][3] = 12.5;
    write_labels(
        &pred,
        &Volume {
            voxels,
            geometry: moved,
        },
    )
    .unwrap();
    let ran = hdbench(&[
        &"--pred",
        &pred,
        &"--ref",
        &reference,
        &"--out",
        &out,
        &"--profile",
        &"lits",
    ]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    says(
        &text(&ran.stderr),
        &["255 as -1", "12.50 mm apart", "as the official scorer does"],
    );
    let ran = hdbench(&[&"--pred", &pred, &"--ref", &reference, &"--out", &out]);
    assert_eq!(ran.status.code(), Some(3));
    assert_eq!(
        files(&out),
        ["failures.csv"],
        "no scores of the other profile are left"
    );
    // With a map, which leaves nothing odd.
    let map = "1=liver,2=tumour,255=background";
    let ran = hdbench(&[
        &"--pred",
        &pred,
        &"--ref",
        &reference,
        &"--out",
        &out,
        &"--profile",
        &"lits",
        &"--label-map",
        &map,
    ]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    assert!(!text(&ran.stderr).contains("255"));
    says(
        &fs::read_to_string(out.join("scores.txt")).unwrap(),
        &["liver_dice: 1.000\n"],
    );
}

#[test]
fn the_table_names_every_convention() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = three_cases(dir.path());
    let out = dir.path().join("out");
    let no_lesion = labels(0).mapv(|label| label.min(1));
    write(&pred.join("segmentation-0.nii.gz"), no_lesion);
    let ran = hdbench(&[
        &"--pred",
        &pred,
        &"--ref",
        &reference,
        &"--out",
        &out,
        &"--format",
        &"table",
    ]);
    let table = text(&ran.stdout);
    says(
        &table,
        &[
            "3 of 3 cases scored, profile strict",
            "2/3",
            "lesion, ",
            ": 1 of 3 cases",
            "undefined and in no mean: assd",
            "dice_global",
        ],
    );
    let metrics: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("metrics.json")).unwrap()).unwrap();
    assert_eq!(metrics["case"]["case"]["2"], "volume-2");
    let assd = &metrics["aggregates"]["lesion_assd"];
    assert_eq!(
        (
            &assd["count"],
            metrics["case"]["lesion_assd"]["0"].is_null()
        ),
        (&2.into(), true)
    );
    assert_eq!(metrics["aggregates"]["lesion_dice"]["count"], 3);
    assert!(metrics["aggregates"]["lesion_dice_global"].is_number());
}

/// What is asked for is computed, under its own name, and the table shows it in the place of what
/// was not.
#[test]
fn borders_tolerances_and_matching_can_be_chosen() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = three_cases(dir.path());
    let out = dir.path().join("out");
    let ran = |more: &[&str]| {
        let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> =
            vec![&"--pred", &pred, &"--ref", &reference, &"--out", &out];
        arguments.extend(more.iter().map(|one| one as &dyn AsRef<std::ffi::OsStr>));
        hdbench(&arguments)
    };
    let chosen = ["--border", "26,6", "--nsd-tolerance", "0.5", "--one-to-one"];
    let table = text(&ran(&[&chosen[..], &["--format", "table"]].concat()).stdout);
    says(
        &table,
        &[
            "\nassd_26n ",
            "\nnsd_0.5mm ",
            "\ndetection_f1_one_to_one_iou_ge_0.5 ",
            "more metrics are in metrics_long.csv",
        ],
    );
    assert!(!table.contains("\nmasd_26n "), "{table}");
    let full = text(&ran(&[&chosen[..], &["--format", "full"]].concat()).stdout);
    says(&full, &["\nmasd_26n ", "\nhd95_max_6n "]);
    let rows = text(&ran(&[]).stdout);
    says(&rows, &[",assd,", ",assd_6n,", ",nsd_2mm,"]);
    assert!(!rows.contains("_26n,") && !rows.contains("one_to_one"));
    let refused = ran(&["--nsd-tolerance", "0"]);
    assert_eq!(refused.status.code(), Some(2));
    says(&text(&refused.stderr), &["expected millimetres"]);
    let rows = text(&ran(&["--border", "18", "--definitions", "medpy,monai"]).stdout);
    says(
        &rows,
        &[
            ",assd_6n,",
            ",hd95_max_6n,",
            ",hd95_6n_voxels,",
            ",nsd_6n_2mm,",
        ],
    );
    assert!(!rows.contains(",hd_simpleitk,"), "{rows}");
    let rows = text(&ran(&["--definitions", "all"]).stdout);
    says(
        &rows,
        &[
            ",hd_simpleitk,",
            ",nsd_panoptica,",
            ",boundary_iou_1voxels,",
        ],
    );
    let refused = ran(&["--definitions", "medpi"]);
    assert_eq!(refused.status.code(), Some(2));
    says(
        &text(&refused.stderr),
        &["medpy, monai, simpleitk", "brats-2023, all"],
    );
}
