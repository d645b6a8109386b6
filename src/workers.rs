//! A parallel loop over large items: so many at a time and no more.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Does the same with every item on `jobs` threads, so that memory is that of so many items; results
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
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while !stopped() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = work(item);
                    // A poisoned lock would mean a panic, and that ends the scope anyway.
                    if let Ok(mut place) = results[index].lock() {
                        *place = Some(result);
                    }
                }
            });
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
