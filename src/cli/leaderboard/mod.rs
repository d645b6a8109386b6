//! Ranking of submissions: as the LiTS challenge does, or by any structures.

mod command;
mod structures;

pub use command::Leaderboard;
