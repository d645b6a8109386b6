//! What the trainings of a row cost.

use std::collections::BTreeMap;
use std::path::Path;

use hdbench_algorithm::Measured;

use crate::cell::{CellRecord, Stage, measured, prediction_seconds};
use crate::error::Result;
use crate::network::{NetworkSummary, summarise};
use crate::recipe::Recipe;
use crate::report::content::{Cost, ExternalCost, StageCost};
use crate::study::{Cell, NetworkCell, Study};
use crate::training::read_losses;

/// What one training cost.
///
/// # Errors
/// Files of the cell that cannot be read.
pub(super) fn cost(run: &Path, study: &Study, cell: Cell, record: &CellRecord) -> Result<Cost> {
    let folder = cell.folder(run);
    let network = cell.of_network();
    let summary = network.map(|cell| summarise(cell.algorithm, &study.recipe, &study.scale));
    // Whose training is somebody else's has none.
    let losses = network.map(|_| read_losses(&folder.join("losses.csv")));
    let losses = losses.transpose()?.unwrap_or_default();
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
    let measured = measured(&folder)?;
    let peak = record
        .stages
        .values()
        .filter_map(|stage| stage.peak_memory_mb);
    Ok(Cost {
        parameters: summary.as_ref().map(|of| of.parameters.trainable as u64),
        multiply_adds: summary.as_ref().map(NetworkSummary::multiply_adds),
        stages: stages
            .into_iter()
            .map(|(stage, seconds, steps)| StageCost {
                stage,
                seconds_per_step: seconds / steps as f64,
            })
            .collect(),
        hours_to_end: match network {
            Some(cell) => hours_to_end(run, &study.recipe, cell)?,
            None => record
                .stages
                .get(&Stage::Train)
                .map(|train| train.seconds / 3600.0),
        },
        prediction_seconds: match measured.is_empty() {
            true => mean_of(seconds.into_values().map(Some)),
            false => mean_of(warm(&measured).map(|of| Some(of.wall_seconds))),
        },
        peak_memory_mb: peak.reduce(f64::max),
        external: network.is_none().then(|| ExternalCost {
            cpu_seconds: mean_of(warm(&measured).map(|of| of.cpu_seconds)),
            gpu_peak_mb: measured
                .values()
                .filter_map(|of| of.gpu_peak_mb)
                .reduce(f64::max),
            gpu_area_mb_s: mean_of(warm(&measured).map(|of| of.gpu_area_mb_s)),
            divided: measured.values().any(|of| of.divided),
        }),
    })
}

/// The cases that no model was loaded for, if there are any: the first of a run pays for all of it.
fn warm(measured: &BTreeMap<String, Measured>) -> impl Iterator<Item = &Measured> {
    let has_warm = measured.values().any(|of| !of.warm_up);
    measured
        .values()
        .filter(move |of| !(has_warm && of.warm_up))
}

/// Of values that are all there.
fn mean_of(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.collect::<Option<_>>()?;
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// What one training of a row costs, on average.
pub(super) fn mean_cost(costs: Vec<Cost>) -> Cost {
    let mean = |of: fn(&Cost) -> Option<f64>| mean_of(costs.iter().map(of));
    let external = |of: fn(&ExternalCost) -> Option<f64>| {
        mean_of(costs.iter().map(|cost| cost.external.as_ref().and_then(of)))
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
        external: first.external.as_ref().map(|_| ExternalCost {
            cpu_seconds: external(|of| of.cpu_seconds),
            gpu_peak_mb: costs
                .iter()
                .filter_map(|cost| cost.external.as_ref()?.gpu_peak_mb)
                .reduce(f64::max),
            gpu_area_mb_s: external(|of| of.gpu_area_mb_s),
            divided: costs
                .iter()
                .any(|cost| cost.external.as_ref().is_some_and(|of| of.divided)),
        }),
    }
}

/// Training time of a cell and of those its network starts from.
fn hours_to_end(run: &Path, recipe: &Recipe, cell: NetworkCell) -> Result<Option<f64>> {
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
