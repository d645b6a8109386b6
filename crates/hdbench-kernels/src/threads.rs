//! How work is shared among threads.

/// Values a thread should at least have to work on.
pub const WORTHWHILE: usize = 1 << 15;

/// Items of `values` values each that a thread should at least have to work on.
pub fn items_a_thread(values: usize) -> usize {
    (WORTHWHILE / values.max(1)).max(1)
}
