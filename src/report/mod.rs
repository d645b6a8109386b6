//! The report of a study: one table model and its exporters, plots, overlays, the HTML page.
//!
//! [`write()`] turns a plain [`Content`] into a folder. The same content gives the same bytes.

mod analysis;
mod burden_plot;
mod cells;
mod claims;
mod collect;
mod content;
mod cost_plot;
mod crossval;
mod curves;
mod dots;
mod evidence;
mod leaderboard;
mod loss_plot;
pub mod overlay;
mod page;
mod rank_map;
mod render;
mod row;
mod score;
mod sheets;
mod size_plots;
mod stages;
mod sweep;
mod tables;
mod verdict;
mod viewer;

pub use analysis::{AnalysisTables, LesionBins};
pub use claims::{Claim, ClaimVerdict};
pub use collect::{added_path, collect};
pub use content::{Content, FoldFacts, Kind, LeakFacts};
pub use evidence::{Burdens, Evidence};
pub use leaderboard::{Entry, RankBy, leaderboard, leaderboard_json};
pub use overlay::{CaseOverlay, Predicted, choose_slice};
pub use render::{write, write_tables};
pub use row::{CaseScore, Cost, Estimate, Row, StageCost, Status, Training};
pub use score::Score;
pub use stages::{LossPoint, StageCheck, stage_checks};
pub use sweep::write_sweep;
pub use tables::{all as tables, fingerprint, results_fingerprint};
pub use viewer::{Stack, StackPrediction};
