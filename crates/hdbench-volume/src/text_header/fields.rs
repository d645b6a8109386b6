//! What a header that is text says, by key.

use std::collections::BTreeMap;
use std::path::Path;

use hdbench_ground::error::Error;
use hdbench_ground::text::shown;

pub(super) const RE_EXPORT: &str =
    "export the image again with the tool that wrote it, or re-save it with SimpleITK or 3D Slicer";

/// What is wrong with a header, and the way out where it is a special one.
#[derive(Debug)]
pub(super) struct Problem {
    text: String,
    hint: &'static str,
}

impl Problem {
    pub fn new(text: impl Into<String>, hint: &'static str) -> Self {
        Self {
            text: text.into(),
            hint,
        }
    }

    pub fn of(self, path: &Path) -> Error {
        Error::malformed(path, self.text, self.hint)
    }
}

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Self::new(text, RE_EXPORT)
    }
}

impl From<&str> for Problem {
    fn from(text: &str) -> Self {
        Self::new(text, RE_EXPORT)
    }
}

/// Keys and their values; every key at most once.
#[derive(Default)]
pub(super) struct Fields(BTreeMap<&'static str, String>);

impl Fields {
    pub fn add(&mut self, key: &'static str, value: &str) -> Result<(), Problem> {
        match self.0.insert(key, value.trim().to_owned()) {
            None => Ok(()),
            Some(_) => Err(format!("the header gives {key} twice").into()),
        }
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// What a header must say.
    pub fn need(&self, key: &str) -> Result<&str, Problem> {
        self.get(key)
            .ok_or_else(|| format!("the header does not give {key}").into())
    }

    /// A value that has several keys, with the key that was found.
    pub fn one_of(&self, keys: &[&'static str]) -> Result<Option<(&'static str, &str)>, Problem> {
        let mut found: Option<(&'static str, &str)> = None;
        for &key in keys {
            match (found, self.get(key)) {
                (Some((first, a)), Some(b)) if a != b => {
                    return Err(format!("{first} and {key} contradict each other").into());
                }
                (None, Some(value)) => found = Some((key, value)),
                _ => {}
            }
        }
        Ok(found)
    }

    /// A whole number within bounds.
    pub fn whole(
        &self,
        key: &str,
        bounds: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<i64>, Problem> {
        let Some(text) = self.get(key) else {
            return Ok(None);
        };
        match text.parse().ok().filter(|number| bounds.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(format!(
                "{key} is {}, expected a whole number from {} to {}",
                shown(text),
                bounds.start(),
                bounds.end()
            )
            .into()),
        }
    }
}

/// Sizes along the axes of an image, each at least 1.
pub(super) fn sizes(key: &str, text: &str, count: usize) -> Result<Vec<u64>, Problem> {
    let sizes: Option<Vec<u64>> = text.split_whitespace().map(|n| n.parse().ok()).collect();
    match sizes {
        Some(sizes) if sizes.len() == count && !sizes.contains(&0) => Ok(sizes),
        _ => Err(format!(
            "{key} is {}, expected {count} whole numbers from 1",
            shown(text)
        )
        .into()),
    }
}

/// Numbers apart by white space; not all need to be finite.
pub(super) fn numbers(key: &str, text: &str, count: usize) -> Result<Vec<f64>, Problem> {
    let numbers: Option<Vec<f64>> = text.split_whitespace().map(|n| n.parse().ok()).collect();
    match numbers {
        Some(numbers) if numbers.len() == count => Ok(numbers),
        _ => Err(format!("{key} is {}, expected {count} numbers", shown(text)).into()),
    }
}
