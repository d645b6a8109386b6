//! hdbench retrains, reruns and scores liver and liver-tumour segmentation.
//!
//! A module uses only modules above it in this list; those of the first lines are crates of their own.

pub use hdbench_dataset as dataset;
pub use hdbench_ground::{error, memory, progress, seed, text, workers};
pub use hdbench_phantom as phantom;
pub use hdbench_score as evaluation;
pub use hdbench_score::metrics;
pub use hdbench_stats as analysis;
pub use hdbench_stats::gate;
pub use hdbench_table as table;
pub use hdbench_volume as volume;
pub use hdbench_volume::artifact;

mod system;
pub mod recipe;
pub mod preprocess;
pub mod network;
pub mod training;
pub mod inference;
pub mod cost;
pub mod study;
pub mod cell;
pub mod schedule;
pub mod submission;
pub mod report;
pub mod cli;
