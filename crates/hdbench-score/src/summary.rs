use std::collections::BTreeMap;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_volume::artifact::write_atomic;
use serde::Serialize;

use super::case::{ScoredCase, StructureScores};
use super::metric::Metric;
use super::scored_structure::ScoredStructure;
use super::tidy::{Pooled, pooled};

/// nnU-Net's `summary.json` (`nnunetv2/evaluation/evaluate_predictions.py`), our metrics as extra
/// keys.
#[derive(Serialize)]
struct Summary<'a> {
    foreground_mean: Metrics,
    mean: BTreeMap<String, Metrics>,
    metric_per_case: Vec<CaseEntry<'a>>,
    hdbench: Extra,
}

#[derive(Serialize)]
struct CaseEntry<'a> {
    case: &'a str,
    metrics: BTreeMap<&'a str, Metrics>,
    prediction_file: &'a str,
    reference_file: &'a str,
}

type Metrics = BTreeMap<String, f64>;

/// How many cases have a value, by the metric's name.
type Numbers = BTreeMap<String, usize>;

/// What nnU-Net's file has no place for.
#[derive(Serialize)]
struct Extra {
    format: &'static str,
    policy: &'static str,
    cases: usize,
    /// Metrics over all cases together.
    pooled: Metrics,
    /// How many cases a pooled metric rests on.
    pooled_counted: Numbers,
    /// How many it leaves out because they have no value, where that is not 0.
    pooled_undefined: Numbers,
    /// How many cases a mean rests on.
    counted: BTreeMap<String, Numbers>,
    /// How many it leaves out because they have no value, where that is not 0.
    undefined: BTreeMap<String, Numbers>,
}

/// Writes `summary.json` in nnU-Net's shape: keys `metric_per_case`, `mean`, `foreground_mean`,
/// the liver as region `(1, 2)`, the lesions as `2`, each with `Dice`, `IoU`, `FP`, `FN`, `TP`,
/// `TN`, `n_pred`, `n_ref` and every metric of ours under its own name. Unlike nnU-Net's, `Dice`
/// and `IoU` are 1 if both masks are empty (nnU-Net: NaN, left out of the mean); a metric without
/// a value is `null`, left out of the mean and counted under `hdbench.undefined`; `hdbench.counted`
/// has how many cases each mean rests on.
pub fn write_summary(path: &Path, cases: &[ScoredCase]) -> Result<()> {
    let metric_per_case: Vec<CaseEntry<'_>> = cases.iter().map(entry).collect();
    let mut mean = BTreeMap::new();
    let (mut counted, mut undefined) = (BTreeMap::new(), BTreeMap::new());
    let keys: Vec<String> = match cases.first() {
        Some(first) => {
            let structures = first.scores.structures.iter();
            structures.map(|scores| scores.nnunet_key.clone()).collect()
        }
        None => {
            let structures = ScoredStructure::liver_and_lesion();
            structures.iter().map(ScoredStructure::nnunet_key).collect()
        }
    };
    for key in keys {
        let of_cases = metric_per_case.iter();
        let means = Means::of(of_cases.filter_map(|case| case.metrics.get(key.as_str())));
        mean.insert(key.clone(), means.values);
        counted.insert(key.clone(), means.counted);
        undefined.insert(key, means.undefined);
    }
    let pooled = pooled(cases);
    let name = |metric: &Pooled| match metric.label {
        Some(label) => format!("{label}_{}", metric.metric),
        None => metric.metric.clone(),
    };
    let left_out = pooled.iter().filter(|metric| metric.undefined > 0);
    let summary = Summary {
        foreground_mean: Means::of(mean.values()).values,
        mean,
        hdbench: Extra {
            format: "hdbench.summary/1",
            policy: "strict",
            cases: cases.len(),
            pooled: pooled
                .iter()
                .map(|f| (name(f), f.metric_value.value))
                .collect(),
            pooled_counted: pooled.iter().map(|f| (name(f), f.counted)).collect(),
            pooled_undefined: left_out.map(|f| (name(f), f.undefined)).collect(),
            counted,
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
    let metrics = case.scores.structures.iter().map(|structure| {
        let mut metrics = metrics_of(structure, case.scores.voxels);
        let detections = structure.detections().into_iter();
        metrics.extend(detections.map(|(name, metric)| (name, metric.value)));
        (structure.nnunet_key.as_str(), metrics)
    });
    CaseEntry {
        case: &case.case,
        metrics: metrics.collect(),
        prediction_file: &case.prediction_file,
        reference_file: &case.reference_file,
    }
}

fn metrics_of(scores: &StructureScores, voxels: u64) -> Metrics {
    let counts = scores.counts;
    let mut metrics: Metrics = scores
        .metric_values()
        .map(|(metric, found)| (metric.name().into_owned(), found.value))
        .collect();
    let of_nnunet = [
        ("Dice", scores.value(Metric::Dice)),
        ("IoU", scores.value(Metric::Jaccard)),
        ("TP", counts.intersection as f64),
        ("FP", (counts.prediction - counts.intersection) as f64),
        ("FN", (counts.reference - counts.intersection) as f64),
        ("TN", (voxels - counts.union()) as f64),
        ("n_pred", counts.prediction as f64),
        ("n_ref", counts.reference as f64),
    ];
    metrics.extend(of_nnunet.map(|(name, value)| (name.to_owned(), value)));
    metrics
}

/// The mean of each metric over the cases in which it has a value.
#[derive(Default)]
struct Means {
    values: Metrics,
    counted: Numbers,
    undefined: Numbers,
}

impl Means {
    fn of<'a>(all: impl Iterator<Item = &'a Metrics>) -> Self {
        let mut columns: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (name, &value) in all.flatten() {
            columns.entry(name).or_default().push(value);
        }
        let mut means = Self::default();
        for (name, values) in columns {
            let defined: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
            let mean = defined.iter().sum::<f64>() / defined.len() as f64;
            means.values.insert(name.to_owned(), mean);
            means.counted.insert(name.to_owned(), defined.len());
            if defined.len() < values.len() {
                means
                    .undefined
                    .insert(name.to_owned(), values.len() - defined.len());
            }
        }
        means
    }
}
