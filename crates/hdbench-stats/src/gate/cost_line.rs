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
        let own = found.cloned();
        own.map_or_else(Default::default, |own| (own.samples, own.reference_seconds))
    };
    let twice =
        |costs: &[CostSamples], name: &str| costs.iter().filter(|own| is(own, name)).count() > 1;
    let (before, speed_before) = of(old_costs, old);
    let (now, speed_now) = new.map(|new| of(new_costs, new)).unwrap_or_default();
    let paired: Vec<(&String, f64, f64)> = before
        .iter()
        .filter_map(|(name, &a)| Some((name, a, *now.get(name)?)))
        .filter(|(_, a, b)| *a > 0.0 && *b > 0.0)
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
    let mean_of = |values: &dyn Fn(&(&String, f64, f64)) -> f64| -> f64 {
        paired.iter().map(values).sum::<f64>() / n
    };
    let (baseline, current) = (mean_of(&|pair| pair.1), mean_of(&|pair| pair.2));
    line.baseline = Some(baseline);
    line.current = Some(current);
    line.change = Some(mean_of(&|(_, a, b)| (b / a).ln()).exp());
    if let Err(reason) = same_hardware {
        line.reason = Some(reason);
        return line;
    }
    if speed_before.is_empty() != speed_now.is_empty() {
        line.reason = Some(format!(
            "{} does not tell how fast its machine was",
            if speed_before.is_empty() {
                "the baseline"
            } else {
                "the current run"
            }
        ));
        return line;
    }
    // How much more time the same work took the machine itself.
    let slower = |name: &String| match (speed_before.get(name), speed_now.get(name)) {
        (Some(before), Some(now)) if *before > 0.0 && *now > 0.0 => now / before,
        _ => 1.0,
    };
    let ratios: Vec<f64> = paired
        .iter()
        .map(|(name, a, b)| (b / a / slower(name)).ln())
        .collect();
    let mean = ratios.iter().sum::<f64>() / n;
    line.change = Some(mean.exp());
    let machine = mean_of(&|(name, ..)| slower(name).ln()).exp();
    let current = mean_of(&|(name, _, b)| b / slower(name));
    if (machine - 1.0).abs() >= 0.05 {
        line.reason = Some(format!(
            "the machine took {machine:.2} times as long for the same work: taken out"
        ));
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
    line.identical = paired.iter().all(|(_, a, b)| a == b);
    line
}
