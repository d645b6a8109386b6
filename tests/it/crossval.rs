//! Cross-validation on phantoms of the 3DIRCADb patients: folds, transfer, leakage, report.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hdbench::cell::run_cell;
use hdbench::dataset::{Protocol, read_splits};
use hdbench::error::{Error, ExitCode, Result};
use hdbench::phantom;
use hdbench::progress::{Progress, Silent};
use hdbench::recipe::{Recipe, RecipeName, Scale, Variant};
use hdbench::report::{self, Content, RowStatus, Score, StudyKind};
use hdbench::schedule::{Executor, run_study};
use hdbench::seed::Seed;
use hdbench::study::{Cell, Data, Inputs, Role, Study, Transfer, own_cache};
use hdbench::volume::{Volume, read_image, read_labels, write_image, write_labels};
use ndarray::{Array3, Axis};
use walkdir::WalkDir;

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

/// The smallest networks that can be trained, for two iterations a stage.
fn scale() -> Scale {
    Scale {
        iterations: 4,
        encoder_cases: 2,
        encoder_iterations: 2,
        coarse_iterations: 2,
        ..tiny_scale()
    }
}

fn study(folder: &Path, protocol: Protocol) -> Study {
    Study {
        name: "crossval".into(),
        seed: 1,
        device: "flex".into(),
        threads: 1,
        shards: 1,
        places: None,
        variants: vec![Variant::UNet],
        algorithm: BTreeMap::new(),
        protocol,
        folds: Vec::new(),
        seeds: vec![0],
        allow_leakage: false,
        saving: hdbench::training::CheckpointPolicy::default(),
        encoder_weights: None,
        cache: own_cache(),
        data: Data {
            folder: folder.to_path_buf(),
            phantoms: None,
        },
        transfer: None,
        recipe: Recipe::named(RecipeName::Paper),
        scale: scale(),
    }
}

fn run(dir: &Path, study: &Study) -> Result<Content> {
    let study = study.write(dir, false)?;
    let inputs = Inputs::prepare(dir, &study, &Silent)?;
    let engine = Here {
        study: &study,
        inputs: &inputs,
    };
    run_study(dir, &study, &inputs, None, &engine, &Silent)?.into_result()?;
    let (content, _) = report::collect(dir, &study, &inputs, "hdbench crossval")?;
    report::write(&content, &dir.join("report"))?;
    Ok(content)
}

/// When each earned file was written.
fn earned(run: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let kinds = ["model.safetensors", "losses.csv", "metrics_long.csv"];
    WalkDir::new(run)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            kinds.contains(&name.as_ref()) || name.ends_with(".nii.gz")
        })
        .map(|path| {
            let time = path.metadata().unwrap().modified().unwrap();
            (path, time)
        })
        .collect()
}

fn text_of(run: &Path, table: &str) -> String {
    std::fs::read_to_string(run.join("report/tables").join(table)).unwrap()
}

#[test]
fn dicom_phantoms_end_in_both_tables_with_the_transfer_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let (patients, lits) = (dir.path().join("ircadb"), dir.path().join("lits"));
    phantom::write(&phantom::Spec::ircadb(Seed(4), 64), &patients, &Silent).unwrap();
    let overlapping = phantom::Spec::lits_with_ircadb(48, Seed(4), 64);
    phantom::write(&overlapping, &lits, &Silent).unwrap();
    let run_dir = dir.path().join("run");
    let mut study = study(&patients, Protocol::Christ2);
    study.transfer = Some(Transfer {
        data: Data {
            folder: lits,
            phantoms: None,
        },
        variants: vec![Variant::UNet],
    });
    let content = run(&run_dir, &study).unwrap();

    assert_eq!(content.kind, StudyKind::CrossValidation);
    let folds: Vec<(Role, usize, usize)> = content
        .folds
        .iter()
        .map(|fold| (fold.role, fold.n_train, fold.test.len()))
        .collect();
    // All twenty patients are left out, the five without tumour too, which are not tested.
    assert_eq!(
        folds,
        [
            (Role::Own, 7, 8),
            (Role::Own, 8, 7),
            (Role::Transfer, 28, 15),
            (Role::Leaked, 48, 15)
        ]
    );
    let committed = "datasets/splits/3dircadb-christ2.json";
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join(committed);
    assert_eq!(
        read_splits(&run_dir.join("splits_final.json")).unwrap(),
        read_splits(&committed).unwrap()
    );

    for leak in &content.leaks {
        let lits: u32 = leak.train.strip_prefix("volume-").unwrap().parse().unwrap();
        let patient = leak.test.strip_prefix("3Dircadb1.").unwrap();
        assert_eq!(lits, 27 + patient.parse::<u32>().unwrap(), "{leak:?}");
    }
    let count = |role, left_out| {
        let found = content.leaks.iter();
        found
            .filter(|leak| leak.role == role && leak.left_out == left_out)
            .count()
    };
    assert_eq!(count(Role::Transfer, true), 20);
    assert_eq!(count(Role::Leaked, false), 15);
    assert_eq!(content.leaks.len(), 35);

    for row in &content.rows {
        assert_eq!(row.status, RowStatus::Done, "{}", row.title);
        assert_eq!(row.scores[&Score::LiverDicePerCase].n, 15);
        assert_eq!(row.scores[&Score::LesionDiceWithLesions].n, 15);
        assert!(!row.scores.contains_key(&Score::LesionDiceGlobal) || row.role != Role::Own);
        assert_eq!(row.per_case.len(), 15);
    }
    let tumour = text_of(&run_dir, "tumour.md");
    for expected in [
        "U-Net",
        "U-Net, transfer, leaked",
        "all 48 of the other set: LEAKED",
        "Christ et al.",
        "semi-automatic",
        "additional data",
    ] {
        assert!(tumour.contains(expected), "{expected}: {tumour}");
    }
    assert!(
        !tumour.contains("(LEAKED)"),
        "the folds themselves are clean"
    );
    assert!(text_of(&run_dir, "folds.csv").lines().count() == 5);
    assert!(text_of(&run_dir, "cases-liver.csv").lines().count() == 16);
    let page = std::fs::read_to_string(run_dir.join("report/index.html")).unwrap();
    assert!(page.contains("cross-validation report"));

    let before = earned(&run_dir);
    assert!(!before.is_empty());
    run(&run_dir, &study).unwrap();
    assert_eq!(earned(&run_dir), before, "a second start redoes nothing");
}

/// The files of a folder as an archive, with their paths below it.
fn zipped(folder: &Path, archive: &Path) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(archive).unwrap());
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let path = entry.unwrap().into_path();
        if path.is_file() {
            let name = path.strip_prefix(folder).unwrap().to_string_lossy();
            zip.start_file(name, zip::write::SimpleFileOptions::default())
                .unwrap();
            zip.write_all(&std::fs::read(&path).unwrap()).unwrap();
        }
    }
    zip.finish().unwrap();
}

/// Cases, hashes, folds and what is prepared are those of the folders: one archive of all patients, archives in
/// an archive, an archive a patient, and some of each.
#[test]
fn a_data_set_is_the_same_however_it_is_packed() {
    let dir = tempfile::tempdir().unwrap();
    let folders = dir.path().join("folders");
    phantom::write(&phantom::Spec::ircadb(Seed(4), 64), &folders, &Silent).unwrap();
    let patients: Vec<PathBuf> = std::fs::read_dir(&folders)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    let [one, nested, each, mixed] =
        ["one", "nested", "each", "mixed"].map(|name| dir.path().join(name));
    for folder in [&one, &nested, &each, &mixed] {
        std::fs::create_dir(folder).unwrap();
    }
    zipped(&folders, &one.join("3Dircadb1.zip"));
    for patient in &patients {
        let name = format!("{}.zip", patient.file_name().unwrap().to_string_lossy());
        zipped(patient, &each.join(&name));
        // A folder for every other one.
        if name.len().is_multiple_of(2) {
            zipped(patient, &mixed.join(&name));
        } else {
            let own = mixed.join(patient.file_name().unwrap());
            std::os::unix::fs::symlink(patient, own).unwrap();
        }
    }
    zipped(&each, &nested.join("3Dircadb1.zip"));

    let prepared = |data: &Path| {
        let run = tempfile::tempdir().unwrap();
        let study = study(data, Protocol::Christ2)
            .write(run.path(), false)
            .unwrap();
        Inputs::prepare(run.path(), &study, &Silent).unwrap();
        let lock = std::fs::read_to_string(run.path().join("study.lock")).unwrap();
        let lock: toml::Table = lock.parse().unwrap();
        let cases = lock["cases"].as_table().unwrap();
        let cases: BTreeMap<String, [String; 3]> = cases
            .iter()
            .map(|(name, case)| {
                let of = |key: &str| case[key].as_str().unwrap().to_owned();
                (name.clone(), ["blake3", "prepared", "content"].map(of))
            })
            .collect();
        let splits = std::fs::read_to_string(run.path().join("splits_final.json")).unwrap();
        (cases, lock["folds"].to_string(), splits)
    };
    let expected = prepared(&folders);
    assert_eq!(expected.0.len(), 20);
    let distinct: std::collections::BTreeSet<_> = expected.0.values().collect();
    assert_eq!(distinct.len(), 20);
    for data in [
        one.join("3Dircadb1.zip"),
        nested.join("3Dircadb1.zip"),
        each,
        mixed,
    ] {
        assert_eq!(prepared(&data), expected, "{}", data.display());
    }
}

fn mirrored<T: Copy>(voxels: &Array3<T>) -> Array3<T> {
    let mut view = voxels.view();
    view.invert_axis(Axis(2));
    view.as_standard_layout().into_owned()
}

/// Four phantoms and a mirrored copy of one of them under another name.
fn with_a_copy(dir: &Path) -> PathBuf {
    let folder = dir.join("phantoms");
    let spec = phantom::Spec::with_matrix(4, Seed(6), 64);
    phantom::write(&spec, &folder, &Silent).unwrap();
    let image = read_image(&folder.join("volume-1.nii.gz")).unwrap();
    let image = Volume {
        voxels: mirrored(&image.voxels).mapv(|hu| hu as i16),
        geometry: image.geometry,
    };
    write_image(&folder.join("volume-9.nii.gz"), &image).unwrap();
    let labels = read_labels(&folder.join("segmentation-1.nii.gz")).unwrap();
    let labels = Volume {
        voxels: mirrored(&labels.voxels),
        geometry: labels.geometry,
    };
    write_labels(&folder.join("segmentation-9.nii.gz"), &labels).unwrap();
    folder
}

#[test]
fn a_test_scan_among_the_training_cases_is_refused_or_marked_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let folder = with_a_copy(dir.path());
    let mut study = study(&folder, Protocol::Loo);
    let run_dir = dir.path().join("run");
    study.write(&run_dir, false).unwrap();
    let refused = Inputs::prepare(&run_dir, &study, &Silent).unwrap_err();
    let text = refused.to_string();
    assert_eq!(refused.exit_code(), ExitCode::Usage);
    assert!(matches!(refused, Error::Usage { .. }));
    for expected in ["volume-1 ", "volume-9 ", "--allow-leakage", "hint:"] {
        assert!(text.contains(expected), "{text}");
    }

    study.allow_leakage = true;
    study.folds = vec![0, 1];
    let content = run(&run_dir, &study).unwrap();
    assert!(content.is_leaked());
    for table in report::tables(&content).unwrap() {
        assert!(table.title.ends_with("(LEAKED)"), "{}", table.title);
        assert!(table.caption.starts_with("Leaked"), "{}", table.caption);
    }
    let page = std::fs::read_to_string(run_dir.join("report/report.md")).unwrap();
    assert!(page.contains("- ✗ LEAKED: "), "{page}");
}

#[test]
fn replicates_are_averaged_case_by_case_and_shown_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("phantoms");
    let spec = phantom::Spec::with_matrix(4, Seed(6), 64);
    phantom::write(&spec, &folder, &Silent).unwrap();
    let mut study = study(&folder, Protocol::Loo);
    study.seeds = vec![0, 1];
    study.folds = vec![1];
    let run_dir = dir.path().join("run");
    let content = run(&run_dir, &study).unwrap();
    let row = &content.rows[0];
    assert_eq!(row.trainings.len(), 2);
    let liver: Vec<f64> = row
        .trainings
        .iter()
        .map(|training| training.liver_dice.unwrap().mean)
        .collect();
    let mean = row.scores[&Score::LiverDicePerCase];
    assert_eq!(mean.n, 1, "one case, however many replicates");
    assert!((mean.mean - (liver[0] + liver[1]) / 2.0).abs() < 1e-12);
    assert!(text_of(&run_dir, "folds.csv").contains("seed"));

    // Other folds can follow into the same study.
    study.folds = vec![0];
    let content = run(&run_dir, &study).unwrap();
    let indices: Vec<usize> = content.folds.iter().map(|fold| fold.index).collect();
    assert_eq!(indices, [0, 1]);
    assert_eq!(content.rows[0].trainings.len(), 4);
}
