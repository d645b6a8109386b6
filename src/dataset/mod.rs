//! Cases on disk: the layouts of LiTS and 3DIRCADb, pairs of volume and label map, splits, CT phantoms.

mod case;
pub mod ircadb;
pub mod lits;
pub mod phantom;
pub mod split;

pub use case::{Case, Pair, load_pair};
pub use split::Split;
