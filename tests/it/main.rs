//! One test crate, a module a subject: every further file under `tests/` would link Burn again.

mod network;
