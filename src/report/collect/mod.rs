//! From a study's folder to what a report shows.

mod cost;
mod scores;
mod row;
mod views;
mod study;

pub use study::{added_path, collect};
