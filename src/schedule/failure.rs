use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::lease::holder;
use crate::artifact::{read_file, write_atomic};
use crate::cell::{CellRecord, Status};
use crate::error::{Error, Result};
use crate::seed::Seed;
use crate::study::{Cell, UNRECORDED};

/// What a cell sets aside: its record and the folder's own blocks.
pub const CELL_RESERVE_BYTES: usize = 64 << 10;

/// What a study's process sets aside, for cells that could not set aside anything themselves.
const STUDY_RESERVE_BYTES: usize = 256 << 10;

/// What it holds before there is one.
const NONE: &[u8] = b"{}";

/// Space set aside so that a failure can be recorded on a disk that is full.
pub struct Reserve(PathBuf);

impl Reserve {
    /// Fills a file with random bytes, which no file system can pack.
    ///
    /// # Errors
    /// `Error::Write`.
    pub fn set_aside(folder: &Path, bytes: usize) -> Result<Self> {
        // What a killed process leaves behind is swept with its half-written files.
        let path = folder.join(".hdbench-reserve.tmp");
        let mut stream = Seed(0).stream("reserve");
        let noise: Vec<u8> = (0..bytes.div_ceil(8))
            .flat_map(|_| stream.next_u64().to_le_bytes())
            .collect();
        let reserve = Self(path);
        std::fs::write(&reserve.0, noise).map_err(Error::write(&reserve.0))?;
        Ok(reserve)
    }

    /// Gives the space back.
    pub fn release(&self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        self.release();
    }
}

/// Records in a cell's folder why it failed; what it has finished stays.
///
/// # Errors
/// `Error::Write`; what reading the record gives.
pub fn record_failure(cell: &Path, reason: &str) -> Result<()> {
    let mut record = CellRecord::read(cell)?;
    if record.status == Status::Done {
        return Ok(());
    }
    record.status = Status::Failed(reason.to_owned());
    record.write(cell)
}

/// Keeps what went wrong with cells whose own processes could not: killed ones, and those whose
/// folder takes nothing.
pub(super) struct Failures {
    run: PathBuf,
    reserve: Option<Reserve>,
}

impl Failures {
    /// For a new start of a study; what earlier ones left is forgotten.
    pub fn of(run: &Path) -> Self {
        // There from the beginning, so that it needs no file of its own when no more can be made.
        let _ = std::fs::write(run.join(UNRECORDED), NONE);
        Self {
            run: run.to_path_buf(),
            // A disk that is full already is the first cell's failure.
            reserve: Reserve::set_aside(run, STUDY_RESERVE_BYTES).ok(),
        }
    }

    /// Makes sure that a cell's failure is on record somewhere.
    ///
    /// # Errors
    /// `Error::Write` where nothing takes it.
    pub fn keep(&self, cell: Cell, reason: &str) -> Result<()> {
        let folder = cell.folder(&self.run);
        std::fs::read_dir(&self.run).map_err(Error::write(&self.run))?;
        // Another process works there: its record is its own.
        if holder(&folder).is_some() {
            return Ok(());
        }
        let recorded = CellRecord::read(&folder)
            .is_ok_and(|record| matches!(record.status, Status::Failed(_)));
        if recorded || record_failure(&folder, reason).is_ok() {
            return Ok(());
        }
        if let Some(reserve) = &self.reserve {
            reserve.release();
            // A folder that could not even be made would take the last room that a file needs.
            if folder.is_dir() && record_failure(&folder, reason).is_ok() {
                return Ok(());
            }
        }
        let mut all = unrecorded(&self.run);
        all.insert(cell.name(), reason.to_owned());
        let text = serde_json::to_vec_pretty(&all).map_err(|e| Error::Internal(e.to_string()))?;
        let path = self.run.join(UNRECORDED);
        write_atomic(&path, &text)
            // In place, where nothing can stand beside it any more.
            .or_else(|_| std::fs::write(&path, &text).map_err(Error::write(&path)))
    }
}

impl Drop for Failures {
    fn drop(&mut self) {
        let path = self.run.join(UNRECORDED);
        if read_file(&path).is_ok_and(|text| text == NONE) {
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// Failures that the cells' own folders could not take, by the cell's name.
pub(super) fn unrecorded(run: &Path) -> BTreeMap<String, String> {
    let text = read_file(&run.join(UNRECORDED)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}
