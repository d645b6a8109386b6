use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hdbench_algorithm::Measured;
use serde::{Deserialize, Serialize};

use super::record::{PREDICTIONS, StageRecord, prediction_path};
use crate::artifact::{
    FileRecord, FileRecords, FileState, Look, Owned, create_dir, hash_bytes, json_if_there,
    record_files, remove_owned, write_atomic,
};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::study::TestCase;
use crate::text::Shown as _;

/// What is made of them, beside them.
const MADE: &str = "made.json";

/// The same, relative to the cell.
pub(crate) const BEGUN: &str = "predictions/made.json";

/// `predictions/made.json`: what the predictions beside it were made from, and how long each took. Written after
/// every case: a kill loses one.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Made {
    inputs: String,
    pub(super) seconds: BTreeMap<String, f64>,
    /// The finished predictions by their cases.
    #[serde(default)]
    files: BTreeMap<String, FileRecord>,
    /// What was measured of an external algorithm, by case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) measured: BTreeMap<String, Measured>,
    /// Cases of an external algorithm that count as empty, each with why it has no prediction.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) empty: BTreeMap<String, String>,
    /// What was done to outputs of an external algorithm before they were taken, by case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) changed: BTreeMap<String, Vec<String>>,
}

/// Seconds each case of a cell took.
pub fn prediction_seconds(cell: &Path) -> Result<BTreeMap<String, f64>> {
    Ok(Made::read(&cell.join(PREDICTIONS))?.seconds)
}

/// What was measured of an external algorithm, by case; nothing of our networks.
pub fn measured(cell: &Path) -> Result<BTreeMap<String, Measured>> {
    Ok(Made::read(&cell.join(PREDICTIONS))?.measured)
}

/// What readers of an external algorithm's scores have to know of its predictions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Cases that count as empty, each with why.
    pub empty: BTreeMap<String, String>,
    /// What was done to outputs before they were taken, by case.
    pub changed: BTreeMap<String, Vec<String>>,
}

/// How a cell's predictions were taken; nothing to tell of our networks.
pub fn taken(cell: &Path) -> Result<Taken> {
    let made = Made::read(&cell.join(PREDICTIONS))?;
    Ok(Taken {
        empty: made.empty,
        changed: made.changed,
    })
}

/// The files of predictions that a stage has begun, relative to the cell, each as it was made.
pub(crate) fn begun_predictions(cell: &Path) -> Result<FileRecords> {
    let made = Made::read(&cell.join(PREDICTIONS))?;
    let file = |(case, record)| (format!("{PREDICTIONS}/{case}.nii.gz"), record);
    Ok(made.files.into_iter().map(file).collect())
}

impl Made {
    /// What a cell's folder holds of these test cases' predictions, made from these inputs; what was made from
    /// others is removed.
    pub(super) fn begin(cell: &Path, inputs: &str, tests: &[TestCase]) -> Result<Self> {
        let predictions = cell.join(PREDICTIONS);
        let made = Self::read(&predictions)?;
        if made.inputs == inputs {
            return Ok(made);
        }
        let tested = tests.iter().map(|test| &test.case.name);
        let ours: BTreeSet<PathBuf> = tested
            .chain(made.files.keys().chain(made.seconds.keys()))
            .map(|name| prediction_path(cell, name))
            .collect();
        let is_ours =
            |path: &Path, _| path == Path::new(MADE) || ours.contains(&predictions.join(path));
        let owned = Owned::by("a cell's predictions", &is_ours);
        remove_owned(&predictions, &owned.keeping_others())?;
        create_dir(&predictions)?;
        Ok(Self {
            inputs: inputs.to_owned(),
            ..Self::default()
        })
    }

    /// Whether a case's prediction is there as it was made; one that is another is told.
    pub(super) fn has(&self, cell: &Path, case: &str, progress: &dyn Progress) -> bool {
        let path = prediction_path(cell, case);
        let state = self
            .files
            .get(case)
            .map(|file| file.look(&path, Look::Quick));
        if state == Some(FileState::Equal) {
            return true;
        }
        if state.is_some() || path.exists() {
            progress.note(&format!(
                "{} is not as it was made: predicted again",
                path.shown()
            ));
        }
        false
    }

    /// Takes a case's prediction, which lies in its place, on record; how long it took where that is known.
    pub(super) fn keep(&mut self, cell: &Path, case: &str, seconds: Option<f64>) -> Result<()> {
        let file = FileRecord::of(&prediction_path(cell, case))?;
        self.seconds
            .extend(seconds.map(|seconds| (case.to_owned(), seconds)));
        self.files.insert(case.to_owned(), file);
        self.write(&cell.join(PREDICTIONS))
    }

    /// Notes what the cases cost that were run, in one writing; the predictions are on record.
    pub(super) fn cost<'a>(
        &mut self,
        cell: &Path,
        measured: impl IntoIterator<Item = (&'a str, &'a Measured)>,
    ) -> Result<()> {
        for (case, measured) in measured {
            if let Some(seconds) = self.seconds.get_mut(case) {
                *seconds = measured.wall_seconds;
            }
            self.measured.insert(case.to_owned(), measured.clone());
        }
        self.write(&cell.join(PREDICTIONS))
    }

    /// The stage's record, once every test case has its prediction.
    pub(super) fn stage(&self, cell: &Path, tests: &[TestCase]) -> Result<StageRecord> {
        let mut hashes = String::new();
        let mut files = FileRecords::new();
        for test in tests {
            let name = &test.case.name;
            let file = self.files.get(name);
            let file =
                file.ok_or_else(|| Error::Internal(format!("{name} has no prediction on record")))?;
            hashes += file.blake3();
            files.insert(format!("{PREDICTIONS}/{name}.nii.gz"), file.clone());
        }
        files.extend(record_files(cell, [&*format!("{PREDICTIONS}/{MADE}")])?);
        let prepared: Vec<&str> = tests.iter().map(|test| test.hash.as_str()).collect();
        Ok(StageRecord {
            inputs: self.inputs.clone(),
            from: BTreeMap::from([("test".to_owned(), tested_on(&prepared))]),
            outputs: vec![PREDICTIONS.into()],
            files,
            hash: hash_bytes(hashes.as_bytes()),
            seconds: self.seconds.values().sum(),
            peak_memory_mb: None,
            reference_seconds: None,
            imported: None,
        })
    }

    fn read(predictions: &Path) -> Result<Self> {
        let hint = "delete the predictions folder";
        let made = json_if_there(&predictions.join(MADE), "the record of predictions", hint)?;
        Ok(made.unwrap_or_default())
    }

    fn write(&self, predictions: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::Internal(e.to_string()))?;
        write_atomic(&predictions.join(MADE), &text)
    }
}

/// A word for the test cases of a prediction, given what was prepared of each.
pub(crate) fn tested_on<S: AsRef<str>>(prepared: &[S]) -> String {
    let prepared: Vec<&str> = prepared.iter().map(AsRef::as_ref).collect();
    hash_bytes(prepared.join(" ").as_bytes())[..16].to_owned()
}
