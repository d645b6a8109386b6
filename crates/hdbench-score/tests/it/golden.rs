//! Label-map pairs with the numbers of other tools; see `tests/data/golden/README.md`.

use std::path::{Path, PathBuf};

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
    serde_json::from_slice(&std::fs::read(folder().join("golden.json")).unwrap()).unwrap()
}

/// `strict.json`.
pub fn strict_numbers() -> Value {
    serde_json::from_slice(&std::fs::read(folder().join("strict.json")).unwrap()).unwrap()
}

/// Every pair with its part of `golden.json`, by name.
pub fn cases() -> Vec<Case> {
    let golden = numbers();
    let cases: Vec<Case> = golden["cases"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, expected)| {
            let [prediction_file, reference_file] =
                ["pred", "ref"].map(|map| folder().join(name).join(format!("{map}.nii.gz")));
            Case {
                name: name.clone(),
                prediction: read_labels(&prediction_file).unwrap(),
                reference: read_labels(&reference_file).unwrap(),
                prediction_file,
                reference_file,
                expected: expected.clone(),
            }
        })
        .collect();
    assert_eq!(cases.len(), 21);
    cases
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden")
}

/// A number of `golden.json`; NaN for the string and for a tool that raised an exception.
pub fn number(value: &Value) -> f64 {
    match value {
        Value::Number(number) => number.as_f64().unwrap(),
        Value::String(text) => text.parse().unwrap(),
        Value::Object(error) => {
            assert!(error.contains_key("error"), "{value}");
            f64::NAN
        }
        _ => panic!("no number: {value}"),
    }
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
