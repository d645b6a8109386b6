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

const MAGIC: &[u8] = b"DICM";
const PREAMBLE_BYTES: usize = 128;

/// Retired, and still met.
const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// A deflated data set may unpack to this much; as much as a slice file may have.
const MAX_INFLATED_BYTES: u64 = super::slice::MAX_FILE_BYTES;

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

#[derive(Default)]
struct Elements<'a> {
    values: BTreeMap<Tag, &'a [u8]>,
    pixels: Option<Pixels<'a>>,
}

/// What the parser has opened; it does not itself check that the ends match.
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
        let damaged = |error: &dyn std::error::Error| Problem::Damaged(with_causes(error));
        let mut source = Cursor::new(bytes);
        source.set_position(start as u64);
        let mut reader = LazyDataSetReader::new_with_ts(source, syntax).map_err(|e| damaged(&e))?;
        let mut open: Vec<Open> = Vec::new();
        let mut fragments: Option<Vec<&'a [u8]>> = None;
        let mut at = start;
        loop {
            if open.is_empty() && (at >= bytes.len() || !go_on(&bytes[at..])) {
                return Ok(at);
            }
            let token = match reader.advance() {
                // Between two elements is an end like any other.
                None if open.is_empty() => return Ok(bytes.len()),
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
                    let (tag, promised) = (header.tag(), u64::from(header.length().0));
                    let begin = decoder.position() as usize;
                    let rest = bytes.get(begin..).unwrap_or_default();
                    let there = rest.len().min(promised as usize);
                    if tag == tags::PIXEL_DATA && open.is_empty() {
                        self.pixels = Some(Pixels::Native {
                            bytes: &rest[..there],
                            promised,
                        });
                        return Ok(begin + there);
                    }
                    if (there as u64) < promised {
                        return Err(Problem::CutOff(format!("the element {tag}")));
                    }
                    if open.is_empty() {
                        self.values.insert(tag, &rest[..there]);
                    }
                    decoder
                        .skip_bytes(header.length().0)
                        .map_err(|e| damaged(&e))?;
                    at = begin + there;
                }
                LazyDataToken::PixelSequenceStart => {
                    if open.is_empty() {
                        fragments = Some(Vec::new());
                    }
                    open.push(Open::Sequence);
                }
                LazyDataToken::SequenceStart { tag, .. } => {
                    if open.is_empty() {
                        self.values.insert(tag, &[]);
                    }
                    open.push(Open::Sequence);
                }
                LazyDataToken::ItemStart { len } => {
                    if open.len() == 1 && len.0 == 0 {
                        fragments.iter_mut().for_each(|list| list.push(&[]));
                    }
                    open.push(Open::Item);
                }
                LazyDataToken::LazyItemValue { len, decoder } => {
                    let begin = decoder.position() as usize;
                    let end = begin + len as usize;
                    let Some(value) = bytes.get(begin..end) else {
                        return Err(Problem::CutOff("the compressed pixels".into()));
                    };
                    if let Some(list) = &mut fragments {
                        list.push(value);
                    }
                    decoder.skip_bytes(len).map_err(|e| damaged(&e))?;
                    at = end;
                }
                LazyDataToken::ItemEnd => close(&mut open, &Open::Item)?,
                LazyDataToken::SequenceEnd => {
                    close(&mut open, &Open::Sequence)?;
                    if open.is_empty()
                        && let Some(mut list) = fragments.take()
                    {
                        // The first item is the table of offsets.
                        list.drain(..list.len().min(1));
                        self.pixels = Some(Pixels::Fragments(list));
                        return Ok(at);
                    }
                }
                _ => return Err(Problem::Damaged("an element of an unknown kind".into())),
            }
        }
    }
}

fn close(open: &mut Vec<Open>, kind: &Open) -> Parsed<()> {
    if open.pop().as_ref() == Some(kind) {
        Ok(())
    } else {
        Err(Problem::Damaged(
            "a sequence or item ends that was not begun".into(),
        ))
    }
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

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
