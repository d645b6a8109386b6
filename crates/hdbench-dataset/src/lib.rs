//! Cases on disk: the layouts they lie in, pairs of volume and label map, splits, CT phantoms;
//! checks, lock files and the leakage audit of whole data sets.

mod case;
mod problem;
mod quirks;
mod listing;
pub mod lits;
mod image_folders;
pub mod ircadb;
mod layout;
mod pair;
mod each;
pub mod check;
pub mod fingerprint;
pub mod audit;
pub mod lock;
pub mod convert;
mod protocol;
pub mod split;

pub use case::Case;
pub use fingerprint::{Fingerprint, Overlap, Relation};
pub use layout::{Dataset, Layout, find};
pub use pair::{Pair, load_pair};
pub use problem::{Problem, Severity};
pub use protocol::{Listed, Protocol, read_splits, splits_json};
pub use split::Split;
