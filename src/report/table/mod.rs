//! The tables of a report, of a sweep and of a leaderboard.

mod cells;
mod claims;
mod crossval;
mod leaderboard;
mod structures_leaderboard;
mod sweep;
mod all;

pub use all::{all, fingerprint, results_fingerprint};
pub use leaderboard::{Entry, RankBy, leaderboard, leaderboard_json};
pub use structures_leaderboard::{
    StructuresEntry, StructuresRank, refuse_undirected, structures_leaderboard,
    structures_leaderboard_json,
};
pub(crate) use sweep::sweep;
