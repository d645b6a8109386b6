//! Files of the golden pairs with the numbers of other tools; see `tests/data/golden/README.md`.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A pair of label maps and what other tools say about it.
pub struct GoldenFiles {
    pub name: String,
    pub prediction: PathBuf,
    pub reference: PathBuf,
    /// Its part of `golden.json`.
    pub expected: Value,
}

/// Every pair, by name.
///
/// # Panics
/// Where a file is missing, as a test does.
pub fn pairs() -> Vec<GoldenFiles> {
    let golden = numbers("golden.json");
    let cases = golden["cases"].as_object().expect("cases by name");
    let pairs: Vec<GoldenFiles> = cases
        .iter()
        .map(|(name, expected)| {
            let [prediction, reference] =
                ["pred", "ref"].map(|map| folder().join(name).join(format!("{map}.nii.gz")));
            GoldenFiles {
                name: name.clone(),
                prediction,
                reference,
                expected: expected.clone(),
            }
        })
        .collect();
    assert_eq!(pairs.len(), 21);
    pairs
}

/// `golden.json` or `strict.json`.
///
/// # Panics
/// As [`pairs`].
pub fn numbers(file: &str) -> Value {
    let bytes = std::fs::read(folder().join(file)).expect("the golden numbers are there");
    serde_json::from_slice(&bytes).expect("they are JSON")
}

/// A number of `golden.json`; NaN for the string and for a tool that raised an exception.
///
/// # Panics
/// For what is no number.
pub fn number(value: &Value) -> f64 {
    match value {
        Value::Number(number) => number.as_f64().expect("a number of f64"),
        Value::String(text) => text.parse().expect("a number as text"),
        Value::Object(error) => {
            assert!(error.contains_key("error"), "{value}");
            f64::NAN
        }
        _ => panic!("no number: {value}"),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden")
}
