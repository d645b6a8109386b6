use std::collections::BTreeSet;

use hdbench_ground::error::Result;
use hdbench_score::{MetricRow, Name};
use rayon::prelude::*;

use super::baseline::Baseline;
use super::line::{GateLine, LineKind, Verdict, WorstCase, some};
use super::losses::{Judged, Losses, called, draws_needed, fewest_cases};
use super::policy::{AccuracyRule, Policy};
use super::soundness::unsound;
use crate::{AnalysisOptions, Better, MetricTable, better, metric_tables, towards_zero};

/// Number of cases below which a lopsided crowd of changes raises the chance of a false alarm, and is told.
pub const WARNED_BELOW: usize = 100;
/// Skewness of the losses from which they are lopsided: most lose a little, a few gain much.
const LOPSIDED: f64 = -1.0;
/// Number of the worst cases that stand in a line.
const WORST: usize = 3;

pub(super) fn nothing_comparable(algorithm: &str, rule: &AccuracyRule, reason: String) -> GateLine {
    let (label, metric) = rule.parts();
    GateLine {
        kind: LineKind::Accuracy,
        algorithm: algorithm.to_owned(),
        metric: label.map_or(metric.to_owned(), |label| format!("{label} {metric}")),
        unit: "",
        larger_is_better: better(metric) == Some(Better::Larger),
        n: 0,
        baseline: None,
        current: None,
        change: None,
        interval: None,
        margin: rule.margin,
        p: None,
        p_holm: None,
        verdict: Verdict::NotComparable,
        reason: Some(reason),
        required: rule.required,
        identical: false,
        loss_excluded: false,
        in_replicate_sd: None,
        worst: Vec::new(),
    }
}

/// A metric of one algorithm on both sides: an open line and its losses, or why there are none.
pub(super) fn accuracy(
    baseline: &Baseline,
    old: &str,
    current: &Baseline,
    new: &str,
    rule: &AccuracyRule,
) -> Result<(GateLine, Option<Losses>)> {
    let (label, metric) = rule.parts();
    let rows = |side: &Baseline, name: &str, as_name: &str| -> Vec<MetricRow> {
        let own = side.rows.iter().filter(|row| row.algorithm == name);
        own.filter(|row| row.label == label && row.metric == metric)
            .map(|row| MetricRow {
                algorithm: as_name.into(),
                ..row.clone()
            })
            .collect()
    };
    let refuse = |reason: String| Ok((nothing_comparable(old, rule, reason), None));
    let before = rows(baseline, old, "baseline");
    let now = rows(current, new, "current");
    if before.is_empty() || now.is_empty() {
        return refuse(match before.is_empty() {
            true => "the baseline lacks this metric".into(),
            false => "the current results lack this metric".into(),
        });
    }
    for (side, rows) in [("baseline", &before), ("current results", &now)] {
        if let Some(problem) = unsound(rows) {
            return refuse(format!("the {side} cannot be judged by: {problem}"));
        }
    }
    let versions =
        |rows: &[MetricRow]| -> BTreeSet<u32> { rows.iter().map(|r| r.metric_version).collect() };
    let (old_version, new_version) = (versions(&before), versions(&now));
    if old_version != new_version {
        return refuse(format!(
            "other definition of the metric: version {old_version:?} before, {new_version:?} now"
        ));
    }
    let cases = |rows: &[MetricRow]| -> BTreeSet<Name> { rows.iter().map(|r| r.case).collect() };
    let (old_cases, new_cases) = (cases(&before), cases(&now));
    let missing: Vec<&Name> = old_cases.difference(&new_cases).collect();
    if !missing.is_empty() {
        return refuse(format!("cases without this metric: {}", some(&missing)));
    }
    let both: Vec<MetricRow> = before.iter().chain(&now).cloned().collect();
    let tables = metric_tables(&both, |_| true)?;
    let Some(table) = tables.first() else {
        return refuse("no case has this metric".into());
    };
    let lost: Vec<&String> = (0..table.cases.len())
        .filter(|&case| !table.values[[case, 0]].is_nan() && table.values[[case, 1]].is_nan())
        .map(|case| &table.cases[case])
        .collect();
    if !lost.is_empty() {
        return refuse(format!(
            "{} cases have no value any more where the baseline has one: {}",
            lost.len(),
            some(&lost)
        ));
    }
    // What the baseline did not know could be a loss as well as a gain. Where there are several data sets their
    // names stand before those of the cases.
    let known: BTreeSet<String> = before
        .iter()
        .flat_map(|row| [row.case.into(), format!("{}/{}", row.task, row.case)])
        .collect();
    let new: Vec<&String> = (0..table.cases.len())
        .filter(|&case| known.contains(&table.cases[case]))
        .filter(|&case| table.values[[case, 0]].is_nan() && !table.values[[case, 1]].is_nan())
        .map(|case| &table.cases[case])
        .collect();
    if !new.is_empty() {
        return refuse(format!(
            "{} of {} cases have a value now where the baseline has none: {}; a new baseline would cover them",
            new.len(),
            old_cases.len(),
            some(&new)
        ));
    }
    Ok(open_line(old, rule, table))
}

fn open_line(
    algorithm: &str,
    rule: &AccuracyRule,
    table: &MetricTable,
) -> (GateLine, Option<Losses>) {
    let mut line = nothing_comparable(algorithm, rule, "no case has a value on both sides".into());
    let sizes = towards_zero(&table.metric);
    let larger = !sizes && better(&table.metric) == Some(Better::Larger);
    let of = |value: f64| if sizes { value.abs() } else { value };
    let paired: Vec<(usize, f64, f64)> = (0..table.cases.len())
        .map(|case| {
            (
                case,
                of(table.values[[case, 0]]),
                of(table.values[[case, 1]]),
            )
        })
        .filter(|(_, a, b)| !a.is_nan() && !b.is_nan())
        .collect();
    if paired.is_empty() {
        return (line, None);
    }
    let n = paired.len() as f64;
    let loss = |a: f64, b: f64| if larger { a - b } else { b - a };
    line.larger_is_better = larger;
    line.n = paired.len();
    line.baseline = Some(paired.iter().map(|(_, a, _)| a).sum::<f64>() / n);
    line.current = Some(paired.iter().map(|(_, _, b)| b).sum::<f64>() / n);
    line.change = Some(paired.iter().map(|(_, a, b)| b - a).sum::<f64>() / n);
    line.identical = paired.iter().all(|(_, a, b)| a == b);
    line.in_replicate_sd = replicate_sd(table)
        .zip(line.change)
        .map(|(sd, change)| change / sd);
    let mut worst: Vec<&(usize, f64, f64)> = paired
        .iter()
        .filter(|(_, a, b)| loss(*a, *b) > 0.0)
        .collect();
    worst.sort_by(|x, y| {
        loss(y.1, y.2)
            .total_cmp(&loss(x.1, x.2))
            .then(x.0.cmp(&y.0))
    });
    line.worst = worst
        .into_iter()
        .take(WORST)
        .map(|&(case, baseline, current)| WorstCase {
            case: table.cases[case].clone(),
            baseline,
            current,
        })
        .collect();
    let values: Vec<(f64, f64)> = paired.iter().map(|&(_, a, b)| (a, b)).collect();
    (line, Some(Losses::new(rule.margin, larger, &values)))
}

/// Pooled standard deviation of the replicates' means of both sides.
fn replicate_sd(table: &MetricTable) -> Option<f64> {
    let variance = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        (values.len() > 1).then(|| squares / (n - 1.0))
    };
    let [a, b] = [
        variance(&table.replicates[0])?,
        variance(&table.replicates[1])?,
    ];
    let sd = ((a + b) / 2.0).sqrt();
    (sd > 0.0).then_some(sd)
}

/// Tests the accuracy lines that can be tested, together. A line that no loss could make regress, because
/// it has too few cases for that number of lines, is not comparable. Says where it took more draws than the policy.
pub(super) fn test_family(
    lines: &mut [GateLine],
    family: &mut Vec<(usize, Losses)>,
    policy: &Policy,
) -> Option<String> {
    // Who has too few cases leaves the family, which makes it easier for the rest: first what is not
    // required, then what has fewest cases.
    loop {
        let size = family.len();
        let needed = fewest_cases(size, policy.level);
        let rank =
            |(place, losses): &(usize, Losses)| (lines[*place].required, losses.losses.len());
        let worst = family
            .iter()
            .filter(|entry| entry.1.losses.len() < needed)
            .map(rank)
            .min();
        let Some(worst) = worst else { break };
        let (out, kept): (Vec<_>, Vec<_>) = std::mem::take(family)
            .into_iter()
            .partition(|entry| rank(entry) == worst);
        *family = kept;
        for (line, losses) in out {
            lines[line].reason = Some(format!(
                "too few cases: {} of the {needed} that {size} {} at level {}",
                losses.losses.len(),
                if size == 1 {
                    "line needs"
                } else {
                    "lines need"
                },
                policy.level
            ));
        }
    }
    let draws = draws_needed(family.len(), policy.level, policy.resamples);
    let names: Vec<String> = lines.iter().map(|line| line.metric.clone()).collect();
    let judged: Vec<(f64, Judged)> = family
        .par_iter()
        .map(|(place, losses)| {
            // As an analysis draws them: one difference has one interval.
            let drawn = AnalysisOptions::default().resampling(&names[*place]);
            let judged = losses.test(policy.resamples, draws, drawn.seed);
            (losses.margin, judged)
        })
        .collect();
    let verdicts = called(&judged, policy.level);
    for (((place, losses), (margin, judged)), (verdict, p_holm)) in
        family.iter().zip(&judged).zip(verdicts)
    {
        let line = &mut lines[*place];
        line.verdict = verdict;
        line.reason = None;
        if verdict == Verdict::Regressed
            && losses.losses.len() < WARNED_BELOW
            && skewness(&losses.losses) < LOPSIDED
        {
            line.reason = Some(
                "few cases, of which most lose a little and some gain much: the chance of a false alarm \
                 is up to three times the level, with ten lines or more up to five times"
                    .into(),
            );
        }
        line.p = Some(judged.p_loss);
        line.p_holm = Some(p_holm);
        line.interval = judged
            .interval
            .map(|[low, high]| match line.larger_is_better {
                true => [-high, -low],
                false => [low, high],
            });
        line.loss_excluded = judged.interval.is_some_and(|[_, high]| high <= *margin);
    }
    (draws > policy.resamples && !family.is_empty()).then(|| {
        format!(
            "The bootstrap-t takes {draws} draws instead of the policy's {}, which are few for {} lines at \
             level {}.",
            policy.resamples,
            family.len(),
            policy.level
        )
    })
}

fn skewness(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let moment = |power: i32| values.iter().map(|v| (v - mean).powi(power)).sum::<f64>() / n;
    let variance = moment(2);
    if variance > 0.0 {
        moment(3) / variance.powf(1.5)
    } else {
        0.0
    }
}
