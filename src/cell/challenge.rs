//! What the server of the LiTS challenge said to a submission, filed into the study it came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::record::CellRecord;
use crate::artifact::{hash_bytes, json_if_there, read_file, record_files, write_atomic};
use crate::error::{Error, Result};
use crate::evaluation::lits::read_scores;

/// Its place in a cell's folder.
const FILE: &str = "challenge.json";

/// The server's metrics for the predictions of a cell: `challenge.json` in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeAnswer {
    /// Name of the file that they were imported from.
    pub source: String,
    /// Its BLAKE3 hash.
    pub blake3: String,
    /// By the official scorer's names, as the server rounds them; fractions in 0..=1.
    pub metrics: BTreeMap<String, f64>,
}

impl ChallengeAnswer {
    /// Reads what a user got from the server: `scores.txt` or a table as CSV.
    ///
    /// # Errors
    /// As [`read_scores`].
    pub fn import(path: &Path) -> Result<Self> {
        let bytes = read_file(path).map_err(Error::read(path))?;
        let name = path.file_name().unwrap_or_default();
        Ok(Self {
            source: name.to_string_lossy().into_owned(),
            blake3: hash_bytes(&bytes),
            metrics: read_scores(path, &bytes)?,
        })
    }

    /// Its place in a cell's folder.
    pub fn path(cell: &Path) -> PathBuf {
        cell.join(FILE)
    }

    /// What was filed for a cell, if anything.
    ///
    /// # Errors
    /// `Error::Read`, `Error::Malformed`.
    pub fn read(cell: &Path) -> Result<Option<Self>> {
        let path = Self::path(cell);
        let hint = "import the server's answer again: `hdbench submit-lits import --help` says how";
        json_if_there(&path, "a server's answer", hint)
    }

    /// Files it for a cell, in place of an earlier answer, and on the cell's record.
    ///
    /// # Errors
    /// `Error::Write`.
    pub fn write(&self, cell: &Path, record: &mut CellRecord) -> Result<()> {
        let mut text =
            serde_json::to_vec_pretty(self).map_err(|e| Error::Internal(e.to_string()))?;
        text.push(b'\n');
        write_atomic(&Self::path(cell), &text)?;
        record.filed.extend(record_files(cell, [FILE])?);
        record.write(cell)
    }
}
