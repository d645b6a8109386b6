//! Two results side by side, algorithm by algorithm.

use std::collections::BTreeSet;

use hdbench_ground::error::{Error, Result};
use hdbench_score::{MetricRow, Name};

use super::comparable::other_tasks;
use super::compare::{Analysis, AnalysisOptions, analyse_pairs};
use super::metric_table::{MetricTable, metric_tables};
use super::scored::Scored;
use super::wanted::Wanted;

/// What was compared.
#[derive(Clone, Debug, Default)]
pub struct SideBySide {
    /// Of every pair of algorithms; corrected over the pairs in a metric of a structure.
    pub analysis: Analysis,
    /// The metrics.
    pub metrics: Vec<MetricTable>,
    /// `9 cases, 2 algorithms`.
    pub cases: String,
    /// Cases that one side alone has; data sets of other names.
    pub notes: Vec<String>,
}

impl SideBySide {
    /// Compares results, the first ones being the baseline: algorithms of the same name, or the only ones of both
    /// sides, which are named after their sides then.
    ///
    /// # Errors
    /// `Error::Usage` where no algorithm is on both sides, and for metrics that the scores have not.
    pub fn of(
        mut sides: [Scored; 2],
        names: &[String; 2],
        metrics: &[String],
        options: &AnalysisOptions,
    ) -> Result<Self> {
        let pairs = pairs(&sides)?;
        let named = |place: &str, name: &str| match pairs.len() {
            1 => place.to_owned(),
            _ => format!("{place}: {name}"),
        };
        for (at, (side, place)) in sides.iter_mut().zip(names).enumerate() {
            let is_paired = |row: &MetricRow| pairs.iter().any(|pair| row.algorithm == pair[at]);
            side.rows.retain(is_paired);
            side.rename(|name| named(place, name));
        }
        let mut notes = one_sided(&sides, names);
        let rows: Vec<MetricRow> = sides.into_iter().flat_map(|side| side.rows).collect();
        notes.extend(other_tasks(&rows));
        let wanted = Wanted::of(metrics, &rows)?;
        let shown = metric_tables(&rows, |row| wanted.has(row))?;
        let own = pairs
            .iter()
            .map(|[a, b]| [named(&names[0], a), named(&names[1], b)]);
        let own: Vec<[String; 2]> = own.collect();
        Ok(Self {
            analysis: analyse_pairs(&shown, &own, options),
            cases: cases_in_words(&shown),
            metrics: shown,
            notes,
        })
    }

    /// Why nothing at all is comparable, where it is so; the sides' names are for the words.
    pub fn strangers_in_words(&self, [baseline, candidate]: [&str; 2]) -> Option<String> {
        let comparisons = &self.analysis.comparisons;
        let why = comparisons.iter().find_map(|own| own.remark.clone());
        comparisons.iter().all(|comparison| comparison.n == 0).then(|| {
            why.unwrap_or_else(|| {
                format!("{candidate} and {baseline} have no case in common with a value of one metric by both")
            })
        })
    }
}

/// Cases that one side has and not the other: they are in no comparison.
fn one_sided(sides: &[Scored; 2], names: &[String; 2]) -> Vec<String> {
    let [a, b] = sides.each_ref().map(Scored::cases);
    let alone = [
        (&a, &b, &names[0], &names[1]),
        (&b, &a, &names[1], &names[0]),
    ];
    let words = alone.into_iter().filter_map(|(own, other, name, lacking)| {
        let only: Vec<&Name> = own.difference(other).collect();
        let first = only.first()?;
        Some(format!(
            "{} of {} cases of {name} are not in {lacking} and in no comparison: {first}{}",
            only.len(),
            own.len(),
            if only.len() > 1 { " ..." } else { "" }
        ))
    });
    words.collect()
}

/// Algorithms of the same name, or the only ones of both sides.
fn pairs(sides: &[Scored; 2]) -> Result<Vec<[String; 2]>> {
    let [a, b] = [sides[0].algorithms(), sides[1].algorithms()];
    if let (1, 1) = (a.len(), b.len()) {
        return Ok(a.into_iter().zip(b).map(|(a, b)| [a, b]).collect());
    }
    let shared: Vec<[String; 2]> = a
        .intersection(&b)
        .map(|name| [name.clone(), name.clone()])
        .collect();
    if shared.is_empty() {
        let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Error::usage(
            format!("no algorithm is on both sides: {} and {}", list(a), list(b)),
            "`hdbench analyze PATH... --baseline NAME` puts them side by side",
        ));
    }
    Ok(shared)
}

/// `9 cases, 2 algorithms`.
pub fn cases_in_words(metrics: &[MetricTable]) -> String {
    let count = |of: &dyn Fn(&MetricTable) -> usize| metrics.iter().map(of).max().unwrap_or(0);
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    format!(
        "{}, {}",
        plural(count(&|metric| metric.cases.len()), "case"),
        plural(count(&|metric| metric.algorithms.len()), "algorithm")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(algorithms: &[&str], cases: usize, shift: f64) -> Scored {
        let mut rows = Vec::new();
        for (place, algorithm) in algorithms.iter().enumerate() {
            for case in 0..cases {
                let hard = (case * 7 % 11) as f64 / 20.0;
                rows.push(MetricRow {
                    task: "t".into(),
                    algorithm: (*algorithm).into(),
                    fold: 0,
                    seed: 0,
                    case: format!("c{case:02}").into(),
                    label: None,
                    metric: "dice".into(),
                    metric_version: 1,
                    value: hard + shift * (1.0 + 0.01 * case as f64) + 0.1 * place as f64,
                    raw_value: 0.0,
                    policy: "strict".into(),
                });
            }
        }
        Scored {
            rows,
            ..Scored::default()
        }
    }

    fn compared(a: Scored, b: Scored) -> SideBySide {
        let names = ["before".to_owned(), "after".to_owned()];
        SideBySide::of([a, b], &names, &[], &AnalysisOptions::default()).unwrap()
    }

    #[test]
    fn algorithms_that_one_side_alone_has_are_in_no_comparison() {
        let found = compared(scored(&["a"], 12, 0.0), scored(&["a", "c"], 12, 0.0));
        let [comparison] = &found.analysis.comparisons[..] else {
            panic!("{} comparisons", found.analysis.comparisons.len());
        };
        assert_eq!(comparison.difference, 0.0);
        assert_eq!(comparison.baseline, "before");
        assert!(found.notes.is_empty());
    }

    #[test]
    fn tests_are_corrected_over_the_pairs_of_a_metric() {
        let found = compared(scored(&["a", "c"], 12, 0.0), scored(&["a", "c"], 12, 0.1));
        let comparisons = &found.analysis.comparisons;
        assert_eq!(comparisons.len(), 2);
        for comparison in comparisons {
            assert!((comparison.p_holm - 2.0 * comparison.p).abs() < 1e-12);
        }
        let named = |c: &super::super::compare::Comparison| c.algorithm.clone();
        let names: Vec<String> = comparisons.iter().map(named).collect();
        assert_eq!(names, ["after: a", "after: c"]);
    }

    #[test]
    fn cases_of_one_side_are_told() {
        let found = compared(scored(&["a"], 12, 0.0), scored(&["b"], 20, 0.0));
        assert_eq!(found.analysis.comparisons[0].n, 12);
        let told = "8 of 20 cases of after are not in before and in no comparison: c12 ...";
        assert_eq!(found.notes, [told]);
    }
}
