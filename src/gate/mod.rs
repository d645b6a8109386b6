//! Whether new results are worse than old ones: baselines, the verdict, and its outputs for CI.

mod baseline;
mod benchmark_json;
mod cost;
mod github;
mod judge;
mod junit;
mod markdown;
mod plot;
mod policy;
mod power;

pub use baseline::{Baseline, Facts, list};
pub use benchmark_json::benchmark_json;
pub use cost::{CostSamples, Quantity};
pub use github::{annotations, step_summary};
pub use judge::{
    Judged, Judgement, Kind, Line, Losses, Outcome, Verdict, WARNED_BELOW, WorstCase, called, judge,
};
pub use junit::junit;
pub use markdown::{comment, headline, table};
pub use plot::plot;
pub use policy::{AccuracyRule, CostRule, DEFAULT_POLICY, Policy};
pub use power::{POWER, Power, detectable_loss, power};
