//! Which image runs, by which program, and with which command line.
//!
//! A module uses only modules above it in this list.

pub(crate) mod probe;
pub(crate) mod image;
pub(crate) mod contained;
pub(crate) mod engine;
pub(crate) mod apptainer;
pub(crate) mod bubblewrap;
pub(crate) mod line;
