//! Any bytes as a cell's `state.json`: a record, or an error by file.
#![no_main]

use handed_over::{answer, file};
use hdbench::cell::CellRecord;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = file("state.json", bytes);
    let folder = path.parent().expect("a file lies in a folder");
    if let Some(record) = answer(&path, CellRecord::read(folder)) {
        for stage in record.stages.values() {
            assert!(stage.seconds.is_finite());
        }
    }
});
