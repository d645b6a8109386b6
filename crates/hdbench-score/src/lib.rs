//! From a predicted and a reference label map to the rows of the tidy table.
//!
//! The default policy is `strict`, as DESIGN.md ("Numbers") decides it: surfaces by the
//! 18-neighbourhood with both directions pooled, spacing from the affine; both masks empty is full
//! agreement, one empty none; a distance to an empty mask is NaN and stays so, to be counted.

mod quantile;
pub mod metrics;
mod case;
mod case_name;
mod case_table;
mod describe;
mod diameter;
mod explain;
mod failures;
mod figure;
mod label_map_choice;
mod lesion;
pub mod lits;
mod masks;
mod metrics_json;
mod pairing;
mod policy;
mod run;
mod source;
mod summary;
mod tidy;
mod wide_table;

pub use case::{BURDENS, CaseScores, LabelScores, ScoredCase, score_case, score_case_with};
pub use case_name::CaseKey;
pub use case_table::write_cases;
pub use describe::{Description, Statistics, describe};
pub use explain::{explain_lits, explain_metric, explain_strict, explained_metrics};
pub use failures::{FAILURES, failed_cases, write_failures};
pub use figure::{Figure, Label, Metric, Options, Tolerance};
pub use label_map_choice::LabelMapChoice;
pub use lesion::{Criterion, IOU_THRESHOLDS, Lesion, LesionList, LesionSide, write_lesions};
pub use metrics_json::write_metrics_json;
pub use pairing::{Candidate, LeftOut, label_maps_among};
pub use pairing::{CasePair, MissingCase, Pairing, pair};
pub use policy::{Edge, Imputed, PolicyRow, policy_table};
pub use quantile::{median, quantile, quantile_of_sorted};
pub use run::{
    Apart, DEFAULT_JOBS, Failure, LoadedPair, Outcome, PairOptions, StrictCase, evaluate,
    load_pair, score_files, score_strict,
};
pub use source::Source;
pub use source::{Listing, list};
pub use summary::write_summary;
pub use tidy::{ALL_CASES, Origin, Row, read_metrics_long, rows, write_metrics_long};
pub use wide_table::write_wide;
