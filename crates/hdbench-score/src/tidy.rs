use std::borrow::{Borrow, Cow};
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::{cell_words, composed, words_cell};
use hdbench_volume::artifact::{open_file, write_atomic_with};
pub use hdbench_volume::case_name::ALL_CASES;
use serde::{Deserialize, Serialize};

use super::case::ScoredCase;
use super::criterion::Criterion;
use super::instance_metric::InstanceMetric;
use super::label::Label;
use super::metric_value::MetricValue;
use super::name::Name;
use super::policy::{EmptyMask, Family};
use crate::metrics::burden::pooled_error;
use crate::metrics::detection::Detection;
use crate::metrics::overlap::Counts;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The data set, e.g. `lits`.
    pub task: Name,
    /// The variant, e.g. `hdenseunet`.
    pub algorithm: Name,
    /// Number of the train/test split.
    pub fold: u32,
    /// Number of the replicate.
    pub seed: u64,
}

/// A row of `metrics_long.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// The data set.
    pub task: Name,
    /// The variant.
    pub algorithm: Name,
    /// Number of the train/test split.
    pub fold: u32,
    /// Number of the replicate.
    pub seed: u64,
    /// The case, or [`ALL_CASES`].
    pub case: Name,
    /// The structure; none for a metric value of several together, such as the tumour burden.
    pub label: Option<Label>,
    /// The metric's name.
    pub metric: Name,
    /// Version of its definition.
    pub metric_version: u32,
    /// What the policy made of the raw value; fractions in 0..=1, mm, mL; NaN if undefined.
    pub value: f64,
    /// What the formula gave.
    pub raw_value: f64,
    /// The policy and the edge case it met.
    pub policy: Name,
}

/// What is pooled over all cases, but for the official scorer's metric values.
const POOLED: [&str; 4] = [
    "dice_global",
    "detection_",
    "tumour_burden_rmse",
    "tumour_burden_max_error",
];

/// Of the official scorer's metric values those that single cases alone have.
const OF_CASES: [&str; 4] = [
    "count_ref",
    "count_pred",
    "true_positives",
    "tumorburden_difference",
];

impl MetricRow {
    /// Whether it is of a case that bears the name of all of them: every table would leave it out.
    pub fn is_of_case_named_all(&self) -> bool {
        let starts = |names: &[&str]| names.iter().any(|name| self.metric.starts_with(name));
        self.case == ALL_CASES
            && match self.policy.starts_with("lits") {
                true => starts(&OF_CASES),
                false => !starts(&POOLED),
            }
    }

    /// The row with its words as a CSV holds them.
    fn in_cells(&self) -> Self {
        let mut row = self.clone();
        for words in [&mut row.task, &mut row.algorithm, &mut row.case] {
            // Hardly any needs it.
            if let Cow::Owned(cell) = words_cell(words) {
                *words = cell.into();
            }
        }
        row
    }

    /// What [`MetricRow::in_cells`] stands for.
    fn out_of_cells(mut self) -> Self {
        for words in [&mut self.task, &mut self.algorithm, &mut self.case] {
            if cell_words(words).len() != words.len() {
                *words = Name::new(cell_words(words));
            }
        }
        if !self.case.is_ascii() {
            self.case = composed(&self.case).into();
        }
        self
    }

    fn new(
        origin: &Origin,
        case: Name,
        label: Option<Label>,
        metric: &str,
        metric_value: MetricValue,
    ) -> Self {
        Self {
            task: origin.task,
            algorithm: origin.algorithm,
            fold: origin.fold,
            seed: origin.seed,
            case,
            label,
            metric: metric.into(),
            metric_version: METRIC_VERSION,
            value: metric_value.value,
            raw_value: metric_value.raw,
            policy: metric_value.policy().into(),
        }
    }
}

/// Tidy rows that are gone through more than once: those of a slice, or [`Rows`].
pub trait TidyRows: IntoIterator<Item: Borrow<MetricRow>> + Copy {}

impl<T: IntoIterator<Item: Borrow<MetricRow>> + Copy> TidyRows for T {}

/// The rows of a cell, each made of the scores when its turn comes: of many cases they are several times the scores.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    origin: Origin,
    cases: &'a [ScoredCase],
}

/// The rows of a cell: each case's metric values in the order given, then those pooled over all cases
/// (`dice_global` of each label, the lesion detection, `tumour_burden_rmse`,
/// `tumour_burden_max_error`).
pub fn rows(origin: Origin, cases: &[ScoredCase]) -> Rows<'_> {
    Rows { origin, cases }
}

impl<'a> IntoIterator for Rows<'a> {
    type Item = MetricRow;
    type IntoIter = Box<dyn Iterator<Item = MetricRow> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        let Self { origin, cases } = self;
        let pooled = pooled(cases).into_iter().map(move |own| {
            let all = ALL_CASES.into();
            MetricRow::new(&origin, all, own.label, &own.metric, own.metric_value)
        });
        let of_cases = cases.iter().flat_map(move |case| rows_of(&origin, case));
        Box::new(of_cases.chain(pooled))
    }
}

fn rows_of(origin: &Origin, case: &ScoredCase) -> Vec<MetricRow> {
    let name = Name::new(&case.case);
    let mut rows = Vec::new();
    for structure in &case.scores.structures {
        let mut push = |metric: &str, value| {
            let label = Some(structure.label);
            rows.push(MetricRow::new(origin, name, label, metric, value));
        };
        for (metric, value) in structure.metric_values() {
            push(&metric.name(), value);
        }
        for (metric, value) in structure.detections() {
            push(&metric, value);
        }
    }
    for (metric, value) in case.scores.burdens() {
        rows.push(MetricRow::new(origin, name, None, metric, value));
    }
    rows
}

/// A metric value over all cases together.
pub(super) struct Pooled {
    pub(super) label: Option<Label>,
    pub(super) metric: String,
    pub(super) metric_value: MetricValue,
    /// Cases that it rests on.
    pub(super) counted: usize,
    /// Cases that are left out because they have no value.
    pub(super) undefined: usize,
}

/// Metric values over all cases together; none without a case.
pub(super) fn pooled(cases: &[ScoredCase]) -> Vec<Pooled> {
    let Some(first) = cases.first() else {
        return Vec::new();
    };
    let sum = |label: Option<Label>, metric: &str, metric_value| Pooled {
        label,
        metric: metric.to_owned(),
        metric_value,
        counted: cases.len(),
        undefined: 0,
    };
    let mut metric_values = Vec::new();
    for label in first.scores.structures.iter().map(|scores| scores.label) {
        let counts: Counts = cases
            .iter()
            .filter_map(|case| Some(case.scores.structure(label)?.counts))
            .sum();
        let dice = counts.dice();
        let dice = MetricValue::strict(Family::Agreement, dice, EmptyMask::of(&counts), dice);
        metric_values.push(sum(Some(label), "dice_global", dice));
    }
    for (label, _) in first.scores.instances() {
        for (criterion, found) in pooled_detection(cases, label) {
            for (metric, metric_value) in criterion.metric_values(&found) {
                metric_values.push(sum(Some(label), &metric, metric_value));
            }
        }
    }
    for label in first.scores.structures.iter().map(|scores| scores.label) {
        let own = |case: &ScoredCase| -> Option<Detection> {
            Some(
                case.scores
                    .structure(label)?
                    .own_instances
                    .as_ref()?
                    .detection,
            )
        };
        let all: Option<Vec<Detection>> = cases.iter().map(own).collect();
        if let Some(all) = all {
            let found: Detection = all.into_iter().sum();
            for (metric, metric_value) in pooled_values(&found) {
                metric_values.push(sum(Some(label), &metric.name(), metric_value));
            }
        }
    }
    if first.scores.burdens.is_none() {
        return metric_values;
    }
    let errors = |of: fn(&MetricValue) -> f64| {
        let errors: Vec<f64> = cases
            .iter()
            .filter_map(|case| Some(of(&case.scores.burdens?.error)))
            .collect();
        pooled_error(&errors)
    };
    let (raw, value) = (
        errors(|metric_value| metric_value.raw),
        errors(|metric_value| metric_value.value),
    );
    for (metric, raw, imputed) in [
        ("tumour_burden_rmse", raw.rmse, value.rmse),
        ("tumour_burden_max_error", raw.max_abs, value.max_abs),
    ] {
        let metric_value = MetricValue {
            raw,
            value: imputed,
            edge: EmptyMask::None,
            is_own: false,
        };
        metric_values.push(Pooled {
            counted: value.defined,
            undefined: value.undefined,
            ..sum(None, metric, metric_value)
        });
    }
    metric_values
}

/// The detection metrics of all instances together.
fn pooled_values(found: &Detection) -> [(InstanceMetric, MetricValue); 6] {
    let edge = EmptyMask::between(
        found.prediction_true + found.prediction_false,
        found.reference_found + found.reference_missed,
    );
    [
        (InstanceMetric::Precision, found.precision()),
        (InstanceMetric::Recall, found.recall()),
        (InstanceMetric::F1, found.f1()),
        (InstanceMetric::TruePositives, found.reference_found as f64),
        (
            InstanceMetric::FalseNegatives,
            found.reference_missed as f64,
        ),
        (
            InstanceMetric::FalsePositives,
            found.prediction_false as f64,
        ),
    ]
    .map(|(metric, raw)| (metric, MetricValue::strict(metric.into(), raw, edge, raw)))
}

/// The sums of all cases, for one structure; of the criteria that every case was scored by.
fn pooled_detection(cases: &[ScoredCase], label: Label) -> Vec<(Criterion, Detection)> {
    let own = |case: &ScoredCase| -> Vec<(Criterion, Detection)> {
        let instances = case.scores.instances_of(label);
        instances.map_or(Vec::new(), |instances| instances.detection.clone())
    };
    let of = |case: &ScoredCase, criterion| {
        let found = own(case).into_iter().find(|(other, _)| *other == criterion);
        found.map(|(_, detection)| detection)
    };
    let criteria = cases.first().map_or(Vec::new(), own);
    criteria
        .into_iter()
        .filter_map(|(criterion, _)| {
            let all: Option<Vec<Detection>> =
                cases.iter().map(|case| of(case, criterion)).collect();
            Some((criterion, all?.into_iter().sum()))
        })
        .collect()
}

/// Writes `metrics_long.csv`: numbers with as many digits as give them back, `NaN` where there is
/// none; words as [`words_cell`] has them.
pub fn write_metrics_long(path: &Path, rows: impl TidyRows) -> Result<()> {
    let cells = rows.into_iter().map(|row| row.borrow().in_cells());
    write_csv(path, &COLUMNS, cells)
}

/// Reads `metrics_long.csv`.
///
/// # Errors
/// `Error::Malformed` with the line for a missing column or a value that does not parse.
pub fn read_metrics_long(path: &Path) -> Result<Vec<MetricRow>> {
    let hint = "expected the columns of metrics_long.csv: ".to_owned() + &COLUMNS.join(",");
    let wrong = |e: csv::Error| {
        let hint = match e.kind() {
            csv::ErrorKind::Deserialize { .. } => {
                "numbers are written with a decimal point, and NaN where there is none"
            }
            _ => &hint,
        };
        Error::malformed(path, e.to_string(), hint)
    };
    let file = open_file(path).map_err(Error::read(path))?;
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(wrong)?;
    if header.len() == 1 && header[0].contains([';', '\t']) {
        return Err(Error::malformed(
            path,
            "its columns are parted by semicolons or tabs, expected commas",
            "a spreadsheet saves it so where commas are decimal: save it with commas between columns and \
             points in numbers, or take the file as it was written",
        ));
    }
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
    reader
        .deserialize()
        .map(|row| row.map(MetricRow::out_of_cells).map_err(wrong))
        .collect()
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
