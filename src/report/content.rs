//! What a report is made from: plain data, filled from a run folder by the caller.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::overlay::CaseOverlay;
use super::score::Score;

/// Everything a report shows. It holds no date and no machine path, so that the same study gives
/// the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Name of the study, e.g. `ablation-demo`.
    pub study: String,
    /// `paper` or `released`.
    pub recipe: String,
    /// `demo`, `quick` or `full`.
    pub scale: String,
    /// What the data are and what they can and cannot show, one or two sentences.
    pub data: String,
    /// Name of the test set.
    pub test_set: String,
    /// Number of training cases.
    pub n_train: usize,
    /// Number of test cases.
    pub n_test: usize,
    /// Number of test cases whose reference has at least one lesion voxel.
    pub n_test_with_lesions: usize,
    /// The study's master seed.
    pub master_seed: u64,
    /// Version of hdbench, with the commit where it is known, e.g. `0.1.0 (3f2c1ab)`.
    pub hdbench: String,
    /// Processor or device, threads and memory in one line.
    pub hardware: String,
    /// The command line that makes this report again.
    pub command: String,
    /// Remarks on the method of this run that a reader must know.
    pub notes: Vec<String>,
    /// One row a variant, in the order of the tables.
    pub rows: Vec<Row>,
    /// One picture a test case; not part of `report.json`.
    #[serde(skip)]
    pub overlays: Vec<CaseOverlay>,
}

/// One variant of the study.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The variant's id, e.g. `hdenseunet`.
    pub variant: String,
    /// Its name in the tables, e.g. `2D DenseUNet with pre-trained model`.
    pub title: String,
    /// What the name must also say, e.g. where the pre-trained weights come from.
    pub note: Option<String>,
    /// Whether its results are there.
    pub status: Status,
    /// Aggregated scores; a score that is absent is shown as missing.
    pub scores: BTreeMap<Score, Estimate>,
    /// Dice of every test case, for the spreads.
    pub per_case: Vec<CaseScore>,
    /// What it cost.
    pub cost: Cost,
    /// The loss of every iteration in order; kept in the cell's `losses.csv`, not in `report.json`.
    #[serde(skip)]
    pub losses: Vec<LossPoint>,
}

/// Whether the results of a row are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Trained, predicted and scored.
    #[default]
    Done,
    /// Not there yet, or failed.
    Missing {
        /// Why, in words for the reader.
        reason: String,
    },
}

/// A mean with its spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Mean over the cases, or the pooled value; NaN (null in JSON) when undefined for all of them.
    #[serde(deserialize_with = "nan_from_null")]
    pub mean: f64,
    /// Sample standard deviation (n - 1); none for a pooled value or a single case.
    pub sd: Option<f64>,
    /// Number of cases it is taken over: those for which the score is defined.
    pub n: usize,
    /// 95 % interval of the mean, low and high.
    pub interval: Option<[f64; 2]>,
}

impl Estimate {
    /// A value over all cases together, without a spread.
    pub fn pooled(value: f64, n: usize) -> Self {
        Self {
            mean: value,
            sd: None,
            n,
            interval: None,
        }
    }

    /// Mean and sample standard deviation of the defined (finite) values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        let n = values.len();
        if n == 0 {
            return Self::pooled(f64::NAN, 0);
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        Self {
            mean,
            sd: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()),
            n,
            interval: None,
        }
    }
}

/// The Dice scores of one test case, fractions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseScore {
    /// Name of the case.
    pub case: String,
    /// Dice of the liver, lesions included.
    pub liver_dice: Option<f64>,
    /// Dice of the lesion label.
    pub lesion_dice: Option<f64>,
    /// Whether the reference has a lesion.
    pub has_lesions: bool,
}

/// What a variant cost; an unknown figure is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Number of trainable parameters.
    pub parameters: Option<u64>,
    /// Multiply-adds of one training patch, forward.
    #[serde(default)]
    pub multiply_adds: Option<u64>,
    /// Seconds a step of every training stage, in order.
    pub stages: Vec<StageCost>,
    /// Hours from random or loaded weights to the end, supporting cells it starts from included.
    pub hours_to_end: Option<f64>,
    /// Seconds to predict one case, mean over the test cases.
    pub prediction_seconds: Option<f64>,
    /// Peak memory in megabytes (10^6 bytes).
    pub peak_memory_mb: Option<f64>,
}

/// The cost of one training stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageCost {
    /// Name of the stage, as in the losses.
    pub stage: String,
    /// Mean seconds an iteration.
    pub seconds_per_step: f64,
}

/// The loss of one iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct LossPoint {
    /// Iteration, counted over the whole training or from 0 in every stage; the order decides.
    pub iteration: usize,
    /// Name of the stage.
    pub stage: String,
    /// Loss of the batch.
    pub loss: f64,
}

fn nan_from_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}
