//! A program from its start to the end of its last process: what it says, what it costs, what it leaves behind.
//!
//! A module uses only modules above it in this list.

pub(crate) mod log;
pub(crate) mod process_tree;
pub(crate) mod orphans;
pub(crate) mod samples;
pub(crate) mod gpu_meter;
pub(crate) mod lifeline;
pub(crate) mod supervise;
