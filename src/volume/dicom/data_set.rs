//! The elements of a DICOM file as slices of its bytes: nothing is copied or converted, and no
//! length that the file only claims is believed.

use std::collections::BTreeMap;
use std::io::{Cursor, ErrorKind, Read};

use dicom_core::Tag;
use dicom_core::header::{HasLength, Header};
use dicom_dictionary_std::{tags, uids};
use dicom_parser::StatefulDecode;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_transfer_syntax_registry::{TransferSyntax, TransferSyntaxIndex, TransferSyntaxRegistry};
use flate2::bufread::DeflateDecoder;

use super::rle;

const MAGIC: &[u8] = b"DICM";
const PREAMBLE_BYTES: usize = 128;

/// Retired, and still met.
const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// A deflated data set may unpack to this much; as much as a slice file may have.
const MAX_INFLATED_BYTES: u64 = super::slice::MAX_FILE_BYTES;

/// No compression packs pixels tighter than DEFLATE packs zeros.
const DEFLATE_RATIO: u64 = 1032;

/// Elements of the top level, without the pixels, and the pixels.
pub(super) struct DataSet<'a> {
    pub syntax: &'static TransferSyntax,
    values: BTreeMap<Tag, &'a [u8]>,
    big_endian: bool,
    pub pixels: Option<Pixels<'a>>,
}

/// The value of the element PixelData.
pub(super) enum Pixels<'a> {
    /// As many bytes as there are of those that the element promises.
    Native { bytes: &'a [u8], promised: u64 },
    /// The fragments of compressed pixels, without the offset table.
    Fragments(Vec<&'a [u8]>),
}

/// Why bytes are no data set.
#[derive(Debug, PartialEq)]
pub(super) enum Problem {
    NotDicom,
    /// The bytes end in the middle of this.
    CutOff(String),
    Damaged(String),
    UnknownSyntax(String),
}

type Parsed<T> = Result<T, Problem>;

/// Reads elements up to the pixels. `inflated` holds the data set if the file packs it whole.
pub(super) fn parse<'a>(bytes: &'a [u8], inflated: &'a mut Vec<u8>) -> Parsed<DataSet<'a>> {
    let (start, meta) = match start_of(bytes)? {
        Start::Meta(at) => {
            let mut meta = Elements::default();
            let at = meta.walk(
                bytes,
                at,
                syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)?,
                |rest| rest.starts_with(&[2, 0]),
            )?;
            (at, meta.values)
        }
        Start::Data => (0, BTreeMap::new()),
    };
    let syntax = match meta.get(&tags::TRANSFER_SYNTAX_UID) {
        Some(uid) => syntax(&text(uid))?,
        None => syntax(guessed_syntax(&bytes[start..]))?,
    };
    let (bytes, start) = if syntax.uid() == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
        inflate(&bytes[start..], inflated)?;
        (inflated.as_slice(), 0)
    } else {
        (bytes, start)
    };
    let mut elements = Elements::default();
    elements.walk(bytes, start, syntax, |_| true)?;
    Ok(DataSet {
        syntax,
        values: elements.values,
        big_endian: syntax.uid() == EXPLICIT_VR_BIG_ENDIAN,
        pixels: elements.pixels,
    })
}

impl DataSet<'_> {
    /// The text of an element, without padding; `None` if it is not there or empty.
    pub fn text(&self, tag: Tag) -> Option<String> {
        let text = text(self.values.get(&tag)?);
        (!text.is_empty()).then_some(text)
    }

    /// The first number of an element with 16-bit numbers.
    pub fn number(&self, tag: Tag) -> Option<u16> {
        let bytes = *self.values.get(&tag)?.first_chunk::<2>()?;
        Some(if self.big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    }

    pub fn has(&self, tag: Tag) -> bool {
        self.values.contains_key(&tag)
    }

    /// How many times larger than the file its pixels may be.
    pub fn largest_ratio(&self) -> u64 {
        match (&self.pixels, self.syntax.uid()) {
            (_, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN) => DEFLATE_RATIO,
            (Some(Pixels::Fragments(_)), uids::RLE_LOSSLESS) => rle::LARGEST_RATIO,
            (Some(Pixels::Fragments(_)), _) => DEFLATE_RATIO,
            _ => 1,
        }
    }

    pub fn is_big_endian(&self) -> bool {
        self.big_endian
    }
}

enum Start {
    /// File meta information, from this byte on.
    Meta(usize),
    /// A data set without any.
    Data,
}

fn start_of(bytes: &[u8]) -> Parsed<Start> {
    let magic_at = |at: usize| bytes.get(at..at + MAGIC.len()) == Some(MAGIC);
    if magic_at(PREAMBLE_BYTES) {
        return Ok(Start::Meta(PREAMBLE_BYTES + MAGIC.len()));
    }
    // Old files begin with their elements: group 2 or 8, and a short first value.
    let Some(&[group, 0, element, _, a, b, c, d]) = bytes.first_chunk::<8>() else {
        return Err(Problem::NotDicom);
    };
    let short = is_vr([a, b]) || u32::from_le_bytes([a, b, c, d]) < 1 << 16;
    match group {
        2 if element <= 2 && short => Ok(Start::Meta(0)),
        8 if short => Ok(Start::Data),
        _ => Err(Problem::NotDicom),
    }
}

fn is_vr(letters: [u8; 2]) -> bool {
    letters.iter().all(u8::is_ascii_uppercase)
}

/// Implicit VR is what a file without a word about it has; explicit shows by its letters.
fn guessed_syntax(data: &[u8]) -> &'static str {
    match data {
        [_, _, _, _, a, b, ..] if is_vr([*a, *b]) => uids::EXPLICIT_VR_LITTLE_ENDIAN,
        _ => uids::IMPLICIT_VR_LITTLE_ENDIAN,
    }
}

fn syntax(uid: &str) -> Parsed<&'static TransferSyntax> {
    TransferSyntaxRegistry
        .get(uid)
        .ok_or_else(|| Problem::UnknownSyntax(uid.to_owned()))
}

fn text(bytes: &[u8]) -> String {
    let padding = |c: char| c == '\0' || c.is_whitespace();
    String::from_utf8_lossy(bytes)
        .trim_matches(padding)
        .to_owned()
}

fn inflate(packed: &[u8], inflated: &mut Vec<u8>) -> Parsed<()> {
    inflated.clear();
    DeflateDecoder::new(packed)
        .take(MAX_INFLATED_BYTES + 1)
        .read_to_end(inflated)
        .map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Problem::CutOff("the deflated data set".into()),
            _ => Problem::Damaged(format!("the deflated data set is damaged: {error}")),
        })?;
    if inflated.len() as u64 > MAX_INFLATED_BYTES {
        return Err(Problem::Damaged(format!(
            "the deflated data set unpacks to more than {MAX_INFLATED_BYTES} bytes"
        )));
    }
    Ok(())
}

/// The elements of a stretch of bytes, as they are found.
#[derive(Default)]
struct Elements<'a> {
    values: BTreeMap<Tag, &'a [u8]>,
    pixels: Option<Pixels<'a>>,
    /// What the parser has opened; it does not itself check that the ends match.
    open: Vec<Open>,
    /// The items of compressed pixels, while they are open.
    fragments: Option<Vec<&'a [u8]>>,
}

#[derive(PartialEq)]
enum Open {
    Sequence,
    Item,
}

impl<'a> Elements<'a> {
    /// Collects elements from `start` on, as long as `go_on` likes the bytes of the next one, and
    /// returns where it stopped. Ends after the pixels.
    fn walk(
        &mut self,
        bytes: &'a [u8],
        start: usize,
        syntax: &TransferSyntax,
        go_on: impl Fn(&[u8]) -> bool,
    ) -> Parsed<usize> {
        let mut source = Cursor::new(bytes);
        source.set_position(start as u64);
        let mut reader = LazyDataSetReader::new_with_ts(source, syntax).map_err(|e| damaged(&e))?;
        let mut at = start;
        while self.pixels.is_none() {
            if self.open.is_empty() && (at >= bytes.len() || !go_on(&bytes[at..])) {
                return Ok(at);
            }
            let token = match reader.advance() {
                // Between two elements is an end like any other.
                None if self.open.is_empty() => return Ok(bytes.len()),
                None => return Err(Problem::CutOff("a sequence".into())),
                Some(Ok(token)) => token,
                // The parser reads headers only; one that the bytes end in is cut off.
                Some(Err(error)) if ends_early(&error) => {
                    return Err(Problem::CutOff("an element's header".into()));
                }
                Some(Err(error)) => return Err(damaged(&error)),
            };
            match token {
                LazyDataToken::ElementHeader(_) => {}
                LazyDataToken::LazyValue { header, decoder } => {
                    let (tag, length) = (header.tag(), header.length().0);
                    let begin = decoder.position() as usize;
                    self.value(tag, length, bytes.get(begin..).unwrap_or_default())?;
                    // Nothing is read from the pixels here, which come last.
                    if self.pixels.is_none() {
                        decoder.skip_bytes(length).map_err(|e| damaged(&e))?;
                    }
                    at = begin + length as usize;
                }
                LazyDataToken::LazyItemValue { len, decoder } => {
                    let begin = decoder.position() as usize;
                    at = begin + len as usize;
                    let value = bytes.get(begin..at);
                    let value =
                        value.ok_or_else(|| Problem::CutOff("the compressed pixels".into()))?;
                    self.fragments.iter_mut().for_each(|list| list.push(value));
                    decoder.skip_bytes(len).map_err(|e| damaged(&e))?;
                }
                LazyDataToken::PixelSequenceStart => {
                    if self.open.is_empty() {
                        self.fragments = Some(Vec::new());
                    }
                    self.open.push(Open::Sequence);
                }
                LazyDataToken::SequenceStart { tag, .. } => {
                    if self.open.is_empty() {
                        self.values.insert(tag, &[]);
                    }
                    self.open.push(Open::Sequence);
                }
                LazyDataToken::ItemStart { len } => {
                    // An empty one, as the table of offsets mostly is, has no value to come.
                    if len.0 == 0 {
                        self.fragments.iter_mut().for_each(|list| list.push(&[]));
                    }
                    self.open.push(Open::Item);
                }
                LazyDataToken::ItemEnd => self.close(&Open::Item)?,
                LazyDataToken::SequenceEnd => self.close(&Open::Sequence)?,
                _ => return Err(Problem::Damaged("an element of an unknown kind".into())),
            }
        }
        Ok(at.min(bytes.len()))
    }

    /// Keeps a value of the top level; `rest` are the bytes from its begin on.
    fn value(&mut self, tag: Tag, length: u32, rest: &'a [u8]) -> Parsed<()> {
        let value = &rest[..rest.len().min(length as usize)];
        let at_top = self.open.is_empty();
        if at_top && tag == tags::PIXEL_DATA {
            self.pixels = Some(Pixels::Native {
                bytes: value,
                promised: length.into(),
            });
        } else if value.len() < length as usize {
            return Err(Problem::CutOff(format!("the element {tag}")));
        } else if at_top {
            self.values.insert(tag, value);
        }
        Ok(())
    }

    fn close(&mut self, kind: &Open) -> Parsed<()> {
        if self.open.pop().as_ref() != Some(kind) {
            let problem = "a sequence or item ends that was not begun";
            return Err(Problem::Damaged(problem.into()));
        }
        if self.open.is_empty()
            && let Some(mut fragments) = self.fragments.take()
        {
            // The first item is the table of offsets.
            fragments.drain(..fragments.len().min(1));
            self.pixels = Some(Pixels::Fragments(fragments));
        }
        Ok(())
    }
}

fn damaged(error: &dyn std::error::Error) -> Problem {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    Problem::Damaged(text)
}

fn ends_early(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.kind() == ErrorKind::UnexpectedEof;
        }
        cause = error.source();
    }
    false
}
