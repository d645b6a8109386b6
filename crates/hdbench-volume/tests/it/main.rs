//! Files of images and archives, whole, damaged and hostile.

mod dicom;
mod dicom_cases;
mod packing;
mod volume;
