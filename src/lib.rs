//! hdbench retrains, reruns and scores liver and liver-tumour segmentation.
//!
//! A module uses only modules above it in this list.

pub mod text;
pub mod error;
pub mod seed;
pub mod progress;
pub(crate) mod workers;
pub(crate) mod memory;
pub mod artifact;
pub mod volume;
pub mod metrics;
pub mod dataset;
pub mod recipe;
pub mod preprocess;
pub(crate) mod kernel;
pub mod network;
pub mod training;
pub mod inference;
pub mod evaluation;
pub mod harness;
pub mod analysis;
pub mod submission;
pub mod report;
pub mod gate;
pub mod cli;
