use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::case::{LabelScores, ScoredCase};
use super::figure::{Label, Metric};
use super::tidy::pooled;
use crate::artifact::write_atomic;
use crate::error::{Error, Result};

/// nnU-Net's `summary.json` (`nnunetv2/evaluation/evaluate_predictions.py`), our figures as extra
/// keys.
#[derive(Serialize)]
struct Summary<'a> {
    foreground_mean: BTreeMap<&'static str, f64>,
    mean: BTreeMap<&'static str, BTreeMap<&'static str, f64>>,
    metric_per_case: Vec<CaseEntry<'a>>,
    hdbench: Extra,
}

#[derive(Serialize)]
struct CaseEntry<'a> {
    case: &'a str,
    metrics: BTreeMap<&'static str, BTreeMap<&'static str, f64>>,
    prediction_file: &'a str,
    reference_file: &'a str,
}

/// What nnU-Net's file has no place for.
#[derive(Serialize)]
struct Extra {
    format: &'static str,
    policy: &'static str,
    cases: usize,
    /// Figures over all cases together.
    pooled: BTreeMap<String, f64>,
    /// How many cases a mean leaves out because they have no value, where that is not 0.
    undefined: BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
}

/// nnU-Net's name of a label: the tuple of its values for a region, the value for a single one.
fn key(label: Label) -> &'static str {
    match label {
        Label::Liver => "(1, 2)",
        Label::Lesion => "2",
    }
}

/// Writes `summary.json` in nnU-Net's shape: keys `metric_per_case`, `mean`, `foreground_mean`,
/// the liver as region `(1, 2)`, the lesions as `2`, each with `Dice`, `IoU`, `FP`, `FN`, `TP`,
/// `TN`, `n_pred`, `n_ref` and every figure of ours under its own name. Unlike nnU-Net's, `Dice`
/// and `IoU` are 1 if both masks are empty (nnU-Net: NaN, left out of the mean); a figure without
/// a value is `null`, left out of the mean and counted under `hdbench.undefined`.
pub fn write_summary(path: &Path, cases: &[ScoredCase]) -> Result<()> {
    let metric_per_case: Vec<CaseEntry<'_>> = cases.iter().map(entry).collect();
    let mut mean = BTreeMap::new();
    let mut undefined = BTreeMap::new();
    for label in Label::ALL.map(key) {
        let (means, missing) = means_of(metric_per_case.iter().map(|case| &case.metrics[label]));
        mean.insert(label, means);
        undefined.insert(label, missing);
    }
    let (foreground_mean, _) = means_of(mean.values());
    let pooled = pooled(cases).into_iter().map(|(label, metric, figure)| {
        let name = label.map_or(metric.to_owned(), |label| format!("{label}_{metric}"));
        (name, figure.value)
    });
    let summary = Summary {
        foreground_mean,
        mean,
        hdbench: Extra {
            format: "hdbench.summary/1",
            policy: "strict",
            cases: cases.len(),
            pooled: pooled.collect(),
            undefined,
        },
        metric_per_case,
    };
    let mut bytes = serde_json::to_vec_pretty(&summary)
        .map_err(|e| Error::Internal(format!("summary.json does not serialise: {e}")))?;
    bytes.push(b'\n');
    write_atomic(path, &bytes)
}

fn entry(case: &ScoredCase) -> CaseEntry<'_> {
    let metrics = Label::ALL.map(|label| {
        (
            key(label),
            figures(case.scores.label(label), case.scores.voxels),
        )
    });
    CaseEntry {
        case: &case.case,
        metrics: metrics.into(),
        prediction_file: &case.prediction_file,
        reference_file: &case.reference_file,
    }
}

fn figures(scores: &LabelScores, voxels: u64) -> BTreeMap<&'static str, f64> {
    let counts = scores.counts;
    let mut figures: BTreeMap<_, _> = scores
        .figures()
        .map(|(metric, figure)| (metric.name(), figure.value))
        .collect();
    figures.extend([
        ("Dice", scores.value(Metric::Dice)),
        ("IoU", scores.value(Metric::Jaccard)),
        ("TP", counts.intersection as f64),
        ("FP", (counts.prediction - counts.intersection) as f64),
        ("FN", (counts.reference - counts.intersection) as f64),
        ("TN", (voxels - counts.union()) as f64),
        ("n_pred", counts.prediction as f64),
        ("n_ref", counts.reference as f64),
    ]);
    figures
}

type Figures = BTreeMap<&'static str, f64>;

/// The mean of each figure over those that have a value, and how many have none.
fn means_of<'a>(
    all: impl Iterator<Item = &'a Figures>,
) -> (Figures, BTreeMap<&'static str, usize>) {
    let mut columns: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for (&name, &value) in all.flatten() {
        columns.entry(name).or_default().push(value);
    }
    let mut means = BTreeMap::new();
    let mut missing = BTreeMap::new();
    for (name, values) in columns {
        let defined: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        means.insert(name, defined.iter().sum::<f64>() / defined.len() as f64);
        if defined.len() < values.len() {
            missing.insert(name, values.len() - defined.len());
        }
    }
    (means, missing)
}
