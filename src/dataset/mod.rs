//! Cases on disk: the LiTS layout, pairs of volume and label map, splits, CT phantoms.

mod case;
pub mod lits;
pub mod phantom;
pub mod split;

pub use case::{Case, Pair, load_pair};
pub use split::Split;
