//! The cases of an evaluation while they are scored.

use super::told::shortened;
use crate::cli::progress::Reporter;
use crate::error::{Error, Result};
use crate::evaluation::{CasePair, Failure, MetricRow, Origin, ScoredCase, evaluate, rows};
use crate::progress::Progress;

/// What came of a start.
pub struct Scored {
    /// Every metric.
    pub rows: ScoredRows,
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

/// The tidy rows of what was scored.
pub enum ScoredRows {
    /// Of profile strict: made of the scores whenever they are asked for.
    Strict(Origin, Vec<ScoredCase>),
    /// Of profile lits: few.
    Lits(Vec<MetricRow>),
}

impl<'a> IntoIterator for &'a ScoredRows {
    type Item = MetricRow;
    type IntoIter = Box<dyn Iterator<Item = MetricRow> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        match self {
            ScoredRows::Strict(origin, cases) => rows(*origin, cases).into_iter(),
            ScoredRows::Lits(rows) => Box::new(rows.iter().cloned()),
        }
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
