use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::progress::Progress;
use hdbench_ground::text::Shown as _;
use hdbench_ground::workers;
use zip::result::ZipError;
use zip::write::{PreparedZipFile, SimpleFileOptions, ZipFileBuilder};
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::atomic::replace_file;

/// DEFLATE's effort, zlib's own choice: said so that the bytes depend on no library's default.
const EFFORT: i64 = 6;

/// Packed entries a thread that wait in memory for those before them.
const WAITING: usize = 4;

/// The `zip` crate writes no header of 64 KiB, of which 46 bytes are not the name.
const MAX_NAME_BYTES: usize = 65_535 - 46;

/// Packs a zip archive: `content(i, entry)` writes the content of `names[i]` to `entry`.
///
/// It is called on at most `jobs` threads at once; entries are packed while they are written, and laid
/// down in the order of `names`. Memory is what `content` takes on `threads` threads and the packed bytes
/// of a few entries a thread, however many there are and however large. The same names and contents
/// give the same bytes, whatever the time, the machine or the number of threads.
///
/// The archive is ordinary: Deflate, sizes and checksum before each entry, zip64 only where a number
/// needs it; names that are not ASCII are marked as UTF-8. It appears under `path` whole or not at
/// all. Advances `progress` by one an entry.
///
/// # Errors
/// `Error::Usage` for a name that [`Archive`](super::Archive) would refuse to read back, before
/// anything is packed; `Error::Interrupted`; `Error::Write`; whatever `content` returns, of several
/// the first in the order of `names`.
pub fn pack_zip(
    path: &Path,
    names: &[String],
    jobs: usize,
    progress: &dyn Progress,
    content: impl Fn(usize, &mut dyn Write) -> Result<()> + Sync,
) -> Result<()> {
    check_names(path, names)?;
    let failed = |error: ZipError| {
        Error::write(path)(match error {
            ZipError::Io(error) => error,
            error => error.into(),
        })
    };
    let packed = |index: usize| -> Result<PreparedZipFile> {
        let mut entry = ZipFileBuilder::new(&names[index], options()).map_err(failed)?;
        content(index, &mut entry)?;
        entry.finish().map_err(failed)
    };
    replace_file(path, |inside| {
        let file = File::create(inside).map_err(Error::write(path))?;
        let mut archive = ZipWriter::new(UntilRefused(Some(file)));
        let indices: Vec<usize> = (0..names.len()).collect();
        let jobs = jobs.max(1);
        for batch in indices.chunks(jobs * WAITING) {
            for entry in pack_batch(batch, jobs, progress, &packed) {
                let interrupted = || Error::Interrupted {
                    hint: format!(
                        "{} is written when every entry is packed: start again",
                        path.shown()
                    ),
                };
                let entry = entry.ok_or_else(interrupted)??;
                archive.add_prepared_file(entry).map_err(failed)?;
            }
        }
        archive.finish().map_err(failed)?;
        Ok(())
    })
}

/// Entries in their order, none for those that were not begun: behind one that failed, or because of
/// an interruption.
fn pack_batch(
    batch: &[usize],
    jobs: usize,
    progress: &dyn Progress,
    packed: &(impl Fn(usize) -> Result<PreparedZipFile> + Sync),
) -> Vec<Option<Result<PreparedZipFile>>> {
    let failed = AtomicBool::new(false);
    let stopped = || failed.load(Ordering::Relaxed) || progress.interrupted();
    workers::each(batch, jobs, stopped, |&index| {
        let entry = packed(index);
        failed.fetch_or(entry.is_err(), Ordering::Relaxed);
        progress.advance(1);
        entry
    })
}

/// 1 January 1980, so that the bytes tell no time, and a regular file, `rw-r--r--`.
fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(EFFORT))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        .system(System::Unix)
}

/// Names under which the entries can be found again.
fn check_names(path: &Path, names: &[String]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        let refuse = |problem: &str, hint: &str| {
            let problem = format!("{}: the entry name {name:?} {problem}", path.shown());
            Err(Error::usage(problem, hint))
        };
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return refuse(
                "is no plain path inside the archive",
                "name entries like `folder/file.nii`: no empty parts, no `.` or `..`, no `/` at either end",
            );
        }
        let drive = name.as_bytes().get(1) == Some(&b':');
        if drive || name.contains(|c: char| c == '\\' || c.is_control()) {
            return refuse(
                "has a character that some system takes for something else",
                "leave out `\\`, control characters and a drive such as `C:`",
            );
        }
        if name.len() > MAX_NAME_BYTES {
            let hint = format!("an archive has room for {MAX_NAME_BYTES} bytes a name");
            return refuse("is too long", &hint);
        }
        if !seen.insert(name) {
            return refuse("occurs twice", "give every entry a name of its own");
        }
    }
    Ok(())
}

/// A file until it cannot be written; then nothing.
///
/// A `ZipWriter` that goes out of scope after an error ends its archive, and tells the standard error
/// where it cannot. The archive is thrown away then, and the error was returned.
struct UntilRefused(Option<File>);

impl UntilRefused {
    fn attempt<T>(
        &mut self,
        afterwards: T,
        act: impl FnOnce(&mut File) -> io::Result<T>,
    ) -> io::Result<T> {
        let Some(file) = &mut self.0 else {
            return Ok(afterwards);
        };
        let done = act(file);
        if done
            .as_ref()
            .is_err_and(|e| e.kind() != ErrorKind::Interrupted)
        {
            self.0 = None;
        }
        done
    }
}

impl Write for UntilRefused {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(bytes.len(), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), File::flush)
    }
}

impl Seek for UntilRefused {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.attempt(0, |file| file.seek(to))
    }
}
