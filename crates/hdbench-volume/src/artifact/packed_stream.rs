//! Packed streams, read to their very end: behind them nothing but zeros may stand.

use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use flate2::bufread::{GzDecoder, ZlibDecoder};

/// DEFLATE cannot pack tighter than this (RFC 1951: 258 bytes from two bits, less the framing;
/// <https://zlib.net/zlib_tech.html>).
pub(super) const DEFLATE_MAX_RATIO: u64 = 1032;

/// Where the bytes come from: a file, or an entry of an archive.
pub(super) type Input = BufReader<Box<dyn Read + Send>>;

/// What a member begins with (RFC 1952).
pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The members of a gzip file, one after the other (RFC 1952). Zero bytes may follow the last one, as tapes
/// and block devices leave them and gzip passes over them.
pub(super) struct Members {
    decoder: Option<GzDecoder<Input>>,
    is_first: bool,
}

/// Why a packed stream, by name, is read no further: what follows is neither a member nor zero.
#[derive(Debug)]
pub(super) struct OtherBytes(pub &'static str);

impl fmt::Display for OtherBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "other bytes follow the {} stream, which is whole",
            self.0
        )
    }
}

impl std::error::Error for OtherBytes {}

impl Members {
    pub fn new(input: Input) -> Self {
        Self {
            decoder: Some(GzDecoder::new(input)),
            is_first: true,
        }
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let read = decoder.read(buffer).map_err(|error| {
                let began = self.is_first || decoder.header().is_some();
                match error.kind() {
                    // What begins like a member and has no header is none.
                    ErrorKind::InvalidInput | ErrorKind::UnexpectedEof if !began => {
                        other_bytes("gzip")
                    }
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
    pass_over_zeros(input, "gzip").map(|()| None)
}

/// Reads to the end, where nothing but zeros may stand behind a stream of this name.
fn pass_over_zeros(mut input: Input, packing: &'static str) -> io::Result<()> {
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        if bytes.iter().any(|&byte| byte != 0) {
            return Err(other_bytes(packing));
        }
        let zeros = bytes.len();
        input.consume(zeros);
    }
}

fn other_bytes(packing: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, OtherBytes(packing))
}

/// A zlib stream, which zero bytes may follow.
pub(super) struct Zlib {
    decoder: Option<ZlibDecoder<Input>>,
}

impl Zlib {
    pub fn new(input: Input) -> Self {
        Self {
            decoder: Some(ZlibDecoder::new(input)),
        }
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(decoder) = &mut self.decoder else {
            return Ok(0);
        };
        let read = decoder.read(buffer)?;
        if read == 0
            && !buffer.is_empty()
            && let Some(decoder) = self.decoder.take()
        {
            pass_over_zeros(decoder.into_inner(), "zlib")?;
        }
        Ok(read)
    }
}
