//! Any bytes as a NIfTI file: the readers of header, labels and image answer with an error or with
//! a sound volume, agree with each other, and do not care whether the bytes came packed.
#![no_main]

use hostile::image;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| image::read_plain_and_packed(bytes));
