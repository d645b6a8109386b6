//! One test crate, a module a subject: every further file under `tests/` would link Burn again.

mod crossval;
mod dataset;
mod devices;
mod dicom;
mod evaluate;
mod evaluation;
mod golden;
mod lits;
mod metrics;
mod network;
mod peers;
mod phantom;

mod pipeline;
mod postprocess;
mod report;
mod training;
mod volume;
mod weights;
