//! Numbers that an element holds as text, and what is wrong with them.

use std::path::Path;

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_dictionary_std::StandardDataDictionary;
use hdbench_ground::error::{Error, Result};

use super::data_set::DataSet;

/// A number that only some series need; what is wrong with it is an error there, and only there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum LenientNumber {
    Missing,
    Number(f64),
    /// With what is wrong.
    Unreadable(String),
}

impl LenientNumber {
    pub fn of(set: &DataSet<'_>, tag: Tag) -> Self {
        match numbers::<1>(set, tag) {
            Ok(None) => Self::Missing,
            Ok(Some([number])) => Self::Number(number),
            Err(problem) => Self::Unreadable(problem),
        }
    }

    /// The number, where it is needed.
    pub fn needed(&self, path: &Path, because: &str) -> Result<Option<f64>> {
        match self {
            Self::Missing => Ok(None),
            Self::Number(number) => Ok(Some(*number)),
            Self::Unreadable(problem) => Err(Error::malformed(
                path,
                format!("{problem}; {because}"),
                "export the series again",
            )),
        }
    }
}

/// The decimal numbers of an element; `None` if it is not there or empty.
pub(super) fn needed<const N: usize>(
    path: &Path,
    set: &DataSet<'_>,
    tag: Tag,
) -> Result<Option<[f64; N]>> {
    numbers(set, tag).map_err(|problem| Error::malformed(path, problem, "export the series again"))
}

/// The same, with what is wrong as text.
pub(super) fn numbers<const N: usize>(
    set: &DataSet<'_>,
    tag: Tag,
) -> std::result::Result<Option<[f64; N]>, String> {
    let Some(text) = set.text(tag) else {
        return Ok(None);
    };
    let parsed: Option<Vec<f64>> = text
        .split('\\')
        .map(|part| part.trim().parse().ok().filter(|n: &f64| n.is_finite()))
        .collect();
    parsed
        .and_then(|all| <[f64; N]>::try_from(all).ok())
        .map(Some)
        .ok_or_else(|| {
            format!(
                "{} is {text:?}, expected {N} finite number{}",
                named(tag),
                if N == 1 { "" } else { "s" }
            )
        })
}

/// The error for elements that a slice needs and does not have.
pub(super) fn missing_tags(path: &Path, missing: &[Tag]) -> Error {
    let names: Vec<String> = missing.iter().map(|&tag| named(tag)).collect();
    Error::malformed(
        path,
        format!("lacks {}", names.join(", ")),
        "export the series again, as original CT slices and not as secondary captures",
    )
}

/// `ImagePositionPatient (0020,0032)`.
pub(super) fn named(tag: Tag) -> String {
    match StandardDataDictionary.by_tag(tag) {
        Some(entry) => format!("{} {tag}", entry.alias()),
        None => tag.to_string(),
    }
}
