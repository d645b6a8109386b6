//! Any bytes as nnU-Net's or the Decathlon's `dataset.json`, or an evaluation of MIST: a set that is the same once written as TOML and read again, what is scored of it, and its
//! description; or an error that names the file.
#![no_main]

use handed_over::{file, set_of_structures};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| set_of_structures(&file("dataset.json", bytes)));
