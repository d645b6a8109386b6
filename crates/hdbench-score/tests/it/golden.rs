//! Label-map pairs with the numbers of other tools; see `tests/data/golden/README.md`.

use std::path::PathBuf;

use hdbench_testing::golden;
pub use hdbench_testing::golden::number;
use hdbench_volume::{Volume, read_labels};
use ndarray::Array3;
use serde_json::Value;

/// The labels a golden case has numbers for, with the name they go by in `golden.json`.
pub const LABELS: [(&str, u8); 2] = [("liver", 1), ("tumour", 2)];

/// A pair of label maps and what other tools say about it.
pub struct Case {
    pub name: String,
    pub prediction_file: PathBuf,
    pub reference_file: PathBuf,
    pub prediction: Volume<u8>,
    pub reference: Volume<u8>,
    pub expected: Value,
}

impl Case {
    /// `[z, y, x]`, as every other tool reads it.
    pub fn stored_spacing_mm(&self) -> [f64; 3] {
        self.reference.geometry.stored_spacing_mm.map(f64::from)
    }

    /// Predicted and reference mask of a label.
    pub fn masks(&self, label: u8) -> [Array3<bool>; 2] {
        [&self.prediction, &self.reference].map(|map| {
            map.voxels
                .mapv(|v| if label == 1 { v >= 1 } else { v == label })
        })
    }
}

/// `golden.json`.
pub fn numbers() -> Value {
    golden::numbers("golden.json")
}

/// `strict.json`.
pub fn strict_numbers() -> Value {
    golden::numbers("strict.json")
}

/// Every pair with its part of `golden.json`, by name.
pub fn cases() -> Vec<Case> {
    golden::pairs()
        .into_iter()
        .map(|files| Case {
            name: files.name,
            prediction: read_labels(&files.prediction).unwrap(),
            reference: read_labels(&files.reference).unwrap(),
            prediction_file: files.prediction,
            reference_file: files.reference,
            expected: files.expected,
        })
        .collect()
}

/// Equal within a share of the larger one, or both without a value.
#[track_caller]
pub fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let close = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
    assert!(
        close || (found.is_nan() && expected.is_nan()),
        "{what}: found {found}, expected {expected}"
    );
}
