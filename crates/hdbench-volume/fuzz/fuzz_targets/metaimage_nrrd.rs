//! Any bytes as a MetaImage or NRRD file: the readers of header, labels and image answer with an error or
//! with a sound volume, agree with each other, and do not care whether the bytes came packed. What follows
//! `\0\xff\0` in an input lies beside the header, as the file of voxels that it may name.
#![no_main]

use hostile::{image, input};
use libfuzzer_sys::fuzz_target;

/// Between a header and the file of its voxels.
const BESIDE: &[u8] = b"\0\xff\0";

fuzz_target!(|bytes: &[u8]| {
    let cut = bytes.windows(BESIDE.len()).position(|part| part == BESIDE);
    let (header, voxels) = match cut {
        Some(at) => (&bytes[..at], &bytes[at + BESIDE.len()..]),
        None => (bytes, &[][..]),
    };
    let beside = std::env::temp_dir().join(input::VOXELS);
    std::fs::write(beside, voxels).expect("the temporary folder can be written");
    image::read_plain_and_packed(header);
});
