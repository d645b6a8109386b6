//! The report of a study: one table model and its exporters, plots, overlays, the HTML page.
//!
//! [`write()`] turns a plain [`Content`] into a folder. The same content gives the same bytes.

mod content;
mod table;
mod picture;
mod page;
mod collect;
mod write;
mod write_sweep;

pub use collect::{added_path, collect};
pub use content::{
    CaseOverlay, CaseScore, Content, Cost, Estimate, FoldFacts, LeakFacts, LossPoint, NetworkRow,
    Predicted, RowStatus, Score, Stack, StackPrediction, StageCheck, StageCost, StudyKind,
    Training, stage_checks,
};
pub use picture::overlay;
pub use table::{
    Entry, RankBy, StructuresEntry, StructuresRank, all as tables, fingerprint, leaderboard,
    leaderboard_json, refuse_undirected, results_fingerprint, structures_leaderboard,
    structures_leaderboard_json,
};
pub use write::{write, write_tables};
pub use write_sweep::write_sweep;
