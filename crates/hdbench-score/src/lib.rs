//! From a predicted and a reference label map to the rows of the tidy table.
//!
//! The default policy is `strict`, as DESIGN.md ("Numbers") decides it: surfaces by the
//! 18-neighbourhood with both directions pooled, spacing from the affine; both masks empty is full
//! agreement, one empty none; a distance to an empty mask is NaN and stays so, to be counted.

mod quantile;
pub mod metrics;
mod name;
mod label;
mod scored_structure;
mod tolerance;
mod tool_metric;
mod metric;
mod definition;
mod definition_calls;
mod instance_metric;
mod options;
mod policy;
mod metric_value;
mod criterion;
mod policy_table;
mod masks;
mod measured;
mod instances;
mod diameter;
mod lesion;
mod case;
mod tidy;
mod case_table;
mod lesion_table;
mod instance_table;
mod by_volume;
mod describe;
mod metrics_json;
mod wide_table;
mod summary;
mod case_name;
mod label_map_choice;
mod source;
mod grand_challenge;
mod pairing;
mod run;
mod structure_case;
mod structures_plan;
mod arrays;
mod failures;
pub mod lits;
mod results;
pub mod structures;
mod folders;
mod explain;

pub use arrays::{LabelArray, distances_of_arrays, score_arrays, surfels_of_arrays};
pub use by_volume::{VolumeBin, VolumeBins, detection_by_volume, write_by_volume};
pub use case::{
    CaseScores, Instances, ScoredCase, StructureScores, TumourBurdens, score_boxes, score_case,
    score_case_with,
};
pub use case_name::CaseKey;
pub use case_table::{write_cases, write_cases_with};
pub use criterion::{Criterion, IOU_THRESHOLDS};
pub use definition::{Column, Definition, OnEmpty, ToolCall};
pub use describe::{Description, Statistics, describe};
pub use explain::{
    explain_distances, explain_lits, explain_metric, explain_strict, explain_structures,
    explained_metrics,
};
pub use failures::{FAILURES, failed_cases, write_failures};
pub use folders::{
    FolderOptions, FolderPlan, described_structures, is_of_fold, liver_and_lesion,
    missing_predictions, pair_options,
};
pub use hdbench_volume::Apart;
pub use instance_metric::InstanceMetric;
pub use instance_table::{instance_rows, write_instances};
pub use instances::{InstanceRow, InstanceStatus, OwnInstances};
pub use label::Label;
pub use label_map_choice::LabelMapChoice;
pub use lesion::{Lesion, LesionList, LesionSide};
pub use lesion_table::write_lesions;
pub use metric::{BURDENS, Metric};
pub use metric_value::MetricValue;
pub use metrics_json::{write_metrics_json, write_scores_json};
pub use name::Name;
pub use options::Options;
pub use pairing::{
    Candidate, CasePair, LeftOut, MissingCase, Pairing, nifti_label_maps_among, pair, pair_jobs,
};
pub use policy::{EmptyMask, Imputed};
pub use policy_table::{PolicyRow, policy_table};
pub use quantile::{median, quantile, quantile_of_many, quantile_of_sorted};
pub use results::{RESULTS, SCORES_JSON, write_lits, write_rows, write_strict};
pub use run::{
    CaseResults, DEFAULT_JOBS, Failure, LoadedPair, PairOptions, StrictCase, evaluate, load_maps,
    score_files, score_strict,
};
pub use scored_structure::{LabelSet, ScoredStructure};
pub use source::{Listing, Source, list};
pub use structure_case::{StructureOptions, score_structures, with_every_structure};
pub use structures_plan::StructuresPlan;
pub use summary::write_summary;
pub use tidy::{
    ALL_CASES, MetricRow, Origin, Rows, TidyRows, read_metrics_long, rows, write_metrics_long,
};
pub use tolerance::{Tolerance, VoxelTolerance};
pub use tool_metric::{SurfaceStatistic, ToolMetric};
pub use wide_table::write_wide;
