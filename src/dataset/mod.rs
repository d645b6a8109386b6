//! Cases on disk: the layouts they lie in, pairs of volume and label map, splits, CT phantoms;
//! checks, lock files and the leakage audit of whole data sets.

pub(crate) mod dataset_json;
mod label_map;
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
pub mod phantom;
mod protocol;
pub mod split;

pub(crate) use case::refuse_name_of_all;
pub use case::{ALL_CASES, Case};
pub use fingerprint::{Fingerprint, Overlap, Relation};
pub use label_map::LabelMap;
pub use layout::{Dataset, Layout, find};
pub use pair::{Pair, load_pair};
pub use problem::{Problem, Severity};
pub use protocol::{Listed, Protocol, read_splits, splits_json};
pub use split::Split;
