//! What a report has of one variant: scores, cases, costs, losses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::score::Score;
use super::stages::{LossPoint, StageCheck, stage_checks};
use crate::cell::ChallengeAnswer;
use crate::recipe::Variant;
use crate::study::Role;

/// One variant of the study.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkRow {
    /// The variant's id, e.g. `hdenseunet`.
    pub variant: String,
    /// Its name in the tables, e.g. `2D DenseUNet with pre-trained model`.
    pub title: String,
    /// What the name must also say, e.g. where the pre-trained weights come from.
    pub note: Option<String>,
    /// What its scores rest on beside outputs as they were: cases that count as empty, outputs that were changed to be
    /// scored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Which folds it is over.
    #[serde(default)]
    pub role: Role,
    /// Whether its results are there.
    pub status: RowStatus,
    /// Aggregated scores; a score that is absent is shown as missing.
    pub scores: BTreeMap<Score, Estimate>,
    /// Dice of every test case, for the spreads.
    pub per_case: Vec<CaseScore>,
    /// What it cost.
    pub cost: Cost,
    /// The loss of every iteration in order, of the first training where there are several; kept in
    /// the cell's `losses.csv`, not in `report.json`.
    #[serde(skip)]
    pub losses: Vec<LossPoint>,
    /// The same of every further training.
    #[serde(skip)]
    pub more_losses: Vec<Vec<LossPoint>>,
    /// Every training of the row, folds and replicates.
    #[serde(default)]
    pub trainings: Vec<Training>,
    /// What the challenge's server said to the submission of one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<ChallengeAnswer>,
}

/// One fold and replicate of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Number of the fold.
    pub fold: usize,
    /// Number of the replicate.
    pub seed: u32,
    /// Dice of the lesion label over the fold's test cases with lesions.
    pub lesion_dice: Option<Estimate>,
    /// Dice of the liver over the fold's test cases.
    pub liver_dice: Option<Estimate>,
    /// Mean losses at the ends of its stages.
    pub stages: Vec<StageCheck>,
}

impl NetworkRow {
    /// Whether it is a network of ours, and no other algorithm.
    pub(crate) fn is_network(&self) -> bool {
        Variant::from_id(&self.variant).is_some()
    }

    /// The stages of every training with the name of its fold and replicate.
    pub(crate) fn checks(&self) -> Vec<(String, StageCheck)> {
        if self.trainings.is_empty() {
            let checks = stage_checks(&self.losses);
            return checks
                .into_iter()
                .map(|check| (String::new(), check))
                .collect();
        }
        let replicates = self.trainings.iter().any(|training| training.seed > 0);
        self.trainings
            .iter()
            .flat_map(|training| {
                let mut name = fold_name(training.fold, self.role);
                if replicates {
                    name += &format!(", seed {}", training.seed);
                }
                let named = move |check: &StageCheck| (name.clone(), check.clone());
                training.stages.iter().map(named)
            })
            .collect()
    }
}

/// How tables name a fold.
pub(crate) fn fold_name(index: usize, role: Role) -> String {
    match role {
        Role::Own => format!("fold {index}"),
        Role::Transfer => "transfer".into(),
        Role::Leaked => "transfer, leaked".into(),
    }
}

/// Whether the results of a row are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowStatus {
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

/// What a variant cost; an unknown metric is absent.
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
    /// What was measured of an algorithm that is none of our networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalCost>,
}

/// What the prediction of a case costs an algorithm that is none of our networks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExternalCost {
    /// Processor time of all its processes, s, mean over the cases.
    pub cpu_seconds: Option<f64>,
    /// Highest memory of its GPUs, MB (10^6 bytes).
    pub gpu_peak_mb: Option<f64>,
    /// Memory of its GPUs over the time, MB s, mean over the cases: FLARE's measure.
    pub gpu_area_mb_s: Option<f64>,
    /// Whether the time of a folder was divided by its cases.
    pub divided: bool,
}

/// The cost of one training stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageCost {
    /// Name of the stage, as in the losses.
    pub stage: String,
    /// Mean seconds an iteration.
    pub seconds_per_step: f64,
}

fn nan_from_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}
