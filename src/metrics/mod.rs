//! Segmentation metrics: functions on arrays `[z, y, x]`, no files and no policy.
//!
//! A formula that has no value (0/0, a distance to an empty mask) gives NaN here; what a score
//! makes of it is decided in `evaluation`.

mod bounds;

pub mod burden;
pub mod components;
pub mod distance;
pub mod overlap;
pub mod surface;

pub use bounds::Bounds;

/// The index of a voxel, `[z, y, x]`.
pub type Voxel = [usize; 3];
