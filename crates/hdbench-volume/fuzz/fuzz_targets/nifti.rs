//! Any bytes as a NIfTI file: the readers of header, labels and image answer with an error or with
//! a sound volume, agree with each other, and do not care whether the bytes came packed.
#![no_main]

use std::io::Write;

use hdbench_volume::artifact::gzip_writer;
use hostile::{image, input};
use libfuzzer_sys::fuzz_target;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

fuzz_target!(|bytes: &[u8]| {
    let (plain, image, labels) = read("plain", bytes);
    if bytes.starts_with(&GZIP_MAGIC) {
        return;
    }
    let mut out = gzip_writer(Vec::new(), 1);
    out.write_all(bytes).expect("a vector takes every byte");
    let packed = out.finish().expect("a vector takes every byte");
    let (header, packed_image, packed_labels) = read("packed", &packed);
    assert_eq!(plain, header);
    assert_eq!(image, packed_image);
    assert_eq!(labels, packed_labels);
});

fn read(name: &str, bytes: &[u8]) -> image::Answers {
    image::read(&input::file(name, bytes))
}
