//! Segmentation metrics: functions on arrays `[z, y, x]`, no files and no policy.
//!
//! A formula that has no value (0/0, a distance to an empty mask) gives NaN here; what a score
//! makes of it is decided by the policy above.

mod bits;
mod nearest;
mod sheared;
mod steps;

pub mod assignment;
pub mod burden;
pub mod detection;
pub mod dilation;
pub mod distance;
pub mod overlap;
pub mod regions;
pub mod rim;
pub mod surface;
pub mod surface_share;
pub mod surfel;
pub mod whole_mask;

pub use bits::BitMask;
pub use nearest::nearest_between;
pub use steps::VoxelSteps;

/// Where every voxel of a mask has a distance, not only those of its surface, so many are held at a time: 8 MB.
const MOST_DISTANCES: usize = 1 << 20;

/// The index of a voxel, `[z, y, x]`.
pub type Voxel = [usize; 3];
