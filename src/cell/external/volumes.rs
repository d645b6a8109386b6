//! An algorithm of a study on volumes that are no case of it.

use std::path::{Path, PathBuf};

use hdbench_algorithm::{CaseInput, Job, run as start};

use super::facts::{Facts, told};
use super::taking::{Keep, Taking};
use super::{LOG, MODEL, SCRATCH};
use crate::artifact::hash_bytes;
use crate::cell::record::CellRecord;
use crate::cell::stage::Stage;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::study::{Cell, Study};

/// An algorithm that is none of our networks, ready to answer.
pub struct ExternalModel<'a> {
    study: &'a Study,
    facts: Facts<'a>,
    /// What its training in the study has left.
    model: Option<PathBuf>,
    key: String,
}

impl<'a> ExternalModel<'a> {
    /// The algorithm of a cell, as the study has it.
    ///
    /// # Errors
    /// `Error::Usage` for predictions that were made elsewhere, and where its image or version cannot be had;
    /// `Error::Malformed` for one that has a training and is not trained.
    pub fn open(run: &Path, study: &'a Study, cell: Cell) -> Result<Self> {
        let facts = Facts::ask(run, study, cell)?;
        if facts.algorithm.predictions.is_some() {
            return Err(Error::usage(
                format!(
                    "{} was predicted elsewhere: nothing here predicts",
                    cell.algorithm
                ),
                "predict these volumes there too, and name their folder with --from",
            ));
        }
        let mut from = facts.determinants();
        let mut model = None;
        if !facts.algorithm.train.is_empty() {
            let folder = cell.folder(run);
            let record = CellRecord::read(&folder)?;
            let trained = record.stages.get(&Stage::Train).ok_or_else(|| {
                let hint = "start the study again: it trains first";
                Error::malformed(&folder, "is not trained yet", hint)
            })?;
            from.insert("model".into(), trained.hash.clone());
            model = Some(folder.join(MODEL));
        }
        Ok(Self {
            study,
            key: hash_bytes(told(&from).as_bytes()),
            facts,
            model,
        })
    }

    /// Hash of everything that its predictions follow from beside the volumes.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Predicts volumes; `keep` is given each as it comes, with its seconds, and takes it over. Its log and what it works
    /// with lie in `folder`. The cases that have no prediction come back, each with why.
    ///
    /// # Errors
    /// What starting it and `keep` give; `Error::Interrupted`.
    pub fn predict(
        &self,
        cases: &[CaseInput],
        folder: &Path,
        units: u64,
        progress: &dyn Progress,
        keep: Keep<'_>,
    ) -> Result<Vec<(String, String)>> {
        let (scratch, log) = (folder.join(SCRATCH), folder.join(LOG));
        let gpus = self.facts.gpus(self.study);
        let job = Job {
            cases,
            model: self.model.as_deref(),
            ..self.facts.job(self.study, &scratch, &log, &gpus)
        };
        let taking = Taking::new(self.facts.algorithm, progress, units, keep);
        let ran = start(&job, &taking)?;
        Ok(taking.failures(&ran))
    }
}
