//! Lock files: what a data set consists of, to the byte and to the voxel.
//!
//! TOML with a `format`; files with size and BLAKE3, cases with shape, spacing, orientation, voxels
//! of each label, and hashes of the voxels themselves. Those are taken in canonical orientation, so
//! that one scan has one hash, whatever the layout, the packing, the stored type and the order of
//! the axes.

mod difference;
mod file;
mod hash;

pub use difference::{Change, Difference};
pub use file::{Lock, LockedCase, LockedFile};
pub use hash::{hash_image, hash_labels};
