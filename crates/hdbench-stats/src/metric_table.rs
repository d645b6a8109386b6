//! The tidy table turned to what statistics want: a metric, its cases and its algorithms.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use hdbench_ground::error::Result;
use hdbench_ground::text::{shown, words_cell};
use hdbench_score::{ALL_CASES, Label, MetricRow, Name};
use ndarray::Array2;

use super::direction::{better, towards_zero};
use super::groups::{Keys, groups};
use super::ranking::Better;
use super::scorer::Definition;
use super::statistics::mean;

/// One metric of every case by every algorithm.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricTable {
    /// None for a metric of both labels.
    pub label: Option<Label>,
    /// The metric's name.
    pub metric: String,
    /// Names of the cases, sorted; with the data set's where an algorithm was scored on several.
    pub cases: Vec<String>,
    /// In the order in which they first occur.
    pub algorithms: Vec<String>,
    /// `[case, algorithm]`, means over replicates; NaN where a case has no value.
    pub values: Array2<f64>,
    /// The mean over cases of each replicate, by algorithm.
    pub replicates: Vec<Vec<f64>>,
    /// What the values of each algorithm were made by; nothing where that is not known.
    pub definitions: Vec<BTreeSet<Definition>>,
}

impl MetricTable {
    /// `lesion dice`.
    pub fn name(&self) -> String {
        match self.label {
            Some(label) => format!("{label} {}", self.metric),
            None => self.metric.clone(),
        }
    }

    /// The values as they are ranked, and which are the better ones: sizes where these count; none for a metric that has
    /// no better and no worse.
    pub(super) fn directed(&self) -> Option<(Array2<f64>, Better)> {
        match towards_zero(&self.metric) {
            true => Some((self.values.mapv(f64::abs), Better::Smaller)),
            false => Some((self.values.clone(), better(&self.metric)?)),
        }
    }

    /// The values of an algorithm, one a case.
    pub fn of(&self, algorithm: usize) -> Vec<f64> {
        self.values.column(algorithm).to_vec()
    }
}

/// A metric as Claims Reloaded reads it (claims-reloaded.dkfz.de): a row a case, a column `alg_NAME` an algorithm, without the
/// cases that an algorithm has no value for.
///
/// # Errors
/// Of writing.
pub fn claims_csv(metric: &MetricTable, out: impl Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let heads = metric
        .algorithms
        .iter()
        .map(|name| format!("alg_{}", shown(name)));
    csv.write_record(std::iter::once("case_id".to_owned()).chain(heads))?;
    for (case, values) in metric.cases.iter().zip(metric.values.rows()) {
        if values.iter().all(|value| value.is_finite()) {
            let cells = values.iter().map(f64::to_string);
            csv.write_record(std::iter::once(words_cell(&shown(case)).into_owned()).chain(cells))?;
        }
    }
    csv.flush()
}

/// Turns rows to metrics, in the order of labels and metrics; rows over all cases are left out.
///
/// # Errors
/// `Error::Internal` if polars refuses the table.
pub fn metric_tables(
    rows: &[MetricRow],
    wanted: impl Fn(&MetricRow) -> bool,
) -> Result<Vec<MetricTable>> {
    let rows: Vec<&MetricRow> = rows
        .iter()
        .filter(|row| row.case != ALL_CASES && wanted(row))
        .collect();
    // The data set's name may be written otherwise on the other side of a comparison: it tells cases
    // apart only where one algorithm has several.
    let mut tasks: BTreeMap<Name, Name> = BTreeMap::new();
    let several_tasks = rows
        .iter()
        .any(|row| *tasks.entry(row.algorithm).or_insert(row.task) != row.task);
    let mut algorithms: Vec<Name> = Vec::new();
    let mut seen = BTreeSet::new();
    for row in &rows {
        if seen.insert(row.algorithm) {
            algorithms.push(row.algorithm);
        }
    }
    let means = means(&rows, several_tasks)?;
    let mut tables: BTreeMap<(Option<Label>, Name), Vec<Mean>> = BTreeMap::new();
    for mean in means {
        tables
            .entry((mean.label, mean.metric))
            .or_default()
            .push(mean);
    }
    Ok(tables
        .into_iter()
        .map(|((label, metric), means)| table(label, metric, &means, &algorithms))
        .collect())
}

/// The cases that one algorithm, fold and replicate have twice in a metric: the mean of both could hide anything.
/// Other folds and replicates are other measurements.
pub fn repeated_cases(rows: &[MetricRow]) -> BTreeSet<&str> {
    let mut seen = BTreeSet::new();
    rows.iter()
        .filter(|row| row.case != ALL_CASES)
        .filter(|row| {
            let metric = (&row.algorithm, row.label, &row.metric);
            !seen.insert((metric, &row.task, row.fold, row.seed, &row.case))
        })
        .map(|row| row.case.as_str())
        .collect()
}

/// The value of a case, by one algorithm and replicate.
struct Mean {
    algorithm: Name,
    seed: u64,
    case: Name,
    label: Option<Label>,
    metric: Name,
    value: f64,
    policy: Name,
    version: u32,
}

fn table(label: Option<Label>, metric: Name, means: &[Mean], algorithms: &[Name]) -> MetricTable {
    let cases: BTreeSet<Name> = means.iter().map(|mean| mean.case).collect();
    let cases: Vec<Name> = cases.into_iter().collect();
    let column: BTreeMap<Name, usize> = algorithms.iter().copied().zip(0..).collect();
    let mut sums = Array2::<f64>::zeros((cases.len(), algorithms.len()));
    let mut counts = Array2::<f64>::zeros((cases.len(), algorithms.len()));
    let mut made_by: Vec<BTreeSet<(Name, u32)>> = vec![BTreeSet::new(); algorithms.len()];
    let mut replicates: Vec<BTreeMap<u64, (f64, f64)>> = vec![BTreeMap::new(); algorithms.len()];
    for mean in means.iter().filter(|mean| !mean.value.is_nan()) {
        let (Ok(case), Some(&algorithm)) =
            (cases.binary_search(&mean.case), column.get(&mean.algorithm))
        else {
            continue;
        };
        sums[[case, algorithm]] += mean.value;
        counts[[case, algorithm]] += 1.0;
        made_by[algorithm].insert((mean.policy, mean.version));
        let (sum, count) = replicates[algorithm].entry(mean.seed).or_default();
        *sum += mean.value;
        *count += 1.0;
    }
    MetricTable {
        label,
        metric: metric.into(),
        cases: cases.into_iter().map(String::from).collect(),
        algorithms: algorithms.iter().copied().map(String::from).collect(),
        // 0 / 0 is NaN.
        values: sums / counts,
        replicates: replicates
            .into_iter()
            .map(|seeds| seeds.into_values().map(|(sum, n)| sum / n).collect())
            .collect(),
        definitions: made_by
            .into_iter()
            .map(|own| {
                own.iter()
                    .map(|(policy, version)| Definition::of(policy, *version))
                    .collect()
            })
            .collect(),
    }
}

/// Folds are different cases or repeated ones, whose mean counts once.
fn means(rows: &[&MetricRow], several_tasks: bool) -> Result<Vec<Mean>> {
    let text = |of: fn(&MetricRow) -> &str| rows.iter().map(|row| of(row)).collect();
    let seeds: Vec<String> = rows.iter().map(|row| row.seed.to_string()).collect();
    let mut keys: Vec<Keys<'_>> = vec![
        ("algorithm", text(|row| &row.algorithm)),
        ("seed", seeds.iter().map(String::as_str).collect()),
        ("case", text(|row| &row.case)),
        ("label", text(|row| row.label.map_or("", Label::name))),
        ("metric", text(|row| &row.metric)),
    ];
    if several_tasks {
        keys.push(("task", text(|row| &row.task)));
    }
    let mean_of = |group: Vec<usize>| {
        let first = rows[group[0]];
        let defined: Vec<f64> = group
            .iter()
            .map(|&row| rows[row].value)
            .filter(|value| !value.is_nan())
            .collect();
        Mean {
            algorithm: first.algorithm,
            seed: first.seed,
            case: match several_tasks {
                true => format!("{}/{}", first.task, first.case).into(),
                false => first.case,
            },
            label: first.label,
            metric: first.metric,
            value: mean(&defined).unwrap_or(f64::NAN),
            policy: first.policy,
            version: first.metric_version,
        }
    };
    let groups = groups(rows.len(), keys)?;
    Ok(groups.into_iter().map(mean_of).collect())
}
