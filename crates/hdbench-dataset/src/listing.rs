//! The files below a folder that a layout may ask for.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use walkdir::WalkDir;

/// All files below a folder, sorted, links followed, hidden ones and macOS's droppings left out.
///
/// A link back to a folder above leads to nothing new, and a link to nowhere matters only if its
/// name says that it should be a case.
///
/// # Errors
/// `Error::Malformed` if `dir` is a file; `Error::Read` for what cannot be listed.
pub(super) fn files(dir: &Path, expected: &str) -> Result<Vec<PathBuf>> {
    if !std::fs::metadata(dir).map_err(Error::read(dir))?.is_dir() {
        return Err(Error::malformed(
            dir,
            "expected a folder, found a file",
            expected,
        ));
    }
    let mut files = Vec::new();
    let walk = WalkDir::new(dir).follow_links(true).sort_by_file_name();
    let shown = |entry: &walkdir::DirEntry| entry.depth() == 0 || !is_hidden(entry.path());
    for entry in walk.into_iter().filter_entry(shown) {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => {
                let path = entry.into_path();
                refuse_unreadable_name(&path)?;
                files.push(path);
            }
            Err(error) if may_be_skipped(&error) => {}
            Err(error) => {
                let path = error.path().unwrap_or(dir).to_path_buf();
                return Err(Error::read(&path)(error.into()));
            }
        }
    }
    Ok(files)
}

/// A case's name goes into files of text: one that is no text would be left out, or taken for another.
fn refuse_unreadable_name(path: &Path) -> Result<()> {
    let name = path.file_name().unwrap_or_default();
    let ending = [".nii", ".nii.gz", ".zip"];
    let is_data = |name: &str| ending.iter().any(|end| name.ends_with(end));
    match name.to_str() {
        None if is_data(&name.to_string_lossy().to_ascii_lowercase()) => Err(Error::malformed(
            path,
            "its name is no UTF-8",
            "rename it, in letters that every system reads",
        )),
        _ => Ok(()),
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name.starts_with('.') || name == "__MACOSX"
    })
}

fn may_be_skipped(error: &walkdir::Error) -> bool {
    let nowhere = error
        .io_error()
        .is_some_and(|e| e.kind() == ErrorKind::NotFound);
    let unnamed = error
        .path()
        .is_none_or(|path| is_hidden(path) || nifti_stem(path).is_none());
    error.loop_ancestor().is_some() || (nowhere && error.depth() > 0 && unnamed)
}

/// A file's name without `.nii` or `.nii.gz`, in any case of letters; none for other names.
pub(super) fn nifti_stem(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let lower = name.to_ascii_lowercase();
    let stem = lower
        .strip_suffix(".nii.gz")
        .or_else(|| lower.strip_suffix(".nii"))?;
    // Lower case of ASCII keeps the length.
    Some(&name[..stem.len()])
}

/// Whether two paths lead to one file.
///
/// # Errors
/// `Error::Read` for a path that leads nowhere.
pub(super) fn same_file(a: &Path, b: &Path) -> Result<bool> {
    let real = |path: &Path| path.canonicalize().map_err(Error::read(path));
    Ok(real(a)? == real(b)?)
}
