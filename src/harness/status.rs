use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::cell::{Cell, cells_of};
use super::failure::unrecorded;
use super::inputs::{PreparedFold, locked_folds};
use super::lease::{Holder, holder};
use super::predict::tested_on;
use super::queue::QueuedJob;
use super::record::{CellRecord, Status};
use super::study::Study;
use super::train::made_from;
use crate::error::{Error, Result};

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
    /// Done, but from other inputs than the study has now; these have changed.
    Stale {
        changed: Vec<String>,
    },
    /// A cell that it needs has failed.
    Blocked {
        by: String,
    },
}

impl CellState {
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
    let study = Study::read(run)?;
    let folds = locked_folds(run)?;
    let cells = cells_of(&study, folds.iter().map(|fold| (fold.index, fold.role)));
    let unrecorded = unrecorded(run);
    let mut records: BTreeMap<Cell, CellRecord> = BTreeMap::new();
    for &cell in &cells {
        records.insert(cell, CellRecord::read(&cell.folder(run))?);
    }
    let mut found: BTreeMap<Cell, CellState> = BTreeMap::new();
    let mut all = Vec::new();
    for &cell in &cells {
        let record = &records[&cell];
        let fold = folds.iter().find(|fold| fold.index == cell.fold);
        let state = match (unrecorded.get(&cell.name()), fold) {
            (Some(reason), _) if record.status != Status::Done => CellState::Failed {
                reason: reason.clone(),
            },
            (_, Some(fold)) => state(run, &study, fold, cell, record, &found)?,
            (_, None) => return Err(Error::Internal("a cell without its fold".into())),
        };
        found.insert(cell, state.clone());
        all.push(CellStatus {
            cell: cell.name(),
            state,
            seconds: record.stages.values().map(|stage| stage.seconds).sum(),
            job: None,
        });
    }
    Ok(all)
}

fn state(
    run: &Path,
    study: &Study,
    fold: &PreparedFold,
    cell: Cell,
    record: &CellRecord,
    found: &BTreeMap<Cell, CellState>,
) -> Result<CellState> {
    if record.status != Status::Done
        && let Some(holder) = holder(&cell.folder(run))
    {
        return Ok(CellState::Running { holder });
    }
    let needs = cell.needs(&study.recipe);
    let failed = needs.iter().find(|need| {
        let state = found.get(need);
        matches!(
            state,
            Some(CellState::Failed { .. } | CellState::Blocked { .. })
        )
    });
    Ok(match &record.status {
        Status::Done => match changed(run, study, fold, cell, record)? {
            none if none.is_empty() => CellState::Done,
            changed => CellState::Stale { changed },
        },
        Status::Running => CellState::Killed,
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
    })
}

/// The parts of a finished cell's inputs that are others now.
fn changed(
    run: &Path,
    study: &Study,
    fold: &PreparedFold,
    cell: Cell,
    record: &CellRecord,
) -> Result<Vec<String>> {
    let mut changed = changed_training(run, study, &fold.train, cell, record)?;
    let tested = record
        .stages
        .get("predict")
        .and_then(|stage| stage.from.get("test"));
    // A lock of an older version does not say what was prepared.
    let known = !fold.test.iter().any(String::is_empty);
    if let Some(tested) = tested.filter(|_| known)
        && *tested != tested_on(&fold.test)
    {
        changed.push("test cases".into());
    }
    Ok(changed)
}

fn changed_training(
    run: &Path,
    study: &Study,
    train: &[String],
    cell: Cell,
    record: &CellRecord,
) -> Result<Vec<String>> {
    let Some(stage) = record
        .stages
        .get("train")
        .filter(|stage| !stage.from.is_empty())
    else {
        return Ok(Vec::new());
    };
    // A lock of an older version does not say what was prepared.
    if train.iter().any(String::is_empty) {
        return Ok(Vec::new());
    }
    let Some(now) = made_from(run, study, train, cell)? else {
        return Ok(Vec::new());
    };
    let words = |name: &str| match name {
        "train" => "training cases".to_owned(),
        "starts_from" => "the network that it starts from".to_owned(),
        "encoder_weights" => "the encoder weights".to_owned(),
        "method" => "hdbench's way to train".to_owned(),
        other => other.to_owned(),
    };
    Ok(stage
        .from
        .iter()
        .filter(|(name, value)| now.get(*name) != Some(value))
        .map(|(name, _)| words(name))
        .collect())
}
