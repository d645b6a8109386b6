//! Scores against independent tools and by their laws.

mod evaluation;
mod formats;
mod golden;
mod lits;
mod metrics;
mod peers;
mod structures;
mod structures_scored;
