//! What every crate of hdbench stands on: errors with a way out, what settings take, words that do nothing to a terminal, progress,
//! named random streams, workers and the memory they may take.
//!
//! A module uses only modules above it in this list.

pub mod text;
pub mod error;
pub mod range;
pub mod seed;
pub mod progress;
pub mod workers;
pub mod memory;
pub mod near;
