//! DICOM in and out: series of single-frame slices.

mod data_set;
mod decoded;
mod elements;
mod format;
mod grid;
mod jpeg;
mod mask;
mod numbers;
mod pass_over;
mod place;
mod problem;
mod rle;
mod samples;
mod series;
mod slice;
mod steps;
mod write;

pub use mask::read_dicom_mask;
pub use series::{DicomSeries, read_dicom_series};
pub use write::{DicomIdentity, write_dicom_mask, write_dicom_series};
