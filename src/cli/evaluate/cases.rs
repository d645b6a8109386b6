//! The cases of an evaluation while they are scored.

use std::collections::BTreeSet;

use super::told::shortened;
use crate::cli::progress::Reporter;
use crate::error::{Error, Result};
use crate::evaluation::{CasePair, Failure, MetricRow, Origin, Source, evaluate};
use crate::progress::Progress;
use crate::workers;

/// What came of a start.
pub struct Scored {
    /// Every metric.
    pub rows: Vec<MetricRow>,
    /// Number of cases.
    pub scored: usize,
    /// Cases without scores.
    pub failures: Vec<Failure>,
}

impl Scored {
    /// An error where a case has no scores.
    pub fn verdict(&self) -> Result<()> {
        partial(&self.failures, self.all())
    }

    pub(super) fn all(&self) -> usize {
        self.scored + self.failures.len()
    }
}

/// The cases of one start.
pub(super) struct Cases<'a> {
    pub(super) origin: Origin,
    pub(super) pairs: &'a [CasePair],
    pub(super) jobs: usize,
    pub(super) pool: rayon::ThreadPool,
    /// Missing ones first.
    pub(super) failures: Vec<Failure>,
}

impl Cases<'_> {
    /// Every label value of the references and predictions that can be read; the others are told when they are
    /// scored.
    pub(super) fn values(&self) -> Result<BTreeSet<u16>> {
        let read = |source: &Source| source.read_labels_boxed::<u16>().map(|map| map.values());
        let of_pair = |pair: &CasePair| -> BTreeSet<u16> {
            let maps = [&pair.reference, &pair.prediction].map(read);
            let known = maps.iter().flatten();
            known
                .flat_map(|values| values.iter().collect::<Vec<_>>())
                .collect()
        };
        let found = workers::each(self.pairs, self.jobs, || false, of_pair);
        Ok(found.into_iter().flatten().flatten().collect())
    }

    /// Scores them; those that fail are shown and kept.
    pub(super) fn score<T: Send>(
        &mut self,
        reporter: &Reporter,
        score: impl Fn(&CasePair) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let outcome = evaluate(self.pairs, self.jobs, &self.pool, reporter, score)?;
        reporter.finish();
        for failure in &outcome.failures {
            reporter.note(&format!("error: {}: {}", failure.case, failure.error));
        }
        self.failures.extend(outcome.failures);
        Ok(outcome.scored)
    }

    pub(super) fn all(&self, scored: usize) -> usize {
        scored + self.failures.len()
    }
}

pub(super) fn partial(failures: &[Failure], total: usize) -> Result<()> {
    if failures.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = failures
        .iter()
        .map(|failure| failure.case.clone())
        .collect();
    Err(Error::Partial {
        what: "cases",
        failed: failures.len(),
        total,
        names: shortened(&names),
    })
}
