//! A DICOM slice whose header lies about its sizes: rows, columns, frames and bits from the input, the pixels
//! as they are, plain or in RLE, JPEG or JPEG-LS fragments. Read with an error by name, or a sound volume.
#![no_main]

use hostile::series::{self, Promise};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((promise, pixels)) = Promise::of(bytes) else {
        return;
    };
    series::read_only_slice(&promise.file(pixels));
});
