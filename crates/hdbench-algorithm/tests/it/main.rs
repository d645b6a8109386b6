//! Runs and refuses.
