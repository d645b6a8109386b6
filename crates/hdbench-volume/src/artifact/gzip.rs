use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use hdbench_ground::error::{Error, Result};

use super::input::open_file;
use super::number_text::NumberText;
use super::packed_stream::{DEFLATE_MAX_RATIO, GZIP_MAGIC, Input, Members, OtherBytes, Zlib};

const BUFFER_BYTES: usize = 256 * 1024;

/// A file read as its content, whether it is packed by gzip or not; the first bytes decide, not
/// the name. What follows a header may be packed once more, or be numbers in words.
pub struct MaybeGzip {
    path: PathBuf,
    stream: Stream,
    file_len: Option<u64>,
    content_at_most: Option<u64>,
    /// What was read and given back, to be read before the stream.
    returned: VecDeque<u8>,
    is_file: bool,
}

enum Stream {
    Plain(Input),
    // Boxed: the state of the decoders is much larger than a buffer's.
    Gzip(Box<Members>),
    Zlib(Box<Zlib>),
    Numbers(Box<NumberText<Input>>),
}

impl Stream {
    /// What the stream is called where it is damaged, if it is packed.
    fn packing(&self) -> Option<&'static str> {
        match self {
            Self::Gzip(_) => Some("gzip"),
            Self::Zlib(_) => Some("zlib"),
            Self::Plain(_) | Self::Numbers(_) => None,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buffer),
            Self::Gzip(members) => members.read(buffer),
            Self::Zlib(stream) => stream.read(buffer),
            Self::Numbers(numbers) => numbers.read(buffer),
        }
    }
}

/// How the rest of a content is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Members of gzip (RFC 1952).
    Gzip,
    /// One stream of zlib (RFC 1950).
    Zlib,
}

impl MaybeGzip {
    /// Opens a file; `Error::Read` if the system refuses.
    pub fn open(path: &Path) -> Result<Self> {
        let file = open_file(path).map_err(Error::read(path))?;
        let metadata = file.metadata().map_err(Error::read(path))?;
        // A folder has no length worth believing.
        let file_len = metadata.is_file().then_some(metadata.len());
        let mut content = Self::from_reader(path, Box::new(file), file_len)?;
        content.is_file = true;
        Ok(content)
    }

    /// Opens a file of bare voxels, whose first bytes mean nothing.
    pub(crate) fn open_plain(path: &Path) -> io::Result<Self> {
        let file = open_file(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        let len = metadata.is_file().then_some(metadata.len());
        let input = BufReader::with_capacity(BUFFER_BYTES, Box::new(file) as Box<_>);
        Ok(Self::of(path, Stream::Plain(input), len, len))
    }

    fn of(
        path: &Path,
        stream: Stream,
        file_len: Option<u64>,
        content_at_most: Option<u64>,
    ) -> Self {
        Self {
            path: path.to_path_buf(),
            stream,
            file_len,
            content_at_most,
            returned: VecDeque::new(),
            is_file: false,
        }
    }

    /// Content that comes from elsewhere, such as an entry of an archive. `path` is how errors name
    /// it; `len` is the most bytes that `reader` can give, if that is known.
    pub fn from_reader(
        path: &Path,
        reader: Box<dyn Read + Send>,
        len: Option<u64>,
    ) -> Result<Self> {
        let mut file = BufReader::with_capacity(BUFFER_BYTES, reader);
        let packed = file
            .fill_buf()
            .map_err(|e| explain(path, None, e))?
            .starts_with(&GZIP_MAGIC);
        let mut content = Self::of(path, Stream::Plain(file), len, len);
        if packed {
            content.unpack_rest(Packing::Gzip);
        }
        Ok(content)
    }

    /// How errors name it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it was opened as a file of its own, beside which others may lie.
    pub(crate) fn is_file(&self) -> bool {
        self.is_file
    }

    /// Whether the content is packed.
    pub fn is_packed(&self) -> bool {
        self.stream.packing().is_some()
    }

    /// Bytes on disk, if the file is a regular one; of an archive's entry, its bytes when unpacked.
    pub fn file_len(&self) -> Option<u64> {
        self.file_len
    }

    /// How many bytes the content can have at most, known before any is unpacked.
    pub fn content_at_most(&self) -> Option<u64> {
        self.content_at_most
    }

    /// Gives back bytes that were read last and not used; they are read again first.
    pub(crate) fn give_back(&mut self, bytes: &[u8]) {
        for &byte in bytes.iter().rev() {
            self.returned.push_front(byte);
        }
    }

    /// Unpacks whatever was not read yet.
    pub(crate) fn unpack_rest(&mut self, packing: Packing) {
        let rest = self.take_rest();
        self.stream = match packing {
            Packing::Gzip => Stream::Gzip(Box::new(Members::new(rest))),
            Packing::Zlib => Stream::Zlib(Box::new(Zlib::new(rest))),
        };
        let most = self.content_at_most;
        self.content_at_most = most.map(|most| most.saturating_mul(DEFLATE_MAX_RATIO));
    }

    /// Reads whatever was not read yet as text of so many numbers and gives each as the eight bytes of
    /// a little-endian `f64`.
    pub(crate) fn parse_rest(&mut self, count: u64) {
        self.stream = Stream::Numbers(Box::new(NumberText::new(self.take_rest(), count)));
        // A digit and what parts it from the next one.
        let most = self.content_at_most;
        self.content_at_most = most.map(|most| most.div_ceil(2).saturating_mul(8));
    }

    fn take_rest(&mut self) -> Input {
        let nothing = BufReader::with_capacity(0, Box::new(io::empty()) as Box<_>);
        let returned = std::mem::take(&mut self.returned);
        match std::mem::replace(&mut self.stream, Stream::Plain(nothing)) {
            Stream::Plain(input) if returned.is_empty() => input,
            stream => BufReader::with_capacity(BUFFER_BYTES, Box::new(returned.chain(stream))),
        }
    }

    /// Reads until `buffer` is full or the content ends, and returns the number of bytes.
    /// A damaged or cut gzip stream is `Error::Malformed`.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let read = match self.returned.is_empty() {
                true => self.stream.read(&mut buffer[filled..]),
                false => self.returned.read(&mut buffer[filled..]),
            };
            match read {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(explain(&self.path, self.stream.packing(), e)),
            }
        }
        Ok(filled)
    }

    /// Reads past `count` bytes and returns how many there were.
    pub fn skip(&mut self, count: u64) -> Result<u64> {
        let mut buffer = [0; 4096];
        let mut skipped = 0;
        while skipped < count {
            let want = (count - skipped).min(buffer.len() as u64) as usize;
            let got = self.fill(&mut buffer[..want])?;
            skipped += got as u64;
            if got < want {
                break;
            }
        }
        Ok(skipped)
    }
}

/// An error of reading content, by the name of what it is packed in.
pub(super) fn explain(path: &Path, packing: Option<&str>, error: io::Error) -> Error {
    let hint = "copy or download the file again and compare its size with the source";
    let follows = error.get_ref().and_then(|e| e.downcast_ref::<OtherBytes>());
    if let Some(OtherBytes(packing)) = follows {
        let hint = match *packing {
            "gzip" => "unpack it and pack it again; gzip -dc FILE passes over what follows",
            _ => "header and voxels do not belong together: export the image again",
        };
        return Error::malformed(path, error.to_string(), hint);
    }
    match (packing, error.kind()) {
        (Some(packing), ErrorKind::UnexpectedEof) => Error::malformed(
            path,
            format!("the {packing} stream ends too early: the file is truncated"),
            hint,
        ),
        (Some(packing), ErrorKind::InvalidInput | ErrorKind::InvalidData) => Error::malformed(
            path,
            format!("the {packing} stream is damaged: {error}"),
            hint,
        ),
        // No file fails like this, only an entry of an archive and numbers in words.
        (None, ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput) => {
            Error::malformed(path, error.to_string(), hint)
        }
        _ => Error::read(path)(error),
    }
}

impl fmt::Debug for MaybeGzip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaybeGzip")
            .field("path", &self.path)
            .field("packed", &self.is_packed())
            .field("file_len", &self.file_len)
            .finish_non_exhaustive()
    }
}

/// A gzip encoder whose bytes depend on the content alone: no time, no file name.
///
/// `effort` is zlib's 0..=9; call `finish` on the result to write the trailer.
pub fn gzip_writer<W: Write>(out: W, effort: u32) -> GzEncoder<W> {
    GzBuilder::new()
        .mtime(0)
        .write(out, Compression::new(effort))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut out = gzip_writer(Vec::new(), 6);
        out.write_all(content).unwrap();
        out.finish().unwrap()
    }

    fn read_all(bytes: &[u8]) -> Result<Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("content");
        std::fs::write(&path, bytes).unwrap();
        let mut content = vec![0; 100_000];
        let mut file = MaybeGzip::open(&path)?;
        let read = file.fill(&mut content)?;
        content.truncate(read);
        assert!(file.content_at_most().unwrap() >= read as u64);
        Ok(content)
    }

    #[test]
    fn content_decides_and_members_are_joined() {
        let content: Vec<u8> = (0..50_000u32).map(|i| (i / 7) as u8).collect();
        assert_eq!(read_all(&content).unwrap(), content);
        assert_eq!(read_all(&packed(&content)).unwrap(), content);
        let mut members = packed(&content[..20_000]);
        members.extend(packed(&content[20_000..]));
        assert_eq!(read_all(&members).unwrap(), content);
        assert!(read_all(&[]).unwrap().is_empty());
    }

    #[test]
    fn zeros_end_a_stream_and_other_bytes_are_named() {
        let content: Vec<u8> = (0..50_000u32).map(|i| (i / 7) as u8).collect();
        for zeros in [1, 4, 512, 600_000] {
            let mut padded = packed(&content);
            padded.resize(padded.len() + zeros, 0);
            assert_eq!(read_all(&padded).unwrap(), content, "{zeros}");
        }
        for other in [
            &b"x"[..],
            b"\0\0x",
            b"\x1f",
            b"\x1f\x8b",
            b"\x1fabc-and-more-bytes",
        ] {
            let mut longer = packed(&content);
            longer.extend(other);
            let error = read_all(&longer).unwrap_err().to_string();
            assert!(error.contains("other bytes follow"), "{other:?}: {error}");
            assert!(!error.contains("damaged"), "{error}");
        }
        // A member that has begun and is cut is not another program's bytes.
        let mut cut = packed(&content);
        let second = packed(&content);
        cut.extend(&second[..second.len() / 2]);
        let error = read_all(&cut).unwrap_err().to_string();
        assert!(error.contains("truncated"), "{error}");
    }

    #[test]
    fn the_ratio_bound_holds_for_the_most_packable_content() {
        let zeros = vec![0; 100_000];
        assert_eq!(read_all(&packed(&zeros)).unwrap(), zeros);
    }

    #[test]
    fn the_same_content_gives_the_same_bytes_without_a_time() {
        let first = packed(b"liver");
        assert_eq!(first, packed(b"liver"));
        assert_eq!(first[4..8], [0; 4], "modification time");
    }

    #[test]
    fn cut_and_damaged_streams_are_named() {
        let noise: Vec<u8> = (0..4000u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let whole = packed(&noise);
        let cut = read_all(&whole[..whole.len() / 2]).unwrap_err().to_string();
        assert!(cut.contains("truncated"), "{cut}");
        let mut damaged = whole.clone();
        let crc = damaged.len() - 8;
        damaged[crc] ^= 1;
        let damaged = read_all(&damaged).unwrap_err().to_string();
        assert!(damaged.contains("damaged"), "{damaged}");
    }
}
