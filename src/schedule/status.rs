use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;

use super::failure::unrecorded;
use super::lease::{Holder, holder};
use super::queue::{QueuedJob, jobs_of};
use crate::artifact::{FileState, Look};
use crate::cell::{
    CellRecord, Stage, Status, changed_external, made_from, prediction_key, score_key, tested_on,
    words,
};
use crate::error::{Error, Result};
use crate::network::NetworkKind;
use crate::study::{Cell, NetworkCell, PreparedFold, Study, cells_of, locked_folds, study_of};

/// How a cell stands, as its folder says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum CellState {
    /// Not begun; it waits for these cells.
    Queued {
        waits_for: Vec<String>,
    },
    /// Somebody works on it now.
    Running {
        holder: Holder,
    },
    /// It was begun, and who worked on it is gone without a word: killed, or a lost machine.
    Killed,
    /// Stopped by a signal; goes on with the next start.
    Interrupted,
    Done,
    Failed {
        reason: String,
    },
    /// Done, but from other inputs than the study has now, or its files are not as recorded: what
    /// has changed.
    Stale {
        changed: Vec<String>,
        /// Files, each with what became of it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        unlike: Vec<(String, FileState)>,
    },
    /// A cell that it needs has failed.
    Blocked {
        by: String,
    },
}

impl CellState {
    /// Why its results are not this study's, in words; nothing for a finished cell.
    pub fn open(&self) -> Option<String> {
        Some(match self {
            Self::Done => return None,
            Self::Queued { .. } => "not trained yet".into(),
            Self::Running { .. } => "running now".into(),
            Self::Killed => "killed while it ran, goes on with the next start".into(),
            Self::Interrupted => "interrupted, goes on with the next start".into(),
            Self::Failed { reason } => format!("failed: {reason}"),
            Self::Stale { changed, unlike } => {
                let files = Some(words(unlike)).filter(|words| !words.is_empty());
                let all: Vec<String> = changed.iter().cloned().chain(files).collect();
                format!("stale: {}", all.join(", "))
            }
            Self::Blocked { by } => format!("needs {by}, which failed"),
        })
    }

    /// In a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Running { .. } => "running",
            Self::Killed => "killed",
            Self::Interrupted => "interrupted",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
            Self::Stale { .. } => "stale",
            Self::Blocked { .. } => "blocked",
        }
    }
}

/// A cell and how it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellStatus {
    /// `unet/fold_0/seed_0`.
    pub cell: String,
    #[serde(flatten)]
    pub state: CellState,
    /// Training time so far, all starts together, s; of finished stages.
    pub seconds: f64,
    /// Whether a start finds nothing to do or to record in it, as long as nothing that it needs is made
    /// anew.
    #[serde(skip)]
    pub settled: bool,
    /// Its last Slurm job, where Slurm was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<QueuedJob>,
}

/// How a study stands: its cells in an order in which each comes after what it needs, from what lies in
/// its folder alone. Before the study has seen its data there are none.
///
/// # Errors
/// `Error::Malformed` for a folder without a study, or a file that does not parse; `Error::Read`.
pub fn status(run: &Path) -> Result<Vec<CellStatus>> {
    status_of(run, &Study::read(run)?, &locked_folds(run)?)
}

/// The same of a study that need not be written, with these folds.
pub(super) fn status_of(
    run: &Path,
    study: &Study,
    folds: &[PreparedFold],
) -> Result<Vec<CellStatus>> {
    let cells = cells_of(study, folds.iter().map(|fold| (fold.index, fold.role)));
    let unrecorded = unrecorded(run);
    // A record that does not parse is its cell's failure, not the study's.
    let records: BTreeMap<Cell, CellRecord> = cells
        .par_iter()
        .map(|&cell| {
            let read = CellRecord::read(&cell.folder(run));
            let unreadable = |error: Error| CellRecord {
                status: Status::Failed(error.to_string()),
                ..CellRecord::default()
            };
            (cell, read.unwrap_or_else(unreadable))
        })
        .collect();
    let context = |cell: Cell| {
        let fold = folds.iter().find(|fold| fold.index == cell.fold);
        let fold = fold.ok_or_else(|| Error::Internal("a cell without its fold".into()))?;
        Ok(Context {
            run,
            study,
            fold,
            records: &records,
        })
    };
    // What takes long: every file is looked at.
    let finished: Vec<Option<Finished>> = cells
        .par_iter()
        .map(|&cell| match records[&cell].status {
            Status::Done => context(cell)?.finished(cell).map(Some),
            _ => Ok(None),
        })
        .collect::<Result<_>>()?;
    let mut found: BTreeMap<Cell, CellState> = BTreeMap::new();
    let mut all = Vec::new();
    for (&cell, finished) in cells.iter().zip(finished) {
        let record = &records[&cell];
        let (state, settled) = match (unrecorded.get(&cell.name()), finished) {
            (Some(reason), None) => {
                let reason = reason.clone();
                (CellState::Failed { reason }, false)
            }
            (_, Some(finished)) => finished.state(),
            (None, None) => (context(cell)?.open(cell, record, &found), false),
        };
        found.insert(cell, state.clone());
        all.push(CellStatus {
            cell: cell.name(),
            settled,
            state,
            // Of none, the sum is -0.
            seconds: record
                .stages
                .values()
                .map(|stage| stage.seconds)
                .sum::<f64>()
                + 0.0,
            job: None,
        });
    }
    Ok(all)
}

/// Why a model in a study's folder, or the coarse net that belongs to it, is not what the study would
/// train now; nothing where it is, or where the folder belongs to no study.
///
/// # Errors
/// As [`status`].
pub fn model_problem(model: &Path) -> Result<Option<String>> {
    let Some((run, _)) = study_of(model)? else {
        return Ok(None);
    };
    if !Study::path(&run).is_file() {
        return Ok(None);
    }
    let absolute = std::path::absolute(model).map_err(Error::read(model))?;
    let study = Study::read(&run)?;
    let folds = locked_folds(&run)?;
    for fold in &folds {
        let cells = cells_of(&study, [(fold.index, fold.role)]);
        let mut networks = cells.iter().filter_map(Cell::of_network);
        let Some(cell) = networks.find(|cell| cell.folder(&run).join("model") == absolute) else {
            continue;
        };
        for cell in [cell, cell.sibling(NetworkKind::Coarse)] {
            let folder = cell.folder(&run);
            let record = CellRecord::read(&folder)?;
            let Some(stage) = record.stages.get(&Stage::Train) else {
                return Ok(Some(format!(
                    "{} has no finished training on record",
                    cell.name()
                )));
            };
            let context = Context {
                run: &run,
                study: &study,
                fold,
                records: &BTreeMap::new(),
            };
            let mut why = context.changed_training(cell, &record)?;
            let unlike = stage.unlike(&folder, Look::Quick);
            why.extend(Some(words(&unlike)).filter(|_| !unlike.is_empty()));
            if !why.is_empty() {
                return Ok(Some(format!(
                    "{} is stale: {}",
                    cell.name(),
                    why.join(", ")
                )));
            }
        }
        return Ok(None);
    }
    Ok(Some("it is of no cell that the study has".into()))
}

/// What a cell's state follows from beside its own folder.
struct Context<'a> {
    run: &'a Path,
    study: &'a Study,
    fold: &'a PreparedFold,
    records: &'a BTreeMap<Cell, CellRecord>,
}

/// How what a cell that is done lies in its folder stands to its record and to the study.
struct Finished {
    /// What it was made from and is another now.
    changed: Vec<String>,
    /// Files that are not as recorded.
    unlike: Vec<(String, FileState)>,
    /// Whether a start would have something to record of it.
    as_recorded: bool,
}

impl Finished {
    /// And whether a start finds nothing to do.
    fn state(self) -> (CellState, bool) {
        let Self {
            changed,
            unlike,
            as_recorded,
        } = self;
        match changed.is_empty() && unlike.is_empty() {
            true => (CellState::Done, as_recorded),
            false => (CellState::Stale { changed, unlike }, false),
        }
    }
}

impl Context<'_> {
    fn finished(&self, cell: Cell) -> Result<Finished> {
        let record = &self.records[&cell];
        let mut settled = record.clone();
        Ok(Finished {
            changed: self.changed(cell, record)?,
            unlike: settled.settle(&cell.folder(self.run)),
            as_recorded: record.is_current() && settled == *record,
        })
    }

    /// Of a cell that is not done, given those before it.
    fn open(
        &self,
        cell: Cell,
        record: &CellRecord,
        found: &BTreeMap<Cell, CellState>,
    ) -> CellState {
        if let Some(holder) = holder(&cell.folder(self.run)) {
            return CellState::Running { holder };
        }
        let needs = cell.needs(&self.study.recipe);
        let failed = needs.iter().find(|need| {
            let state = found.get(need);
            matches!(
                state,
                Some(CellState::Failed { .. } | CellState::Blocked { .. })
            )
        });
        match &record.status {
            Status::Done | Status::Running => CellState::Killed,
            Status::Interrupted => CellState::Interrupted,
            Status::Failed(reason) => CellState::Failed {
                reason: reason.clone(),
            },
            Status::Queued => match failed {
                Some(need) => CellState::Blocked { by: need.name() },
                None => CellState::Queued {
                    waits_for: needs
                        .iter()
                        .filter(|need| found.get(need) != Some(&CellState::Done))
                        .map(Cell::name)
                        .collect(),
                },
            },
        }
    }

    /// The parts of a finished cell's inputs that are others now, and stages that it lacks.
    fn changed(&self, cell: Cell, record: &CellRecord) -> Result<Vec<String>> {
        let mut changed = match cell.of_network() {
            Some(network) => self.changed_training(network, record)?,
            None => Vec::new(),
        };
        let stages = Stage::of(self.study, self.fold.role, cell);
        let lacking = stages
            .iter()
            .filter(|stage| !record.stages.contains_key(stage));
        changed.extend(lacking.map(|stage| format!("its record lacks the stage {stage}")));
        changed.extend(self.changed_prediction(cell, record));
        Ok(changed)
    }

    /// The parts of the inputs of a cell's predictions and scores that are others now.
    fn changed_prediction(&self, cell: Cell, record: &CellRecord) -> Vec<String> {
        let stage = |stage| record.stages.get(&stage);
        let mut changed = Vec::new();
        // A lock of an older version does not say what was prepared.
        let known = !self.fold.test.iter().any(String::is_empty);
        if let Some(predict) = stage(Stage::Predict).filter(|_| known) {
            let tested = tested_on(&self.fold.test);
            if predict.from.get("test").is_some_and(|of| *of != tested) {
                changed.push("test cases".into());
            } else if let Some((cell, train)) = cell.of_network().zip(stage(Stage::Train)) {
                let coarse = self.records.get(&cell.sibling(NetworkKind::Coarse).into());
                let coarse = coarse
                    .filter(|_| cell.algorithm != NetworkKind::Coarse)
                    .and_then(|record| record.stages.get(&Stage::Predict))
                    .map_or("", |stage| &stage.hash);
                if predict.inputs != prediction_key(&train.hash, coarse, &self.fold.test) {
                    changed.push("what its predictions were made from".into());
                }
            } else if let Some(external) = self.study.external(cell.algorithm) {
                changed.extend(changed_external(external, predict));
            }
        }
        if let Some((predict, score)) = stage(Stage::Predict).zip(stage(Stage::Score))
            && score.inputs != score_key(&predict.hash, self.study, cell)
        {
            changed.push("the predictions that were scored".into());
        }
        changed
    }

    fn changed_training(&self, cell: NetworkCell, record: &CellRecord) -> Result<Vec<String>> {
        let stage = record.stages.get(&Stage::Train);
        let Some(stage) = stage.filter(|stage| !stage.from.is_empty()) else {
            return Ok(Vec::new());
        };
        // A lock of an older version does not say what was prepared.
        if self.fold.train.iter().any(String::is_empty) {
            return Ok(Vec::new());
        }
        let Some((key, now)) = made_from(self.run, self.study, &self.fold.train, cell)? else {
            return Ok(Vec::new());
        };
        let words = |name: &str| match name {
            "train" => "training cases".to_owned(),
            "starts_from" => "the network that it starts from".to_owned(),
            "encoder_weights" => "the encoder weights".to_owned(),
            "method" => "hdbench's way to train".to_owned(),
            other => other.to_owned(),
        };
        let mut changed: Vec<String> = stage
            .from
            .iter()
            .filter(|(name, value)| now.get(*name) != Some(value))
            .map(|(name, _)| words(name))
            .collect();
        if changed.is_empty() && stage.inputs != key {
            changed.push("what it was trained from".into());
        }
        Ok(changed)
    }
}

/// Adds to each cell that was submitted what Slurm says of its job.
///
/// # Errors
/// `Error::Usage` where Slurm does not answer; `Error::Malformed` for the study's list of jobs.
pub fn add_jobs(run: &Path, cells: &mut [CellStatus]) -> Result<()> {
    let mut jobs = jobs_of(run)?;
    for cell in cells {
        cell.job = jobs.remove(&cell.cell);
    }
    Ok(())
}
