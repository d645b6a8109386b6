//! The scoring profile `lits`: the metrics of the official LiTS scorer
//! (PatrickChrist/lits-challenge-scoring, branch `miccai`, commit b9d13be, with MedPy 0.2.2),
//! digit for digit, oddities included. `hdbench explain lits` lists where they differ from the
//! paper's definitions; the profile `strict` follows the paper.

mod case;
mod detection;
mod metric_names;
mod from_files;
mod label_map;
mod lesions;
mod object;
mod read_scores;
mod rows;
mod scores_txt;
mod survey;
mod totals;

pub use case::{
    DetectedLesion, DetectionCounts, LitsCase, LitsDeath, MAX_LESIONS, MaskSums, score_lits_case,
};
pub use from_files::{LitsScored, score_lits};
pub use label_map::{
    LitsMap, OddLabel, OddLabels, int8_of_float, int8_of_integer, read_lits_map, read_lits_map_from,
};
pub use metric_names::METRIC_NAMES;
pub use object::{ObjectScores, PENALTY};
pub use read_scores::read_scores;
pub use rows::lits_rows;
pub use scores_txt::{scores_txt, write_scores_txt};
pub use totals::LitsTotals;
