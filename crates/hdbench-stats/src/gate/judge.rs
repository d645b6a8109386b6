use std::collections::{BTreeMap, BTreeSet};

use hdbench_ground::error::Result;
use hdbench_score::{Label, Name};

use super::accuracy::{accuracy, nothing_comparable, test_family};
use super::baseline::{Baseline, REFERENCE_VOLUME};
use super::cost_line::cost;
use super::line::{GateLine, GateOutcome, Judgement, LineKind, Verdict, some};
use super::losses::Losses;
use super::policy::Policy;

/// Holds results against a baseline.
///
/// Algorithms of the same name are compared; where both sides have one alone, these. A missing algorithm,
/// case, metric or other data is `not comparable`, never a pass.
///
/// # Errors
/// `Error::Internal` if polars refuses a table.
pub fn judge(baseline: &Baseline, current: &Baseline, policy: &Policy) -> Result<Judgement> {
    let policy = &policy.of_structures(&baseline.rows);
    let mut notes = Vec::new();
    let pairs = pairs(baseline, current, &mut notes);
    let mut lines = Vec::new();
    let mut family: Vec<(usize, Losses)> = Vec::new();
    for (old, new) in &pairs {
        let data = match new {
            Some(new) => unscored(baseline).or_else(|| other_data(baseline, old, current, new)),
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
    notes.extend(test_family(&mut lines, &mut family, policy));
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
    lines.retain(|line| line.required || line.kind == LineKind::Accuracy || line.n > 0);
    notes.extend(facts(baseline, current));
    let regressed = lines.iter().any(|line| line.verdict == Verdict::Regressed);
    let open = |line: &GateLine| line.required && line.verdict == Verdict::NotComparable;
    let compared = |line: &GateLine| line.verdict != Verdict::NotComparable;
    // A cost that was measured says nothing of an accuracy that nobody could compare.
    let gated = match lines.iter().any(|line| line.kind == LineKind::Accuracy) {
        true => LineKind::Accuracy,
        false => LineKind::Cost,
    };
    let mut gated = lines.iter().filter(|line| line.kind == gated);
    let outcome = if regressed {
        GateOutcome::Regressed
    } else if lines.iter().any(open) || !gated.any(compared) {
        GateOutcome::NotComparable
    } else {
        GateOutcome::Passed
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

/// Why a baseline that is no saved one is none: the evaluation it is of failed in some cases, of which nothing
/// could be said.
fn unscored(baseline: &Baseline) -> Option<String> {
    let cases: Vec<&String> = baseline.unscored.iter().collect();
    (!cases.is_empty()).then(|| {
        format!(
            "the baseline is a partial evaluation: {} cases failed in it: {}",
            cases.len(),
            some(&cases)
        )
    })
}

/// Why the cases of an algorithm are not the same on both sides.
fn other_data(baseline: &Baseline, old: &str, current: &Baseline, new: &str) -> Option<String> {
    let cases = |side: &Baseline, name: &str| -> BTreeSet<Name> {
        let own = side.rows.iter().filter(|row| row.algorithm == name);
        own.map(|row| row.case).collect()
    };
    let (before, now) = (cases(baseline, old), cases(current, new));
    let missing: Vec<&Name> = before.difference(&now).collect();
    if !missing.is_empty() {
        return Some(format!(
            "{} of {} cases are missing: {}",
            missing.len(),
            before.len(),
            some(&missing)
        ));
    }
    let changed: Vec<&Name> = before
        .iter()
        .filter(|case| {
            let hash = |side: &Baseline| side.facts.inputs.get(case.as_str()).cloned();
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
    let volumes = |side: &Baseline, name: &str| -> BTreeMap<(Option<Label>, Name), u64> {
        let own = side.rows.iter().filter(|row| row.algorithm == name);
        own.filter(|row| row.metric == REFERENCE_VOLUME)
            .map(|row| ((row.label, row.case), row.value.to_bits()))
            .collect()
    };
    let (before, now) = (volumes(baseline, old), volumes(current, new));
    let changed: BTreeSet<&Name> = before
        .iter()
        .filter(|(key, volume)| now.get(key).is_some_and(|other| other != *volume))
        .map(|((_, case), _)| case)
        .collect();
    (!changed.is_empty()).then(|| {
        let changed: Vec<&Name> = changed.into_iter().collect();
        format!(
            "other data: the reference of {} cases has another volume: {}",
            changed.len(),
            some(&changed)
        )
    })
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
    if !current.unscored.is_empty() {
        notes.push(format!(
            "Current: {} cases failed when they were scored: {}.",
            current.unscored.len(),
            some(&current.unscored.iter().collect::<Vec<_>>())
        ));
    }
    notes.extend(current.notes.iter().map(|note| format!("Current: {note}.")));
    notes
}
