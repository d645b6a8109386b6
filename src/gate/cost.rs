use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::analysis::statistics::median;
use crate::error::Result;
use crate::harness::{Cell, CellRecord, Role, Study, fold_roles, prediction_seconds};
use crate::network::Part;
use crate::training::read_losses;

/// A stage of a training is cut into so many pieces: the unit of comparison is the median of one, which
/// a single slow step does not move.
const PIECES: usize = 20;

/// What a run costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// s a step; a sample is the median of a twentieth of a stage.
    TrainingStepSeconds,
    /// s a case.
    PredictionSeconds,
    /// Highest resident memory, MB (10^6 bytes).
    PeakMemoryMb,
}

impl Quantity {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::TrainingStepSeconds => "training-step-seconds",
            Self::PredictionSeconds => "prediction-seconds",
            Self::PeakMemoryMb => "peak-memory-mb",
        }
    }

    /// For readers.
    pub fn words(self) -> &'static str {
        match self {
            Self::TrainingStepSeconds => "training step",
            Self::PredictionSeconds => "prediction of a case",
            Self::PeakMemoryMb => "peak memory",
        }
    }

    /// Unit of its samples.
    pub fn unit(self) -> &'static str {
        match self {
            Self::TrainingStepSeconds | Self::PredictionSeconds => "s",
            Self::PeakMemoryMb => "MB",
        }
    }
}

/// Measurements of one quantity, each with a name by which the other side has it too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostSamples {
    pub algorithm: String,
    pub quantity: Quantity,
    pub samples: BTreeMap<String, f64>,
}

/// What the finished cells of a study's own folds cost.
pub(super) fn costs(run: &Path, study: &Study) -> Result<Vec<CostSamples>> {
    let mut all: BTreeMap<(String, Quantity), BTreeMap<String, f64>> = BTreeMap::new();
    for (fold, role) in fold_roles(run)? {
        if role != Role::Own {
            continue;
        }
        for &variant in &study.variants {
            for &seed in &study.seeds {
                let part = Part::Variant(variant);
                let folder = Cell { part, fold, seed }.folder(run);
                let name = |what: &str| format!("fold {fold}, seed {seed}, {what}");
                let mut add = |quantity, what: &str, value: f64| {
                    let key = (variant.id().to_owned(), quantity);
                    all.entry(key).or_default().insert(name(what), value);
                };
                let losses = folder.join("losses.csv");
                if losses.is_file() {
                    for (piece, seconds) in pieces(&losses)? {
                        add(Quantity::TrainingStepSeconds, &piece, seconds);
                    }
                }
                for (case, seconds) in prediction_seconds(&folder)? {
                    add(Quantity::PredictionSeconds, &case, seconds);
                }
                let record = CellRecord::read(&folder)?;
                for (stage, record) in &record.stages {
                    if let Some(peak) = record.peak_memory_mb {
                        add(Quantity::PeakMemoryMb, stage, peak);
                    }
                }
            }
        }
    }
    Ok(all
        .into_iter()
        .map(|((algorithm, quantity), samples)| CostSamples {
            algorithm,
            quantity,
            samples,
        })
        .collect())
}

/// The median step of every piece of every stage.
fn pieces(losses: &Path) -> Result<Vec<(String, f64)>> {
    let rows = read_losses(losses)?;
    let mut found = Vec::new();
    for stage in rows.chunk_by(|a, b| a.stage == b.stage) {
        let length = stage.len().div_ceil(PIECES);
        for (place, piece) in stage.chunks(length).enumerate() {
            let mut seconds: Vec<f64> = piece.iter().map(|row| row.seconds).collect();
            found.push((
                format!("{} {}", stage[0].stage, place + 1),
                median(&mut seconds),
            ));
        }
    }
    Ok(found)
}
