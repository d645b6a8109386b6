use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dataset::{Case, Split};
use crate::error::{Error, Result};
use crate::preprocess::Stored;

/// What a fold is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Trained and tested on the study's own cases.
    #[default]
    Own,
    /// Trained on another data set without the scans that it is tested on.
    Transfer,
    /// Trained on all of another data set, test scans included: what that looks like, never a
    /// result.
    Leaked,
}

impl Role {
    /// Whether it is trained on another data set.
    pub fn is_transfer(self) -> bool {
        self != Self::Own
    }
}

/// A test case: files, cache and hash.
#[derive(Clone, Debug)]
pub struct TestCase {
    pub case: Case,
    pub hash: String,
    /// Its folder in the cache.
    pub cached: PathBuf,
    pub has_lesion: bool,
}

/// A training case that is the same scan as a test case, or shares a part with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// Name of the training case.
    pub train: String,
    /// Name of the test case.
    pub test: String,
    /// How much they share, and how one lies in the other.
    pub evidence: String,
}

/// What a fold trains and tests on.
#[derive(Debug)]
pub struct Fold {
    /// Its number in the names of cells.
    pub index: usize,
    pub role: Role,
    pub split: Split,
    /// Training cases as the user has them, in the split's order ...
    pub train_cases: Vec<Case>,
    /// ... and as they are cached.
    pub train: Vec<Arc<Stored>>,
    /// One hash a training case: files and preprocessing.
    pub train_hashes: Vec<String>,
    pub test: Vec<TestCase>,
    /// Training cases that it should not have.
    pub leaks: Vec<Leak>,
    /// Training cases that were left out because the fold tests on them.
    pub left_out: Vec<Leak>,
}

/// Refuses folds that test on what they were trained on, unless the user wants to see them.
///
/// # Errors
/// `Error::Usage` naming the pairs.
pub fn refuse_leaks(folds: &[Fold], allowed: bool) -> Result<()> {
    let leaks: Vec<(usize, &Leak)> = folds
        .iter()
        .filter(|fold| fold.role == Role::Own)
        .flat_map(|fold| fold.leaks.iter().map(|leak| (fold.index, leak)))
        .collect();
    if allowed || leaks.is_empty() {
        return Ok(());
    }
    const SHOWN: usize = 5;
    let mut lines: Vec<String> = leaks
        .iter()
        .take(SHOWN)
        .map(|(fold, leak)| {
            format!(
                "\n  fold {fold}: {} (training) and {} (test): {}",
                leak.train, leak.test, leak.evidence
            )
        })
        .collect();
    if leaks.len() > SHOWN {
        lines.push(format!("\n  and {} more", leaks.len() - SHOWN));
    }
    Err(Error::usage(
        format!(
            "{} of the training cases are the same scan as a test case:{}",
            leaks.len(),
            lines.concat()
        ),
        "remove one of each pair, or put both on one side with --splits; --allow-leakage goes on and \
         marks every table",
    ))
}
