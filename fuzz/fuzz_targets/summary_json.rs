//! Any bytes as nnU-Net's `summary.json`: rows of finite or missing values, or an error by file.
#![no_main]

use handed_over::{answer, file};
use hdbench::analysis::Scored;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = file("summary.json", bytes);
    if let Some(scored) = answer(&path, Scored::read(&path)) {
        assert!(!scored.rows.is_empty());
        for row in &scored.rows {
            assert!(!row.case.is_empty() && !row.metric.is_empty());
        }
    }
});
