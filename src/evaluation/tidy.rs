use std::path::Path;

use serde::{Deserialize, Serialize};

use super::case::ScoredCase;
use super::figure::{Edge, Figure, Label, Metric};
use crate::artifact::write_atomic_with;
use crate::error::{Error, Result};
use crate::metrics::burden::pooled_error;
use crate::metrics::overlap::Counts;

/// The `case` of a figure pooled over all cases.
pub const ALL_CASES: &str = "_all";

/// Raised when a definition changes, so that old and new numbers are never compared.
const METRIC_VERSION: u32 = 1;

const COLUMNS: [&str; 11] = [
    "task",
    "algorithm",
    "fold",
    "seed",
    "case",
    "label",
    "metric",
    "metric_version",
    "value",
    "raw_value",
    "policy",
];

/// What was scored: the cell a row belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The data set, e.g. `lits`.
    pub task: String,
    /// The variant, e.g. `hdenseunet`.
    pub algorithm: String,
    /// Number of the train/test split.
    pub fold: u32,
    /// Number of the replicate.
    pub seed: u64,
}

/// A row of `metrics_long.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The data set.
    pub task: String,
    /// The variant.
    pub algorithm: String,
    /// Number of the train/test split.
    pub fold: u32,
    /// Number of the replicate.
    pub seed: u64,
    /// The case, or [`ALL_CASES`].
    pub case: String,
    /// None for a figure of both labels together, such as the tumour burden.
    pub label: Option<Label>,
    /// The metric's name.
    pub metric: String,
    /// Version of its definition.
    pub metric_version: u32,
    /// What the policy made of the raw value; fractions in 0..=1, mm, mL; NaN if undefined.
    pub value: f64,
    /// What the formula gave.
    pub raw_value: f64,
    /// The policy and the edge case it met.
    pub policy: String,
}

impl Row {
    fn new(
        origin: &Origin,
        case: &str,
        label: Option<Label>,
        metric: &str,
        figure: Figure,
    ) -> Self {
        Self {
            task: origin.task.clone(),
            algorithm: origin.algorithm.clone(),
            fold: origin.fold,
            seed: origin.seed,
            case: case.to_owned(),
            label,
            metric: metric.to_owned(),
            metric_version: METRIC_VERSION,
            value: figure.value,
            raw_value: figure.raw,
            policy: figure.edge.policy().to_owned(),
        }
    }
}

/// The rows of a cell: each case's figures in the order given, then those pooled over all cases
/// (`dice_global` of each label, `tumour_burden_rmse`, `tumour_burden_max_error`).
pub fn rows(origin: &Origin, cases: &[ScoredCase]) -> Vec<Row> {
    let mut rows = Vec::new();
    for case in cases {
        for label in Label::ALL {
            for (metric, figure) in case.scores.label(label).figures() {
                rows.push(Row::new(
                    origin,
                    &case.case,
                    Some(label),
                    metric.name(),
                    figure,
                ));
            }
        }
        for (metric, figure) in case.scores.burdens() {
            rows.push(Row::new(origin, &case.case, None, metric, figure));
        }
    }
    for (label, metric, figure) in pooled(cases) {
        rows.push(Row::new(origin, ALL_CASES, label, metric, figure));
    }
    rows
}

/// Figures over all cases together; none without a case.
pub(super) fn pooled(cases: &[ScoredCase]) -> Vec<(Option<Label>, &'static str, Figure)> {
    if cases.is_empty() {
        return Vec::new();
    }
    let mut figures = Vec::new();
    for label in Label::ALL {
        let counts: Counts = cases
            .iter()
            .map(|case| case.scores.label(label).counts)
            .sum();
        let dice = Figure::strict(Metric::Dice, counts.dice(), Edge::of(&counts));
        figures.push((Some(label), "dice_global", dice));
    }
    let errors = |of: fn(&Figure) -> f64| {
        let errors: Vec<f64> = cases
            .iter()
            .map(|case| of(&case.scores.burden_error))
            .collect();
        pooled_error(&errors)
    };
    let (raw, value) = (errors(|figure| figure.raw), errors(|figure| figure.value));
    let edge = Edge::None;
    figures.push((
        None,
        "tumour_burden_rmse",
        Figure {
            raw: raw.rmse,
            value: value.rmse,
            edge,
        },
    ));
    figures.push((
        None,
        "tumour_burden_max_error",
        Figure {
            raw: raw.max_abs,
            value: value.max_abs,
            edge,
        },
    ));
    figures
}

/// Writes `metrics_long.csv`: numbers with as many digits as give them back, `NaN` where there is
/// none.
pub fn write_metrics_long(path: &Path, rows: &[Row]) -> Result<()> {
    write_csv(path, &COLUMNS, rows)
}

/// Reads `metrics_long.csv`.
///
/// # Errors
/// `Error::Malformed` with the line for a missing column or a value that does not parse.
pub fn read_metrics_long(path: &Path) -> Result<Vec<Row>> {
    let hint = "expected the columns of metrics_long.csv: ".to_owned() + &COLUMNS.join(",");
    let wrong = |e: csv::Error| Error::malformed(path, e.to_string(), hint.clone());
    let file = std::fs::File::open(path).map_err(Error::read(path))?;
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(wrong)?;
    if let Some(missing) = COLUMNS
        .iter()
        .find(|column| !header.iter().any(|h| h == **column))
    {
        return Err(Error::malformed(
            path,
            format!("has no column `{missing}`"),
            hint,
        ));
    }
    reader.deserialize().map(|row| row.map_err(wrong)).collect()
}

/// Writes a table with its header, also when it has no row.
pub(super) fn write_csv(
    path: &Path,
    columns: &[&str],
    rows: impl IntoIterator<Item = impl Serialize>,
) -> Result<()> {
    write_atomic_with(path, |out| {
        let failed = |e: csv::Error| Error::write(path)(e.into());
        let mut table = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(out);
        table.write_record(columns).map_err(failed)?;
        for row in rows {
            table.serialize(row).map_err(failed)?;
        }
        table.flush().map_err(Error::write(path))
    })
}
