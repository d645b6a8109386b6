use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};

use super::system;
use super::target::{Target, open_stream, parent_of};

/// The name of what is being written begins so ...
pub(super) const PREFIX: &str = ".hdbench-";
/// ... and ends so.
pub(super) const SUFFIX: &str = ".tmp";

/// Creates a folder and its parents.
pub fn create_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(Error::write(path))
}

/// Writes a file so that a reader sees the old or the new bytes, never a part, even after a power
/// cut: temporary file beside it, flush to disk, rename, flush the folder.
///
/// A link stays, and what it leads to is replaced. A device, a pipe or an open descriptor
/// (`/dev/stdout`) is never replaced: it gets the bytes.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic_with(path, |out| out.write_all(bytes).map_err(Error::write(path)))
}

/// Like [`write_atomic`] for content that is produced piece by piece.
pub fn write_atomic_with(
    path: &Path,
    fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
) -> Result<()> {
    let (place, mode) = match Target::of(path)? {
        Target::File(place, mode) => (place, mode),
        Target::Stream(stream) => {
            let mut out = open_stream(&stream, path)?;
            fill(&mut *out)?;
            return out.flush().map_err(Error::write(path));
        }
    };
    let folder = parent_of(&place);
    create_dir(folder)?;
    let mut temporary = tempfile::Builder::new();
    temporary.prefix(PREFIX).suffix(SUFFIX);
    system::created_with(&mut temporary, 0o644);
    let temporary = temporary.tempfile_in(folder).map_err(Error::write(path))?;
    let mut out = BufWriter::new(temporary);
    fill(&mut out)?;
    let temporary = out
        .into_inner()
        .map_err(|e| Error::write(path)(e.into_error()))?;
    keep_mode(temporary.as_file(), mode).map_err(Error::write(path))?;
    temporary.as_file().sync_all().map_err(Error::write(path))?;
    temporary
        .persist(&place)
        .map_err(|e| Error::write(path)(e.error))?;
    sync_dir(folder)
}

/// Like [`write_atomic`] for writers that want a path of their own: `fill` gets one in a temporary
/// folder beside the file, with the file's name.
pub fn replace_file(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let target = Target::of(path)?;
    let folder = match &target {
        Target::File(place, _) => parent_of(place).to_path_buf(),
        Target::Stream(_) => std::env::temp_dir(),
    };
    create_dir(&folder)?;
    let temporary = temporary_dir(&folder).map_err(Error::write(path))?;
    let inside = temporary.path().join(path.file_name().unwrap_or_default());
    fill(&inside)?;
    let mut made = File::open(&inside).map_err(Error::write(path))?;
    match target {
        Target::File(place, mode) => keep_mode(&made, mode)
            .and_then(|()| made.sync_all())
            .and_then(|()| fs::rename(&inside, place))
            .map_err(Error::write(path))?,
        Target::Stream(stream) => {
            let mut out = open_stream(&stream, path)?;
            io::copy(&mut made, &mut out)
                .and_then(|_| out.flush())
                .map_err(Error::write(path))?;
        }
    }
    sync_dir(&folder)
}

/// A folder that is removed when it is dropped, and that [`sweep`](super::sweep) finds if it never is.
pub(super) fn temporary_dir(folder: &Path) -> io::Result<tempfile::TempDir> {
    let mut temporary = tempfile::Builder::new();
    temporary.prefix(PREFIX).suffix(SUFFIX);
    system::created_with(&mut temporary, 0o755);
    temporary.tempdir_in(folder)
}

/// What replaces a file may be read by those who could read that.
fn keep_mode(file: &File, mode: Option<u32>) -> io::Result<()> {
    mode.map_or(Ok(()), |mode| system::keep_mode(file, mode))
}

pub(super) fn sync_dir(folder: &Path) -> Result<()> {
    system::sync(folder).map_err(Error::write(folder))
}

/// Flushes every file and folder below a folder to the disk; links are left alone.
pub(super) fn sync_tree(folder: &Path) -> Result<()> {
    for entry in walkdir::WalkDir::new(folder).contents_first(true) {
        let entry = entry.map_err(|e| Error::write(folder)(e.into()))?;
        if entry.file_type().is_file() || entry.file_type().is_dir() {
            sync_dir(entry.path())?;
        }
    }
    Ok(())
}

/// Whether a name is one of a file or folder that is only just being written.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// The name under which a folder waits while another takes its place, where the file system can't
/// exchange two.
pub(super) fn aside_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent_of(path).join(format!("{PREFIX}{name}{ASIDE}"))
}

const ASIDE: &str = ".old";

/// The folder that waits under such a name.
pub(super) fn set_aside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_prefix(PREFIX)?.strip_suffix(ASIDE)?;
    (!name.is_empty()).then(|| parent_of(path).join(name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

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
    fn a_link_stays_and_its_file_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("elsewhere")).unwrap();
        for (link, to) in [("there", "elsewhere/there"), ("not yet", "elsewhere/new")] {
            symlink(to, at(link)).unwrap();
        }
        fs::write(at("elsewhere/there"), b"old").unwrap();
        write_atomic(&at("there"), b"new").unwrap();
        replace_file(&at("not yet"), |inside| {
            fs::write(inside, b"new").map_err(Error::write(inside))
        })
        .unwrap();
        for (link, to) in [("there", "elsewhere/there"), ("not yet", "elsewhere/new")] {
            assert!(at(link).symlink_metadata().unwrap().is_symlink(), "{link}");
            assert_eq!(fs::read(at(to)).unwrap(), b"new");
        }
        assert_eq!(fs::read_dir(at("elsewhere")).unwrap().count(), 2);
    }

    #[test]
    fn a_private_file_stays_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("labels.nii");
        fs::write(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        write_atomic(&path, b"new").unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_pipe_gets_the_bytes() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["atomic", "replaced"] {
            let pipe = dir.path().join(name);
            rustix::fs::mknodat(
                rustix::fs::CWD,
                &pipe,
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::from_raw_mode(0o600),
                0,
            )
            .unwrap();
            let reader = {
                let pipe = pipe.clone();
                std::thread::spawn(move || fs::read(pipe).unwrap())
            };
            match name {
                "atomic" => write_atomic(&pipe, b"bytes").unwrap(),
                _ => replace_file(&pipe, |inside| {
                    fs::write(inside, b"bytes").map_err(Error::write(inside))
                })
                .unwrap(),
            }
            assert_eq!(reader.join().unwrap(), b"bytes");
            assert!(!fs::symlink_metadata(&pipe).unwrap().is_file());
        }
        write_atomic(Path::new("/dev/null"), b"bytes").unwrap();
        assert!(!Path::new("/dev/null").is_file());
    }
}
