use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use crate::error::Result;
use crate::{memory, workers};

/// Does `work` for every item on `jobs` threads, while the items in work together cost at most
/// `budget` bytes; one that costs more than all of it is done alone. An error ends the rest.
///
/// # Errors
/// The first that `work` gives, in the order of the items.
pub fn for_each_bounded<T: Sync>(
    items: &[T],
    jobs: usize,
    budget: u64,
    cost: impl Fn(&T) -> u64 + Sync,
    work: impl Fn(&T) -> Result<()> + Sync,
) -> Result<()> {
    let failed = AtomicBool::new(false);
    let gate = Gate {
        free: Mutex::new(budget),
        changed: Condvar::new(),
    };
    let stopped = || failed.load(Ordering::SeqCst);
    let results = workers::each(items, jobs, stopped, |item| {
        let held = gate.enter(cost(item).min(budget));
        // Also where the work panics: those that wait for its share would wait for ever.
        let _leave = workers::AtEnd(|| gate.leave(held));
        let result = work(item);
        failed.fetch_or(result.is_err(), Ordering::SeqCst);
        result
    });
    results.into_iter().flatten().collect()
}

/// What is left of the budget.
struct Gate {
    free: Mutex<u64>,
    changed: Condvar,
}

impl Gate {
    fn enter(&self, cost: u64) -> u64 {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < cost {
            free = self
                .changed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= cost;
        cost
    }

    fn leave(&self, cost: u64) {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += cost;
        self.changed.notify_all();
    }
}

/// Share of the memory that is left that preprocessing may fill with cases; a larger case is prepared
/// alone.
const PREPARING_SHARE: f64 = 0.5;

/// The memory that is left where the system does not say, bytes.
const UNKNOWN_MEMORY_BYTES: u64 = 6_000_000_000;

/// Memory that preprocessing may fill, bytes.
pub(crate) fn preparing_room() -> u64 {
    let memory = memory::room_bytes().unwrap_or(UNKNOWN_MEMORY_BYTES);
    (PREPARING_SHARE * memory as f64) as u64
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::error::Error;

    #[test]
    fn all_are_done_within_the_budget() {
        let items: Vec<u64> = (0..40).map(|i| 1 + i % 7).collect();
        let (now, most, done) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        for_each_bounded(
            &items,
            8,
            10,
            |&cost| cost,
            |&cost| {
                let cost = cost as usize;
                let held = now.fetch_add(cost, Ordering::SeqCst) + cost;
                most.fetch_max(held, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(1));
                now.fetch_sub(cost, Ordering::SeqCst);
                done.fetch_add(1, Ordering::SeqCst);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(done.into_inner(), items.len());
        assert!(most.into_inner() <= 10);
    }

    #[test]
    fn what_is_larger_than_the_budget_runs_alone_and_an_error_ends_the_rest() {
        let done = AtomicUsize::new(0);
        let result = for_each_bounded(
            &[5, 500, 7, 8],
            1,
            10,
            |&cost| cost,
            |&cost| {
                done.fetch_add(1, Ordering::SeqCst);
                if cost > 5 {
                    return Err(Error::Internal(cost.to_string()));
                }
                Ok(())
            },
        );
        assert!(result.unwrap_err().to_string().contains("500"));
        assert_eq!(done.into_inner(), 2);
    }

    #[test]
    fn a_panic_gives_its_share_back() {
        let panicking = std::panic::AssertUnwindSafe(|| {
            for_each_bounded(
                &[0, 1, 2, 3],
                2,
                1,
                |_| 1,
                |&item| {
                    assert_ne!(item, 0, "as asked");
                    Ok(())
                },
            )
        });
        // It ends, and as it should.
        assert!(std::panic::catch_unwind(panicking).is_err());
    }
}
