//! Images whose header is text, as ITK, 3D Slicer and grand-challenge write them.

mod fields;
mod grid;
mod lines;
mod metaimage;
mod nrrd;
mod nrrd_space;

pub(super) use metaimage::{is_metaimage, read_metaimage};
pub(super) use nrrd::{is_nrrd, read_nrrd};
