//! Files of images and archives, whole, damaged and hostile.

mod dicom;
mod dicom_cases;
mod grids;
mod hostile_zip;
mod packing;
mod raw_zip;
mod volume;
mod volume_formats;
mod wide_labels;
