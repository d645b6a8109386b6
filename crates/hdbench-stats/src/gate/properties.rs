//! What must hold of every gate, whatever its policy: it fails where every case is worse, and it never passes bad
//! data.

use hdbench_ground::seed::{Seed, Stream};
use hdbench_score::{Label, MetricRow};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::baseline::{Baseline, REFERENCE_VOLUME};
use super::judge::judge;
use super::line::{GateOutcome, Judgement, Verdict};
use super::losses::fewest_cases;
use super::policy::Policy;
use super::power::power;
use crate::made_from::SourceFacts;

fn row(algorithm: &str, case: usize, metric: &str, value: f64) -> MetricRow {
    MetricRow {
        task: "lits".into(),
        algorithm: algorithm.into(),
        fold: 0,
        seed: 0,
        case: format!("volume-{case}").into(),
        label: Some(Label::LESION),
        metric: metric.into(),
        metric_version: 1,
        value,
        raw_value: value,
        policy: "strict".into(),
    }
}

fn side(rows: Vec<MetricRow>) -> Baseline {
    Baseline {
        facts: SourceFacts::default(),
        rows,
        costs: Vec::new(),
        notes: Vec::new(),
        unscored: Vec::new(),
    }
}

fn policy(level: f64, resamples: usize, margin: f64) -> Policy {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.toml");
    let text = format!(
        "format = 1\nlevel = {level:e}\nresamples = {resamples}\n[[accuracy]]\nfigure = \"lesion:dice\"\n\
         margin = {margin:e}\n"
    );
    std::fs::write(&path, text).unwrap();
    Policy::read(Some(&path)).unwrap()
}

/// A value before and now that is worse by more than the margin, by far in one case and hardly in the next.
fn worse(stream: &mut Stream, margin: f64) -> (f64, f64) {
    let before = margin + (1.0 - margin) * stream.range(0.1, 1.0);
    let beyond = (before - margin) * 10.0_f64.powf(-4.0 * stream.uniform());
    (before, (before - margin - beyond).max(0.0))
}

/// One that is the same, a little better or a little worse.
fn other(stream: &mut Stream, changes: bool) -> (f64, f64) {
    let before = stream.range(0.2, 0.8);
    let change = if changes { 0.05 * stream.normal() } else { 0.0 };
    (before, (before + change).clamp(0.0, 1.0))
}

/// A gate of `lines` lines, of which the first `losing` lose in every case.
fn gate(lines: usize, losing: usize, cases: usize, margin: f64, seed: u64) -> [Baseline; 2] {
    let mut stream = Seed(seed).stream("gate");
    let (mut before, mut now) = (Vec::new(), Vec::new());
    for line in 0..lines {
        let name = format!("network {line}");
        for case in 0..cases {
            let (old, new) = match line < losing {
                true => worse(&mut stream, margin),
                false => other(&mut stream, line % 3 == 0),
            };
            before.push(row(&name, case, "dice", old));
            now.push(row(&name, case, "dice", new));
        }
    }
    [side(before), side(now)]
}

/// The fewest cases, as `--power` names them.
fn fewest_by_power(lines: usize, margin: f64, policy: &Policy) -> usize {
    let [baseline, _] = gate(lines, 0, 1, margin, 0);
    let told = power(&baseline, None, policy).unwrap();
    assert_eq!(told.len(), lines);
    told[0].fewest
}

fn regressed(judgement: &Judgement) -> usize {
    judgement.count(Verdict::Regressed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_gate_over_cases_that_are_all_worse_fails(
        lines in 1_usize..=300,
        losing in 0.0..1.0,
        level in -12.0..-0.31,
        resamples in 100_usize..3_000,
        margin in prop_oneof![Just(0.0), 1e-6..0.9],
        more in 0_usize..60,
        seed in any::<u64>(),
    ) {
        let policy = policy(10.0_f64.powf(level), resamples, margin);
        let fewest = fewest_by_power(lines, margin, &policy);
        prop_assert_eq!(fewest, fewest_cases(lines, policy.level));
        let losing = 1 + (losing * (lines - 1) as f64) as usize;
        let [before, now] = gate(lines, losing, fewest + more, margin, seed);
        let judgement = judge(&before, &now, &policy).unwrap();
        prop_assert_eq!(judgement.outcome, GateOutcome::Regressed);
        prop_assert!(regressed(&judgement) >= losing, "{} of {losing}", regressed(&judgement));
        // With a case less the gate says that it could not have failed.
        if fewest > 2 {
            let [before, now] = gate(lines, lines, fewest - 1, margin, seed);
            let judgement = judge(&before, &now, &policy).unwrap();
            prop_assert!(judgement.outcome != GateOutcome::Passed);
        }
    }

    #[test]
    fn a_gate_over_bad_data_never_passes(
        lines in 1_usize..6,
        fault in 0_usize..14,
        on_baseline in any::<bool>(),
        place in 0.0..1.0,
        seed in any::<u64>(),
    ) {
        let cases = 20;
        let policy = policy(0.05, 200, 0.02);
        let [mut before, mut now] = gate(lines, 0, cases, 0.02, seed);
        for side in [&mut before, &mut now] {
            let volumes = (0..lines).flat_map(|line| {
                (0..cases).map(move |case| row(&format!("network {line}"), case, REFERENCE_VOLUME, 5.0))
            });
            side.rows.extend(volumes);
        }
        let clean = judge(&before, &now, &policy).unwrap();
        prop_assert_eq!(clean.outcome, GateOutcome::Passed);
        let place = (place * (lines * cases) as f64) as usize;
        let fail = |told: &str| Err(TestCaseError::fail(told.to_owned()));
        // All others lose, which the fault must not hide either.
        for (place, row) in now.rows.iter_mut().enumerate() {
            if seed % 2 == 0 && row.metric == "dice" {
                row.value = (before.rows[place].value - 0.1).max(0.0);
            }
        }
        let bad = if on_baseline { &mut before } else { &mut now };
        match fault {
            0 => bad.rows[place].value = f64::INFINITY,
            1 => bad.rows[place].value = f64::NEG_INFINITY,
            2 => bad.rows[place].value = 8.0,
            3 => bad.rows[place].value = 1e9,
            4 => bad.rows[place].value = -0.3,
            5 => bad.rows.push(bad.rows[place].clone()),
            6 => {
                let mut again = bad.rows[place].clone();
                again.value = 1.0;
                bad.rows.push(again);
            }
            7 => bad.rows[place].value = f64::NAN,
            8 => { now.rows.remove(place); }
            9 => now.rows[place].case = "volume-x".into(),
            10 => bad.rows.iter_mut().for_each(|row| row.metric_version += 1),
            11 => bad.rows.iter_mut().for_each(|row| {
                if row.metric == REFERENCE_VOLUME && row.case == "volume-3" {
                    row.value += 1.0;
                }
            }),
            12 => before.unscored.push("volume-99".into()),
            _ => now.rows.retain(|row| row.metric != "dice"),
        }
        let judgement = judge(&before, &now, &policy).unwrap();
        if judgement.outcome == GateOutcome::Passed {
            return fail(&format!("fault {fault} passes"));
        }
        // It fails by what it found, or is not comparable, but the line of the fault was not judged.
        let line = match fault {
            10..=13 => 0,
            _ => place / cases,
        };
        prop_assert_eq!(judgement.lines[line].verdict, Verdict::NotComparable);
        prop_assert!(judgement.lines[line].reason.is_some());
    }
}
