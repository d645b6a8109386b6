use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::cell::{Cell, cells_of};
use super::environment::Environment;
use super::inputs::Inputs;
use super::record::{CellRecord, Status};
use super::study::Study;
use super::{predict, score, train};
use crate::artifact::{create_dir, write_atomic};
use crate::error::{Error, Result};
use crate::network::Part;
use crate::progress::Progress;
use crate::training::stages;

/// What became of a study's cells.
#[derive(Debug, Default)]
pub struct Outcome {
    pub cells: usize,
    /// Name and reason.
    pub failed: Vec<(String, String)>,
}

impl Outcome {
    /// An error if a cell failed.
    pub fn into_result(self) -> Result<()> {
        if self.failed.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = self
            .failed
            .iter()
            .map(|(name, reason)| format!("\n  {name}: {reason}"))
            .collect();
        Err(Error::Partial {
            what: "cells",
            failed: self.failed.len(),
            total: self.cells,
            names: names.concat(),
        })
    }
}

/// Runs every cell of a study that is not done. A cell that fails does not stop those that do not
/// need it; a signal stops all.
pub fn run_study(
    run: &Path,
    study: &Study,
    inputs: &Inputs,
    progress: &dyn Progress,
) -> Result<Outcome> {
    let cells = cells_of(study);
    progress.plan(cells.iter().map(|cell| units(study, inputs, *cell)).sum());
    let mut outcome = Outcome {
        cells: cells.len(),
        failed: Vec::new(),
    };
    for cell in cells {
        let blocked = cell.needs(&study.recipe).into_iter().find(|need| {
            let name = need.name();
            outcome.failed.iter().any(|(failed, _)| *failed == name)
        });
        let result = match blocked {
            Some(need) => Err(Error::Internal(format!("{} is needed and failed", need.name()))),
            None => run_cell(run, study, inputs, cell, progress),
        };
        match result {
            Ok(()) => {}
            Err(interrupted @ Error::Interrupted { .. }) => return Err(interrupted),
            Err(error) => {
                progress.note(&format!("{} failed: {error}", cell.name()));
                outcome.failed.push((cell.name(), error.to_string()));
            }
        }
    }
    Ok(outcome)
}

fn units(study: &Study, inputs: &Inputs, cell: Cell) -> u64 {
    let plans = stages(cell.part, &study.recipe, &study.scale);
    let training = train::units(cell.part) * train::iterations(&plans) as u64;
    let predicting = match cell.part {
        Part::Encoder => 0,
        part => predict::units(part) * inputs.test.len() as u64,
    };
    training + predicting
}

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
    let mut record = CellRecord::read(&folder)?;
    progress.cell(&cell.name());
    let before = record.clone();
    record.status = Status::Running;
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
    if record != before {
        record.write(&folder)?;
    }
    result
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
    if !folder.join("env.json").exists() {
        let json = serde_json::json!({
            "part": cell.part, "fold": cell.fold, "seed": cell.seed,
            "stages": stages(cell.part, &study.recipe, &study.scale),
        });
        let text = serde_json::to_vec_pretty(&json).map_err(|e| Error::Internal(e.to_string()))?;
        write_atomic(&folder.join("cell.json"), &text)?;
        Environment::now(study).write(&folder)?;
    }
    let weights = train::train(run, study, inputs, cell, record, progress)?;
    if cell.part == Part::Encoder {
        return Ok(());
    }
    let predictions = predict::predict(run, study, inputs, cell, &weights, record, progress)?;
    if cell.part == Part::Coarse {
        return Ok(());
    }
    score::score(run, study, inputs, cell, &predictions, record, progress)
}
