//! Whether new results are worse than old ones: baselines, the verdict, and its outputs for CI.

mod accuracy;
mod baseline;
mod benchmark_json;
mod cost_line;
mod github;
mod judge;
mod junit;
mod line;
mod losses;
mod markdown;
mod plot;
mod policy;
mod power;
#[cfg(test)]
mod properties;
mod soundness;

pub use accuracy::WARNED_BELOW;
pub use baseline::{Baseline, list};
pub use benchmark_json::benchmark_json;
pub use github::{annotations, step_summary};
pub use judge::judge;
pub use junit::junit;
pub use line::{GateLine, GateOutcome, Judgement, LineKind, Verdict, WorstCase};
pub use losses::{Judged, Losses, called, draws_needed, fewest_cases};
pub use markdown::{comment, headline, table};
pub use plot::plot;
pub use policy::{AccuracyRule, CostRule, DEFAULT_POLICY, DEFAULT_POLICY_OF_ANY, Policy};
pub use power::{POWER, Power, detectable_loss, power};

pub use crate::made_from::{CostSamples, Quantity, SourceFacts};
