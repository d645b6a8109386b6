use std::ops::Range;
use std::sync::mpsc::sync_channel;

/// Hands what is made for each number of a range to `take`, in their order. Up to `ahead` of them are made on a thread
/// of its own before they are asked for; with 0, each when it is asked for. What is made does not depend on it.
pub fn in_turn<T: Send, R>(
    numbers: Range<u64>,
    ahead: usize,
    make: impl Fn(u64) -> T + Sync,
    take: impl FnOnce(&mut dyn Iterator<Item = T>) -> R,
) -> R {
    if ahead == 0 {
        return take(&mut numbers.map(make));
    }
    std::thread::scope(|scope| {
        // One more than the queue holds is made and waits.
        let (send, made) = sync_channel(ahead - 1);
        let make = &make;
        let rest = numbers.clone();
        let making = std::thread::Builder::new().spawn_scoped(scope, move || {
            // Nobody takes any more: the rest is not made.
            let _ = rest.map(make).try_for_each(|made| send.send(made));
        });
        match making {
            Ok(_) => take(&mut made.into_iter()),
            // The system gives no thread.
            Err(_) => take(&mut numbers.map(make)),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn ahead_or_not_the_same_comes_in_the_same_order() {
        let all = |ahead| in_turn(3..40, ahead, |n| n * n, |made| made.collect::<Vec<_>>());
        assert_eq!(all(0), (3..40).map(|n| n * n).collect::<Vec<u64>>());
        for ahead in [1, 2, 7] {
            assert_eq!(all(ahead), all(0));
        }
    }

    #[test]
    fn no_more_is_made_than_asked_for_and_the_queue() {
        for ahead in [0, 1, 3] {
            let count = AtomicU64::new(0);
            let make = |n| {
                count.fetch_add(1, Ordering::Relaxed);
                n
            };
            assert_eq!(in_turn(0..1000, ahead, make, |made| made.nth(1)), Some(1));
            assert!(count.into_inner() <= 2 + ahead as u64 + 1);
        }
    }
}
