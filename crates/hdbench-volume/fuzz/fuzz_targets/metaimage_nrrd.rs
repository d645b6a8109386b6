//! Any bytes as a MetaImage or NRRD file: the readers of header, labels and image answer with an error or
//! with a sound volume, agree with each other, and do not care whether the bytes came packed. What follows
//! `\0\xff\0` in an input lies beside the header, as the file of voxels that it may name.
#![no_main]

use std::io::Write;

use hdbench_volume::artifact::gzip_writer;
use hostile::{image, input};
use libfuzzer_sys::fuzz_target;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

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
    let (plain, image, labels) = read("plain", header);
    if header.starts_with(&GZIP_MAGIC) {
        return;
    }
    let mut out = gzip_writer(Vec::new(), 1);
    out.write_all(header).expect("a vector takes every byte");
    let packed = out.finish().expect("a vector takes every byte");
    let (header, packed_image, packed_labels) = read("packed", &packed);
    assert_eq!(plain, header);
    // Voxels at the end of a file or packed themselves are not read from a packed file.
    if packed_image.is_some() {
        assert_eq!(image, packed_image);
        assert_eq!(labels, packed_labels);
    }
});

fn read(name: &str, bytes: &[u8]) -> image::Answers {
    image::read(&input::file(name, bytes))
}
