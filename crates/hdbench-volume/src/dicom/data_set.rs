//! The elements of a DICOM file as slices of its bytes: nothing is copied or converted, and no
//! length that the file only claims is believed.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_transfer_syntax_registry::{TransferSyntax, TransferSyntaxIndex, TransferSyntaxRegistry};
use flate2::bufread::DeflateDecoder;

use super::elements::{Elements, Encoding, Pixels, is_vr};
use super::problem::{Parsed, Problem};
use super::rle;

const MAGIC: &[u8] = b"DICM";
const PREAMBLE_BYTES: usize = 128;

/// Retired, and still met.
const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// A slice of a CT has half a megabyte; a file of more than this is none.
pub(super) const MAX_FILE_BYTES: u64 = 64 << 20;

/// A deflated data set may unpack to this much; as much as a slice file may have.
const MAX_INFLATED_BYTES: u64 = MAX_FILE_BYTES;

/// No compression packs pixels tighter than DEFLATE packs zeros.
const DEFLATE_RATIO: u64 = 1032;

/// Elements of the top level, without the pixels, and the pixels.
pub(super) struct DataSet<'a> {
    pub syntax: &'static TransferSyntax,
    values: BTreeMap<Tag, &'a [u8]>,
    big_endian: bool,
    pub pixels: Option<Pixels<'a>>,
    /// Whether elements are written with the other VR encoding, explicit or implicit, than the one
    /// that the transfer syntax names.
    pub other_vr: bool,
}

/// Reads elements up to the pixels. `inflated` holds the data set if the file packs it whole.
pub(super) fn parse<'a>(bytes: &'a [u8], inflated: &'a mut Vec<u8>) -> Parsed<DataSet<'a>> {
    let opened = Opened::of(bytes)?;
    let syntax = opened.syntax(bytes)?;
    let (bytes, start) = if is_deflated(syntax) {
        inflate(&bytes[opened.start..], inflated)?;
        (inflated.as_slice(), 0)
    } else {
        (bytes, opened.start)
    };
    let named = encoding(syntax);
    let mut elements = Elements::default();
    elements.walk(bytes, start, named, |_| true)?;
    Ok(DataSet {
        syntax,
        values: elements.values,
        big_endian: named.big_endian,
        pixels: elements.pixels,
        other_vr: elements.other_vr || opened.other_vr,
    })
}

/// What a file says it is, as far as its first bytes can be read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ObjectClass {
    /// The SOP classes of the file meta information and of the data set, where they are given.
    pub classes: Vec<String>,
    pub modality: Option<String>,
}

/// Reads no further than to what the file says it is, whatever is wrong behind that.
pub(super) fn object_class(bytes: &[u8], inflated: &mut Vec<u8>) -> ObjectClass {
    let Ok(opened) = Opened::of(bytes) else {
        return ObjectClass::default();
    };
    let mut elements = Elements::default();
    if let Ok(syntax) = opened.syntax(bytes) {
        let (bytes, start) = if is_deflated(syntax) {
            // What was unpacked before an error is there.
            let _ = inflate(&bytes[opened.start..], inflated);
            (inflated.as_slice(), 0)
        } else {
            (bytes, opened.start)
        };
        let group_8 = |rest: &[u8]| rest.starts_with(&[8, 0]) || rest.starts_with(&[0, 8]);
        let _ = elements.walk(bytes, start, encoding(syntax), group_8);
    }
    let classes = [
        opened.meta.get(&tags::MEDIA_STORAGE_SOP_CLASS_UID),
        elements.values.get(&tags::SOP_CLASS_UID),
    ];
    ObjectClass {
        classes: classes.into_iter().flatten().map(|uid| text(uid)).collect(),
        modality: elements.values.get(&tags::MODALITY).map(|kind| text(kind)),
    }
}

/// A file with its meta information read.
struct Opened<'a> {
    meta: BTreeMap<Tag, &'a [u8]>,
    /// Where the data set begins.
    start: usize,
    other_vr: bool,
}

impl<'a> Opened<'a> {
    fn of(bytes: &'a [u8]) -> Parsed<Self> {
        let mut meta = Elements::default();
        let start = match start_of(bytes)? {
            Start::Meta(at) => meta.walk(bytes, at, Encoding::EXPLICIT, |rest| {
                rest.starts_with(&[2, 0])
            })?,
            Start::Data => 0,
        };
        Ok(Self {
            meta: meta.values,
            start,
            other_vr: meta.other_vr,
        })
    }

    fn syntax(&self, bytes: &[u8]) -> Parsed<&'static TransferSyntax> {
        match self.meta.get(&tags::TRANSFER_SYNTAX_UID) {
            Some(uid) => syntax(&text(uid)),
            None => syntax(guessed_syntax(&bytes[self.start..])),
        }
    }
}

fn is_deflated(syntax: &TransferSyntax) -> bool {
    syntax.uid() == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
}

fn encoding(syntax: &TransferSyntax) -> Encoding {
    Encoding {
        explicit: syntax.uid() != uids::IMPLICIT_VR_LITTLE_ENDIAN,
        big_endian: syntax.uid() == EXPLICIT_VR_BIG_ENDIAN,
    }
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
