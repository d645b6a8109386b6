//! Who gets the children of processes that end before them.

use std::sync::{Mutex, PoisonError};

/// How many runs of this process want orphans.
static RUNS: Mutex<usize> = Mutex::new(0);

/// While it lives, orphans among the descendants of this process become its children, so that they can be found; on
/// Linux. Elsewhere they go to the first process of all.
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

/// Without it, orphans are still found by their group and their mark.
#[cfg(target_os = "linux")]
fn adopt(orphans: bool) {
    let _ = rustix::process::set_child_subreaper(orphans.then(rustix::process::getpid));
}

#[cfg(not(target_os = "linux"))]
fn adopt(_orphans: bool) {}
