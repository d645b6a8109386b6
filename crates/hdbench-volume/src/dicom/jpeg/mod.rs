//! JPEG images (ITU-T T.81) of one grey component.

mod header;
mod image;
mod lossless;

pub(super) use image::decode;
