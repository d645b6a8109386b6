//! The training set as `train` finds it: nnU-Net's layout.
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};

/// A case to train on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingCase {
    /// Its name in the study.
    pub name: String,
    /// Its CT, as in [`crate::CaseInput`].
    pub image: PathBuf,
    /// Its label map: 0 background, 1 liver, 2 lesion.
    pub labels: PathBuf,
}

/// Fills a folder.
pub fn stage_training(folder: &Path, fold: usize, cases: &[TrainingCase]) -> Result<()> {
    let _ = (folder, fold, cases);
    Err(Error::Internal("not there yet".into()))
}
