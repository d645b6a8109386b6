//! From a predicted and a reference label map to the rows of the tidy table.
//!
//! The default policy is `strict`, as DESIGN.md ("Numbers") decides it: surfaces by the
//! 18-neighbourhood with both directions pooled, spacing from the affine; both masks empty is full
//! agreement, one empty none; a distance to an empty mask is NaN and stays so, to be counted.

mod case;
mod case_name;
mod case_table;
mod dataset_json;
mod describe;
mod failures;
mod figure;
mod label_map;
mod lesion;
pub mod lits;
mod metrics_json;
mod pairing;
mod run;
mod source;
mod summary;
mod tidy;
mod wide_table;

pub use case::{CaseScores, LabelScores, SAME_PLACE_MM, ScoredCase, score_case, score_files};
pub use case_table::write_cases;
pub use describe::{Description, Statistics, describe};
pub use failures::write_failures;
pub use figure::{Edge, Figure, Label, Metric};
pub use label_map::{LabelMap, LabelMapChoice};
pub use lesion::{Lesion, LesionSide, write_lesions};
pub use metrics_json::write_metrics_json;
pub use pairing::{CasePair, MissingCase, Pairing, pair};
pub use run::{
    DEFAULT_JOBS, Failure, LoadedPair, Outcome, PairOptions, StrictCase, evaluate, load_pair,
    score_strict,
};
pub use source::Source;
pub use summary::write_summary;
pub use tidy::{ALL_CASES, Origin, Row, read_metrics_long, rows, write_metrics_long};
pub use wide_table::write_wide;
