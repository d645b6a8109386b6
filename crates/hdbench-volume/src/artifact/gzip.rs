use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use hdbench_ground::error::{Error, Result};

use super::input::open_file;

/// DEFLATE cannot pack tighter than this (RFC 1951: 258 bytes from two bits, less the framing;
/// <https://zlib.net/zlib_tech.html>).
pub(super) const DEFLATE_MAX_RATIO: u64 = 1032;

const BUFFER_BYTES: usize = 256 * 1024;

/// Where the bytes come from: a file, or an entry of an archive.
type Input = BufReader<Box<dyn Read + Send>>;

/// A file read as its content, whether it is packed by gzip or not; the first bytes decide, not
/// the name.
pub struct MaybeGzip {
    path: PathBuf,
    stream: Stream,
    file_len: Option<u64>,
}

enum Stream {
    Plain(Input),
    // Boxed: the state of the decoder is much larger than a buffer's.
    Packed(Box<Members>),
}

/// The members of a gzip file, one after the other (RFC 1952). Zero bytes may follow the last one, as tapes
/// and block devices leave them and gzip passes over them.
struct Members {
    decoder: Option<GzDecoder<Input>>,
    is_first: bool,
}

/// Why a gzip stream is read no further: what follows is neither a member nor zero.
#[derive(Debug)]
struct OtherBytes;

impl fmt::Display for OtherBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("other bytes follow the gzip stream, which is whole")
    }
}

impl std::error::Error for OtherBytes {}

impl Members {
    fn new(input: Input) -> Self {
        Self {
            decoder: Some(GzDecoder::new(input)),
            is_first: true,
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let read = decoder.read(buffer).map_err(|error| {
                let began = self.is_first || decoder.header().is_some();
                match error.kind() {
                    // What begins like a member and has no header is none.
                    ErrorKind::InvalidInput | ErrorKind::UnexpectedEof if !began => other_bytes(),
                    _ => error,
                }
            })?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.decoder = match self.decoder.take() {
                Some(decoder) => next_member(decoder.into_inner())?,
                None => None,
            };
            self.is_first = false;
        }
        Ok(0)
    }
}

/// The member that begins where one has ended; none at the end of the file, before which zeros may stand.
fn next_member(mut input: Input) -> io::Result<Option<GzDecoder<Input>>> {
    if input.fill_buf()?.first() == Some(&GZIP_MAGIC[0]) {
        return Ok(Some(GzDecoder::new(input)));
    }
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.iter().any(|&byte| byte != 0) {
            return Err(other_bytes());
        }
        let zeros = bytes.len();
        input.consume(zeros);
    }
}

fn other_bytes() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, OtherBytes)
}

/// What a member begins with (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

impl MaybeGzip {
    /// Opens a file; `Error::Read` if the system refuses.
    pub fn open(path: &Path) -> Result<Self> {
        let file = open_file(path).map_err(Error::read(path))?;
        let metadata = file.metadata().map_err(Error::read(path))?;
        // A folder has no length worth believing.
        let file_len = metadata.is_file().then_some(metadata.len());
        Self::from_reader(path, Box::new(file), file_len)
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
            .map_err(|e| explain(path, false, e))?
            .starts_with(&GZIP_MAGIC);
        Ok(Self {
            path: path.to_path_buf(),
            stream: if packed {
                Stream::Packed(Box::new(Members::new(file)))
            } else {
                Stream::Plain(file)
            },
            file_len: len,
        })
    }

    /// Whether the content is packed.
    pub fn is_packed(&self) -> bool {
        matches!(self.stream, Stream::Packed(_))
    }

    /// Bytes on disk, if the file is a regular one; of an archive's entry, its bytes when unpacked.
    pub fn file_len(&self) -> Option<u64> {
        self.file_len
    }

    /// How many bytes the content can have at most, known before any is unpacked.
    pub fn content_at_most(&self) -> Option<u64> {
        let ratio = if self.is_packed() {
            DEFLATE_MAX_RATIO
        } else {
            1
        };
        self.file_len.map(|len| len.saturating_mul(ratio))
    }

    /// Reads until `buffer` is full or the content ends, and returns the number of bytes.
    /// A damaged or cut gzip stream is `Error::Malformed`.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let read = match &mut self.stream {
                Stream::Plain(file) => file.read(&mut buffer[filled..]),
                Stream::Packed(members) => members.read(&mut buffer[filled..]),
            };
            match read {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(explain(&self.path, self.is_packed(), e)),
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

pub(super) fn explain(path: &Path, packed: bool, error: io::Error) -> Error {
    let hint = "copy or download the file again and compare its size with the source";
    if error
        .get_ref()
        .is_some_and(|inner| inner.is::<OtherBytes>())
    {
        return Error::malformed(
            path,
            error.to_string(),
            "unpack it and pack it again; gzip -dc FILE passes over what follows",
        );
    }
    match (packed, error.kind()) {
        (true, ErrorKind::UnexpectedEof) => Error::malformed(
            path,
            "the gzip stream ends too early: the file is truncated",
            hint,
        ),
        (true, ErrorKind::InvalidInput | ErrorKind::InvalidData) => {
            Error::malformed(path, format!("the gzip stream is damaged: {error}"), hint)
        }
        // No file fails like this, only an entry of an archive.
        (false, ErrorKind::UnexpectedEof | ErrorKind::InvalidData) => {
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
