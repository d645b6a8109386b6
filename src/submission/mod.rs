//! Archives for a challenge of liver and lesions: built, verified and mended.
//!
//! What a challenge takes is a file of `challenges/` or of the user. LiTS, by its submission guide
//! (PatrickChrist/LITS-CHALLENGE) and its scorer: a flat zip archive of `test-segmentation-N.nii`, one for each
//! `test-volume-N.nii`, each with the shape and the voxel spacing of its volume, labels 0 background, 1 liver, 2 tumour.

mod anatomy;
mod challenge;
mod check;
mod contents;
mod examine;
mod explain;
mod junit;
mod labels;
mod naming;
mod predict;
mod rule;
mod test_set;
mod verdict;
mod write;

pub use challenge::{Challenge, Weight};
pub use check::{Options, check};
pub use explain::explain_rules;
pub use junit::junit;
pub use naming::CaseNumbers;
pub use predict::{MadeCase, Predicted, Predictor, predict_all, prediction_file};
pub use rule::Rule;
pub use test_set::{TestSet, TestVolume};
pub use verdict::{Finding, RuleStatus, RuleVerdict, Verdicts};
pub use write::{WrittenArchive, mend, pack};
