//! Instances of a structure: what they are, which belong together, and what is scored of those. A module uses only
//! modules above it in this list.

mod sides;
mod touching;
mod matching;
mod found;
mod scores;

pub use found::{InstanceRow, InstanceStatus, OwnInstances};
pub(super) use scores::own_instances;
