//! One test crate, a module a subject: every further file under `tests/` would link Burn again.

mod analysis;
mod archives;
mod audit;
mod cases;
mod convert;
mod crossval;
mod dataset;
mod devices;
mod dicom;
mod dicom_cases;
mod evaluate;
mod evaluation;
mod failures;
mod gate;
mod golden;
mod harness;
mod hints;
mod layouts;
#[cfg(target_os = "linux")]
mod limits;
mod lits;
mod locks;
mod metrics;
mod names;
mod network;
mod packing;
mod peers;
mod phantom;
mod pipeline;
mod postprocess;
mod records;
mod report;
mod scans;
mod settings;
mod shards;
mod statistics;
mod submission;
mod training;
mod volume;
#[cfg(target_os = "linux")]
mod waiting;
mod weights;
mod writing;
