//! Which cases a trained model has not seen.

use std::path::{Path, PathBuf};

use super::lock::{LockedScan, locked_cases, locked_split};
use crate::dataset::Case;
use crate::error::{Error, Result};

/// What a study knows of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The fold was trained on it.
    Trained,
    /// The fold is tested on it.
    HeldOut,
    /// It is none of the study's.
    Unknown,
}

/// The study's folder and the number of the fold that a `model/` folder belongs to:
/// `RUN/<variant>/fold_<k>/seed_<s>/model`.
pub fn study_of(model: &Path) -> Result<Option<(PathBuf, usize)>> {
    let absolute = std::path::absolute(model).map_err(Error::read(model))?;
    let fold = absolute.ancestors().nth(2);
    let fold = fold.and_then(|folder| folder.file_name()?.to_str()?.strip_prefix("fold_"));
    let fold = fold.and_then(|number| number.parse().ok());
    let run = absolute.ancestors().nth(4).map(Path::to_path_buf);
    Ok(run.zip(fold))
}

/// What a fold of a study has seen of each case, by `study.lock`: the same name with the same bytes.
///
/// # Errors
/// `Error::Read` and `Error::Malformed` for the lock; those of reading the cases' files.
pub fn seen(run: &Path, fold: usize, cases: &[Case]) -> Result<Vec<Seen>> {
    let split = locked_split(run, fold)?;
    let locked = locked_cases(run)?;
    cases
        .iter()
        .map(|case| {
            let Some((split, before)) = split.as_ref().zip(locked.get(&case.name)) else {
                return Ok(Seen::Unknown);
            };
            if !LockedScan::of(case, Some(before))?.is_same(before) {
                return Ok(Seen::Unknown);
            }
            Ok(match &case.name {
                name if split.train.contains(name) => Seen::Trained,
                name if split.test.contains(name) => Seen::HeldOut,
                _ => Seen::Unknown,
            })
        })
        .collect()
}
