//! What is left of a scan when it is cropped, flipped, turned, shifted in HU or clipped: hashes of
//! small neighbourhoods that do not change with any of that, and where they lie.
//!
//! Around each voxel, the differences of its 26 neighbours to it are hashed as three multisets (6
//! over the faces, 12 over the edges, 8 over the corners), so that none of the 48 symmetries of the
//! cube and no offset changes the hash. Which voxels are kept depends on what is around them and
//! never on where they are (content-defined sampling, as in deduplicating backups: Manber, "Finding
//! similar files in a large file system", USENIX 1994), so that a crop keeps the same ones. Of a
//! large scan, those with the smallest hashes are kept (Broder, "On the resemblance and
//! containment of documents", 1997): two scans are compared up to the smaller of their bounds.

mod bytes;
mod index;
mod marks;
mod relation;
mod scan;

pub(super) use index::Index;
pub(super) use marks::whole;
pub use relation::Relation;
pub use scan::{Fingerprint, LEAST_SHARED, Overlap};
