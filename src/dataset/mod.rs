//! Cases on disk: the layouts they lie in, pairs of volume and label map, splits, CT phantoms.

pub(crate) mod dataset_json;
mod label_map;
mod case;
mod listing;
pub mod lits;
mod image_folders;
mod layout;
pub mod phantom;
pub mod split;

pub use case::{Case, Pair, load_pair};
pub use label_map::LabelMap;
pub use layout::{Dataset, Layout, find};
pub use split::Split;
