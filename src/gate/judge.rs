use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;
use serde::Serialize;

use super::baseline::{Baseline, REFERENCE_VOLUME};
use super::cost::CostSamples;
use super::policy::{AccuracyRule, CostRule, Policy};
use crate::analysis::statistics::{BootstrapT, bca, bootstrap_means, holm, wilcoxon};
use crate::analysis::{Better, FigureTable, better, figures, towards_zero};
use crate::error::Result;
use crate::evaluation::{Label, Row};
use crate::seed::Seed;

/// So many of the worst cases stand in a line.
const WORST: usize = 3;
/// Below so many cases a lopsided crowd of changes raises the chance of a false alarm, and is told.
pub const WARNED_BELOW: usize = 100;
/// Skewness of the losses from which they are lopsided: most lose a little, a few gain much.
const LOPSIDED: f64 = -1.0;
/// A reason names so many cases.
const NAMED: usize = 5;

/// What is said of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Worse by more than the margin, beyond chance.
    Regressed,
    /// Cannot be compared; the line says why.
    NotComparable,
    /// The cases do not show that it is worse.
    NoEvidence,
    /// Better by more than the margin, beyond chance.
    Improved,
}

impl Verdict {
    /// All, the most urgent first.
    pub const ALL: [Self; 4] = [
        Self::Regressed,
        Self::NotComparable,
        Self::NoEvidence,
        Self::Improved,
    ];

    /// As readers see it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::NotComparable => "not comparable",
            Self::NoEvidence => "no evidence",
            Self::Improved => "improved",
        }
    }
}

/// Accuracy or cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Differences over cases.
    Accuracy,
    /// Ratios of new to old.
    Cost,
}

/// One line of the verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    pub kind: Kind,
    pub algorithm: String,
    /// `lesion dice`, `training step`.
    pub figure: String,
    /// `s` or `MB`; empty for fractions and what has its unit in its name.
    pub unit: &'static str,
    /// Whether a larger value is the better one.
    pub larger_is_better: bool,
    /// Pairs of cases, or of measurements, that it rests on.
    pub n: usize,
    /// Means over them.
    pub baseline: Option<f64>,
    pub current: Option<f64>,
    /// Current - baseline of an accuracy (of sizes, where the size counts); current / baseline of a
    /// cost.
    pub change: Option<f64>,
    /// 95 % BCa bootstrap interval of the change.
    pub interval: Option<[f64; 2]>,
    /// The loss, or the ratio, that is accepted.
    pub margin: f64,
    /// One-sided, against a loss up to the margin: the larger of the signed-rank test's and the
    /// bootstrap-t's.
    pub p: Option<f64>,
    /// Holm's correction over all accuracy lines.
    pub p_holm: Option<f64>,
    pub verdict: Verdict,
    /// Why it cannot be compared, or what else must be known.
    pub reason: Option<String>,
    /// Whether the gate fails where it cannot be compared.
    pub required: bool,
    /// Whether every single value is the same.
    pub identical: bool,
    /// Whether a loss beyond the margin lies outside the interval.
    pub loss_excluded: bool,
    /// The change in standard deviations of replicates, where both sides have some.
    pub in_replicate_sd: Option<f64>,
    /// The cases that lost most, worst first.
    pub worst: Vec<WorstCase>,
}

/// A case that lost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorstCase {
    pub case: String,
    pub baseline: f64,
    pub current: f64,
}

/// What the gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing regressed, and everything required was compared.
    Passed,
    /// At least one line regressed.
    Regressed,
    /// None regressed, but what is required could not be compared.
    NotComparable,
}

/// All lines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    pub outcome: Outcome,
    /// Chance of any false alarm among the accuracy lines.
    pub level: f64,
    pub lines: Vec<Line>,
    /// What a reader must know of both sides.
    pub notes: Vec<String>,
}

impl Judgement {
    /// How many lines have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.lines.iter().filter(|l| l.verdict == verdict).count()
    }
}

/// The losses of an accuracy line, larger than 0 for worse, case by case.
#[derive(Clone, Debug, PartialEq)]
pub struct Losses {
    pub margin: f64,
    pub losses: Vec<f64>,
}

/// What the tests of losses say: of regression, then of improvement. Both p are the larger of two: of
/// Wilcoxon's signed-rank test, which one outlier does not move, and of the bootstrap-t of the mean,
/// which a lopsided crowd of small changes does not deceive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// One-sided p against a loss up to the margin.
    pub p_loss: f64,
    /// One-sided p against a gain up to the margin.
    pub p_gain: f64,
    /// Of the mean loss, 95 %.
    pub interval: Option<[f64; 2]>,
}

impl Losses {
    /// Tests them on their own; the family is corrected for by [`called`].
    pub fn test(&self, resamples: usize, seed: Seed) -> Judged {
        let shifted = |by: f64| -> Vec<f64> { self.losses.iter().map(|l| l + by).collect() };
        let column = Array2::from_shape_fn((self.losses.len(), 1), |(case, _)| self.losses[case]);
        let drawn = bootstrap_means(column.view(), resamples, seed);
        let studentized = BootstrapT::new(&self.losses, resamples, seed);
        let [above, below] = studentized.map_or([1.0; 2], |drawn| {
            [drawn.p_greater(self.margin), drawn.p_less(-self.margin)]
        });
        Judged {
            p_loss: wilcoxon(&shifted(-self.margin)).p_greater.max(above),
            p_gain: wilcoxon(&shifted(self.margin)).p_less.max(below),
            interval: bca(&self.losses, &drawn.means.row(0).to_vec(), 0.95),
        }
    }
}

/// The verdicts of a family: regressed where both corrected tests and the interval of the mean say that the
/// loss is beyond the margin, improved likewise.
pub fn called(family: &[(f64, Judged)], level: f64) -> Vec<(Verdict, f64)> {
    let p_loss = holm(&family.iter().map(|(_, j)| j.p_loss).collect::<Vec<_>>());
    let p_gain = holm(&family.iter().map(|(_, j)| j.p_gain).collect::<Vec<_>>());
    family
        .iter()
        .enumerate()
        .map(|(place, (margin, judged))| {
            let beyond = |is: &dyn Fn([f64; 2]) -> bool| judged.interval.is_some_and(is);
            let verdict = if p_loss[place] <= level && beyond(&|[low, _]| low > *margin) {
                Verdict::Regressed
            } else if p_gain[place] <= level && beyond(&|[_, high]| high < -margin) {
                Verdict::Improved
            } else {
                Verdict::NoEvidence
            };
            (verdict, p_loss[place])
        })
        .collect()
}

/// Holds results against a baseline.
///
/// Algorithms of the same name are compared; where both sides have one alone, these. A missing algorithm,
/// case, figure or other data is `not comparable`, never a pass.
///
/// # Errors
/// `Error::Internal` if polars refuses a table.
pub fn judge(baseline: &Baseline, current: &Baseline, policy: &Policy) -> Result<Judgement> {
    let mut notes = Vec::new();
    let pairs = pairs(baseline, current, &mut notes);
    let mut lines = Vec::new();
    let mut family: Vec<(usize, Losses)> = Vec::new();
    for (old, new) in &pairs {
        let data = match new {
            Some(new) => other_data(baseline, old, current, new),
            None => Some("the algorithm is missing from the current results".into()),
        };
        for rule in &policy.accuracy {
            let made = match (&data, new) {
                (None, Some(new)) => accuracy(baseline, old, current, new, rule)?,
                (reason, _) => (
                    nothing_comparable(old, rule, reason.clone().unwrap_or_default()),
                    None,
                ),
            };
            if let Some(losses) = made.1 {
                family.push((lines.len(), losses));
            }
            lines.push(made.0);
        }
    }
    test_family(&mut lines, &mut family, policy);
    let same_hardware = baseline.facts.hardware == current.facts.hardware;
    for (old, new) in &pairs {
        for rule in &policy.cost {
            lines.push(cost(
                (&baseline.costs, old),
                (&current.costs, new.as_deref()),
                rule,
                same_hardware.then_some(()).ok_or_else(|| {
                    format!(
                        "other hardware: {} before, {} now",
                        known(&baseline.facts.hardware),
                        known(&current.facts.hardware)
                    )
                }),
                policy,
            ));
        }
    }
    // Costs that nobody measured are no lines of a gate that does not ask for them.
    lines.retain(|line| line.required || line.kind == Kind::Accuracy || line.n > 0);
    notes.extend(facts(baseline, current));
    let regressed = lines.iter().any(|line| line.verdict == Verdict::Regressed);
    let open = |line: &Line| line.required && line.verdict == Verdict::NotComparable;
    let compared = |line: &Line| line.verdict != Verdict::NotComparable;
    let outcome = if regressed {
        Outcome::Regressed
    } else if lines.iter().any(open) || !lines.iter().any(compared) {
        Outcome::NotComparable
    } else {
        Outcome::Passed
    };
    Ok(Judgement {
        outcome,
        level: policy.level,
        lines,
        notes,
    })
}

fn known(hardware: &str) -> &str {
    if hardware.is_empty() {
        "unknown"
    } else {
        hardware
    }
}

/// The algorithms of the baseline with their counterparts.
fn pairs(
    baseline: &Baseline,
    current: &Baseline,
    notes: &mut Vec<String>,
) -> Vec<(String, Option<String>)> {
    let (old, new) = (baseline.algorithms(), current.algorithms());
    if let ([a], [b]) = (&old[..], &new[..]) {
        if a != b {
            notes.push(format!(
                "{b} is compared with {a}: each side has one algorithm."
            ));
        }
        return vec![(a.clone(), Some(b.clone()))];
    }
    let more: Vec<&str> = new
        .iter()
        .filter(|n| !old.contains(n))
        .map(String::as_str)
        .collect();
    if !more.is_empty() {
        notes.push(format!(
            "Not in the baseline, and so not gated: {}.",
            more.join(", ")
        ));
    }
    old.into_iter()
        .map(|name| (name.clone(), new.contains(&name).then_some(name)))
        .collect()
}

/// Why the cases of an algorithm are not the same on both sides.
fn other_data(baseline: &Baseline, old: &str, current: &Baseline, new: &str) -> Option<String> {
    let cases = |side: &Baseline, name: &str| -> BTreeSet<String> {
        let own = side.rows.iter().filter(|row| row.algorithm == name);
        own.map(|row| row.case.clone()).collect()
    };
    let (before, now) = (cases(baseline, old), cases(current, new));
    let missing: Vec<&String> = before.difference(&now).collect();
    if !missing.is_empty() {
        return Some(format!(
            "{} of {} cases are missing: {}",
            missing.len(),
            before.len(),
            some(&missing)
        ));
    }
    let changed: Vec<&String> = before
        .iter()
        .filter(|case| {
            let hash = |side: &Baseline| side.facts.inputs.get(*case).cloned();
            matches!((hash(baseline), hash(current)), (Some(a), Some(b)) if a != b)
        })
        .collect();
    if !changed.is_empty() {
        return Some(format!(
            "other data: the files of {} of {} cases have another hash: {}",
            changed.len(),
            before.len(),
            some(&changed)
        ));
    }
    let volumes = |side: &Baseline, name: &str| -> BTreeMap<(Option<Label>, String), u64> {
        let own = side.rows.iter().filter(|row| row.algorithm == name);
        own.filter(|row| row.metric == REFERENCE_VOLUME)
            .map(|row| ((row.label, row.case.clone()), row.value.to_bits()))
            .collect()
    };
    let (before, now) = (volumes(baseline, old), volumes(current, new));
    let changed: BTreeSet<&String> = before
        .iter()
        .filter(|(key, volume)| now.get(key).is_some_and(|other| other != *volume))
        .map(|((_, case), _)| case)
        .collect();
    (!changed.is_empty()).then(|| {
        let changed: Vec<&String> = changed.into_iter().collect();
        format!(
            "other data: the reference of {} cases has another volume: {}",
            changed.len(),
            some(&changed)
        )
    })
}

/// The first few of some names.
fn some(names: &[&String]) -> String {
    let mut text: Vec<&str> = names.iter().take(NAMED).map(|name| name.as_str()).collect();
    let more = format!("and {} more", names.len().saturating_sub(NAMED));
    if names.len() > NAMED {
        text.push(&more);
    }
    text.join(", ")
}

fn nothing_comparable(algorithm: &str, rule: &AccuracyRule, reason: String) -> Line {
    let (label, metric) = rule.parts();
    Line {
        kind: Kind::Accuracy,
        algorithm: algorithm.to_owned(),
        figure: label.map_or(metric.to_owned(), |label| format!("{label} {metric}")),
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

/// A figure of one algorithm on both sides: an open line and its losses, or why there are none.
fn accuracy(
    baseline: &Baseline,
    old: &str,
    current: &Baseline,
    new: &str,
    rule: &AccuracyRule,
) -> Result<(Line, Option<Losses>)> {
    let (label, metric) = rule.parts();
    let rows = |side: &Baseline, name: &str, as_name: &str| -> Vec<Row> {
        let own = side.rows.iter().filter(|row| row.algorithm == name);
        own.filter(|row| row.label == label && row.metric == metric)
            .map(|row| Row {
                algorithm: as_name.into(),
                ..row.clone()
            })
            .collect()
    };
    let refuse = |reason: String| Ok((nothing_comparable(old, rule, reason), None));
    let before = rows(baseline, old, "baseline");
    let now = rows(current, new, "current");
    if before.is_empty() || now.is_empty() {
        let side = if before.is_empty() {
            "baseline"
        } else {
            "current results"
        };
        return refuse(format!("the {side} lack this figure"));
    }
    let versions =
        |rows: &[Row]| -> BTreeSet<u32> { rows.iter().map(|r| r.metric_version).collect() };
    let (old_version, new_version) = (versions(&before), versions(&now));
    if old_version != new_version {
        return refuse(format!(
            "other definition of the metric: version {old_version:?} before, {new_version:?} now"
        ));
    }
    let cases =
        |rows: &[Row]| -> BTreeSet<String> { rows.iter().map(|r| r.case.clone()).collect() };
    let (old_cases, new_cases) = (cases(&before), cases(&now));
    let missing: Vec<&String> = old_cases.difference(&new_cases).collect();
    if !missing.is_empty() {
        return refuse(format!("cases without this figure: {}", some(&missing)));
    }
    let both: Vec<Row> = before.into_iter().chain(now).collect();
    let tables = figures(&both, |_| true)?;
    let Some(table) = tables.first() else {
        return refuse("no case has this figure".into());
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
    Ok(open_line(old, rule, table))
}

fn open_line(algorithm: &str, rule: &AccuracyRule, table: &FigureTable) -> (Line, Option<Losses>) {
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
    let losses = Losses {
        margin: rule.margin,
        losses: paired.iter().map(|(_, a, b)| loss(*a, *b)).collect(),
    };
    (line, Some(losses))
}

/// Pooled standard deviation of the replicates' means of both sides.
fn replicate_sd(table: &FigureTable) -> Option<f64> {
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
/// it has too few cases for so many lines, is not comparable.
fn test_family(lines: &mut [Line], family: &mut Vec<(usize, Losses)>, policy: &Policy) {
    // Who has too few cases leaves the family, which makes it easier for the rest: first what is not
    // required, then what has fewest cases.
    loop {
        let size = family.len() as f64;
        let hopeless = |n: usize| 0.5_f64.powi(n as i32) * size > policy.level;
        let rank =
            |(place, losses): &(usize, Losses)| (lines[*place].required, losses.losses.len());
        let worst = family
            .iter()
            .filter(|entry| hopeless(entry.1.losses.len()))
            .map(rank)
            .min();
        let Some(worst) = worst else { break };
        let needed = (size / policy.level).log2().ceil().max(2.0);
        let (out, kept): (Vec<_>, Vec<_>) = std::mem::take(family)
            .into_iter()
            .partition(|entry| rank(entry) == worst);
        *family = kept;
        for (line, losses) in out {
            lines[line].reason = Some(format!(
                "too few cases: {} of the {needed} that {size} lines need",
                losses.losses.len()
            ));
        }
    }
    let seed = Seed(1).derive("gate");
    let judged: Vec<(f64, Judged)> = family
        .iter()
        .map(|(_, losses)| (losses.margin, losses.test(policy.resamples, seed)))
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
                 is up to three times the level"
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

/// A cost of one algorithm on both sides.
fn cost(
    (old_costs, old): (&[CostSamples], &str),
    (new_costs, new): (&[CostSamples], Option<&str>),
    rule: &CostRule,
    same_hardware: Result<(), String>,
    policy: &Policy,
) -> Line {
    let of = |costs: &[CostSamples], name: &str| {
        let found = costs
            .iter()
            .find(|own| own.algorithm == name && own.quantity == rule.quantity);
        found.map(|own| own.samples.clone()).unwrap_or_default()
    };
    let before = of(old_costs, old);
    let now = new.map(|new| of(new_costs, new)).unwrap_or_default();
    let paired: Vec<(f64, f64)> = before
        .iter()
        .filter_map(|(name, &a)| Some((a, *now.get(name)?)))
        .filter(|(a, b)| *a > 0.0 && *b > 0.0)
        .collect();
    let mut line = Line {
        kind: Kind::Cost,
        algorithm: old.to_owned(),
        figure: rule.quantity.words().to_owned(),
        unit: rule.quantity.unit(),
        larger_is_better: false,
        n: paired.len(),
        baseline: None,
        current: None,
        change: None,
        interval: None,
        margin: rule.ratio,
        p: None,
        p_holm: None,
        verdict: Verdict::NotComparable,
        reason: None,
        required: rule.required,
        identical: false,
        loss_excluded: false,
        in_replicate_sd: None,
        worst: Vec::new(),
    };
    if paired.is_empty() {
        line.reason = Some("not measured on both sides".into());
        return line;
    }
    let n = paired.len() as f64;
    let baseline = paired.iter().map(|(a, _)| a).sum::<f64>() / n;
    let current = paired.iter().map(|(_, b)| b).sum::<f64>() / n;
    let ratios: Vec<f64> = paired.iter().map(|(a, b)| (b / a).ln()).collect();
    let mean = ratios.iter().sum::<f64>() / n;
    line.baseline = Some(baseline);
    line.current = Some(current);
    line.change = Some(mean.exp());
    if let Err(reason) = same_hardware {
        line.reason = Some(reason);
        return line;
    }
    // A single measurement has no interval: the noise floor alone judges it.
    let column = Array2::from_shape_fn((ratios.len(), 1), |(place, _)| ratios[place]);
    let drawn = bootstrap_means(column.view(), policy.resamples, Seed(1).derive("gate cost"));
    let interval = bca(&ratios, &drawn.means.row(0).to_vec(), 0.95);
    line.interval = interval.map(|ends| ends.map(f64::exp));
    let [low, high] = interval.unwrap_or([mean; 2]);
    let beyond = (current - baseline).abs() > rule.floor;
    line.verdict = match (low > rule.ratio.ln(), high < -rule.ratio.ln(), beyond) {
        (true, _, true) => Verdict::Regressed,
        (_, true, true) => Verdict::Improved,
        _ => Verdict::NoEvidence,
    };
    line.loss_excluded = high <= rule.ratio.ln();
    line.identical = paired.iter().all(|(a, b)| a == b);
    line
}

/// What differs between the sides without making them incomparable.
fn facts(baseline: &Baseline, current: &Baseline) -> Vec<String> {
    let mut notes = Vec::new();
    let version = |side: &Baseline| match side.facts.commit.is_empty() {
        true => side.facts.hdbench.clone(),
        false => format!("{} ({})", side.facts.hdbench, side.facts.commit),
    };
    notes.push(format!(
        "Baseline: hdbench {}; current: hdbench {}.",
        version(baseline),
        version(current)
    ));
    if !baseline.facts.settings_hash.is_empty()
        && !current.facts.settings_hash.is_empty()
        && baseline.facts.settings_hash != current.facts.settings_hash
    {
        notes.push(format!(
            "Recipe or scale differ: {} before, {} now.",
            baseline.facts.settings, current.facts.settings
        ));
    }
    let more: Vec<String> = current
        .cases()
        .difference(&baseline.cases())
        .map(|case| (*case).to_owned())
        .collect();
    if !more.is_empty() {
        notes.push(format!(
            "Cases that the baseline does not have are left out: {}.",
            some(&more.iter().collect::<Vec<_>>())
        ));
    }
    if baseline.facts.inputs.is_empty() || current.facts.inputs.is_empty() {
        notes.push(
            "The CT files' hashes are not known on both sides: that the data are the same rests on the \
             names of the cases and their reference volumes."
                .into(),
        );
    }
    notes.extend(current.notes.iter().map(|note| format!("Current: {note}.")));
    notes
}
