//! Who gets the children of processes that end before them.

use std::sync::{Mutex, PoisonError};

use crate::system::adopt;

/// How many runs of this process want orphans.
static RUNS: Mutex<usize> = Mutex::new(0);

/// While it lives, orphans among the descendants of this process become its children, so that they can be found; on
/// Linux. On macOS they go to the first process of all, on Windows to none.
pub(crate) struct Adopting;

impl Adopting {
    pub fn begin() -> Self {
        let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
        *runs += 1;
        if *runs == 1 {
            adopt(true);
        }
        Self
    }
}

impl Drop for Adopting {
    fn drop(&mut self) {
        let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
        *runs -= 1;
        if *runs == 0 {
            adopt(false);
        }
    }
}
