//! The whole way on tiny phantoms: cases to report, killed and resumed, predicted from outside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use hdbench::artifact::MaybeGzip;
use hdbench::cell::{
    CellRecord, Status, load_model, model_folder, predict_file, prediction_path, run_cell,
};
use hdbench::dataset::{Protocol, lits};
use hdbench::error::{Error, Result};
use hdbench::evaluation::read_metrics_long;
use hdbench::network::DeviceSpec;
use hdbench::progress::{Progress, Silent};
use hdbench::recipe::{Recipe, RecipeName, Variant};
use hdbench::schedule::{Executor, run_study};
use hdbench::seed::Seed;
use hdbench::study::{Cell, Data, Inputs, Study, own_cache};
use hdbench::submission::{Predictor, predict_all, prediction_file};
use hdbench::volume::{read_geometry, read_labels};
use hdbench::{phantom, report};

use super::training::tiny_scale;

/// Cells in this process, one after the other.
struct Here<'a> {
    study: &'a Study,
    inputs: &'a Inputs,
}

impl Executor for Here<'_> {
    fn jobs(&self) -> usize {
        1
    }

    fn execute(&self, run: &Path, cell: Cell, progress: &dyn Progress) -> Result<()> {
        run_cell(run, self.study, self.inputs, cell, progress)
    }
}

/// Interrupts when so much work is done.
struct StopAt {
    left: AtomicUsize,
}

impl Progress for StopAt {
    fn plan(&self, _units: u64) {}
    fn stage(&self, _cell: &str, _name: &str) {}
    fn advance(&self, units: u64) {
        let left = self.left.load(Ordering::SeqCst);
        self.left
            .store(left.saturating_sub(units as usize), Ordering::SeqCst);
    }
    fn note(&self, _line: &str) {}
    fn interrupted(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

fn phantoms(dir: &Path) -> PathBuf {
    let folder = dir.join("phantoms");
    let spec = phantom::Spec::with_matrix(4, Seed(2), 64);
    phantom::write(&spec, &folder, &Silent).unwrap();
    folder
}

fn study(folder: &Path, variants: &[Variant], recipe: RecipeName) -> Study {
    Study {
        name: "tiny".into(),
        seed: 1,
        device: "flex".into(),
        threads: 1,
        shards: 1,
        places: None,
        variants: variants.to_vec(),
        algorithm: BTreeMap::new(),
        protocol: Protocol::Holdout,
        folds: vec![0],
        seeds: vec![0],
        allow_leakage: false,
        transfer: None,
        saving: hdbench::training::CheckpointPolicy::default(),
        encoder_weights: None,
        cache: own_cache(),
        data: Data {
            folder: folder.to_path_buf(),
            phantoms: None,
        },
        recipe: Recipe::named(recipe),
        scale: tiny_scale(),
    }
}

fn run(dir: &Path, study: &Study, progress: &dyn Progress) -> Result<Inputs> {
    let inputs = Inputs::prepare(dir, study, progress)?;
    let engine = Here {
        study,
        inputs: &inputs,
    };
    run_study(dir, study, &inputs, None, &engine, progress)?.into_result()?;
    Ok(inputs)
}

fn cell(variant: Variant) -> Cell {
    Cell {
        algorithm: variant.into(),
        fold: 0,
        seed: 0,
    }
}

#[test]
fn all_variants_go_from_phantoms_to_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let folder = phantoms(dir.path());
    let run_dir = dir.path().join("run");
    let study = study(&folder, &Variant::ALL, RecipeName::Paper);
    study.write(&run_dir, false).unwrap();
    let inputs = run(&run_dir, &study, &Silent).unwrap();
    assert_eq!(
        (inputs.folds[0].train.len(), inputs.folds[0].test.len()),
        (3, 1)
    );
    for variant in Variant::ALL {
        let folder = cell(variant).folder(&run_dir);
        assert_eq!(CellRecord::read(&folder).unwrap().status, Status::Done);
        for test in &inputs.folds[0].test {
            let found = read_labels(&prediction_path(&folder, &test.case.name)).unwrap();
            let image = read_geometry(&test.case.image).unwrap();
            assert_eq!(found.geometry.shape, image.shape, "{variant}");
            assert!(found.geometry.displacement_mm(&image) < 1e-3, "{variant}");
            assert!(found.voxels.iter().all(|&label| label <= 2), "{variant}");
        }
        let rows = read_metrics_long(&folder.join("metrics_long.csv")).unwrap();
        assert!(
            rows.iter()
                .any(|row| row.metric == "dice" && row.value >= 0.0)
        );
        for file in [
            "cases.csv",
            "lesions.csv",
            "summary.json",
            "env.json",
            "cell.json",
        ] {
            assert!(folder.join(file).is_file(), "{variant}: {file}");
        }
    }
    let (content, _) = report::collect(&run_dir, &study, &inputs, "hdbench ablation").unwrap();
    assert_eq!(content.rows.len(), 7);
    // What networks are held against, and what their patches see.
    let threshold = content.threshold_liver.unwrap();
    assert!((0.2..0.95).contains(&threshold), "{threshold}");
    assert!(
        content
            .notes
            .iter()
            .any(|note| note.starts_with("Grid: a patch sees "))
    );
    let page = report::write(&content, &run_dir.join("report")).unwrap();
    let text = std::fs::read_to_string(page).unwrap();
    for variant in Variant::ALL {
        assert!(text.contains(variant.title()), "{variant}");
    }
    // Seven networks, six differences in each of four metrics.
    let evidence = content.evidence.as_ref().unwrap();
    assert_eq!(evidence.tables.analysis.comparisons.len(), 24);
    assert!(text.contains("Differences on the same cases"));

    // A second start does nothing: the models keep their time of writing.
    let written = || {
        let path = cell(Variant::HDenseUNet).folder(&run_dir);
        std::fs::metadata(path.join("state.json"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let before = written();
    run(&run_dir, &study, &Silent).unwrap();
    assert_eq!(before, written());

    // The user's own CT, with no mask, by any variant.
    let input = &inputs.folds[0].test[0].case.image;
    for variant in Variant::ALL {
        let model = model_folder(&run_dir, variant, 0, 0).unwrap();
        let model = load_model(&model, DeviceSpec::Flex, 1).unwrap();
        let out = dir.path().join(format!("{variant}.nii.gz"));
        predict_file(&model, input, &out, &Silent).unwrap();
        let expected = prediction_path(
            &cell(variant).folder(&run_dir),
            &inputs.folds[0].test[0].case.name,
        );
        let (found, expected) = (read_labels(&out).unwrap(), read_labels(&expected).unwrap());
        assert!(found.voxels == expected.voxels, "{variant}");
    }
    assert!(model_folder(dir.path(), Variant::UNet, 0, 0).is_err());
    // Of a CT whose sform and qform differ the labels have both.
    let [ct, out] = ["two-places.nii", "labels.nii"].map(|name| dir.path().join(name));
    let mut bytes = vec![0; 64 << 20];
    let read = MaybeGzip::open(input).unwrap().fill(&mut bytes).unwrap();
    bytes.truncate(read);
    bytes[252..254].copy_from_slice(&1_i16.to_le_bytes());
    bytes[268..272].copy_from_slice(&77_f32.to_le_bytes());
    std::fs::write(&ct, &bytes).unwrap();
    let model = model_folder(&run_dir, Variant::UNet, 0, 0).unwrap();
    let model = load_model(&model, DeviceSpec::Flex, 1).unwrap();
    predict_file(&model, &ct, &out, &Silent).unwrap();
    let labels = std::fs::read(&out).unwrap();
    assert_eq!(labels[252..328], bytes[252..328], "sform and qform");
}

/// From a trained network to the challenge and back: predicted once, packed, rehearsed, answered.
#[test]
fn a_study_is_submitted_and_the_answer_comes_into_its_report() {
    let dir = tempfile::tempdir().unwrap();
    let folder = phantoms(dir.path());
    let run_dir = dir.path().join("run");
    let study = study(&folder, &[Variant::UNet], RecipeName::Paper);
    study.write(&run_dir, false).unwrap();
    let inputs = run(&run_dir, &study, &Silent).unwrap();
    let test = dir.path().join("test");
    std::fs::create_dir(&test).unwrap();
    for case in 0..3 {
        let from = folder.join(format!("volume-{case}.nii.gz"));
        std::fs::copy(from, test.join(format!("test-volume-{case}.nii.gz"))).unwrap();
    }
    let model = model_folder(&run_dir, Variant::UNet, 0, 0).unwrap();
    let model = load_model(&model, DeviceSpec::Flex, 1).unwrap();
    let cases = lits::find_test(&test).unwrap();

    // Stopped between the cases, nothing is predicted twice.
    let made = dir.path().join("lits-predictions");
    let stop = StopAt {
        left: AtomicUsize::new(1),
    };
    let error = predict_all(Predictor::Network(&model), &cases, &made, &stop).unwrap_err();
    assert!(matches!(error, Error::Interrupted { .. }), "{error}");
    let first = prediction_file(&made, &cases[0]);
    let stamp = || std::fs::metadata(&first).unwrap().modified().unwrap();
    let before = stamp();
    let predicted = predict_all(Predictor::Network(&model), &cases, &made, &Silent).unwrap();
    assert_eq!((predicted.cases.len(), predicted.kept), (3, 1));
    assert_eq!(stamp(), before);
    assert_eq!(
        predict_all(Predictor::Network(&model), &cases, &made, &Silent)
            .unwrap()
            .kept,
        3
    );

    let hdbench = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_hdbench"))
            .args(arguments)
            .current_dir(dir.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), output.stdout, errors)
    };
    let json = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
    let (code, told, errors) = hdbench(&[
        "submit-lits",
        "--model",
        "run",
        "--variant",
        "unet",
        "--test",
        "test",
        "--out",
        "lits.zip",
    ]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(
        json(&told)["predicted"]["kept"],
        3,
        "the folder beside the archive is used"
    );
    assert_eq!(json(&told)["after"]["entries"], 3);
    // Another volume under the same name is predicted anew.
    std::fs::copy(
        folder.join("volume-3.nii.gz"),
        test.join("test-volume-0.nii.gz"),
    )
    .unwrap();
    let (code, told, errors) = hdbench(&[
        "submit-lits",
        "--study",
        "run",
        "--test",
        "test",
        "--out",
        "archives",
    ]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(json(&told)[0]["variant"], "unet");
    assert!(dir.path().join("archives/unet.zip").is_file());

    // The dry run takes the case that the study held out.
    let (code, told, errors) = hdbench(&[
        "submit-lits",
        "rehearse",
        "--model",
        "run",
        "--variant",
        "unet",
        "--data",
        "phantoms",
        "--out",
        "rehearsal",
    ]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(json(&told)["after"]["test_volumes"], 1);
    let own = cell(Variant::UNet).folder(&run_dir);
    let liver = |rows: Vec<hdbench::evaluation::MetricRow>| {
        let dice = |row: &&hdbench::evaluation::MetricRow| {
            row.metric == "dice_global" && row.label == Some(hdbench::evaluation::Label::LIVER)
        };
        rows.iter().find(dice).unwrap().value
    };
    let expected = liver(read_metrics_long(&own.join("metrics_long.csv")).unwrap());
    let found = json(&told)["scores"]["liver_dice_global"].as_f64().unwrap();
    assert!((found - expected).abs() < 1e-12, "{found} {expected}");

    // The server's answer.
    std::fs::write(
        dir.path().join("scores.txt"),
        "lesion_dice_per_case: 0.123\nliver_dice_global: 0.987\n",
    )
    .unwrap();
    let import = [
        "submit-lits",
        "import",
        "scores.txt",
        "--study",
        "run",
        "--variant",
    ];
    let (code, _, errors) = hdbench(&[&import[..], &["resnet"]].concat());
    assert_eq!(code, 3, "{errors}");
    assert!(
        errors.contains("resnet/fold_0/seed_0 is not trained here"),
        "{errors}"
    );
    let (code, _, errors) = hdbench(&[&import[..], &["unet"]].concat());
    assert_eq!(code, 0, "{errors}");
    let (content, _) = report::collect(&run_dir, &study, &inputs, "hdbench ablation").unwrap();
    let tables = report::tables(&content).unwrap();
    let csv = hdbench_table::Exporter::export(&hdbench_table::Csv, &tables[0]).unwrap();
    let mut rows = csv::Reader::from_reader(&csv[..]);
    let column = rows
        .headers()
        .unwrap()
        .iter()
        .position(|name| name == "lits_lesion_dice_per_case")
        .unwrap();
    assert_eq!(&rows.records().next().unwrap().unwrap()[column], "0.123");
    assert!(
        tables[0]
            .notes
            .iter()
            .any(|note| note.contains("scores.txt"))
    );
}

/// Stopped after every few units of work, from the first training step to the last prediction, and
/// started again, a study ends with the bytes of an uninterrupted one.
#[test]
fn a_study_stopped_again_and_again_ends_with_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let folder = phantoms(dir.path());
    let study = study(&folder, &[Variant::HDenseUNet], RecipeName::Released);
    let whole = dir.path().join("whole");
    let stopped = dir.path().join("stopped");
    run(&whole, &study, &Silent).unwrap();
    let mut starts = 0;
    loop {
        starts += 1;
        assert!(starts < 200, "never ends");
        let progress = StopAt {
            left: AtomicUsize::new(1 + 230 * starts),
        };
        match run(&stopped, &study, &progress) {
            Err(Error::Interrupted { .. }) => {}
            other => {
                other.unwrap();
                break;
            }
        }
    }
    assert!(starts > 5, "{starts} starts");
    let name = cell(Variant::HDenseUNet).name();
    for file in [
        "model/model.safetensors",
        "metrics_long.csv",
        "cases.csv",
        "lesions.csv",
    ] {
        let read = |run: &Path| std::fs::read(run.join(&name).join(file)).unwrap();
        assert!(read(&whole) == read(&stopped), "{file} differs");
    }
}

/// A failed cell is recorded with its reason, is left out of the report, and stops no other.
#[test]
fn a_failed_cell_stops_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let folder = phantoms(dir.path());
    let mut study = study(
        &folder,
        &[Variant::UNet, Variant::DenseUNet2d],
        RecipeName::Paper,
    );
    let run_dir = dir.path().join("run");
    study.encoder_weights = Some(dir.path().join("absent.pth"));
    let error = run(&run_dir, &study, &Silent).unwrap_err();
    assert_eq!(error.exit_code() as u8, 4);
    assert!(error.to_string().contains("absent.pth"), "{error}");
    let record = CellRecord::read(&cell(Variant::UNet).folder(&run_dir)).unwrap();
    assert_eq!(record.status, Status::Done);
    study.write(&run_dir, false).unwrap();
    let inputs = Inputs::prepare(&run_dir, &study, &Silent).unwrap();
    let (content, _) = report::collect(&run_dir, &study, &inputs, "hdbench ablation").unwrap();
    let missing = content
        .rows
        .iter()
        .filter(|row| row.status != report::RowStatus::Done)
        .count();
    assert_eq!(missing, 1);
    report::write(&content, &run_dir.join("report")).unwrap();
}

/// Other settings in the same folder are refused; other variants are added.
#[test]
fn a_study_is_not_replaced_by_another_by_accident() {
    let dir = tempfile::tempdir().unwrap();
    let first = study(dir.path(), &[Variant::UNet], RecipeName::Paper);
    first.write(dir.path(), false).unwrap();
    let mut more = first.clone();
    more.variants = vec![Variant::ResNet];
    let merged = more.write(dir.path(), false).unwrap();
    assert_eq!(merged.variants, [Variant::UNet, Variant::ResNet]);
    assert_eq!(Study::read(dir.path()).unwrap(), merged);
    let mut other = first.clone();
    other.seed = 2;
    let error = other.write(dir.path(), false).unwrap_err();
    assert!(error.to_string().contains("seed: "), "{error}");
    assert_eq!(error.exit_code() as u8, 2);
    other.write(dir.path(), true).unwrap();
    assert_eq!(Study::read(dir.path()).unwrap().seed, 2);
}

/// A study with its phantoms inside is whole: it goes on wherever its folder is moved.
#[test]
fn a_moved_study_finds_the_phantoms_inside_it() {
    let dir = tempfile::tempdir().unwrap();
    let [before, after] = ["before", "after"].map(|name| dir.path().join(name));
    std::fs::create_dir(&before).unwrap();
    let made = study(&phantoms(&before), &[Variant::UNet], RecipeName::Paper);
    made.write(&before, false).unwrap();
    std::fs::rename(&before, &after).unwrap();
    let moved = Study::read(&after).unwrap();
    assert_eq!(moved.data.folder, after.join("phantoms"));
    assert!(moved.data.folder.is_dir());
    moved.write(&after, false).unwrap();
    // Data elsewhere stay where they are.
    let elsewhere = study(
        &dir.path().join("lits"),
        &[Variant::UNet],
        RecipeName::Paper,
    );
    elsewhere.write(&after, true).unwrap();
    let read = Study::read(&after).unwrap();
    assert_eq!(read.data.folder, dir.path().join("lits"));
}
