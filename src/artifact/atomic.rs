use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// The name of what is being written begins so ...
const PREFIX: &str = ".hdbench-";
/// ... and ends so.
const SUFFIX: &str = ".tmp";

/// Creates a folder and its parents.
pub fn create_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(Error::write(path))
}

/// Writes a file so that a reader sees the old or the new bytes, never a part, even after a power
/// cut: temporary file beside it, flush to disk, rename, flush the folder.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic_with(path, |out| out.write_all(bytes).map_err(Error::write(path)))
}

/// Like [`write_atomic`] for content that is produced piece by piece.
pub fn write_atomic_with(
    path: &Path,
    fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
) -> Result<()> {
    let folder = parent_of(path);
    create_dir(folder)?;
    let temporary = tempfile::Builder::new()
        .prefix(PREFIX)
        .suffix(SUFFIX)
        .permissions(default_permissions())
        .tempfile_in(folder)
        .map_err(Error::write(path))?;
    let mut out = BufWriter::new(temporary);
    fill(&mut out)?;
    let temporary = out
        .into_inner()
        .map_err(|e| Error::write(path)(e.into_error()))?;
    temporary.as_file().sync_all().map_err(Error::write(path))?;
    temporary
        .persist(path)
        .map_err(|e| Error::write(path)(e.error))?;
    sync_dir(folder)
}

/// Like [`write_atomic`] for writers that want a path of their own: `fill` gets one in a temporary
/// folder beside the file, with the file's name.
pub fn replace_file(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let folder = parent_of(path);
    create_dir(folder)?;
    let temporary = tempfile::Builder::new()
        .prefix(PREFIX)
        .suffix(SUFFIX)
        .tempdir_in(folder)
        .map_err(Error::write(path))?;
    let inside = temporary.path().join(path.file_name().unwrap_or_default());
    fill(&inside)?;
    File::open(&inside)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&inside, path))
        .map_err(Error::write(path))?;
    sync_dir(folder)
}

/// Fills a temporary folder and renames it to `path`, replacing what was there, so that the
/// folder is there whole or not at all. Returns what `fill` does.
pub fn replace_dir<T>(path: &Path, fill: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let folder = parent_of(path);
    create_dir(folder)?;
    let temporary = tempfile::Builder::new()
        .prefix(PREFIX)
        .suffix(SUFFIX)
        .permissions(default_dir_permissions())
        .tempdir_in(folder)
        .map_err(Error::write(path))?;
    let result = fill(temporary.path())?;
    sync_dir(temporary.path())?;
    if path.exists() {
        fs::remove_dir_all(path).map_err(Error::write(path))?;
    }
    fs::rename(temporary.path(), path).map_err(Error::write(path))?;
    // The folder has its new name: there is nothing left to clean up.
    let _ = temporary.keep();
    sync_dir(folder)?;
    Ok(result)
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sync_dir(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|dir| dir.sync_all())
        .map_err(Error::write(folder))
}

fn default_permissions() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

fn default_dir_permissions() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}

/// Removes what a killed process left half written below a folder. Only for folders that nobody else
/// writes: a file that is being written looks the same.
///
/// # Errors
/// `Error::Write` for what cannot be removed.
pub fn sweep(dir: &Path) -> Result<()> {
    let mut entries = walkdir::WalkDir::new(dir).into_iter();
    while let Some(entry) = entries.next() {
        // What vanishes meanwhile, or cannot be listed, is nothing to sweep.
        let Ok(entry) = entry else { continue };
        let name = entry.file_name().to_string_lossy();
        if entry.depth() == 0 || !(name.starts_with(PREFIX) && name.ends_with(SUFFIX)) {
            continue;
        }
        let path = entry.path();
        let removed = if entry.file_type().is_dir() {
            entries.skip_current_dir();
            std::fs::remove_dir_all(path)
        } else {
            std::fs::remove_file(path)
        };
        removed.map_err(Error::write(path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_half_written_files_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("report");
        fs::create_dir_all(inside.join(".hdbench-AbC.tmp")).unwrap();
        fs::write(inside.join(".hdbench-AbC.tmp/half"), b"x").unwrap();
        for name in [
            ".hdbench-dEf.tmp",
            "index.html",
            "notes.tmp",
            ".hdbench-readme",
        ] {
            fs::write(inside.join(name), b"x").unwrap();
        }
        sweep(dir.path()).unwrap();
        let mut left: Vec<_> = fs::read_dir(&inside)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, [".hdbench-readme", "index.html", "notes.tmp"]);
        sweep(&dir.path().join("not there")).unwrap();
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_rubbish() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table.csv");
        write_atomic(&path, b"old").unwrap();
        let failed = write_atomic_with(&path, |out| {
            out.write_all(b"half").map_err(Error::write(&path))?;
            Err(Error::Internal("stopped".into()))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_replaced_folder_holds_only_the_new_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model");
        for name in ["old", "new"] {
            replace_dir(&path, |tmp| write_atomic(&tmp.join(name), b"x")).unwrap();
        }
        let names: Vec<_> = fs::read_dir(&path)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(names, ["new"]);
    }
}
