use std::collections::BTreeSet;

use hdbench_ground::error::Result;
use hdbench_ground::seed::{Seed, Stream};
use hdbench_score::MetricRow;
use rayon::prelude::*;
use serde::Serialize;

use super::baseline::Baseline;
use super::line::Verdict;
use super::losses::{Judged, Losses, called, draws_needed, fewest_cases};
use super::policy::{AccuracyRule, Policy};
use crate::statistics::BootstrapT;
use crate::{MetricTable, metric_tables, towards_zero};

/// The chance with which a loss is to be seen.
pub const POWER: f64 = 0.8;

/// Gates that are simulated for one answer.
const SIMULATED: usize = 400;

/// Draws of the bootstrap in each of them.
const RESAMPLES: usize = 1_000;

/// Where many lines need more, up to this number: 400 gates are to be drawn.
const MOST_RESAMPLES: usize = 4_000;

/// Where the search for a loss ends, in standard deviations of the differences beyond the margin.
const FARTHEST: f64 = 8.0;

/// What an accuracy line of the gate can see.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Power {
    pub algorithm: String,
    pub metric: String,
    /// Cases.
    pub n: usize,
    /// The fewest cases with which a line among these can be called at all: with fewer the gate says that it is
    /// not comparable.
    pub fewest: usize,
    pub margin: f64,
    /// Standard deviation of the paired differences, where it is known.
    pub sd: Option<f64>,
    /// Where that comes from.
    pub source: &'static str,
    /// The mean loss that is called in 80 of 100 gates; none within reach, or without a spread.
    pub loss: Option<f64>,
}

/// The fewest cases that each accuracy line of a policy needs, and the loss that it sees with 80 % power.
///
/// The spread of the paired differences is that between baseline and current results, their mean set
/// aside, or, without any, that between the first two replicates of the baseline. With neither no loss is told.
///
/// # Errors
/// `Error::Internal` if polars refuses a table.
pub fn power(
    baseline: &Baseline,
    current: Option<&Baseline>,
    policy: &Policy,
) -> Result<Vec<Power>> {
    let policy = &policy.of_structures(&baseline.rows);
    let mut open: Vec<(Power, Vec<f64>)> = Vec::new();
    for algorithm in baseline.algorithms() {
        for rule in &policy.accuracy {
            let (label, metric) = rule.parts();
            let n = cases_with_a_value(&rows_of(baseline, &algorithm, "a", None, rule))?;
            if n == 0 {
                continue;
            }
            let spread = spread(baseline, current, &algorithm, rule)?;
            let line = Power {
                algorithm: algorithm.clone(),
                metric: label.map_or(metric.to_owned(), |label| format!("{label} {metric}")),
                n: spread.as_ref().map_or(n, |spread| spread.centred.len()),
                fewest: 0,
                margin: rule.margin,
                sd: spread.as_ref().map(|spread| spread.sd),
                source: spread.as_ref().map_or("", |spread| spread.source),
                loss: None,
            };
            open.push((line, spread.map_or(Vec::new(), |spread| spread.centred)));
        }
    }
    let lines = open.len();
    let fewest = fewest_cases(lines, policy.level);
    Ok(open
        .into_par_iter()
        .map(|(mut line, centred)| {
            line.fewest = fewest;
            line.loss = line.sd.and_then(|sd| {
                let draw = |stream: &mut Stream| centred[stream.below(centred.len())];
                detectable_loss(line.margin, line.n, lines, policy.level, sd, draw)
            });
            line
        })
        .collect())
}

/// The rows of a metric of one algorithm, of one replicate or of all, under another name.
fn rows_of(
    side: &Baseline,
    algorithm: &str,
    as_name: &str,
    seed: Option<u64>,
    rule: &AccuracyRule,
) -> Vec<MetricRow> {
    let (label, metric) = rule.parts();
    let own = side.rows.iter().filter(|row| row.algorithm == algorithm);
    let own = own.filter(|row| seed.is_none_or(|seed| row.seed == seed));
    own.filter(|row| row.label == label && row.metric == metric)
        .map(|row| MetricRow {
            algorithm: as_name.into(),
            seed: 0,
            ..row.clone()
        })
        .collect()
}

fn cases_with_a_value(rows: &[MetricRow]) -> Result<usize> {
    let tables = metric_tables(rows, |_| true)?;
    let values = tables.first().map(|table| table.of(0)).unwrap_or_default();
    Ok(values.iter().filter(|value| !value.is_nan()).count())
}

/// How the differences of cases scatter.
struct Spread {
    /// About their mean.
    centred: Vec<f64>,
    sd: f64,
    source: &'static str,
}

fn spread(
    baseline: &Baseline,
    current: Option<&Baseline>,
    algorithm: &str,
    rule: &AccuracyRule,
) -> Result<Option<Spread>> {
    let sole = |side: &Baseline| match &side.algorithms()[..] {
        [one] => Some(one.clone()),
        _ => None,
    };
    let (rows, source) = match current {
        Some(current) => {
            let new = match (sole(baseline), sole(current)) {
                (Some(_), Some(new)) => new,
                _ => algorithm.to_owned(),
            };
            let mut rows = rows_of(baseline, algorithm, "a", None, rule);
            rows.extend(rows_of(current, &new, "b", None, rule));
            (rows, "baseline and current")
        }
        None => {
            let own = baseline
                .rows
                .iter()
                .filter(|row| row.algorithm == algorithm);
            let seeds: BTreeSet<u64> = own.map(|row| row.seed).collect();
            let mut seeds = seeds.into_iter();
            let (Some(first), Some(second)) = (seeds.next(), seeds.next()) else {
                return Ok(None);
            };
            let mut rows = rows_of(baseline, algorithm, "a", Some(first), rule);
            rows.extend(rows_of(baseline, algorithm, "b", Some(second), rule));
            (rows, "two replicates of the baseline")
        }
    };
    let tables = metric_tables(&rows, |_| true)?;
    let two = |table: &&MetricTable| table.algorithms.len() == 2;
    let Some(table) = tables.first().filter(two) else {
        return Ok(None);
    };
    let size = |v: f64| {
        if towards_zero(&table.metric) {
            v.abs()
        } else {
            v
        }
    };
    let differences: Vec<f64> = table
        .values
        .rows()
        .into_iter()
        .map(|row| size(row[1]) - size(row[0]))
        .filter(|d| d.is_finite())
        .collect();
    let n = differences.len();
    if n < 2 {
        return Ok(None);
    }
    let mean = differences.iter().sum::<f64>() / n as f64;
    let centred: Vec<f64> = differences.iter().map(|d| d - mean).collect();
    let sd = (centred.iter().map(|d| d * d).sum::<f64>() / (n - 1) as f64).sqrt();
    Ok(Some(Spread {
        centred,
        sd,
        source,
    }))
}

/// The mean loss that a line among `lines` sees in 80 of 100 gates over `n` cases, whose losses scatter
/// about it as `draw` says, with standard deviation `sd`. The line stands against the whole of Holm's
/// correction: what is found is what it sees if it is the only one to lose.
pub fn detectable_loss(
    margin: f64,
    n: usize,
    lines: usize,
    level: f64,
    sd: f64,
    draw: impl Fn(&mut Stream) -> f64 + Sync,
) -> Option<f64> {
    if sd == 0.0 {
        // The same difference in every case: whatever is beyond the margin is seen, if anything can be.
        return (n >= fewest_cases(lines, level)).then_some(margin);
    }
    let seed = Seed(1).derive("power");
    let samples: Vec<Losses> = (0..SIMULATED)
        .map(|gate| {
            let mut stream = seed.stream_at("losses", gate as u64);
            Losses::alone(margin, (0..n).map(|_| draw(&mut stream)).collect())
        })
        .collect();
    let draws = draws_needed(lines, level, RESAMPLES).min(MOST_RESAMPLES);
    // The interval moves with the losses: it is drawn once for each sample.
    let intervals: Vec<Option<[f64; 2]>> = samples
        .iter()
        .map(|sample| sample.interval(RESAMPLES, seed))
        .collect();
    let studentized: Vec<Option<BootstrapT>> = samples
        .iter()
        .map(|sample| BootstrapT::new(&sample.losses, draws, seed))
        .collect();
    let seen = |loss: f64| {
        let drawn = intervals.iter().zip(&studentized);
        let calls = samples
            .iter()
            .zip(drawn)
            .filter(|(sample, (interval, mean))| {
                let of_both = || {
                    let of_mean = mean.as_ref();
                    let of_mean = of_mean.map_or(1.0, |mean| mean.p_greater_by(loss, margin));
                    sample.signed_rank(loss).max(of_mean)
                };
                let p = sample.every_case_lost(loss).unwrap_or_else(of_both);
                let judged = Judged {
                    p_loss: (p * lines as f64).min(1.0),
                    p_gain: 1.0,
                    interval: interval.map(|ends| ends.map(|end| end + loss)),
                };
                called(&[(margin, judged)], level)[0].0 == Verdict::Regressed
            });
        calls.count() as f64 / SIMULATED as f64 >= POWER
    };
    let (mut low, mut high) = (margin, margin + FARTHEST * sd);
    if !seen(high) {
        return None;
    }
    while high - low > 0.01 * sd {
        let middle = (low + high) / 2.0;
        if seen(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}
