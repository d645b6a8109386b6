use rayon::prelude::*;
use serde::Serialize;

use super::baseline::Baseline;
use super::line::Verdict;
use super::losses::{Judged, Losses, called};
use super::policy::Policy;
use crate::analysis::statistics::{BootstrapT, wilcoxon};
use crate::analysis::{figures, towards_zero};
use crate::error::Result;
use crate::evaluation::Row;
use crate::seed::Seed;

/// The chance with which a loss is to be seen.
pub const POWER: f64 = 0.8;

/// Gates that are simulated for one answer.
const SIMULATED: usize = 400;

/// Draws of the bootstrap in each of them.
const RESAMPLES: usize = 1_000;

/// Where the search for a loss ends, in standard deviations of the differences beyond the margin.
const FARTHEST: f64 = 8.0;

/// What an accuracy line of the gate can see.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Power {
    pub algorithm: String,
    pub figure: String,
    /// Cases.
    pub n: usize,
    pub margin: f64,
    /// Standard deviation of the paired differences.
    pub sd: f64,
    /// Where that comes from.
    pub source: &'static str,
    /// The mean loss that is called in 80 of 100 gates; none within reach.
    pub loss: Option<f64>,
}

/// The loss that each accuracy line of a policy sees with 80 % power.
///
/// The spread of the paired differences is that between baseline and current results, their mean set
/// aside, or, without any, that between the first two replicates of the baseline.
///
/// # Errors
/// `Error::Usage` where neither is there; `Error::Internal` if polars refuses a table.
pub fn power(
    baseline: &Baseline,
    current: Option<&Baseline>,
    policy: &Policy,
) -> Result<Vec<Power>> {
    let mut open: Vec<(Power, Vec<f64>)> = Vec::new();
    for algorithm in baseline.algorithms() {
        for rule in &policy.accuracy {
            let (label, metric) = rule.parts();
            let of = |side: &Baseline, name: &str, as_name: &str, seed: Option<u64>| -> Vec<Row> {
                let own = side.rows.iter().filter(|row| row.algorithm == name);
                let own = own.filter(|row| seed.is_none_or(|seed| row.seed == seed));
                own.filter(|row| row.label == label && row.metric == metric)
                    .map(|row| Row {
                        algorithm: as_name.into(),
                        seed: 0,
                        ..row.clone()
                    })
                    .collect()
            };
            let sole = |side: &Baseline| match &side.algorithms()[..] {
                [one] => Some(one.clone()),
                _ => None,
            };
            let (rows, source) = match current {
                Some(current) => {
                    let new = match (sole(baseline), sole(current)) {
                        (Some(_), Some(new)) => new,
                        _ => algorithm.clone(),
                    };
                    let mut rows = of(baseline, &algorithm, "a", None);
                    rows.extend(of(current, &new, "b", None));
                    (rows, "baseline and current")
                }
                None => {
                    let mut seeds: Vec<u64> = baseline
                        .rows
                        .iter()
                        .filter(|row| row.algorithm == algorithm)
                        .map(|row| row.seed)
                        .collect();
                    seeds.sort_unstable();
                    seeds.dedup();
                    let [first, second, ..] = seeds[..] else {
                        continue;
                    };
                    let mut rows = of(baseline, &algorithm, "a", Some(first));
                    rows.extend(of(baseline, &algorithm, "b", Some(second)));
                    (rows, "two replicates of the baseline")
                }
            };
            let tables = figures(&rows, |_| true)?;
            let Some(table) = tables.first().filter(|table| table.algorithms.len() == 2) else {
                continue;
            };
            let size = |v: f64| if towards_zero(metric) { v.abs() } else { v };
            let differences: Vec<f64> = table
                .values
                .rows()
                .into_iter()
                .map(|row| size(row[1]) - size(row[0]))
                .filter(|d| !d.is_nan())
                .collect();
            let n = differences.len();
            if n < 2 {
                continue;
            }
            let mean = differences.iter().sum::<f64>() / n as f64;
            let centred: Vec<f64> = differences.iter().map(|d| d - mean).collect();
            let sd = (centred.iter().map(|d| d * d).sum::<f64>() / (n - 1) as f64).sqrt();
            let line = Power {
                algorithm: algorithm.clone(),
                figure: label.map_or(metric.to_owned(), |label| format!("{label} {metric}")),
                n,
                margin: rule.margin,
                sd,
                source,
                loss: None,
            };
            open.push((line, centred));
        }
    }
    let lines = open.len();
    Ok(open
        .into_par_iter()
        .map(|(mut line, centred)| {
            line.loss = detectable_loss(
                line.margin,
                line.n,
                lines,
                policy.level,
                line.sd,
                |stream| centred[stream.below(centred.len())],
            );
            line
        })
        .collect())
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
    draw: impl Fn(&mut crate::seed::Stream) -> f64 + Sync,
) -> Option<f64> {
    if sd == 0.0 {
        // The same difference in every case: whatever is beyond the margin is seen, if anything can be.
        return (0.5_f64.powi(n as i32) * lines as f64 <= level).then_some(margin);
    }
    let seed = Seed(1).derive("power");
    let samples: Vec<Vec<f64>> = (0..SIMULATED)
        .map(|gate| {
            let mut stream = seed.stream_at("losses", gate as u64);
            (0..n).map(|_| draw(&mut stream)).collect()
        })
        .collect();
    // The interval moves with the losses: it is drawn once for each sample.
    let intervals: Vec<Option<[f64; 2]>> = samples
        .iter()
        .map(|losses| {
            let losses = losses.clone();
            Losses { margin, losses }.test(RESAMPLES, seed).interval
        })
        .collect();
    let studentized: Vec<Option<BootstrapT>> = samples
        .iter()
        .map(|sample| BootstrapT::new(sample, RESAMPLES, seed))
        .collect();
    let seen = |loss: f64| {
        let drawn = intervals.iter().zip(&studentized);
        let calls = samples
            .iter()
            .zip(drawn)
            .filter(|(sample, (interval, mean))| {
                let shifted: Vec<f64> = sample.iter().map(|d| d + loss - margin).collect();
                let test = wilcoxon(&shifted);
                let of_mean = mean
                    .as_ref()
                    .map_or(1.0, |mean| mean.p_greater_by(loss, margin));
                let judged = Judged {
                    p_loss: (test.p_greater.max(of_mean) * lines as f64).min(1.0),
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
