use std::collections::BTreeMap;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_volume::artifact::write_atomic_with;
use serde::{Serialize, Serializer};

use super::case::{ScoredCase, StructureScores};
use super::metric::Metric;
use super::metric_value::MetricValue;
use super::name::Name;
use super::policy::EmptyMask;
use super::scored_structure::ScoredStructure;
use super::tidy::{Pooled, pooled};

/// nnU-Net's `summary.json` (`nnunetv2/evaluation/evaluate_predictions.py`), our metrics as extra
/// keys.
#[derive(Serialize)]
struct Summary<'a> {
    foreground_mean: Metrics,
    mean: BTreeMap<String, Metrics>,
    metric_per_case: PerCase<'a>,
    hdbench: Extra,
}

/// The entries of the cases, each made when it is written: of a thousand cases they are many times the scores.
struct PerCase<'a>(&'a [ScoredCase]);

impl Serialize for PerCase<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(entry))
    }
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
    let mut columns: BTreeMap<&str, Columns> = BTreeMap::new();
    for case in cases {
        for (key, metrics) in entry(case).metrics {
            let columns = columns.entry(key).or_default();
            for (name, value) in metrics {
                columns.entry(name).or_default().push(value);
            }
        }
    }
    let mut mean = BTreeMap::new();
    let (mut counted, mut undefined) = (BTreeMap::new(), BTreeMap::new());
    let keys: Vec<Name> = match cases.first() {
        Some(first) => {
            let structures = first.scores.structures.iter();
            structures.map(|scores| scores.nnunet_key).collect()
        }
        None => {
            let structures = ScoredStructure::liver_and_lesion();
            let keys = structures.iter().map(ScoredStructure::nnunet_key);
            keys.map(Name::from).collect()
        }
    };
    for key in keys {
        let means = columns.get(key.as_str()).map(Means::of).unwrap_or_default();
        mean.insert(key.into(), means.values);
        counted.insert(key.into(), means.counted);
        undefined.insert(key.into(), means.undefined);
    }
    let pooled = pooled(cases);
    let name = |metric: &Pooled| match metric.label {
        Some(label) => format!("{label}_{}", metric.metric),
        None => metric.metric.clone(),
    };
    let left_out = pooled.iter().filter(|metric| metric.undefined > 0);
    let summary = Summary {
        foreground_mean: Means::of(&columns_of(mean.values())).values,
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
        metric_per_case: PerCase(cases),
    };
    write_atomic_with(path, |out| {
        serde_json::to_writer_pretty(&mut *out, &summary).map_err(|e| match e.is_io() {
            true => Error::write(path)(e.into()),
            false => Error::Internal(format!("summary.json does not serialise: {e}")),
        })?;
        out.write_all(b"\n").map_err(Error::write(path))
    })
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
        ("Dice", overlap(scores, Metric::Dice)),
        ("IoU", overlap(scores, Metric::Jaccard)),
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

/// Dice or IoU, which nnU-Net's file has whether or not the structure's own metrics do.
fn overlap(scores: &StructureScores, metric: Metric) -> f64 {
    if let Some(asked) = scores.metric_value(metric) {
        return asked.value;
    }
    let raw = match metric {
        Metric::Dice => scores.counts.dice(),
        _ => scores.counts.jaccard(),
    };
    let edge = EmptyMask::of(&scores.counts);
    MetricValue::strict(metric.into(), raw, edge, raw).value
}

/// The values of all cases, by the metric's name.
type Columns = BTreeMap<String, Vec<f64>>;

fn columns_of<'a>(all: impl Iterator<Item = &'a Metrics>) -> Columns {
    let mut columns = Columns::new();
    for (name, &value) in all.flatten() {
        columns.entry(name.clone()).or_default().push(value);
    }
    columns
}

/// The mean of each metric over the cases in which it has a value.
#[derive(Default)]
struct Means {
    values: Metrics,
    counted: Numbers,
    undefined: Numbers,
}

impl Means {
    fn of(columns: &Columns) -> Self {
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
