//! Statistics on the tidy table, by Polars: aggregates over cases, intervals, paired tests, rankings, tumour-size
//! groups; the published numbers they stand beside; the gate that holds new results against old ones.

mod aggregate;
mod compare;
mod direction;
mod figures;
mod parquet;
pub mod published;
mod ranking;
mod scored;
mod size_groups;
pub mod statistics;
mod studies;
pub mod gate;

pub use aggregate::{Aggregate, Aggregates, aggregate};
pub use compare::{Analysis, AnalysisOptions, Comparison, FigureSummary, Finding, analyse};
pub use direction::{better, range, towards_zero};
pub use figures::{FigureTable, figures, repeated_cases};
pub use parquet::write_parquet;
pub use ranking::{Better, RankMethod, Ranking, mean_places, places, rank, ranking};
pub use scored::{Scored, places as short_names};
pub use size_groups::{
    Bins, Boundary, CaseGroups, GroupFigure, LesionBin, SizedLesion, by_case_groups, by_lesion_size,
};
pub use studies::{NoStudies, Studies};
