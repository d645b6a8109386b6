//! Scores against independent tools and by their laws.

mod definitions;
mod evaluation;
mod formats;
mod golden;
mod instances;
mod lits;
mod metrics;
mod peers;
mod structures;
mod structures_scored;
