//! Files of the golden pairs, for the binary; what other tools say of them is `crates/hdbench-score`'s to hold.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A pair of label maps and what other tools say about it.
pub struct Case {
    pub name: String,
    pub prediction_file: PathBuf,
    pub reference_file: PathBuf,
    pub expected: Value,
}

/// Every pair with its part of `golden.json`, by name.
pub fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden");
    let golden: Value =
        serde_json::from_slice(&std::fs::read(folder.join("golden.json")).unwrap()).unwrap();
    let cases: Vec<Case> = golden["cases"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, expected)| {
            let [prediction_file, reference_file] =
                ["pred", "ref"].map(|map| folder.join(name).join(format!("{map}.nii.gz")));
            Case {
                name: name.clone(),
                prediction_file,
                reference_file,
                expected: expected.clone(),
            }
        })
        .collect();
    assert_eq!(cases.len(), 21);
    cases
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
