//! One test crate, a module a subject: every further file under `tests/` would link Burn again.

mod analysis;
mod archives;
mod audit;
mod cases;
mod convert;
mod crossval;
mod decathlon;
mod devices;
mod evaluate;
mod external;
mod failures;
mod gate;
mod harness;
mod hints;
mod layouts;
#[cfg(target_os = "linux")]
mod limits;
mod locks;
mod names;
mod nnunet;
mod network;
mod pipeline;
mod postprocess;
#[path = "../../crates/hdbench-volume/tests/it/raw_zip.rs"]
mod raw_zip;
mod records;
mod report;
mod scans;
mod scoring_program;
mod settings;
mod shards;
mod structures;
mod submission;
mod training;
#[cfg(target_os = "linux")]
mod waiting;
mod weights;
mod writing;
