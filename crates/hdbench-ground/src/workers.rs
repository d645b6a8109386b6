//! Threads: a parallel loop over large items, a number of them at a time and no more, and threads beside the work.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use crate::error::{Error, Result};

/// A thread beside the work; where the system gives none, that is an error and no panic.
///
/// # Errors
/// `Error::Usage`: the user's limit of processes is reached.
pub fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    let named = std::thread::Builder::new().name(name.into());
    named.spawn(work).map_err(refused)
}

/// The system gives no further thread.
pub fn refused(error: std::io::Error) -> Error {
    Error::usage(
        format!("the system starts no further thread: {error}"),
        "raise the limits of processes and memory (ulimit -u and -v, the container's), or give fewer \
         --threads and --jobs",
    )
}

/// A panic as an error.
pub fn of_panic(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    Error::Internal(format!("a panic: {text}"))
}

/// Does something when it goes out of scope, also where that is by a panic: others that wait are told.
pub struct AtEnd<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Does the same with every item on `jobs` threads, so that memory is that of `jobs` items; results
/// come in the order of the items, none for those that were not begun because `stopped` said so.
///
/// A parallel loop of rayon would not bound them: a thread that waits for a part of one item may
/// begin another one meanwhile.
pub fn each<I: Sync, T: Send>(
    items: &[I],
    jobs: usize,
    stopped: impl Fn() -> bool + Sync,
    work: impl Fn(&I) -> T + Sync,
) -> Vec<Option<T>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<T>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let turn = || {
        while !stopped() {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            let result = work(item);
            // A poisoned lock would mean a panic, and that ends the scope anyway.
            if let Ok(mut place) = results[index].lock() {
                *place = Some(result);
            }
        }
    };
    std::thread::scope(|scope| {
        let wanted = jobs.clamp(1, items.len().max(1));
        let started = (0..wanted)
            .map_while(|_| std::thread::Builder::new().spawn_scoped(scope, turn).ok())
            .count();
        // Where the system gives no further thread, the work takes longer.
        if started == 0 {
            turn();
        }
    });
    results
        .into_iter()
        .map(|result| result.into_inner().ok().flatten())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_and_no_more_than_asked_for_run_at_once() {
        let items: Vec<usize> = (0..50).collect();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let results = each(
            &items,
            3,
            || false,
            |&item| {
                let running = now.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(running, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_micros(200));
                now.fetch_sub(1, Ordering::SeqCst);
                item * item
            },
        );
        let squares: Vec<Option<usize>> = items.iter().map(|&item| Some(item * item)).collect();
        assert_eq!(results, squares);
        assert!(most.into_inner() <= 3);
    }

    #[test]
    fn what_ends_in_a_panic_is_told_to_those_that_wait() {
        let told = AtomicUsize::new(0);
        let attempt = std::panic::AssertUnwindSafe(|| {
            let _end = AtEnd(|| {
                told.fetch_add(1, Ordering::SeqCst);
            });
            panic!("as {}", "asked");
        });
        let panic = std::panic::catch_unwind(attempt).unwrap_err();
        assert_eq!(told.into_inner(), 1);
        let error = of_panic(&*panic).to_string();
        assert!(error.contains("a panic: as asked"), "{error}");
    }

    #[test]
    fn what_was_not_begun_has_no_result() {
        let begun = AtomicUsize::new(0);
        let stopped = || begun.load(Ordering::SeqCst) >= 2;
        let results = each(&[1, 2, 3, 4], 1, stopped, |&item| {
            begun.fetch_add(1, Ordering::SeqCst);
            item
        });
        assert_eq!(results, [Some(1), Some(2), None, None]);
    }
}
