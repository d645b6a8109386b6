//! The runs of a job, and what becomes of their outputs.
//!
//! A module uses only modules above it in this list.

pub(crate) mod workplace;
pub(crate) mod command;
pub(crate) mod outputs;
pub(crate) mod appearing;
pub(crate) mod job_run;
pub(crate) mod offers;
pub(crate) mod cases;
pub(crate) mod train;
pub(crate) mod version;
