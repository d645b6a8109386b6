//! What the trainings of a row cost.

use std::path::Path;

use crate::cell::{CellRecord, Stage, prediction_seconds};
use crate::error::Result;
use crate::network::summarise;
use crate::recipe::Recipe;
use crate::report::content::{Cost, StageCost};
use crate::study::{Cell, Study};
use crate::training::read_losses;

/// What one training cost.
///
/// # Errors
/// Files of the cell that cannot be read.
pub(super) fn cost(run: &Path, study: &Study, cell: Cell, record: &CellRecord) -> Result<Cost> {
    let folder = cell.folder(run);
    let summary = summarise(cell.part, &study.recipe, &study.scale);
    let losses = read_losses(&folder.join("losses.csv"))?;
    let mut stages: Vec<(String, f64, usize)> = Vec::new();
    for row in &losses {
        match stages
            .last_mut()
            .filter(|(stage, _, _)| *stage == row.stage)
        {
            Some((_, seconds, steps)) => {
                *seconds += row.seconds;
                *steps += 1;
            }
            None => stages.push((row.stage.clone(), row.seconds, 1)),
        }
    }
    let seconds = prediction_seconds(&folder)?;
    let peak = record
        .stages
        .values()
        .filter_map(|stage| stage.peak_memory_mb);
    Ok(Cost {
        parameters: Some(summary.parameters.trainable as u64),
        multiply_adds: Some(summary.multiply_adds()),
        stages: stages
            .into_iter()
            .map(|(stage, seconds, steps)| StageCost {
                stage,
                seconds_per_step: seconds / steps as f64,
            })
            .collect(),
        hours_to_end: hours_to_end(run, &study.recipe, cell)?,
        prediction_seconds: (!seconds.is_empty())
            .then(|| seconds.values().sum::<f64>() / seconds.len() as f64),
        peak_memory_mb: peak.reduce(f64::max),
    })
}

/// What one training of a row costs, on average.
pub(super) fn mean_cost(costs: Vec<Cost>) -> Cost {
    let mean = |of: fn(&Cost) -> Option<f64>| {
        let values: Option<Vec<f64>> = costs.iter().map(of).collect();
        let values = values.filter(|values| !values.is_empty())?;
        Some(values.iter().sum::<f64>() / values.len() as f64)
    };
    let Some(first) = costs.first() else {
        return Cost::default();
    };
    let seconds = |stage: &StageCost| {
        let same = costs.iter().flat_map(|cost| &cost.stages);
        let same: Vec<f64> = same
            .filter(|other| other.stage == stage.stage)
            .map(|other| other.seconds_per_step)
            .collect();
        same.iter().sum::<f64>() / same.len() as f64
    };
    Cost {
        parameters: first.parameters,
        multiply_adds: first.multiply_adds,
        stages: first
            .stages
            .iter()
            .map(|stage| StageCost {
                stage: stage.stage.clone(),
                seconds_per_step: seconds(stage),
            })
            .collect(),
        hours_to_end: mean(|cost| cost.hours_to_end),
        prediction_seconds: mean(|cost| cost.prediction_seconds),
        peak_memory_mb: costs
            .iter()
            .filter_map(|cost| cost.peak_memory_mb)
            .reduce(f64::max),
    }
}

/// Training time of a cell and of those its network starts from.
fn hours_to_end(run: &Path, recipe: &Recipe, cell: Cell) -> Result<Option<f64>> {
    let mut hours = 0.0;
    let mut next = Some(cell);
    while let Some(cell) = next {
        let record = CellRecord::read(&cell.folder(run))?;
        let Some(train) = record.stages.get(&Stage::Train) else {
            return Ok(None);
        };
        hours += train.seconds / 3600.0;
        next = cell.starts_from(recipe);
    }
    Ok(Some(hours))
}
