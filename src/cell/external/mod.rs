//! Cells of algorithms that are none of our networks: a command or a container.

mod facts;
mod scans;
mod train;
mod predict;

pub(crate) use facts::changed_external;
pub(super) use predict::predict;

/// What the algorithm is given and writes, while it runs.
const SCRATCH: &str = "scratch";

/// What it trains on, while it does.
const DATA: &str = "data";

/// What its training leaves.
const MODEL: &str = "model";

/// What it says, its first and last megabyte.
const LOG: &str = "algorithm.log";
