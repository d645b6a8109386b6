//! Polars on the tidy table: aggregates over cases; and the published numbers they stand beside.

mod aggregate;
mod parquet;
pub mod published;
mod ranking;

pub use aggregate::{Aggregate, Aggregates, aggregate};
pub use parquet::write_parquet;
pub use ranking::{Better, mean_places, places};
