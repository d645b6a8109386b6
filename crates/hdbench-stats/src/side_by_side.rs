//! Two results side by side, algorithm by algorithm.

use std::collections::BTreeSet;

use hdbench_ground::error::{Error, Result};
use hdbench_score::{MetricRow, Name};

use super::compare::{Analysis, AnalysisOptions, analyse};
use super::metric_table::{MetricTable, metric_tables};
use super::scored::Scored;
use super::wanted::Wanted;

/// What was compared.
#[derive(Clone, Debug, Default)]
pub struct SideBySide {
    /// Of every pair of algorithms, one after the other.
    pub analysis: Analysis,
    /// The metrics of every pair.
    pub metrics: Vec<MetricTable>,
    /// `9 cases, 2 algorithms`.
    pub cases: String,
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
        for (side, place) in sides.iter_mut().zip(names) {
            side.rename(|name| named(place, name));
        }
        let rows: Vec<MetricRow> = sides.into_iter().flat_map(|side| side.rows).collect();
        let wanted = Wanted::of(metrics, &rows)?;
        let mut all = Self::default();
        for [a, b] in &pairs {
            let own = [named(&names[0], a), named(&names[1], b)].map(Name::from);
            let shown =
                metric_tables(&rows, |row| own.contains(&row.algorithm) && wanted.has(row))?;
            let options = AnalysisOptions {
                baseline: Some(own[0].into()),
                ..options.clone()
            };
            let one = analyse(&shown, &options)?;
            all.analysis.summaries.extend(one.summaries);
            all.analysis.comparisons.extend(one.comparisons);
            all.cases = cases_in_words(&shown);
            all.metrics.extend(shown);
        }
        Ok(all)
    }

    /// Whether no case has a value on both sides.
    pub fn is_of_strangers(&self) -> bool {
        let comparisons = &self.analysis.comparisons;
        comparisons.iter().all(|comparison| comparison.n == 0)
    }
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
