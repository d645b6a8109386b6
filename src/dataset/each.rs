use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::progress::Progress;

/// Does the same with every item, at most `jobs` at a time, so that memory is that of so many
/// volumes; results come in the order of the items.
///
/// # Errors
/// `Error::Interrupted` once a signal came.
pub(super) fn each<I: Sync, T: Send>(
    items: &[I],
    jobs: usize,
    progress: &dyn Progress,
    work: impl Fn(&I) -> T + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<T>>> = items.iter().map(|_| Mutex::new(None)).collect();
    // A parallel loop of rayon would not bound them: a thread that waits for a part of one case may
    // begin another one meanwhile.
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while !progress.interrupted() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = work(item);
                    progress.advance(1);
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
        .map(|result| {
            result
                .into_inner()
                .ok()
                .flatten()
                .ok_or_else(|| Error::Interrupted {
                    hint: "start again: the cases are read anew".into(),
                })
        })
        .collect()
}
