use std::collections::BTreeSet;
use std::path::Path;

use super::execution::{Chosen, EngineOutcome};
use super::jobs::Job;
use super::select::forget;
use crate::error::Result;
use crate::progress::Progress;
use crate::study::{Cell, Inputs, Study};

/// Where `hdbench cell run RUN CELL` is executed: here, on a cluster, or wherever a user takes the commands.
pub trait Engine {
    /// Runs the cells of a start, or hands them on.
    ///
    /// # Errors
    /// What keeps them from being started; `Error::Interrupted`. A cell that fails is part of the outcome.
    fn run(&self, start: &Start<'_>, progress: &dyn Progress) -> Result<Ran>;
}

/// A start of a study: what an engine is given.
pub struct Start<'a> {
    /// The study's folder.
    pub run: &'a Path,
    pub study: &'a Study,
    pub inputs: &'a Inputs,
    /// Cells that are to be looked at, each after what it needs.
    pub chosen: &'a Chosen,
    /// Those among them that are not done.
    pub open: &'a [Cell],
    /// Those whose results are thrown away first.
    pub forced: &'a BTreeSet<Cell>,
}

impl Start<'_> {
    /// Throws away what the forced cells among the chosen have made. Nothing stands between this and the work any
    /// more.
    ///
    /// # Errors
    /// As [`forget`].
    pub(super) fn forget_forced(&self) -> Result<()> {
        let forced = self.forced.iter();
        forced
            .filter(|cell| self.chosen.cells.contains(cell))
            .try_for_each(|cell| forget(self.run, *cell))
    }
}

/// What became of a start.
pub enum Ran {
    /// The cells ran to their ends.
    Ended(EngineOutcome),
    /// They run elsewhere.
    Handed(Handed),
}

/// To whom cells were handed on.
pub enum Handed {
    /// Jobs of a cluster.
    Submitted(Submitted),
    /// Commands for the user: a line a cell.
    Commands(String),
}

/// What was submitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Submitted {
    /// New jobs, in the order of their submission.
    pub jobs: Vec<Job>,
    /// Cells whose jobs of an earlier start still wait or run.
    pub waiting: Vec<String>,
    /// The job that renders the report at the end.
    pub report: Option<String>,
}
