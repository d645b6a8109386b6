use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use zip::read::ZipFile;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::gzip::MaybeGzip;
use super::input::open_file;
use super::packed_stream::DEFLATE_MAX_RATIO;
use super::shared_file::SharedFile;
use super::zip_agreement::contradictions;

/// A submission has 70 entries; this many only slow the reader down.
const MAX_ENTRIES: usize = 100_000;

/// Packed bytes are read in pieces of this size.
const BUFFER_BYTES: usize = 64 * 1024;

/// Whether a file starts as a zip archive does, whatever its name.
///
/// # Errors
/// `Error::Read` if it cannot be opened.
pub fn is_zip(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    open_file(path)
        .and_then(|file| file.take(4).read_to_end(&mut start))
        .map_err(Error::read(path))?;
    // An entry, or the end of an archive without any.
    Ok(start == *b"PK\x03\x04" || start == *b"PK\x05\x06")
}

/// A zip archive whose directory was checked before anything is unpacked. Nothing is ever written:
/// entries are read as streams.
///
/// Zip64 and data descriptors are understood. Refused are names that lead out of the archive,
/// names that occur twice, links, encryption, entries that share bytes (the way to pack a bomb
/// tighter than DEFLATE allows), and whatever programs would read differently.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: SharedFile,
    entries: Vec<Entry>,
    folders: Vec<String>,
}

/// What an archive is refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The system refuses it, or it is no sound zip archive.
    Unreadable,
    /// A name that leads out of the archive, or none.
    UnsafeName,
    /// A name that occurs twice.
    DuplicateName,
    /// Too many entries, or some that share bytes.
    Bomb,
    /// A link instead of a file.
    Link,
    /// An encrypted entry.
    Encrypted,
    /// An entry packed otherwise than by Deflate.
    Compression,
}

/// An archive that is not read, and why.
#[derive(Debug)]
pub struct Refused {
    /// In one word.
    pub refusal: Refusal,
    /// In full.
    pub error: Error,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self {
            refusal: Refusal::Unreadable,
            error,
        }
    }
}

/// A file in an archive; folders are none.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its path inside the archive, parts separated by `/`.
    pub name: String,
    /// Bytes when unpacked, as the directory promises.
    pub size: u64,
    /// Bytes in the archive.
    pub packed: u64,
    deflated: bool,
    crc32: u32,
    start: u64,
    /// What its own header says otherwise than the directory.
    contradiction: Option<Arc<str>>,
}

impl Archive {
    /// Reads and checks the directory of an archive.
    ///
    /// # Errors
    /// `Error::Read` if the system refuses; `Error::Malformed` for anything that is no zip archive
    /// and for whatever this type refuses, naming the entry.
    pub fn open(path: &Path) -> Result<Self> {
        Self::examine(path).map_err(|refused| refused.error)
    }

    /// [`Archive::open`] with the kind of a refusal.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn examine(path: &Path) -> Result<Self, Refused> {
        let file = SharedFile::open(path).map_err(Error::read(path))?;
        Self::checked(path, file)
    }

    /// [`Archive::open`] for an archive that has no path of its own, such as one that was unpacked
    /// from another; `path` is how errors name it.
    pub fn from_file(path: &Path, file: File) -> Result<Self> {
        let file = SharedFile::held(file).map_err(Error::read(path))?;
        Self::checked(path, file).map_err(|refused| refused.error)
    }

    fn checked(path: &Path, file: SharedFile) -> Result<Self, Refused> {
        let wrong = |error| damaged(path, error);
        let mut archive = ZipArchive::new(file.clone()).map_err(wrong)?;
        if archive.len() > MAX_ENTRIES {
            let error = Error::malformed(
                path,
                format!(
                    "has {} entries, expected at most {MAX_ENTRIES}",
                    archive.len()
                ),
                "pack only the files that are needed",
            );
            return Err(refused(Refusal::Bomb, error));
        }
        if archive.has_duplicate_names() {
            let name = first_duplicate(file.clone(), archive.central_directory_start());
            return Err(duplicate(path, &name.unwrap_or_default()));
        }
        let found = (archive.central_directory_start(), archive.len());
        let contradictions = contradictions(&file, found)
            .map_err(Error::read(path))?
            .map_err(|problem| {
                let error = Error::malformed(
                    path,
                    format!("is no sound zip archive: {problem}"),
                    "programs read different things of it: pack the files again with an ordinary zip \
                     program",
                );
                refused(Refusal::Unreadable, error)
            })?;
        if archive.has_overlapping_entries().map_err(wrong)? {
            let error = Error::malformed(
                path,
                "entries share bytes of the archive, as in a decompression bomb",
                "pack the files again with an ordinary zip program",
            );
            return Err(refused(Refusal::Bomb, error));
        }
        let mut entries = BTreeMap::new();
        let mut folders = Vec::new();
        for (index, contradiction) in contradictions.into_iter().enumerate() {
            let found = archive.by_index_raw(index).map_err(wrong)?;
            let name = safe_name(path, &found)?;
            if found.is_dir() {
                folders.push(name);
                continue;
            }
            if name.is_empty() {
                let error = Error::malformed(
                    path,
                    format!("entry {} has no name", index + 1),
                    "pack the files again with an ordinary zip program",
                );
                return Err(refused(Refusal::UnsafeName, error));
            }
            let mut entry = Entry::checked(path, name, &found)?;
            entry.contradiction = contradiction.map(Into::into);
            if let Some(twice) = entries.insert(entry.name.clone(), entry) {
                return Err(duplicate(path, &twice.name));
            }
        }
        Ok(Self {
            path: path.to_path_buf(),
            file,
            entries: entries.into_values().collect(),
            folders,
        })
    }

    /// The archive's own path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every file in it, sorted by name.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Entries that are folders and hold nothing themselves.
    pub fn folders(&self) -> &[String] {
        &self.folders
    }

    /// How errors and tables name an entry: `submission.zip/test-segmentation-0.nii`.
    pub fn path_of(&self, entry: &Entry) -> PathBuf {
        self.path.join(&entry.name)
    }

    /// An entry's content, unpacked while it is read; what is inside may be packed by gzip once
    /// more. Reading fails if the content is longer or shorter than the directory promises or if
    /// its checksum differs.
    ///
    /// # Errors
    /// `Error::Malformed` for a promise that the packed bytes cannot keep; `Error::Read`.
    pub fn read(&self, entry: &Entry) -> Result<MaybeGzip> {
        let content = self.content(entry)?;
        MaybeGzip::from_reader(&self.path_of(entry), Box::new(content), Some(entry.size))
    }

    /// [`Archive::read`] for content that is taken as it is.
    pub(super) fn content(&self, entry: &Entry) -> Result<EntryReader> {
        let path = self.path_of(entry);
        if entry.overpromises() {
            return Err(Error::malformed(
                &path,
                format!(
                    "promises {} bytes, more than its {} packed bytes can hold",
                    entry.size, entry.packed
                ),
                "pack the file again with an ordinary zip program",
            ));
        }
        if let Some(problem) = &entry.contradiction {
            return Err(Error::malformed(
                &path,
                format!("the entry contradicts itself: {problem}"),
                "programs read different things of it: pack the file again with an ordinary zip program",
            ));
        }
        let mut file = self.file.clone();
        file.at = entry.start;
        let packed = BufReader::with_capacity(BUFFER_BYTES, file.take(entry.packed));
        Ok(EntryReader {
            content: if entry.deflated {
                Content::Deflated(Box::new(DeflateDecoder::new(packed)))
            } else {
                Content::Stored(packed)
            },
            left: entry.size,
            crc32: entry.crc32,
            crc: Crc::new(),
        })
    }
}

impl Entry {
    /// Whether it promises more bytes than its packed ones can hold, as bombs do.
    pub fn overpromises(&self) -> bool {
        let ratio = if self.deflated { DEFLATE_MAX_RATIO } else { 1 };
        self.size > self.packed.saturating_mul(ratio)
    }

    fn checked(
        archive: &Path,
        name: String,
        found: &ZipFile<'_, SharedFile>,
    ) -> Result<Self, Refused> {
        let path = archive.join(&name);
        let refuse = |refusal, problem: String, hint: &str| {
            Err(refused(refusal, Error::malformed(&path, problem, hint)))
        };
        if found.encrypted() {
            return refuse(
                Refusal::Encrypted,
                "the entry is encrypted".into(),
                "pack the files again without a password",
            );
        }
        if found.is_symlink() {
            return refuse(
                Refusal::Link,
                "the entry is a link".into(),
                "pack the file itself instead of a link to it",
            );
        }
        let deflated = match found.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => {
                return refuse(
                    Refusal::Compression,
                    format!("the entry is packed by {other:?}, expected Deflate or Stored"),
                    "pack the files again with ordinary (Deflate) compression",
                );
            }
        };
        Ok(Self {
            name,
            size: found.size(),
            packed: found.compressed_size(),
            deflated,
            crc32: found.crc32(),
            contradiction: None,
            start: found.data_start().ok_or_else(|| {
                Error::Internal(format!("{}: place of the entry unknown", path.shown()))
            })?,
        })
    }
}

/// The name with `/` between its parts; refused if it leads out of the archive.
fn safe_name(archive: &Path, found: &ZipFile<'_, SharedFile>) -> Result<String, Refused> {
    // Some programs of Windows write its own separator.
    let name = found
        .name()
        .map_err(|error| damaged(archive, error))?
        .replace('\\', "/");
    let drive = name.as_bytes().get(1) == Some(&b':');
    let parts: Vec<&str> = name
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if name.starts_with('/') || drive || name.contains('\0') || parts.contains(&"..") {
        let error = Error::malformed(
            archive,
            format!("the entry {name:?} leads out of the archive"),
            "pack the files again from inside their folder, without absolute paths or `..`",
        );
        return Err(refused(Refusal::UnsafeName, error));
    }
    Ok(parts.join("/"))
}

/// The first name that the directory lists twice; the `zip` crate only says that there is one.
fn first_duplicate(mut file: SharedFile, directory_start: u64) -> Option<String> {
    // Sizes and places in a header of the central directory (APPNOTE.TXT 4.3.12).
    const HEADER: usize = 46;
    const LENGTHS: [usize; 3] = [28, 30, 32];
    file.at = directory_start;
    let mut file = BufReader::new(file);
    let mut seen = BTreeSet::new();
    loop {
        let mut header = [0; HEADER];
        file.read_exact(&mut header).ok()?;
        if !header.starts_with(b"PK\x01\x02") {
            return None;
        }
        let [name, extra, comment] =
            LENGTHS.map(|at| usize::from(u16::from_le_bytes([header[at], header[at + 1]])));
        let mut rest = vec![0; name + extra + comment];
        file.read_exact(&mut rest).ok()?;
        let name = String::from_utf8_lossy(&rest[..name]).into_owned();
        if !seen.insert(name.clone()) {
            return Some(name);
        }
    }
}

fn refused(refusal: Refusal, error: Error) -> Refused {
    Refused { refusal, error }
}

fn duplicate(path: &Path, name: &str) -> Refused {
    let error = Error::malformed(
        path,
        format!("the entry {name:?} occurs twice: nothing says which one counts"),
        "pack the files again into a new archive, each once",
    );
    refused(Refusal::DuplicateName, error)
}

fn damaged(path: &Path, error: ZipError) -> Error {
    match error {
        // A directory that points behind the end of the file ends reading too early.
        ZipError::Io(error) if error.kind() != ErrorKind::UnexpectedEof => Error::read(path)(error),
        error => Error::malformed(
            path,
            format!("is no sound zip archive: {error}"),
            "copy, download or pack the archive again",
        ),
    }
}

/// An entry's content with its length and checksum verified.
pub(super) struct EntryReader {
    content: Content,
    left: u64,
    crc32: u32,
    crc: Crc,
}

enum Content {
    Stored(BufReader<io::Take<SharedFile>>),
    // Boxed: the state of the decoder is much larger than a buffer's.
    Deflated(Box<DeflateDecoder<BufReader<io::Take<SharedFile>>>>),
}

impl Read for EntryReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let invalid = |problem: &str| io::Error::new(ErrorKind::InvalidData, problem);
        let read = match &mut self.content {
            Content::Stored(content) => content.read(buffer)?,
            Content::Deflated(content) => content
                .read(buffer)
                .map_err(|e| invalid(&format!("the zip entry is damaged: {e}")))?,
        };
        if read == 0 {
            if self.left > 0 {
                let problem = "the zip entry ends too early: the archive is truncated or damaged";
                return Err(io::Error::new(ErrorKind::UnexpectedEof, problem));
            }
            if self.crc.sum() != self.crc32 {
                return Err(invalid("the zip entry is damaged: its checksum differs"));
            }
            return Ok(0);
        }
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            invalid("the zip entry holds more bytes than the archive's directory promises")
        })?;
        self.crc.update(&buffer[..read]);
        Ok(read)
    }
}
