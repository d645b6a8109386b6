//! What is known of every metric, and what of the difference between two algorithms.

use hdbench_ground::error::{Error, Result};
use hdbench_ground::seed::Seed;
use hdbench_score::Label;
use ndarray::Array2;
use serde::Serialize;

use super::comparable::{Likeness, likeness};
use super::direction::{better, towards_zero};
use super::metric_table::MetricTable;
use super::ranking::Better;
use super::statistics::{
    RESAMPLES, Resampling, SignedDifferences, SignedRank, claim, holm, mean_intervals, median,
    median_interval, rounding, t_interval,
};

/// How an analysis is made.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalysisOptions {
    /// Draws of the bootstrap.
    pub resamples: usize,
    /// Of the intervals, 0.95 for 95 %.
    pub level: f64,
    /// Of the draws.
    pub seed: Seed,
    /// The algorithm that all others are compared with; without one, every pair is.
    pub baseline: Option<String>,
}

impl Default for AnalysisOptions {
    fn default() -> Self {
        Self {
            resamples: RESAMPLES,
            level: 0.95,
            seed: Seed(1),
            baseline: None,
        }
    }
}

impl AnalysisOptions {
    /// How the intervals of a metric are drawn, by its [`MetricTable::name`]: the same numbers get the same
    /// interval wherever they stand.
    pub fn resampling(&self, metric: &str) -> Resampling {
        Resampling {
            resamples: self.resamples,
            level: self.level,
            seed: self.seed.derive(metric),
        }
    }

    /// For captions: what the intervals are.
    pub fn in_words(&self) -> String {
        format!(
            "{:.0} % BCa bootstrap interval of the mean over cases ({} bootstrap resamples, seed {}).",
            100.0 * self.level,
            self.resamples,
            self.seed.0
        )
    }
}

/// One metric of one algorithm over its cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricSummary {
    pub label: Option<Label>,
    pub metric: String,
    pub algorithm: String,
    /// Cases with a value.
    pub n: usize,
    /// All cases.
    pub cases: usize,
    pub mean: f64,
    /// Sample standard deviation over cases (n - 1); none below two.
    pub sd: Option<f64>,
    pub median: f64,
    /// Percentile bootstrap interval of the median.
    pub median_interval: Option<[f64; 2]>,
    /// BCa bootstrap interval of the mean over cases.
    pub interval: Option<[f64; 2]>,
    /// Student's interval of the mean.
    pub t_interval: Option<[f64; 2]>,
    /// Number of replicates.
    pub replicates: usize,
    /// Sample standard deviation of the replicates' means; none below two.
    pub replicate_sd: Option<f64>,
}

/// The difference between two algorithms in one metric, over the cases that have it by both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    pub label: Option<Label>,
    pub metric: String,
    pub algorithm: String,
    pub baseline: String,
    /// Cases with a value by both.
    pub n: usize,
    /// Mean of algorithm - baseline over those cases; of the absolute values where the size counts
    /// (`rvd`, `tumour_burden_error`).
    pub difference: f64,
    /// Paired BCa bootstrap interval of the difference.
    pub interval: Option<[f64; 2]>,
    /// Student's interval of it.
    pub t_interval: Option<[f64; 2]>,
    /// The probability that the claim which the difference suggests is false: that the true mean of the other is as
    /// good or better (Christodoulou et al., arXiv 2505.04720).
    pub false_claim: Option<f64>,
    /// Cases with this difference and this spread for that probability to be 0.05 or less; none above a million.
    pub cases_needed: Option<u64>,
    /// Wilcoxon's signed-rank test, two-sided; NaN without a case in common.
    pub p: f64,
    /// Holm's correction over all comparisons of this metric; NaN likewise.
    pub p_holm: f64,
    /// Whether the test's distribution is exact.
    pub exact: bool,
    /// The difference in standard deviations of replicates (pooled over both), where there are some.
    pub in_replicate_sd: Option<f64>,
    /// What is said of it at the level of the intervals.
    pub finding: Finding,
    /// Why it is not comparable, or what is to be known of the comparison.
    pub remark: Option<String>,
}

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// Better than the baseline: interval and corrected test agree.
    Better,
    /// Worse than the baseline, likewise.
    Worse,
    /// Different, in a metric that has no better.
    Different,
    /// The cases cannot tell.
    NoEvidence,
    /// No case has a value by both, or the values are of other definitions.
    NotComparable,
}

/// Summaries and comparisons of metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Analysis {
    pub summaries: Vec<MetricSummary>,
    pub comparisons: Vec<Comparison>,
}

impl Analysis {
    /// Names what nobody could compare: a table of many rows hides it.
    pub fn incomparable_in_words(&self) -> Option<String> {
        let is_open = |comparison: &&Comparison| comparison.finding == Finding::NotComparable;
        let open: Vec<&Comparison> = self.comparisons.iter().filter(is_open).collect();
        let first = open.first()?;
        let label = first
            .label
            .map_or(String::new(), |label| format!("{label} "));
        Some(format!(
            "{} of {} comparisons are not comparable: {}{}",
            open.len(),
            self.comparisons.len(),
            first.remark.clone().unwrap_or_else(|| format!(
                "no case has a value on both sides: {label}{} of {} and {}",
                first.metric, first.algorithm, first.baseline
            )),
            if open.len() > 1 { " ..." } else { "" }
        ))
    }
}

/// Analyses metrics one by one. An interval rests on the algorithm's own cases, that of a difference on those
/// that both have.
///
/// # Errors
/// `Error::Usage` for a baseline that is none of the algorithms.
pub fn analyse(metrics: &[MetricTable], options: &AnalysisOptions) -> Result<Analysis> {
    let mut analysis = Analysis::default();
    for metric in metrics {
        let pairs = pairs(&metric.algorithms, options.baseline.as_deref())?;
        let one = of_metric(metric, &pairs, options);
        analysis.summaries.extend(one.summaries);
        analysis.comparisons.extend(one.comparisons);
    }
    Ok(analysis)
}

/// [`analyse`] of certain pairs, each of a baseline and what is compared with it; an algorithm that a metric has not
/// is in none of its pairs.
pub fn analyse_pairs(
    metrics: &[MetricTable],
    pairs: &[[String; 2]],
    options: &AnalysisOptions,
) -> Analysis {
    let mut analysis = Analysis::default();
    for metric in metrics {
        let place = |name: &String| metric.algorithms.iter().position(|own| own == name);
        let placed = |[baseline, own]: &[String; 2]| Some((place(own)?, place(baseline)?));
        let places: Vec<(usize, usize)> = pairs.iter().filter_map(placed).collect();
        let one = of_metric(metric, &places, options);
        analysis.summaries.extend(one.summaries);
        analysis.comparisons.extend(one.comparisons);
    }
    analysis
}

/// Algorithm and baseline, by their places.
fn pairs(algorithms: &[String], baseline: Option<&str>) -> Result<Vec<(usize, usize)>> {
    let Some(baseline) = baseline else {
        return Ok((0..algorithms.len())
            .flat_map(|a| (0..a).map(move |b| (a, b)))
            .collect());
    };
    let place = algorithms.iter().position(|name| name == baseline);
    let place = place.ok_or_else(|| {
        Error::usage(
            format!("there is no algorithm {baseline:?}"),
            format!("name one of {}", algorithms.join(", ")),
        )
    })?;
    Ok((0..algorithms.len())
        .filter(|&other| other != place)
        .map(|other| (other, place))
        .collect())
}

fn of_metric(
    metric: &MetricTable,
    pairs: &[(usize, usize)],
    options: &AnalysisOptions,
) -> Analysis {
    let (cases, algorithms) = metric.values.dim();
    // Of fractions that are equal the difference is 0, however they were reckoned.
    let within = rounding(metric.values.iter().copied());
    // Columns: the algorithms, then the differences.
    let mut columns = Array2::zeros((cases, algorithms + pairs.len()));
    let size = |value: f64| match towards_zero(&metric.metric) {
        true => value.abs(),
        false => value,
    };
    let alike: Vec<Likeness> = pairs.iter().map(|&(a, b)| likeness(metric, a, b)).collect();
    for case in 0..cases {
        let values = metric.values.row(case);
        for algorithm in 0..algorithms {
            columns[[case, algorithm]] = values[algorithm];
        }
        for (place, &(a, b)) in pairs.iter().enumerate() {
            let difference = size(values[a]) - size(values[b]);
            let same = difference.abs() <= within;
            columns[[case, algorithms + place]] = match (&alike[place], same) {
                (Likeness::Other(_), _) => f64::NAN,
                (_, true) => 0.0,
                _ => difference,
            };
        }
    }
    let intervals = mean_intervals(columns.view(), options.resampling(&metric.name()));
    let interval = |column: usize| intervals[column];
    let summaries = (0..algorithms)
        .map(|algorithm| {
            let replicates = &metric.replicates[algorithm];
            let mut known = defined(columns.column(algorithm).iter());
            let (mean, sd) = mean_and_sd(&known);
            let t_interval = t_interval(&known, options.level);
            let median_interval = median_interval(&known, options.level);
            MetricSummary {
                label: metric.label,
                metric: metric.metric.clone(),
                algorithm: metric.algorithms[algorithm].clone(),
                n: known.len(),
                cases,
                mean,
                sd,
                median: median(&mut known),
                median_interval,
                interval: interval(algorithm),
                t_interval,
                replicates: replicates.len(),
                replicate_sd: mean_and_sd(replicates).1,
            }
        })
        .collect();
    let tests: Vec<SignedRank> = (0..pairs.len())
        .map(|place| {
            let differences = columns.column(algorithms + place).to_vec();
            let mut test = SignedDifferences::new(&differences, within).test(|_| 1);
            // A test of nothing is none, and is not corrected for.
            if differences.iter().all(|difference| difference.is_nan()) {
                test.p = f64::NAN;
            }
            test
        })
        .collect();
    let corrected = holm(&tests.iter().map(|test| test.p).collect::<Vec<_>>());
    let comparisons = pairs
        .iter()
        .enumerate()
        .map(|(place, &(a, b))| {
            let known = defined(columns.column(algorithms + place).iter());
            let (difference, _) = mean_and_sd(&known);
            let interval = interval(algorithms + place);
            let claim = claim(&known);
            Comparison {
                label: metric.label,
                metric: metric.metric.clone(),
                algorithm: metric.algorithms[a].clone(),
                baseline: metric.algorithms[b].clone(),
                n: known.len(),
                difference,
                interval,
                t_interval: t_interval(&known, options.level),
                false_claim: claim.map(|claim| claim.probability_false),
                cases_needed: claim.and_then(|claim| claim.cases_needed),
                p: tests[place].p,
                p_holm: corrected[place],
                exact: tests[place].exact,
                in_replicate_sd: in_replicate_sd(
                    difference,
                    &metric.replicates[a],
                    &metric.replicates[b],
                ),
                finding: match known.len() {
                    0 => Finding::NotComparable,
                    _ => finding(
                        &metric.metric,
                        interval,
                        corrected[place] <= 1.0 - options.level,
                    ),
                },
                remark: match &alike[place] {
                    Likeness::Same => None,
                    Likeness::Nearly(remark) | Likeness::Other(remark) => Some(remark.clone()),
                },
            }
        })
        .collect();
    Analysis {
        summaries,
        comparisons,
    }
}

fn finding(metric: &str, interval: Option<[f64; 2]>, significant: bool) -> Finding {
    let Some([low, high]) = interval.filter(|_| significant) else {
        return Finding::NoEvidence;
    };
    let direction = match towards_zero(metric) {
        true => Some(Better::Smaller),
        false => better(metric),
    };
    match (low > 0.0, high < 0.0, direction) {
        (false, false, _) => Finding::NoEvidence,
        (_, _, None) => Finding::Different,
        (true, _, Some(Better::Larger)) | (_, true, Some(Better::Smaller)) => Finding::Better,
        _ => Finding::Worse,
    }
}

fn in_replicate_sd(difference: f64, a: &[f64], b: &[f64]) -> Option<f64> {
    let [a, b] = [mean_and_sd(a).1?, mean_and_sd(b).1?];
    let pooled = ((a * a + b * b) / 2.0).sqrt();
    (pooled > 0.0).then_some(difference / pooled)
}

fn defined<'a>(values: impl Iterator<Item = &'a f64>) -> Vec<f64> {
    values.copied().filter(|value| !value.is_nan()).collect()
}

/// The mean, NaN of nothing, and the sample standard deviation, none below two.
fn mean_and_sd(values: &[f64]) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (
        mean,
        (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()),
    )
}
