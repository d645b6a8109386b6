//! Instances against what the official scorers say of the same pairs (tests/data/structures).

mod data;
mod panoptica;
mod sheared;
mod brats;
mod mist_and_autopet;
