//! Cases on disk: the layouts they lie in, pairs of volume and label map, splits, CT phantoms.

pub(crate) mod dataset_json;
mod label_map;
mod case;
mod listing;
pub mod lits;
mod image_folders;
pub mod ircadb;
mod layout;
pub mod phantom;
mod protocol;
pub mod split;

pub use case::{Case, Pair, load_pair};
pub use label_map::LabelMap;
pub use layout::{Dataset, Layout, find};
pub use protocol::{Listed, Protocol, read_splits, splits_json};
pub use split::Split;
