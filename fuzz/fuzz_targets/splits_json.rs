//! Any bytes as nnU-Net's `splits_final.json`: folds in which no case is twice, or an error by file.
#![no_main]

use std::collections::BTreeSet;

use handed_over::{answer, file};
use hdbench::dataset::read_splits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = file("splits_final.json", bytes);
    let Some(folds) = answer(&path, read_splits(&path)) else {
        return;
    };
    assert!(!folds.is_empty());
    let mut tested = BTreeSet::new();
    for fold in &folds {
        let once: BTreeSet<&String> = fold.train.iter().chain(&fold.val).collect();
        assert_eq!(once.len(), fold.train.len() + fold.val.len());
        assert!(fold.val.iter().all(|case| tested.insert(case)));
    }
});
