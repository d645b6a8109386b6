//! Cases on disk: the layouts they lie in, pairs of volume and label map, splits;
//! checks, lock files and the leakage audit of whole data sets.

mod quirks;
mod pair;
pub mod ircadb;
mod case;
mod problem;
mod quirk_problems;
mod load;
mod listing;
pub mod lits;
mod dataset;
mod image_folders;
mod find;
mod each;
pub mod check;
pub mod fingerprint;
pub mod audit;
pub mod lock;
pub mod convert;
mod protocol;
pub mod split;

pub use case::Case;
pub use dataset::{Dataset, Layout};
pub use find::find;
pub use fingerprint::{Fingerprint, Overlap, Relation};
pub use load::load_pair;
pub use pair::Pair;
pub use problem::{Problem, Severity};
pub use protocol::{Listed, Protocol, read_splits, splits_json};
pub use split::Split;
