//! Any bytes as the only file of a DICOM series: headers and voxels are read with an error or make
//! a sound volume, and a mask of itself lies on its own grid.
#![no_main]

use hostile::series;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| series::read_only_slice(bytes));
