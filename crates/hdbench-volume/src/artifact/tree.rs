use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::{Shown as _, name_of};
use walkdir::WalkDir;

use super::gzip::explain;
use super::input::open_file;
use super::zip::{Archive, Entry, is_zip};

/// An archive may lie in an archive in an archive, and no deeper.
const MAX_DEPTH: usize = 3;

/// A nested archive may unpack to this many times its packed size. Archives hardly pack any
/// further, except those full of empty masks: 15 structures of identical blank slices came to 60.
const NESTED_MAX_RATIO: u64 = 100;

/// And to this much more, so that small ones are not judged by their ratio.
const NESTED_SLACK_BYTES: u64 = 1 << 20;

/// Files below a folder or inside a zip archive, for reading only: nothing is ever extracted to
/// where a user would find it.
///
/// Archives among the files are listed as files and opened only when asked for, by
/// [`Tree::enter`].
#[derive(Clone, Debug)]
pub struct Tree {
    /// How errors name the root.
    path: PathBuf,
    /// The outermost archive, if the tree lies in one.
    archive_on_disk: Option<PathBuf>,
    archive: Option<Arc<Archive>>,
    depth: usize,
    files: Vec<TreeFile>,
}

/// A file of a [`Tree`].
#[derive(Clone, Debug)]
pub struct TreeFile {
    /// Its path below the root, parts separated by `/`.
    pub path: String,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Disk(PathBuf),
    Entry(Entry),
}

impl Tree {
    /// Lists a folder, links followed, or the directory of a zip archive.
    ///
    /// # Errors
    /// `Error::Read` if the system refuses; `Error::Malformed` for any other file and for archives
    /// that [`Archive`] refuses.
    pub fn open(path: &Path) -> Result<Self> {
        if fs::metadata(path).map_err(Error::read(path))?.is_dir() {
            return Ok(Self {
                path: path.to_path_buf(),
                archive_on_disk: None,
                archive: None,
                depth: 0,
                files: walk(path)?,
            });
        }
        if !is_zip(path)? {
            return Err(Error::malformed(
                path,
                "is neither a folder nor a zip archive",
                "name the folder or the archive that holds the files",
            ));
        }
        Ok(Self::of_archive(
            path,
            path.to_path_buf(),
            Archive::open(path)?,
            1,
        ))
    }

    fn of_archive(path: &Path, on_disk: PathBuf, archive: Archive, depth: usize) -> Self {
        let files = archive
            .entries()
            .iter()
            .map(|entry| TreeFile {
                path: entry.name.clone(),
                place: Place::Entry(entry.clone()),
            })
            .collect();
        Self {
            path: path.to_path_buf(),
            archive_on_disk: Some(on_disk),
            archive: Some(Arc::new(archive)),
            depth,
            files,
        }
    }

    /// How errors name the root of the tree.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every file, sorted by path. Archives are files too.
    pub fn files(&self) -> &[TreeFile] {
        &self.files
    }

    /// How errors name a file: `3Dircadb1.1/PATIENT_DICOM.zip/PATIENT_DICOM/image_0`.
    pub fn path_of(&self, file: &TreeFile) -> PathBuf {
        self.path.join(&file.path)
    }

    /// The file that changes on disk when this one changes: itself, or the outermost archive.
    pub fn on_disk<'a>(&'a self, file: &'a TreeFile) -> &'a Path {
        match (&file.place, &self.archive_on_disk) {
            (Place::Disk(path), _) => path,
            (Place::Entry(_), Some(archive)) => archive,
            (Place::Entry(_), None) => &self.path,
        }
    }

    /// The part of the tree below one of its folders.
    pub fn under(&self, folder: &str) -> Self {
        let files = self.files.iter().filter_map(|file| {
            let below = file.path.strip_prefix(folder)?.strip_prefix('/')?;
            Some(TreeFile {
                path: below.to_owned(),
                place: file.place.clone(),
            })
        });
        Self {
            path: self.path.join(folder),
            files: files.collect(),
            ..self.clone_without_files()
        }
    }

    /// The same root with some of its files.
    pub fn filtered(&self, keep: impl Fn(&TreeFile) -> bool) -> Self {
        Self {
            files: self
                .files
                .iter()
                .filter(|file| keep(file))
                .cloned()
                .collect(),
            ..self.clone_without_files()
        }
    }

    fn clone_without_files(&self) -> Self {
        Self {
            path: self.path.clone(),
            archive_on_disk: self.archive_on_disk.clone(),
            archive: self.archive.clone(),
            depth: self.depth,
            files: Vec::new(),
        }
    }

    /// Opens an archive among the files. One inside an archive is unpacked into a temporary file
    /// without a name, which is gone with the tree.
    ///
    /// # Errors
    /// `Error::Malformed` for an archive that lies too deep or unpacks to far more than its packed
    /// size, and for whatever [`Archive`] refuses; `Error::Read`.
    pub fn enter(&self, file: &TreeFile) -> Result<Self> {
        let path = self.path_of(file);
        let on_disk = self.on_disk(file).to_path_buf();
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(Error::malformed(
                &path,
                format!(
                    "is an archive inside {MAX_DEPTH} archives, expected at most {MAX_DEPTH} in all"
                ),
                "unpack the outer archives",
            ));
        }
        let archive = match &file.place {
            Place::Disk(on_disk) => Archive::open(on_disk)?,
            Place::Entry(entry) => {
                let unpacked = self.unpack(&path, entry)?;
                Archive::from_file(&path, unpacked)?
            }
        };
        Ok(Self::of_archive(&path, on_disk, archive, depth))
    }

    fn unpack(&self, path: &Path, entry: &Entry) -> Result<File> {
        let most = entry
            .packed
            .saturating_mul(NESTED_MAX_RATIO)
            .saturating_add(NESTED_SLACK_BYTES);
        if entry.size > most {
            return Err(Error::malformed(
                path,
                format!(
                    "is an archive that unpacks from {} to {} bytes, as a decompression bomb does",
                    entry.packed, entry.size
                ),
                "unpack the outer archive yourself if you trust where it comes from",
            ));
        }
        let write = |e| Error::write(&std::env::temp_dir())(e);
        let mut content = self.entry_content(entry)?;
        let mut unpacked = tempfile::tempfile().map_err(write)?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            // The content ends in an error if it is longer than promised.
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => io::Write::write_all(&mut unpacked, &buffer[..n]).map_err(write)?,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(explain(path, None, e)),
            }
        }
        unpacked.seek(SeekFrom::Start(0)).map_err(write)?;
        Ok(unpacked)
    }

    fn entry_content(&self, entry: &Entry) -> Result<impl Read> {
        self.archive
            .as_ref()
            .ok_or_else(|| {
                Error::Internal(format!("{}: a folder has no entries", self.path.shown()))
            })?
            .content(entry)
    }

    /// Reads a file whole.
    ///
    /// # Errors
    /// `Error::Malformed` for a file of more than `limit_bytes` and for a damaged entry;
    /// `Error::Read`.
    pub fn read(&self, file: &TreeFile, limit_bytes: u64) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        self.read_into(file, limit_bytes, &mut content)?;
        Ok(content)
    }

    /// [`Tree::read`] into a buffer that is used again; what it held is gone.
    pub fn read_into(&self, file: &TreeFile, limit_bytes: u64, buffer: &mut Vec<u8>) -> Result<()> {
        let promised = self.size(file)?;
        let too_large = |bytes: String| {
            Error::malformed(
                &self.path_of(file),
                format!("has {bytes} bytes, expected at most {limit_bytes}"),
                "check that it belongs to the data and take it away if not",
            )
        };
        if promised > limit_bytes {
            return Err(too_large(promised.to_string()));
        }
        // Room for one more byte than promised, so that the end is found without growing.
        buffer.clear();
        buffer.reserve(promised as usize + 1);
        self.read_at_most(file, limit_bytes + 1, buffer)?;
        if buffer.len() as u64 > limit_bytes {
            return Err(too_large(format!("more than {limit_bytes}")));
        }
        Ok(())
    }

    /// Reads the first `count` bytes of a file, or all if it has fewer.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub fn read_start(&self, file: &TreeFile, count: u64, buffer: &mut Vec<u8>) -> Result<()> {
        buffer.clear();
        self.read_at_most(file, count, buffer)
    }

    fn read_at_most(&self, file: &TreeFile, count: u64, buffer: &mut Vec<u8>) -> Result<()> {
        match &file.place {
            Place::Disk(path) => open_file(path)
                .and_then(|open| open.take(count).read_to_end(buffer))
                .map_err(Error::read(path))?,
            Place::Entry(entry) => self
                .entry_content(entry)?
                .take(count)
                .read_to_end(buffer)
                .map_err(|e| explain(&self.path_of(file), None, e))?,
        };
        Ok(())
    }

    /// Bytes of a file, when unpacked; of an entry, as the directory promises. `Error::Read`.
    pub fn size(&self, file: &TreeFile) -> Result<u64> {
        match &file.place {
            Place::Disk(path) => Ok(fs::metadata(path).map_err(Error::read(path))?.len()),
            Place::Entry(entry) => Ok(entry.size),
        }
    }
}

impl TreeFile {
    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether the name is that of a zip archive, in any case of letters.
    pub fn is_archive(&self) -> bool {
        self.path.to_ascii_lowercase().ends_with(".zip")
    }
}

fn walk(folder: &Path) -> Result<Vec<TreeFile>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true) {
        let entry = match entry {
            Ok(entry) => entry,
            // A link back to a folder above leads to nothing new, one to nowhere to nothing at all.
            Err(error) if error.loop_ancestor().is_some() => continue,
            Err(error)
                if error.depth() > 0
                    && error
                        .io_error()
                        .is_some_and(|e| e.kind() == ErrorKind::NotFound) =>
            {
                continue;
            }
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_path_buf();
                return Err(Error::read(&path)(error.into()));
            }
        };
        if !entry.file_type().is_file() {
            continue;
        }
        let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let parts: Vec<_> = below.iter().map(name_of).collect();
        files.push(TreeFile {
            path: parts.join("/"),
            place: Place::Disk(entry.into_path()),
        });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}
