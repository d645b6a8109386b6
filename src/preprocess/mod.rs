//! From a CT as it lies on disk to what the networks see: HU window, canonical orientation, the
//! working and the coarse grid, and a cache that patches are read from without loading volumes.

mod prepared;
mod stored;
mod scan;

pub use prepared::{Prepared, canonical_box, labels_at, resample_hu};
pub use scan::Scan;
pub use stored::{Grid, Grids, Stored, StoredFacts};
