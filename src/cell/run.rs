use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde::Serialize;

use super::record::{CELL, CellRecord, ENVIRONMENT, Status};
use super::stage::{Stage, is_predicted};
use super::units::units;
use super::{external, predict, score, train};
use crate::artifact::{create_dir, settle};
use crate::error::{Error, Result};
use crate::network::NetworkKind;
use crate::progress::Progress;
use crate::study::{Cell, Environment, Inputs, NetworkCell, Study};
use crate::training::stages;

/// Trains, predicts and scores one cell, as far as that is not done, and records how it went.
pub fn run_cell(
    run: &Path,
    study: &Study,
    inputs: &Inputs,
    cell: Cell,
    progress: &dyn Progress,
) -> Result<()> {
    let folder = cell.folder(run);
    create_dir(&folder)?;
    progress.plan(units(study, inputs, cell));
    let mut record = CellRecord::read(&folder)?;
    let before = record.clone();
    // Written at once: a cell that was killed is told from one that never began.
    if record.status != Status::Done {
        record.status = Status::Running;
        record.write(&folder)?;
    }
    // A panic of a library is this cell's failure, not the study's.
    let attempt = AssertUnwindSafe(|| work(run, study, inputs, cell, &mut record, progress));
    let result = catch_unwind(attempt).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(Error::Internal(format!("a panic: {text}")))
    });
    record.status = match &result {
        Ok(()) => Status::Done,
        Err(Error::Interrupted { .. }) => Status::Interrupted,
        Err(error) => Status::Failed(error.to_string()),
    };
    // Where a failure cannot be recorded here it is told, and recorded by who hears it.
    let written = match record == before {
        true => Ok(()),
        false => record.write(&folder),
    };
    result.and(written)
}

fn work(
    run: &Path,
    study: &Study,
    inputs: &Inputs,
    cell: Cell,
    record: &mut CellRecord,
    progress: &dyn Progress,
) -> Result<()> {
    let folder = cell.folder(run);
    record.adopt(&folder, &inputs.fold(cell.fold)?.split.test, progress)?;
    let predictions = match cell.of_network() {
        Some(network) => {
            begin_network(study, network, &folder, record, progress)?;
            let weights = train::train(run, study, inputs, network, record, progress)?;
            if !is_predicted(study, inputs.fold(cell.fold)?.role, cell) {
                return Ok(());
            }
            let made = predict::predict(run, study, inputs, network, &weights, record, progress)?;
            if network.algorithm == NetworkKind::Coarse {
                return Ok(());
            }
            made
        }
        None => external::predict(run, study, inputs, cell, record, progress)?,
    };
    score::score(run, study, inputs, cell, &predictions, record, progress)
}

/// Writes what the cell is and on what it is made, and puts back what became of them.
fn begin_network(
    study: &Study,
    cell: NetworkCell,
    folder: &Path,
    record: &mut CellRecord,
    progress: &dyn Progress,
) -> Result<()> {
    let about = serde_json::json!({
        "part": cell.algorithm, "fold": cell.fold, "seed": cell.seed,
        "stages": stages(cell.algorithm, &study.recipe, &study.scale),
    });
    // On what it was made is known once: where the training began.
    let began = record.stages.contains_key(&Stage::Train) && record.kept.contains_key(ENVIRONMENT);
    if !began {
        record.keep(folder, CELL, pretty(&about)?)?;
        let environment = Environment::now(study, Some(cell.into()));
        record.keep(folder, ENVIRONMENT, pretty(&environment)?)?;
        record.write(folder)?;
    }
    record.restore_kept(folder, progress)?;
    settle(folder, &mut record.filed);
    Ok(())
}

pub(super) fn pretty(value: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(|e| Error::Internal(e.to_string()))
}
