//! What a report is made from: plain data, filled from a run folder by the caller.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::claims::Claim;
use super::evidence::Evidence;
use super::overlay::CaseOverlay;
use super::score::Score;
use super::stages::{StageCheck, stage_checks};
use super::tables::fold_name;
use super::viewer::Stack;
use crate::analysis::published::AddedNumbers;
use crate::cell::ChallengeAnswer;
use crate::study::Role;

/// Everything a report shows. It holds no date and no machine path, so that the same study gives
/// the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// What kind of study it is.
    #[serde(default)]
    pub kind: Kind,
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
    /// Number of training cases, of the first fold where there are several.
    pub n_train: usize,
    /// The folds, in the order of their numbers.
    #[serde(default)]
    pub folds: Vec<FoldFacts>,
    /// Pairs of a training case and a test case that are one scan, fold by fold.
    #[serde(default)]
    pub leaks: Vec<LeakFacts>,
    /// Number of test cases.
    pub n_test: usize,
    /// Number of test cases whose reference has at least one lesion voxel.
    pub n_test_with_lesions: usize,
    /// Mean liver Dice over the test cases that a threshold and the largest component give
    /// ([`threshold_liver`](crate::study::threshold_liver)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_liver: Option<f64>,
    /// Published numbers that the user has added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<AddedNumbers>,
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
    /// Paired tests and tumour sizes over the study's own test cases; their tables are part of
    /// `report.json`.
    #[serde(skip)]
    pub evidence: Option<Evidence>,
    /// What the study says of the paper's claims.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// Whether the cases are generated phantoms.
    #[serde(default)]
    pub phantoms: bool,
    /// One picture a test case; not part of `report.json`.
    #[serde(skip)]
    pub overlays: Vec<CaseOverlay>,
    /// Slices for the page's viewer; not part of `report.json`.
    #[serde(skip)]
    pub stacks: Vec<Stack>,
}

/// What a study is, and so which tables it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// All variants on one held-out split, as the paper's Table II.
    #[default]
    Ablation,
    /// Folds over patients, as the paper's Tables IV and V.
    CrossValidation,
}

/// What a fold trains and tests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldFacts {
    /// Its number in the names of cells.
    pub index: usize,
    /// What it is for.
    pub role: Role,
    /// How it came about.
    pub description: String,
    /// Number of training cases.
    pub n_train: usize,
    /// Names of the test cases.
    pub test: Vec<String>,
}

/// A training case that is the same scan as a test case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakFacts {
    /// Number of the fold.
    pub fold: usize,
    /// What the fold is for.
    pub role: Role,
    /// Name of the training case.
    pub train: String,
    /// Name of the test case.
    pub test: String,
    /// How much they share, and how one lies in the other.
    pub evidence: String,
    /// Whether the fold trains without it.
    pub left_out: bool,
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
    /// Which folds it is over.
    #[serde(default)]
    pub role: Role,
    /// Whether its results are there.
    pub status: Status,
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

impl Row {
    /// The stages of every training with the name of its fold and replicate.
    pub(super) fn checks(&self) -> Vec<(String, StageCheck)> {
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

impl Content {
    /// Whether a row that is taken for a result was trained on test scans.
    pub fn is_leaked(&self) -> bool {
        self.leaks
            .iter()
            .any(|leak| leak.role == Role::Own && !leak.left_out)
    }
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
