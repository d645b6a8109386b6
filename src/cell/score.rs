use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use super::record::{CellRecord, StageRecord, prediction_path};
use super::stage::Stage;
use crate::artifact::{hash_bytes, record_files};
use crate::error::{Error, Result};
use crate::evaluation::{
    Name, Options, Origin, ScoredCase, rows, score_boxes, write_cases, write_lesions,
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
    let key = key_of(predictions);
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
            false => scored(&folder, test),
        })
        .collect::<Result<Vec<_>>>()?;
    let origin = Origin {
        task: Name::new(&study.name),
        algorithm: cell.part.to_string().into(),
        fold: u32::try_from(cell.fold).map_err(|e| Error::Internal(e.to_string()))?,
        seed: u64::from(cell.seed),
    };
    let rows = rows(origin, &scored);
    write_metrics_long(&folder.join("metrics_long.csv"), rows)?;
    write_cases(&folder.join("cases.csv"), &scored)?;
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
            imported: None,
        },
    );
    record.write(&folder)
}

fn scored(folder: &Path, test: &TestCase) -> Result<ScoredCase> {
    let reference = Stored::open(&test.cached)?.file_labels()?;
    let path = prediction_path(folder, &test.case.name);
    let prediction = read_label_box(&path)?;
    let reference_file = test.case.labels.as_ref().unwrap_or(&test.case.image);
    Ok(ScoredCase {
        case: test.case.name.clone(),
        prediction_file: path.display().to_string(),
        reference_file: reference_file.display().to_string(),
        scores: score_boxes(&prediction, &reference, &Options::default())?,
    })
}

/// Hash of everything that scores follow from.
pub(crate) fn key_of(predictions: &str) -> String {
    hash_bytes(format!("{METHOD} {predictions}").as_bytes())
}
