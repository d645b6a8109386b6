//! Any bytes as a baseline: an error by file, or one that can be judged against itself and is the same once
//! saved and read again.
#![no_main]

use handed_over::{answer, file};
use hdbench::error::Error;
use hdbench::gate::Baseline;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = file("baseline.json", bytes);
    let Some(baseline) = answer(&path, Baseline::read(&path)) else {
        return;
    };
    let again = file("again.json", b"");
    match baseline.save(&again) {
        // A case that is there twice is read, so that `regress` can say so, and never saved.
        Err(Error::Malformed { .. }) => return,
        saved => saved.expect("what was read can be saved"),
    }
    let read = Baseline::read(&again).expect("and read again");
    assert_eq!(read.cases(), baseline.cases());
    assert_eq!(read.rows.len(), baseline.rows.len());
});
