//! Cases on disk: the LiTS layout, pairs of volume and label map, splits, CT phantoms.

mod case;
pub mod lits;
pub mod phantom;
mod protocol;
pub mod split;

pub use case::{Case, Pair, load_pair};
pub use protocol::{Listed, Protocol, read_splits, splits_json};
pub use split::Split;
