//! From a predicted and a reference label map to the rows of the tidy table.
//!
//! The default policy is `strict`, as DESIGN.md ("Numbers") decides it: surfaces by the
//! 18-neighbourhood with both directions pooled, spacing from the affine; both masks empty is full
//! agreement, one empty none; a distance to an empty mask is NaN and stays so, to be counted.

mod case;
mod case_table;
mod explain;
mod figure;
mod lesion;
pub mod lits;
mod summary;
mod tidy;

pub use case::{CaseScores, LabelScores, ScoredCase, score_case, score_files};
pub use case_table::write_cases;
pub use explain::{explain_lits, explain_strict};
pub use figure::{Edge, Figure, Label, Metric};
pub use lesion::{Lesion, LesionSide, write_lesions};
pub use summary::write_summary;
pub use tidy::{ALL_CASES, Origin, Row, read_metrics_long, rows, write_metrics_long};
