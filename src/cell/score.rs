use std::collections::BTreeMap;
use std::path::Path;

use hdbench_algorithm::{Algorithm as External, Measured, Tissue};
use rayon::prelude::*;

use super::made::measured;
use super::record::{CellRecord, StageRecord, prediction_path};
use super::stage::Stage;
use crate::artifact::{hash_bytes, record_files};
use crate::error::{Error, Result};
use crate::evaluation::{
    Label, Name, Options, Origin, ScoredCase, rows, score_boxes, write_cases_with, write_lesions,
    write_metrics_long, write_summary,
};
use crate::preprocess::Stored;
use crate::progress::Progress;
use crate::study::{Cell, Inputs, Study, TestCase};
use crate::volume::read_label_box;

/// Raised when the same prediction gets other scores than before.
const METHOD: u32 = 2;

/// The tables, beside the predictions.
const OUTPUTS: [&str; 4] = [
    "metrics_long.csv",
    "cases.csv",
    "lesions.csv",
    "summary.json",
];

/// Scores a cell's predictions against the test cases' labels, unless that is done.
pub fn score(
    run: &Path,
    study: &Study,
    inputs: &Inputs,
    cell: Cell,
    predictions: &str,
    record: &mut CellRecord,
    progress: &dyn Progress,
) -> Result<()> {
    let folder = cell.folder(run);
    let options = options(study.external(cell.algorithm));
    let key = key_of(predictions, &options);
    if record.done(&folder, Stage::Score, &key, progress).is_some() {
        return Ok(());
    }
    progress.stage("", "scoring");
    let began = std::time::Instant::now();
    let scored = inputs
        .fold(cell.fold)?
        .test
        .par_iter()
        .map(|test| match progress.interrupted() {
            true => Err(Error::Interrupted {
                hint: "run the same command again to go on".into(),
            }),
            false => scored(&folder, test, &options),
        })
        .collect::<Result<Vec<_>>>()?;
    let origin = Origin {
        task: Name::new(&study.name),
        algorithm: cell.algorithm.to_string().into(),
        fold: u32::try_from(cell.fold).map_err(|e| Error::Internal(e.to_string()))?,
        seed: u64::from(cell.seed),
    };
    let rows = rows(origin, &scored);
    write_metrics_long(&folder.join("metrics_long.csv"), rows)?;
    write_cases_with(
        &folder.join("cases.csv"),
        &scored,
        &costs(&folder, &scored)?,
    )?;
    write_lesions(&folder.join("lesions.csv"), &scored)?;
    write_summary(&folder.join("summary.json"), &scored)?;
    let files = record_files(&folder, OUTPUTS)?;
    record.stages.insert(
        Stage::Score,
        StageRecord {
            inputs: key,
            from: BTreeMap::new(),
            hash: files[OUTPUTS[0]].blake3().to_owned(),
            files,
            outputs: OUTPUTS.map(String::from).to_vec(),
            seconds: began.elapsed().as_secs_f64(),
            peak_memory_mb: None,
            reference_seconds: None,
            imported: None,
        },
    );
    record.write(&folder)
}

/// What the cases of an algorithm that is none of our networks cost, as columns; none of ours.
fn costs(folder: &Path, scored: &[ScoredCase]) -> Result<Vec<(&'static str, Vec<f64>)>> {
    let measured = measured(folder)?;
    if measured.is_empty() {
        return Ok(Vec::new());
    }
    let column = |of: fn(&Measured) -> Option<f64>| -> Vec<f64> {
        let of_case = |case: &ScoredCase| measured.get(&case.case).and_then(of);
        let values = scored.iter().map(of_case);
        values.map(|value| value.unwrap_or(f64::NAN)).collect()
    };
    Ok(vec![
        ("wall_seconds", column(|of| Some(of.wall_seconds))),
        ("cpu_seconds", column(|of| of.cpu_seconds)),
        ("peak_memory_mb", column(|of| of.peak_memory_mb)),
        ("gpu_peak_mb", column(|of| of.gpu_peak_mb)),
        ("gpu_area_mb_s", column(|of| of.gpu_area_mb_s)),
    ])
}

fn scored(folder: &Path, test: &TestCase, options: &Options) -> Result<ScoredCase> {
    let reference = Stored::open(&test.cached)?.file_labels()?;
    let path = prediction_path(folder, &test.case.name);
    let prediction = read_label_box(&path)?;
    let reference_file = test.case.labels.as_ref().unwrap_or(&test.case.image);
    Ok(ScoredCase {
        case: test.case.name.clone(),
        prediction_file: path.display().to_string(),
        reference_file: reference_file.display().to_string(),
        scores: score_boxes(&prediction, &reference, options)?,
    })
}

/// What is scored: liver and lesion, but of somebody else's algorithm only what it finds. A liver without its lesions
/// is no liver that was looked for.
fn options(external: Option<&External>) -> Options {
    let mut options = Options::default();
    if let Some(external) = external {
        options.structures.retain(|structure| {
            let is_lesion = structure.label == Label::LESION;
            external.labels.has(if is_lesion {
                Tissue::Lesion
            } else {
                Tissue::Liver
            })
        });
    }
    options
}

/// Hash of everything that scores follow from.
fn key_of(predictions: &str, options: &Options) -> String {
    let mut text = format!("{METHOD} {predictions}");
    if options.structures.len() < Options::default().structures.len() {
        let names = options.structures.iter().map(|of| of.label.name());
        text += &format!(" {}", names.collect::<Vec<_>>().join(" "));
    }
    hash_bytes(text.as_bytes())
}

/// The same, of a cell of a study.
pub(crate) fn score_key(predictions: &str, study: &Study, cell: Cell) -> String {
    key_of(predictions, &options(study.external(cell.algorithm)))
}
