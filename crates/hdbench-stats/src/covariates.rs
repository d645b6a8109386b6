//! Cases by anything that is known of them: scanner, centre, sex, phase.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::{cell_words, composed};
use hdbench_volume::artifact::open_file;
use serde::Serialize;

use super::compare::AnalysisOptions;
use super::metric_table::MetricTable;
use super::size_groups::{GroupValue, baseline_of, group_values};
use super::statistics::{holm, kruskal, median};

/// Numbers of more different values than this are divided at their median.
const MOST_GROUPS: usize = 6;

/// What is known of cases beside their scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Covariates {
    /// By name, in the file's order: the value of each case.
    columns: Vec<(String, BTreeMap<String, String>)>,
}

/// The values of a metric in the groups of one covariate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CovariateGroups {
    pub metric: String,
    pub covariate: String,
    /// Of every group and algorithm.
    pub values: Vec<GroupValue>,
    /// Of every algorithm: whether its values differ between the groups.
    pub tests: Vec<GroupTest>,
    /// Cases of the metric without a value of the covariate.
    pub unknown: usize,
}

/// Kruskal's and Wallis' tests between the groups.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupTest {
    pub algorithm: String,
    /// That the algorithm's values differ between groups as much by chance; none where it has them in one group.
    pub p: Option<f64>,
    /// With Holm's correction over all algorithms and covariates of the metric.
    pub p_holm: Option<f64>,
    /// That its differences to the baseline do: the interaction of algorithm and covariate.
    pub p_interaction: Option<f64>,
    pub p_interaction_holm: Option<f64>,
}

impl Covariates {
    /// Reads a CSV whose first column are the cases, under any name; every other column is a covariate, an empty cell a
    /// case of which it is not known.
    ///
    /// # Errors
    /// `Error::Read`; `Error::Malformed` for what is no such table, a case that is there twice, or no covariate.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |problem: String| {
            Error::malformed(
                path,
                problem,
                "give a CSV with a row a case: its name, then a column a covariate, with a header",
            )
        };
        let file = open_file(path).map_err(Error::read(path))?;
        let mut csv = csv::Reader::from_reader(file);
        let heads = csv.headers().map_err(|e| wrong(e.to_string()))?.clone();
        let names = heads
            .iter()
            .skip(1)
            .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned());
        let mut columns: Vec<(String, BTreeMap<String, String>)> =
            names.map(|name| (name, BTreeMap::new())).collect();
        if columns.is_empty() {
            return Err(wrong("has no column beside the cases".into()));
        }
        let mut seen = BTreeSet::new();
        for record in csv.records() {
            let record = record.map_err(|e| wrong(e.to_string()))?;
            let case = composed(cell_words(record.get(0).unwrap_or_default().trim()));
            if !seen.insert(case.clone()) {
                return Err(wrong(format!("case {case:?} is there twice")));
            }
            for ((_, values), cell) in columns.iter_mut().zip(record.iter().skip(1)) {
                if !cell.trim().is_empty() {
                    values.insert(case.clone(), cell.trim().to_owned());
                }
            }
        }
        Ok(Self { columns })
    }

    /// The metric in the groups of every covariate.
    ///
    /// # Errors
    /// `Error::Usage` for a baseline that is none of the algorithms, and where no case of the metric is in the file.
    pub fn of(
        &self,
        metric: &MetricTable,
        options: &AnalysisOptions,
    ) -> Result<Vec<CovariateGroups>> {
        let baseline = baseline_of(metric, options)?;
        let knows = |case: &String| {
            self.columns
                .iter()
                .any(|(_, values)| values.contains_key(case))
        };
        if !metric.cases.iter().any(knows) {
            return Err(Error::usage(
                format!("no case of {} is in the file of covariates", metric.name()),
                "its first column are the names of the cases, as in cases.csv",
            ));
        }
        let mut found = Vec::new();
        for (covariate, values) in &self.columns {
            let groups = groups(metric, values);
            let mut own = Vec::new();
            for (name, rows) in &groups {
                let resampling =
                    options.resampling(&format!("{}, {covariate} {name}", metric.name()));
                own.extend(group_values(metric, name, rows, baseline, resampling));
            }
            let p = |value: &dyn Fn(usize) -> f64| {
                let of =
                    |(_, rows): &(String, Vec<usize>)| rows.iter().map(|&row| value(row)).collect();
                kruskal(&groups.iter().map(of).collect::<Vec<_>>()).map(|[_, p]| p)
            };
            let tests = (0..metric.algorithms.len()).map(|algorithm| {
                let value = |row: usize| metric.values[[row, algorithm]];
                let other = baseline.filter(|other| *other != algorithm);
                GroupTest {
                    algorithm: metric.algorithms[algorithm].clone(),
                    p: p(&value),
                    p_holm: None,
                    p_interaction: other
                        .and_then(|other| p(&|row| value(row) - metric.values[[row, other]])),
                    p_interaction_holm: None,
                }
            });
            found.push(CovariateGroups {
                metric: metric.name(),
                covariate: covariate.clone(),
                values: own,
                tests: tests.collect(),
                unknown: metric
                    .cases
                    .iter()
                    .filter(|case| !values.contains_key(*case))
                    .count(),
            });
        }
        correct(&mut found, |test| (test.p, &mut test.p_holm));
        correct(&mut found, |test| {
            (test.p_interaction, &mut test.p_interaction_holm)
        });
        Ok(found)
    }
}

/// Corrects one p of every test over all of them.
fn correct(
    found: &mut [CovariateGroups],
    of: impl Fn(&mut GroupTest) -> (Option<f64>, &mut Option<f64>),
) {
    let mut tests: Vec<&mut GroupTest> = found.iter_mut().flat_map(|own| &mut own.tests).collect();
    let p: Vec<f64> = tests
        .iter_mut()
        .map(|test| of(test).0.unwrap_or(f64::NAN))
        .collect();
    for (test, corrected) in tests.into_iter().zip(holm(&p)) {
        *of(test).1 = Some(corrected).filter(|p| !p.is_nan());
    }
}

/// The rows of a metric by the value of a covariate; many different numbers by their median.
fn groups(metric: &MetricTable, values: &BTreeMap<String, String>) -> Vec<(String, Vec<usize>)> {
    let known: Vec<(usize, &String)> = metric
        .cases
        .iter()
        .enumerate()
        .filter_map(|(row, case)| Some((row, values.get(case)?)))
        .collect();
    let different: BTreeSet<&String> = known.iter().map(|(_, value)| *value).collect();
    let numbers: Option<Vec<f64>> = known.iter().map(|(_, value)| value.parse().ok()).collect();
    if let Some(numbers) = numbers.filter(|_| different.len() > MOST_GROUPS) {
        let middle = median(&mut numbers.clone());
        let rows = |wanted: bool| -> Vec<usize> {
            let pairs = known.iter().zip(&numbers);
            pairs
                .filter(|(_, number)| (**number >= middle) == wanted)
                .map(|((row, _), _)| *row)
                .collect()
        };
        return vec![
            (format!("below {middle}"), rows(false)),
            (format!("from {middle}"), rows(true)),
        ];
    }
    let mut groups: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
    for (row, value) in known {
        groups.entry(value).or_default().push(row);
    }
    groups
        .into_iter()
        .map(|(name, rows)| (name.clone(), rows))
        .collect()
}
