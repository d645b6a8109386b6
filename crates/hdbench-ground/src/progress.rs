//! What long work reports and how it learns that it should stop; nothing is printed here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};

/// More units than any single step of work is worth: an advance by more counts what was done before.
pub const LARGEST_STEP: u64 = 2_000;

/// A listener for long work, implemented by the command line.
///
/// Work is measured in units of a planned total, so that one bar covers training, prediction and
/// reports, and knows the time left.
pub trait Progress: Sync {
    /// The units of all the work to come.
    fn plan(&self, units: u64);
    /// A named piece of work begins (`"fine-tuning"`), of a cell (`"unet/fold_0/seed_0"`) or of the
    /// whole (`""`).
    fn stage(&self, cell: &str, name: &str);
    /// A cell has ended, well or not.
    fn ended(&self, _cell: &str) {}
    /// `units` further units are done.
    fn advance(&self, units: u64);
    /// What follows is this part of the step that goes on now, 0..=1.
    fn part(&self, _first: f64, _end: f64) {}
    /// How much of that part is done, 0..=1: for steps that take long.
    fn within(&self, _share: f64) {}
    /// One line worth keeping (`"volume-3: 2 lesions"`).
    fn note(&self, line: &str);
    /// Whether a signal asked the work to stop at the next safe place.
    fn interrupted(&self) -> bool;
}

/// One long step of several units: what is done within it is counted as it goes.
pub struct Step<'a> {
    whole: &'a dyn Progress,
    /// What it is about (`"test-volume-3"`): its stages are shown with it.
    name: &'a str,
    units: u64,
    /// Where the part of the step that goes on begins and ends, and what is counted already.
    state: Mutex<State>,
}

struct State {
    part: [f64; 2],
    counted: u64,
}

impl<'a> Step<'a> {
    /// A step of the whole.
    pub fn of(whole: &'a dyn Progress, name: &'a str, units: u64) -> Self {
        Self {
            whole,
            name,
            units,
            state: Mutex::new(State {
                part: [0.0, 1.0],
                counted: 0,
            }),
        }
    }

    /// All of it is done.
    pub fn end(&self) {
        self.with(|state| {
            self.whole.advance(self.units - state.counted);
            state.counted = self.units;
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // A poisoned lock only means that another thread panicked while counting.
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut state)
    }
}

impl Progress for Step<'_> {
    fn plan(&self, _units: u64) {}

    fn stage(&self, cell: &str, name: &str) {
        if self.name.is_empty() {
            self.whole.stage(cell, name);
        } else {
            self.whole.stage(cell, &format!("{}: {name}", self.name));
        }
    }

    fn advance(&self, _units: u64) {}

    fn part(&self, first: f64, end: f64) {
        self.with(|state| state.part = [first, end]);
    }

    fn within(&self, share: f64) {
        self.with(|state| {
            let [first, end] = state.part;
            let share = first + (end - first) * share.clamp(0.0, 1.0);
            let reached = ((self.units as f64 * share) as u64).min(self.units);
            if reached > state.counted {
                self.whole.advance(reached - state.counted);
                state.counted = reached;
            }
        });
    }

    fn note(&self, line: &str) {
        self.whole.note(line);
    }

    fn interrupted(&self) -> bool {
        self.whole.interrupted()
    }
}

/// A listener that hears nothing and never interrupts.
pub struct Silent;

impl Progress for Silent {
    fn plan(&self, _units: u64) {}
    fn stage(&self, _cell: &str, _name: &str) {}
    fn advance(&self, _units: u64) {}
    fn note(&self, _line: &str) {}
    fn interrupted(&self) -> bool {
        false
    }
}

/// Asks work to stop at the next safe place; clones ask and are asked as one. As a listener it hears nothing.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on the work is to stop.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Looks whether to go on, between two steps of the work.
    ///
    /// # Errors
    /// `Error::Interrupted` once it was asked to stop.
    pub fn check(&self) -> Result<()> {
        match self.interrupted() {
            false => Ok(()),
            true => Err(Error::Interrupted {
                hint: "start again".into(),
            }),
        }
    }
}

impl Progress for Stop {
    fn plan(&self, _units: u64) {}
    fn stage(&self, _cell: &str, _name: &str) {}
    fn advance(&self, _units: u64) {}
    fn note(&self, _line: &str) {}
    fn interrupted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    struct Counter(AtomicU64);

    impl Progress for Counter {
        fn plan(&self, _units: u64) {}
        fn stage(&self, _cell: &str, _name: &str) {}
        fn advance(&self, units: u64) {
            self.0.fetch_add(units, Ordering::Relaxed);
        }
        fn note(&self, _line: &str) {}
        fn interrupted(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_stop_holds_for_its_clones() {
        let stop = Stop::default();
        let clone = stop.clone();
        assert!(stop.check().is_ok() && !Stop::default().interrupted());
        clone.ask();
        assert!(matches!(stop.check(), Err(Error::Interrupted { .. })));
        assert!(stop.interrupted() && !Stop::default().interrupted());
    }

    #[test]
    fn a_step_is_counted_once_however_it_goes() {
        let counter = Counter(AtomicU64::new(0));
        let step = Step::of(&counter, "", 100);
        let counted = || counter.0.load(Ordering::Relaxed);
        step.part(0.0, 0.2);
        step.within(0.5);
        assert_eq!(counted(), 10);
        step.part(0.2, 1.0);
        step.within(0.0);
        assert_eq!(counted(), 20);
        step.within(0.5);
        // Never back.
        step.within(0.25);
        assert_eq!(counted(), 60);
        step.end();
        step.end();
        assert_eq!(counted(), 100);
    }
}
