use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use super::reopened::{ReopenedFile, Same};
use super::system;

/// A file that several readers read, each at its own place.
#[derive(Clone, Debug)]
pub(super) struct SharedFile {
    file: Arc<Source>,
    len: u64,
    pub at: u64,
}

#[derive(Debug)]
enum Source {
    Reopened(ReopenedFile),
    /// One without a name, which could not be opened again.
    Held(File),
}

impl SharedFile {
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = ReopenedFile::open(path, Same::File)?;
        Ok(Self {
            len: file.bytes(),
            file: Arc::new(Source::Reopened(file)),
            at: 0,
        })
    }

    pub fn held(file: File) -> io::Result<Self> {
        Ok(Self {
            len: file.metadata()?.len(),
            file: Arc::new(Source::Held(file)),
            at: 0,
        })
    }

    /// Bytes of the file.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The bytes of a place, or as many as the file has of them.
    pub fn bytes(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        let mut reader = self.clone();
        reader.at = at;
        let mut bytes = Vec::new();
        reader.take(count as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Read for SharedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Beyond the end is the end; the system refuses places that no file can have.
        if self.at >= self.len {
            return Ok(0);
        }
        let read = match &*self.file {
            Source::Reopened(file) => file.read_at(buffer, self.at)?,
            Source::Held(file) => system::read_at(file, buffer, self.at)?,
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for SharedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
