//! The lines of a header that is text, and the bytes behind it.

use std::path::Path;

use hdbench_ground::error::{Error, Result};

use crate::artifact::MaybeGzip;

/// A segmentation of 3D Slicer has some hundred bytes for each of its segments.
const MOST_BYTES: usize = 1 << 20;
const MOST_LINES: usize = 1 << 14;
const CHUNK_BYTES: usize = 4096;

/// Reads a header line by line, and gives back what was read past its end.
pub(super) struct HeaderLines<'a> {
    path: &'a Path,
    content: &'a mut MaybeGzip,
    bytes: Vec<u8>,
    /// Where the next line begins.
    at: usize,
    count: usize,
}

impl<'a> HeaderLines<'a> {
    /// `start` was read from the content already.
    pub fn new(path: &'a Path, content: &'a mut MaybeGzip, start: &[u8]) -> Self {
        Self {
            path,
            content,
            bytes: start.to_vec(),
            at: 0,
            count: 0,
        }
    }

    /// The next line without its end; none at the end of the content.
    ///
    /// # Errors
    /// Those of the content; `Error::Malformed` where the header is longer than any.
    pub fn next(&mut self) -> Result<Option<String>> {
        let mut searched = self.at;
        let end = loop {
            if let Some(found) = self.bytes[searched..].iter().position(|&b| b == b'\n') {
                break Some(searched + found);
            }
            searched = self.bytes.len();
            if searched >= MOST_BYTES {
                return Err(self.too_long(format!("{MOST_BYTES} bytes")));
            }
            let mut chunk = [0; CHUNK_BYTES];
            let read = self.content.fill(&mut chunk)?;
            self.bytes.extend_from_slice(&chunk[..read]);
            if read == 0 {
                break None;
            }
        };
        let line = &self.bytes[self.at..end.unwrap_or(self.bytes.len())];
        if end.is_none() && line.is_empty() {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
        self.at = end.map_or(self.bytes.len(), |end| end + 1);
        self.count += 1;
        if self.count > MOST_LINES {
            return Err(self.too_long(format!("{MOST_LINES} lines")));
        }
        Ok(Some(line))
    }

    /// Lines read so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Ends the header behind the last line and gives back what follows; the number of its bytes.
    pub fn end(self) -> u64 {
        self.content.give_back(&self.bytes[self.at..]);
        self.at as u64
    }

    fn too_long(&self, limit: String) -> Error {
        Error::malformed(
            self.path,
            format!("its header goes on for more than {limit}"),
            super::fields::RE_EXPORT,
        )
    }
}
