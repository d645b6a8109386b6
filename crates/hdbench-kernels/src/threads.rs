//! How work is shared among threads.

/// Values a thread should at least have to work on.
pub const WORTHWHILE: usize = 1 << 15;
