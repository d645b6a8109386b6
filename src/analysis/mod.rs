//! Polars on the tidy table: aggregates over cases; and the published numbers they stand beside.

mod aggregate;
pub mod published;

pub use aggregate::{Aggregate, Aggregates, aggregate};
