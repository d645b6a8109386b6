//! Cells of algorithms that are none of our networks: a command or a container.

mod facts;
mod scans;
mod taking;
mod train;
mod volumes;
mod predict;

pub(crate) use facts::changed_external;
pub(super) use predict::predict;
pub use taking::Keep;
pub use volumes::ExternalModel;

/// What such a cell writes beside its results, by the first names of its files.
pub(crate) const WORKING: [&str; 5] = [SCRATCH, DATA, LABELS, SCANS, LOG];

/// What the algorithm is given and writes, while it runs.
const SCRATCH: &str = "scratch";

/// What it trains on, while it does.
const DATA: &str = "data";

/// The label maps that it trains on, while it does.
const LABELS: &str = "labels";

/// CTs that no file holds as the study reads them, while the algorithm runs.
const SCANS: &str = "scans";

/// What its training leaves.
const MODEL: &str = "model";

/// What it says, its first and last megabyte.
const LOG: &str = "algorithm.log";
