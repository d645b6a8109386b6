use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use hdbench_volume::artifact::write_atomic_with;
use serde::{Serialize, Serializer};

use super::describe::{Described, Statistics};
use super::name::Name;
use super::tidy::TidyRows;

/// grand-challenge.org's `metrics.json`, as its `evalutils` writes it.
#[derive(Serialize)]
struct Metrics {
    case: Ordered<Column>,
    aggregates: Ordered<Aggregate>,
}

/// A JSON object whose keys stay in the order of the tables.
struct Ordered<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// A JSON object whose keys are the numbers of the cases in the order of the tables.
struct Numbered<T>(Vec<T>);

impl<T: Serialize> Serialize for Numbered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().enumerate())
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Column {
    Names(Numbered<Name>),
    Values(Numbered<f64>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Aggregate {
    Cases(CaseStatistics),
    Pooled(f64),
}

/// Names and order of pandas' `describe`, `pc` for `%`.
#[derive(Serialize)]
struct CaseStatistics {
    count: usize,
    mean: f64,
    std: f64,
    min: f64,
    #[serde(rename = "25pc")]
    lower: f64,
    #[serde(rename = "50pc")]
    median: f64,
    #[serde(rename = "75pc")]
    upper: f64,
    max: f64,
}

impl From<Statistics> for CaseStatistics {
    fn from(from: Statistics) -> Self {
        let [lower, median, upper] = from.quartiles;
        Self {
            count: from.count,
            mean: from.mean,
            std: from.sd,
            min: from.min,
            lower,
            median,
            upper,
            max: from.max,
        }
    }
}

/// Writes `metrics.json` in the shape that grand-challenge.org's leaderboards read, from the rows
/// of one evaluation:
///
/// ```text
/// {"case": {"case": {"0": "volume-3"}, "liver_dice": {"0": 0.95}, …},
///  "aggregates": {"liver_dice": {"count": 1, "mean": 0.95, "std": null, "min": …, "25pc": …,
///                                "50pc": …, "75pc": …, "max": …}, …, "lesion_dice_global": 0.7}}
/// ```
///
/// Values are those under the policy; one without a value is `null` and not counted. A metric
/// pooled over all cases is a single number among the aggregates.
pub fn write_metrics_json(path: &Path, rows: impl TidyRows) -> Result<()> {
    let described = Described::of(rows);
    let names = Column::Names(Numbered(described.cases));
    let mut case = vec![("case".to_owned(), names)];
    let mut aggregates = Vec::new();
    for metric in described.metrics {
        let statistics = CaseStatistics::from(metric.statistics());
        aggregates.push((metric.name(), Aggregate::Cases(statistics)));
        case.push((metric.name(), Column::Values(Numbered(metric.values))));
    }
    let pooled = described.pooled.into_iter();
    aggregates.extend(pooled.map(|(name, value)| (name, Aggregate::Pooled(value))));
    let metrics = Metrics {
        case: Ordered(case),
        aggregates: Ordered(aggregates),
    };
    write_json(path, &metrics)
}

/// Writes the `scores.json` that Codabench's leaderboards read: one number a metric, `{"liver_dice": 0.95, …}`, the means
/// over the cases and what is pooled over them. What has no value is left out.
///
/// # Errors
/// `Error::Write`.
pub fn write_scores_json(path: &Path, rows: impl TidyRows) -> Result<()> {
    let described = Described::of(rows);
    let means = described.metrics.iter();
    let means = means.map(|metric| (metric.name(), metric.statistics().mean));
    let all = means.chain(described.pooled);
    write_json(
        path,
        &Ordered(all.filter(|(_, value)| value.is_finite()).collect()),
    )
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    write_atomic_with(path, |out| {
        serde_json::to_writer_pretty(&mut *out, value).map_err(|e| match e.is_io() {
            true => Error::write(path)(e.into()),
            false => Error::Internal(format!("{}: does not serialise: {e}", path.shown())),
        })?;
        out.write_all(b"\n").map_err(Error::write(path))
    })
}
