//! Statistics on the tidy table, by Polars: aggregates over cases, intervals, paired tests, rankings, tumour-size
//! groups; the published numbers they stand beside; the gate that holds new results against old ones.

pub mod statistics;
mod groups;
mod metric_table;
mod ranking;
mod direction;
mod comparable;
mod compare;
mod size_groups;
mod aggregate;
mod covariates;
mod critical;
mod definitions;
pub mod published;
mod analysis_tables;
mod burden;
mod claims;
mod parquet;
mod made_from;
mod replicates;
mod scored;
mod scorer;
mod evidence;
mod studies;
mod nnunet_summary;
mod tidy_scores;
mod trainer_folder;
mod read;
mod wanted;
mod ranking_rules;
mod rankings;
mod side_by_side;
pub mod chart;
pub mod gate;

pub use aggregate::{Aggregate, Aggregates, aggregate};
pub use analysis_tables::{AnalysisTables, LesionBins};
pub use burden::{Agreement, Burdens};
pub use claims::{Claim, ClaimNetwork, ClaimVerdict, Grounds, judge_claims};
pub use compare::{
    Analysis, AnalysisOptions, Comparison, Finding, MetricSummary, analyse, analyse_pairs,
};
pub use covariates::{CovariateGroups, Covariates, GroupTest};
pub use critical::CriticalDifference;
pub use definitions::{
    ByDefinition, Conclusion, DefinitionFamily, Kind, by_definition, definition_tables,
};
pub use direction::{better, range, towards_zero};
pub use evidence::{Evidence, NamedNetwork};
pub use metric_table::{MetricTable, claims_csv, metric_tables, repeated_cases};
pub use parquet::write_parquet;
pub use ranking::{Better, RankMethod, Ranking, mean_places, places, rank, ranking};
pub use ranking_rules::{
    CriterionPart, Missing, RANKING_PRESETS, RankingByRules, RankingRules, RuleChoice, Structures,
};
pub use rankings::{Orders, rankings};
pub use read::places as short_names;
pub use replicates::over_replicates;
pub use scored::Scored;
pub use scorer::Definition;
pub use side_by_side::{SideBySide, cases_in_words};
pub use size_groups::{
    Bins, Boundary, CaseGroups, GroupValue, LesionBin, SizedLesion, by_case_groups, by_lesion_size,
};
pub use studies::{NoStudies, Studies};
pub use wanted::Wanted;
