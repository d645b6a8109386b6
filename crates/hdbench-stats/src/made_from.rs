//! What results were made from, and what making them cost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What results were made from and on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// Version that saved them.
    pub hdbench: String,
    /// Its commit; empty outside git.
    pub commit: String,
    /// Name of the study; empty for other scores.
    pub study: String,
    /// The study's recipe and scale, its seed and replicates, in one line.
    pub settings: String,
    /// Hash of recipe and scale.
    pub settings_hash: String,
    /// Processor, cores, threads and device; empty where it is not known.
    pub hardware: String,
    /// Hash of the files of every test case, where it is known.
    pub inputs: BTreeMap<String, String>,
}

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
    /// Of samples in seconds, those that a fixed piece of work took on the same machine at that time: the unit in which
    /// they are compared. Empty where that is not known, and of what did not compute on a processor.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reference_seconds: BTreeMap<String, f64>,
}
