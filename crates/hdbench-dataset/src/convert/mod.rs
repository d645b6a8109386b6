//! A data set in another layout, voxel for voxel.

mod plan;
mod record;
mod write;

pub use plan::Target;
pub use write::{Conversion, convert};
