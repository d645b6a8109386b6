use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::failure::Failures;
use crate::cell::units;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::study::{Cell, Inputs, Study, cells_of};
use crate::workers;

/// A worker that waits for a cell looks so often whether a signal came.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What became of a study's cells.
#[derive(Debug, Default)]
pub struct EngineOutcome {
    pub cells: usize,
    /// Name and reason.
    pub failed: Vec<(String, String)>,
}

impl EngineOutcome {
    /// An error if a cell failed.
    pub fn into_result(self) -> Result<()> {
        if self.failed.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = self
            .failed
            .iter()
            .map(|(name, reason)| format!("\n  {name}: {reason}"))
            .collect();
        Err(Error::Partial {
            what: "cells",
            failed: self.failed.len(),
            total: self.cells,
            names: names.concat(),
        })
    }
}

/// Who executes a single cell and waits for its end.
pub trait Executor: Sync {
    /// How many cells may run side by side.
    fn jobs(&self) -> usize;
    /// Runs a cell to its end; an error if it did not get there.
    fn execute(&self, run: &Path, cell: Cell, progress: &dyn Progress) -> Result<()>;
}

/// Cells that are to be run.
#[derive(Debug, Default)]
pub struct Chosen {
    pub cells: Vec<Cell>,
    /// Those among them in which there is nothing to do ([`CellStatus::settled`](super::CellStatus)): they are run
    /// only where one that they need is.
    pub settled: BTreeSet<Cell>,
}

/// Runs cells of a study, those that are done included (they see that themselves), as many side by side
/// as the executor allows; all of the study's without a choice. A cell that fails does not stop those that do not need it;
/// a signal stops all.
pub fn run_study(
    run: &Path,
    study: &Study,
    inputs: &Inputs,
    chosen: Option<&Chosen>,
    executor: &dyn Executor,
    progress: &dyn Progress,
) -> Result<EngineOutcome> {
    let mut pending = by_priority(study, inputs);
    if let Some(chosen) = chosen {
        pending.retain(|cell| chosen.cells.contains(cell));
    }
    let settled = chosen.map(|chosen| chosen.settled.clone());
    progress.plan(pending.iter().map(|cell| units(study, inputs, *cell)).sum());
    let cells = pending.len();
    let failures = Failures::of(run);
    let board = Board {
        state: Mutex::new(State {
            pending,
            settled: settled.unwrap_or_default(),
            ..State::default()
        }),
        changed: Condvar::new(),
    };
    let turn = || {
        while let Some((cell, settled)) = board.next(study, progress) {
            if settled {
                progress.advance(units(study, inputs, cell));
                board.ended(cell, Ok(()));
                continue;
            }
            // A panic is this cell's failure: the others wait to hear of its end.
            let attempt = AssertUnwindSafe(|| executor.execute(run, cell, progress));
            let result =
                catch_unwind(attempt).unwrap_or_else(|panic| Err(workers::of_panic(&*panic)));
            let closing = AssertUnwindSafe(|| close(cell, &result, &failures, progress));
            let _ = catch_unwind(closing);
            board.ended(cell, result);
        }
    };
    std::thread::scope(|scope| {
        let started = (0..executor.jobs().max(1))
            .map_while(|_| std::thread::Builder::new().spawn_scoped(scope, turn).ok())
            .count();
        // Where the system gives no further thread, fewer cells run side by side.
        if started == 0 {
            turn();
        }
    });
    let state = board.lock();
    if state.interrupted {
        return Err(Error::Interrupted {
            hint: "run the same command again to go on".into(),
        });
    }
    // Nothing is rendered into a place that the study has left.
    Study::still_there(run)?;
    Ok(EngineOutcome {
        cells,
        failed: state.failed.clone(),
    })
}

/// Tells and records how a cell ended.
fn close(cell: Cell, result: &Result<()>, failures: &Failures, progress: &dyn Progress) {
    progress.ended(&cell.name());
    match result {
        Ok(()) | Err(Error::Interrupted { .. }) => {}
        Err(error) => {
            progress.note(&format!("{} failed: {error}", cell.name()));
            if let Err(lost) = failures.keep(cell, &error.to_string()) {
                progress.note(&format!(
                    "its failure could not be recorded, status will not show it: {lost}"
                ));
            }
        }
    }
}

/// What the workers share.
struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Longest way to the end of the study first.
    pending: Vec<Cell>,
    running: usize,
    done: BTreeSet<Cell>,
    /// Cells that need not be run, as long as none that they need is.
    settled: BTreeSet<Cell>,
    failed: Vec<(String, String)>,
    interrupted: bool,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A worker that panicked left only counters behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next cell whose needs are done, and whether there is nothing to do in it; waits for one, nothing
    /// when there will be none.
    fn next(&self, study: &Study, progress: &dyn Progress) -> Option<(Cell, bool)> {
        let mut state = self.lock();
        loop {
            if progress.interrupted() && !state.pending.is_empty() {
                state.interrupted = true;
            }
            if state.interrupted {
                return None;
            }
            state.drop_blocked(study);
            let ready = state.pending.iter().position(|cell| {
                let needs = cell.needs(&study.recipe);
                needs.iter().all(|need| state.done.contains(need))
            });
            if let Some(index) = ready {
                state.running += 1;
                let cell = state.pending.remove(index);
                let needs = cell.needs(&study.recipe);
                let all = needs.iter().chain([&cell]);
                if !all.into_iter().all(|cell| state.settled.contains(cell)) {
                    state.settled.remove(&cell);
                }
                return Some((cell, state.settled.contains(&cell)));
            }
            if state.pending.is_empty() || state.running == 0 {
                return None;
            }
            let waited = self.changed.wait_timeout(state, LOOK_EVERY);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn ended(&self, cell: Cell, result: Result<()>) {
        let mut state = self.lock();
        state.running -= 1;
        match result {
            Ok(()) => {
                state.done.insert(cell);
            }
            Err(Error::Interrupted { .. }) => state.interrupted = true,
            Err(error) => state.failed.push((cell.name(), error.to_string())),
        }
        self.changed.notify_all();
    }
}

impl State {
    /// Cells that need a failed one fail too, without being tried.
    fn drop_blocked(&mut self, study: &Study) {
        loop {
            let blocked = self.pending.iter().enumerate().find_map(|(index, cell)| {
                let needs = cell.needs(&study.recipe);
                let names = needs.iter().map(Cell::name);
                names
                    .into_iter()
                    .find(|name| self.failed.iter().any(|(failed, _)| failed == name))
                    .map(|need| (index, need))
            });
            let Some((index, need)) = blocked else {
                return;
            };
            let cell = self.pending.remove(index);
            self.failed
                .push((cell.name(), format!("needs {need}, which failed")));
        }
    }
}

/// All cells, those first that begin the longest way to the end.
fn by_priority(study: &Study, inputs: &Inputs) -> Vec<Cell> {
    let folds = inputs.folds.iter().map(|fold| (fold.index, fold.role));
    let mut cells = cells_of(study, folds);
    let all = cells.clone();
    cells.sort_by_key(|cell| std::cmp::Reverse(way_to_end(*cell, &all, study, inputs)));
    cells
}

fn way_to_end(cell: Cell, all: &[Cell], study: &Study, inputs: &Inputs) -> u64 {
    let after = all
        .iter()
        .filter(|other| other.needs(&study.recipe).contains(&cell))
        .map(|other| way_to_end(*other, all, study, inputs));
    units(study, inputs, cell) + after.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::dataset::Split;
    use crate::progress::Silent;
    use crate::study::{Fold, Role};

    struct Fake {
        jobs: usize,
        fails: &'static str,
        panics: &'static str,
        order: Mutex<Vec<String>>,
        at_once: AtomicUsize,
        most: AtomicUsize,
    }

    impl Executor for Fake {
        fn jobs(&self) -> usize {
            self.jobs
        }

        fn execute(&self, _run: &Path, cell: Cell, _progress: &dyn Progress) -> Result<()> {
            let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(5));
            self.at_once.fetch_sub(1, Ordering::SeqCst);
            if cell.algorithm.id() == self.fails {
                return Err(Error::Internal("as asked".into()));
            }
            assert_ne!(cell.algorithm.id(), self.panics, "as asked");
            self.order.lock().unwrap().push(cell.algorithm.id().into());
            Ok(())
        }
    }

    fn run(jobs: usize, fails: &'static str) -> (EngineOutcome, Vec<String>, usize) {
        let (outcome, order, most) = start(jobs, fails, "", None, &Silent);
        (outcome.unwrap(), order, most)
    }

    fn start(
        jobs: usize,
        fails: &'static str,
        panics: &'static str,
        chosen: Option<&Chosen>,
        progress: &dyn Progress,
    ) -> (Result<EngineOutcome>, Vec<String>, usize) {
        let study = Study::of_tests();
        let inputs = Inputs {
            folds: vec![Fold {
                index: 0,
                role: Role::Own,
                split: Split {
                    train: vec![],
                    test: vec![],
                    description: String::new(),
                },
                train_cases: vec![],
                train: vec![],
                train_hashes: vec![],
                test: vec![],
                leaks: vec![],
                left_out: vec![],
            }],
            ..Inputs::default()
        };
        let engine = Fake {
            jobs,
            fails,
            panics,
            order: Mutex::default(),
            at_once: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        };
        let run = tempfile::tempdir().unwrap();
        let outcome = run_study(run.path(), &study, &inputs, chosen, &engine, progress);
        let order = engine.order.into_inner().unwrap();
        (outcome, order, engine.most.into_inner())
    }

    #[test]
    fn every_cell_runs_once_and_after_what_it_needs() {
        for jobs in [1, 2, 5] {
            let (outcome, order, most) = run(jobs, "");
            assert!(outcome.failed.is_empty());
            assert_eq!(order.len(), 9, "{order:?}");
            assert!(most <= jobs);
            let place = |id: &str| order.iter().position(|other| other == id).unwrap();
            assert!(place("_encoder") < place("denseunet2d"));
            assert!(place("denseunet2d") < place("hdenseunet"));
            assert!(place("_coarse") < place("unet"));
        }
    }

    #[test]
    fn a_panic_is_the_failure_of_its_cell_and_nobody_waits_for_it() {
        for jobs in [1, 3] {
            let (outcome, order, _) = start(jobs, "", "denseunet2d", None, &Silent);
            let failed = outcome.unwrap().failed;
            assert_eq!(failed.len(), 2, "{failed:?}");
            assert!(failed[0].1.contains("a panic: "), "{failed:?}");
            assert_eq!(order.len(), 7);
        }
    }

    /// A signal that comes while the first cells run.
    struct Signalled(AtomicUsize);

    impl Progress for Signalled {
        fn plan(&self, _units: u64) {}
        fn stage(&self, _cell: &str, _name: &str) {}
        fn ended(&self, _cell: &str) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        fn advance(&self, _units: u64) {}
        fn note(&self, _line: &str) {}
        fn interrupted(&self) -> bool {
            self.0.load(Ordering::SeqCst) > 0
        }
    }

    #[test]
    fn no_cell_begins_after_a_signal() {
        let (outcome, order, _) = start(1, "", "", None, &Signalled(AtomicUsize::new(0)));
        assert!(matches!(outcome, Err(Error::Interrupted { .. })));
        assert_eq!(order.len(), 1, "{order:?}");
    }

    #[test]
    fn a_cell_with_nothing_to_do_is_run_only_where_one_that_it_needs_is() {
        let cells: Vec<Cell> = [
            "_encoder",
            "_coarse",
            "denseunet2d",
            "hdenseunet",
            "unet",
            "densenet2d",
        ]
        .map(|part| Cell::parse(&format!("{part}/fold_0/seed_0")).unwrap())
        .to_vec();
        let order = |open: &str| {
            let chosen = Chosen {
                settled: cells
                    .iter()
                    .copied()
                    .filter(|cell| cell.algorithm.id() != open)
                    .collect(),
                cells: cells.clone(),
            };
            let (outcome, mut order, _) = start(2, "", "", Some(&chosen), &Silent);
            assert_eq!(outcome.unwrap().cells, 6);
            order.sort();
            order
        };
        assert!(order("").is_empty());
        assert_eq!(order("unet"), ["unet"]);
        assert_eq!(order("denseunet2d"), ["denseunet2d", "hdenseunet"]);
        assert_eq!(
            order("_encoder"),
            ["_encoder", "densenet2d", "denseunet2d", "hdenseunet"]
        );
    }

    #[test]
    fn the_way_to_the_hybrid_goes_first() {
        let (_, order, _) = run(1, "");
        assert_eq!(order[2..4], ["denseunet2d", "hdenseunet"]);
    }

    #[test]
    fn a_failed_cell_fails_only_those_that_need_it() {
        let (outcome, order, _) = run(2, "denseunet2d");
        let failed: Vec<&str> = outcome
            .failed
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(
            failed,
            ["denseunet2d/fold_0/seed_0", "hdenseunet/fold_0/seed_0"]
        );
        assert_eq!(order.len(), 7);
        assert!(matches!(
            outcome.into_result(),
            Err(Error::Partial {
                failed: 2,
                total: 9,
                ..
            })
        ));
    }
}
