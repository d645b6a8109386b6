//! CTs as files, where the study reads them otherwise.

use std::path::{Path, PathBuf};

use super::SCANS;
use crate::artifact::create_dir;
use crate::dataset::Case;
use crate::error::{Error, Result, is_absent};
use crate::volume::write_hu;

/// A file or a folder of DICOM images with a case's CT as the study reads it; written below the cell's folder where there
/// is none, as of a patient inside an archive.
///
/// # Errors
/// What reading the case gives; `Error::Write`.
pub(super) fn scan_file(cell: &Path, case: &Case) -> Result<PathBuf> {
    if let Some(plain) = case.plain_image() {
        return Ok(plain);
    }
    let scans = cell.join(SCANS);
    create_dir(&scans)?;
    let path = scans.join(format!("{}.nii.gz", case.name));
    write_hu(&path, &case.read_image()?)?;
    Ok(path)
}

/// Removes those that were written.
///
/// # Errors
/// `Error::Write`.
pub(super) fn remove_scans(cell: &Path) -> Result<()> {
    remove(&cell.join(SCANS))
}

/// Removes a folder of the cell's own, if it is there.
///
/// # Errors
/// `Error::Write`.
pub(super) fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if !is_absent(&e) => Err(Error::write(folder)(e)),
        _ => Ok(()),
    }
}
