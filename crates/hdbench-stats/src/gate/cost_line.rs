use hdbench_ground::seed::Seed;

use super::line::{GateLine, LineKind, Verdict};
use super::policy::{CostRule, Policy};
use crate::made_from::CostSamples;
use crate::statistics::{bca, bootstrap_mean};

/// A cost of one algorithm on both sides.
pub(super) fn cost(
    (old_costs, old): (&[CostSamples], &str),
    (new_costs, new): (&[CostSamples], Option<&str>),
    rule: &CostRule,
    same_hardware: Result<(), String>,
    policy: &Policy,
) -> GateLine {
    let is =
        |own: &&CostSamples, name: &str| own.algorithm == name && own.quantity == rule.quantity;
    let of = |costs: &[CostSamples], name: &str| {
        let found = costs.iter().find(|own| is(own, name));
        found.map(|own| own.samples.clone()).unwrap_or_default()
    };
    let twice =
        |costs: &[CostSamples], name: &str| costs.iter().filter(|own| is(own, name)).count() > 1;
    let before = of(old_costs, old);
    let now = new.map(|new| of(new_costs, new)).unwrap_or_default();
    let paired: Vec<(f64, f64)> = before
        .iter()
        .filter_map(|(name, &a)| Some((a, *now.get(name)?)))
        .filter(|(a, b)| *a > 0.0 && *b > 0.0)
        .collect();
    let mut line = GateLine {
        kind: LineKind::Cost,
        algorithm: old.to_owned(),
        metric: rule.quantity.words().to_owned(),
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
    if twice(old_costs, old) || new.is_some_and(|new| twice(new_costs, new)) {
        line.reason = Some("one side has its measurements twice".into());
        return line;
    }
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
    let drawn = bootstrap_mean(&ratios, policy.resamples, Seed(1).derive("gate cost"));
    let interval = bca(&ratios, &drawn, 0.95);
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
