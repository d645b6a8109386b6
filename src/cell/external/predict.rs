//! Predictions of a command or a container: what it wrote is checked and taken over case by case.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hdbench_algorithm::{
    Algorithm as External, CaseInput, CaseRan, Job, Missing, Ran, Taken, find_prediction, grouped,
    run as start,
};
use ndarray::Array3;

use super::facts::{Facts, told};
use super::scans::{remove_scans, scan_file};
use super::taking::Taking;
use super::train::train;
use super::{LOG, MODEL, SCRATCH};
use crate::artifact::hash_bytes;
use crate::cell::made::Made;
use crate::cell::record::{CellRecord, prediction_path};
use crate::cell::stage::Stage;
use crate::cell::units::predicting_units;
use crate::cost::MachineClock;
use crate::error::{Error, Result};
use crate::preprocess::Stored;
use crate::progress::Progress;
use crate::study::{Cell, Inputs, Study, TestCase};
use crate::volume::{Volume, write_labels};

/// Raised when the same outputs become other predictions than before.
const METHOD: u32 = 1;

/// Predicts the test cases of a cell into its `predictions/`, unless that is done.
///
/// # Errors
/// Whatever starting the algorithm gives; `Error::Malformed` naming every case that has no prediction in the end, those
/// that have one are kept; `Error::Interrupted`.
pub(in crate::cell) fn predict(
    run: &Path,
    study: &Study,
    inputs: &Inputs,
    cell: Cell,
    record: &mut CellRecord,
    progress: &dyn Progress,
) -> Result<String> {
    let folder = cell.folder(run);
    let fold = inputs.fold(cell.fold)?;
    let facts = Facts::ask(run, study, cell)?;
    facts.record(study, record, progress)?;
    let model = train(study, fold, &facts, record, progress)?;
    let hashes: Vec<&str> = fold.test.iter().map(|test| test.hash.as_str()).collect();
    let from = facts.determinants();
    let key = key_of(&from, model.as_deref(), &hashes);
    let units = predicting_units(cell.algorithm);
    if let Some(done) = record.done(&folder, Stage::Predict, &key, progress) {
        progress.advance(units * fold.test.len() as u64);
        return Ok(done.hash.clone());
    }
    progress.stage("", "predicting");
    let clock = MachineClock::start(facts.algorithm.gpus == 0);
    let made = Mutex::new(Made::begin(&folder, &key, &fold.test)?);
    let keep = |case: &str, taken: Taken, seconds: Option<f64>| {
        write_labels(&prediction_path(&folder, case), &taken.labels)?;
        let mut made = locked(&made);
        made.empty.remove(case);
        match taken.notes.is_empty() {
            true => made.changed.remove(case),
            false => made.changed.insert(case.to_owned(), taken.notes),
        };
        made.keep(&folder, case, seconds)
    };
    let work = Work {
        folder: &folder,
        algorithm: facts.algorithm,
        tests: &fold.test,
        made: &made,
        taking: Taking::new(facts.algorithm, progress, units, &keep),
        progress,
        units,
    };
    match &facts.algorithm.predictions {
        Some(elsewhere) => work.gather(elsewhere)?,
        None => {
            let trained = folder.join(MODEL);
            work.start(&facts, study, model.is_some().then_some(&*trained))?;
        }
    }
    drop(work);
    let made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut stage = made.stage(&folder, &fold.test)?;
    stage.from.extend(from);
    stage.inputs = key;
    let peaks = made.measured.values().filter_map(|of| of.peak_memory_mb);
    stage.peak_memory_mb = peaks.reduce(f64::max);
    stage.reference_seconds = clock.and_then(MachineClock::seconds);
    let hash = stage.hash.clone();
    record.stages.insert(Stage::Predict, stage);
    record.write(&folder)?;
    Ok(hash)
}

fn key_of(from: &BTreeMap<String, String>, model: Option<&str>, prepared: &[&str]) -> String {
    let (from, model) = (told(from), model.unwrap_or_default());
    hash_bytes(format!("{METHOD} {from} {model} {prepared:?}").as_bytes())
}

/// What a thread that panicked left is whole: it is written after every case.
fn locked(made: &Mutex<Made>) -> MutexGuard<'_, Made> {
    made.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The predictions of a cell while they come.
struct Work<'a> {
    folder: &'a Path,
    algorithm: &'a External,
    tests: &'a [TestCase],
    made: &'a Mutex<Made>,
    taking: Taking<'a>,
    progress: &'a dyn Progress,
    units: u64,
}

impl Work<'_> {
    fn made(&self) -> MutexGuard<'_, Made> {
        locked(self.made)
    }

    /// The cases that have no prediction yet.
    fn open(&self) -> Result<Vec<CaseInput>> {
        let made = self.made();
        let mut open = Vec::new();
        for test in self.tests {
            if made.has(self.folder, &test.case.name, self.progress) {
                self.progress.advance(self.units);
                continue;
            }
            open.push(CaseInput {
                name: test.case.name.clone(),
                image: scan_file(self.folder, &test.case)?,
            });
        }
        Ok(open)
    }

    /// Runs the algorithm on the cases that have no prediction yet.
    fn start(&self, facts: &Facts<'_>, study: &Study, model: Option<&Path>) -> Result<()> {
        let open = self.open()?;
        if open.is_empty() {
            return Ok(());
        }
        let (scratch, log) = (self.folder.join(SCRATCH), self.folder.join(LOG));
        let gpus = facts.gpus(study);
        let job = Job {
            cases: &open,
            model,
            ..facts.job(study, &scratch, &log, &gpus)
        };
        let ran = start(&job, &self.taking)?;
        remove_scans(self.folder)?;
        self.close(&ran)
    }

    /// Takes what was made elsewhere.
    fn gather(&self, elsewhere: &Path) -> Result<()> {
        let mut failed = Vec::new();
        for input in self.open()? {
            let found = find_prediction(elsewhere, &input.name).map_err(|why| why.to_string());
            let taken = match found {
                Ok(path) => {
                    let taking = &self.taking;
                    taking.take_over(&input.name, &path, &input.image, None)
                }
                Err(why) => Err(Error::malformed(
                    elsewhere,
                    why,
                    "add it, or leave the row out",
                )),
            };
            match taken {
                Ok(()) => {}
                Err(error @ (Error::Malformed { .. } | Error::Usage { .. })) => {
                    failed.push((input.name.clone(), error.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        remove_scans(self.folder)?;
        self.verdict(&failed, elsewhere)
    }

    /// What came of a run: the costs, and the cases without a prediction.
    fn close<'a>(&self, ran: &'a Ran) -> Result<()> {
        let cost = |case: &'a CaseRan| Some((&*case.case, case.measured.as_ref()?));
        self.made()
            .cost(self.folder, ran.cases.iter().filter_map(cost))?;
        let failed = self.taking.failures(ran);
        self.verdict(&failed, &self.folder.join(LOG))
    }

    /// What becomes of the cases without a prediction: they count as empty, or an error names them, each reason once.
    fn verdict(&self, failed: &[(String, String)], place: &Path) -> Result<()> {
        const SHOWN: usize = 5;
        if failed.is_empty() {
            return Ok(());
        }
        let groups = grouped(failed);
        if self.algorithm.missing == Missing::Empty {
            for (cases, why) in &groups {
                let counts = match cases.len() {
                    1 => "it counts",
                    _ => "they count",
                };
                let line = format!("warning: {}: {why}; {counts} as empty", named(cases));
                self.progress.note(&line);
            }
            return failed
                .iter()
                .try_for_each(|(case, why)| self.count_as_empty(case, why));
        }
        let all = self.tests.len();
        let mut text = format!("{} of {all} cases have no prediction", failed.len());
        for (cases, why) in groups.iter().take(SHOWN) {
            text += &format!("\n  {}: {}", named(cases), why.replace('\n', "\n    "));
        }
        if groups.len() > SHOWN {
            let more = groups.iter().skip(SHOWN).map(|(cases, _)| cases.len());
            text += &format!("\n  and {} more", more.sum::<usize>());
        }
        let kept = match failed.len() < all {
            true => "the others are kept: ",
            false => "",
        };
        Err(Error::malformed(
            place,
            text,
            format!(
                "{kept}the same start asks for these again; missing = \"empty\" counts them as empty"
            ),
        ))
    }

    /// Writes an empty prediction for a case that has none.
    fn count_as_empty(&self, case: &str, why: &str) -> Result<()> {
        let test = self.tests.iter().find(|test| test.case.name == case);
        let test = test.ok_or_else(|| Error::Internal(format!("{case}: no such test case")))?;
        let file = Stored::open(&test.cached)?.file().clone();
        let labels = Volume {
            voxels: Array3::zeros(file.shape),
            geometry: file,
        };
        write_labels(&prediction_path(self.folder, case), &labels)?;
        let mut made = self.made();
        made.changed.remove(case);
        made.empty.insert(case.to_owned(), why.to_owned());
        let seconds = made.measured.get(case).map(|of| of.wall_seconds);
        made.keep(self.folder, case, seconds)
    }
}

/// Cases in a message: `a, b, c and 10 more`.
fn named(cases: &[&str]) -> String {
    const NAMED: usize = 3;
    let names = cases[..cases.len().min(NAMED)].join(", ");
    match cases.len().saturating_sub(NAMED) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}
