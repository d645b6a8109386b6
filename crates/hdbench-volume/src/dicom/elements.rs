//! The elements of a data set, found in its bytes.
//!
//! Our own, because the parser of dicom-rs has one encoding for a whole file. Files in the wild
//! change it on the way: private sequences of kind UN hold items in implicit VR (PS3.5, 6.2.2), and
//! transfer syntaxes name the other VR encoding than the one that was written. What has a length is
//! skipped by it; only what ends by a delimiter is looked into.

use std::collections::BTreeMap;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

use super::problem::{Parsed, Problem};

/// The group of items and of their delimiters, which have no VR in any encoding.
const ITEM_GROUP: u16 = 0xfffe;

const ITEM: Tag = Tag(ITEM_GROUP, 0xe000);
const ITEM_END: Tag = Tag(ITEM_GROUP, 0xe00d);
const SEQUENCE_END: Tag = Tag(ITEM_GROUP, 0xe0dd);

/// A length that a delimiter stands for.
const UNDEFINED: u32 = u32::MAX;

/// Sequences in sequences; the deepest of the standard have about ten.
const MAX_DEPTH: usize = 128;

/// How headers are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Encoding {
    pub explicit: bool,
    pub big_endian: bool,
}

impl Encoding {
    pub const EXPLICIT: Self = Self {
        explicit: true,
        big_endian: false,
    };

    const IMPLICIT: Self = Self {
        explicit: false,
        big_endian: false,
    };

    fn short(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        }
    }

    fn long(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }
}

/// Elements of the top level, without the pixels, and the pixels.
#[derive(Default)]
pub(super) struct Elements<'a> {
    pub values: BTreeMap<Tag, &'a [u8]>,
    pub pixels: Option<Pixels<'a>>,
    /// Whether elements are written with the other VR encoding than the one that was named.
    pub other_vr: bool,
}

/// The value of the element PixelData.
pub(super) enum Pixels<'a> {
    /// As many bytes as there are of those that the element promises.
    Native { bytes: &'a [u8], promised: u64 },
    /// The fragments of compressed pixels, without the offset table.
    Fragments(Vec<&'a [u8]>),
}

/// What ends by a delimiter.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sequence,
    Item,
}

#[derive(Clone, Copy)]
struct Level {
    kind: Kind,
    encoding: Encoding,
    /// Whether the encoding is that of the transfer syntax; items of UN have their own.
    named: bool,
}

struct Header {
    tag: Tag,
    /// What the file says; implicit VR says nothing.
    vr: Option<VR>,
    length: u32,
    /// Where the value begins.
    begin: usize,
}

impl<'a> Elements<'a> {
    /// Collects elements from `start` on, as long as `go_on` likes the bytes of the next one, and
    /// returns where it stopped. Ends after the pixels.
    pub fn walk(
        &mut self,
        bytes: &'a [u8],
        start: usize,
        named: Encoding,
        go_on: impl Fn(&[u8]) -> bool,
    ) -> Parsed<usize> {
        let mut at = start;
        let top = self.enter(bytes, at, named, true);
        let mut open: Vec<Level> = Vec::new();
        while self.pixels.is_none() {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(&level) = open.last() else {
                // Fewer bytes than a tag has are padding.
                if rest.len() < 4 || !go_on(rest) {
                    return Ok(at.min(bytes.len()));
                }
                at = self.element(bytes, at, top, true, &mut open)?;
                continue;
            };
            at = match level.kind {
                _ if rest.is_empty() => return Err(Problem::CutOff("a sequence".into())),
                Kind::Sequence => self.item(bytes, at, level, &mut open)?,
                Kind::Item => self.element(bytes, at, level.encoding, level.named, &mut open)?,
            };
            if open.len() > MAX_DEPTH {
                return Err(Problem::Damaged(format!(
                    "sequences lie in each other, more than {} deep",
                    MAX_DEPTH / 2
                )));
            }
        }
        Ok(at.min(bytes.len()))
    }

    /// Takes one element, or opens it if a delimiter ends it, and returns where the next one begins.
    fn element(
        &mut self,
        bytes: &'a [u8],
        at: usize,
        encoding: Encoding,
        named: bool,
        open: &mut Vec<Level>,
    ) -> Parsed<usize> {
        let header = self.header(bytes, at, encoding)?;
        let at_top = open.is_empty();
        if header.tag.group() == ITEM_GROUP {
            let is_item = open.last().is_some_and(|level| level.kind == Kind::Item);
            if header.tag != ITEM_END || !is_item {
                return Err(unbalanced());
            }
            open.pop();
            return Ok(header.begin);
        }
        if header.length == UNDEFINED {
            if at_top && header.tag == tags::PIXEL_DATA {
                return self.fragments(bytes, header.begin, encoding);
            }
            if at_top {
                self.values.insert(header.tag, &[]);
            }
            let (encoding, named) = match header.vr {
                Some(VR::UN) => (Encoding::IMPLICIT, false),
                _ => (encoding, named),
            };
            open.push(Level {
                kind: Kind::Sequence,
                encoding,
                named,
            });
            return Ok(header.begin);
        }
        let rest = bytes.get(header.begin..).unwrap_or_default();
        let value = &rest[..rest.len().min(header.length as usize)];
        let is_whole = value.len() == header.length as usize;
        if at_top && header.tag == tags::PIXEL_DATA {
            self.pixels = Some(Pixels::Native {
                bytes: value,
                promised: header.length.into(),
            });
        } else if !is_whole {
            return Err(Problem::CutOff(format!("the element {}", header.tag)));
        } else if at_top {
            self.values.insert(header.tag, value);
        }
        Ok(header.begin + value.len())
    }

    /// Takes the next item of a sequence, or its end.
    fn item(
        &mut self,
        bytes: &'a [u8],
        at: usize,
        level: Level,
        open: &mut Vec<Level>,
    ) -> Parsed<usize> {
        let header = self.header(bytes, at, level.encoding)?;
        match (header.tag, header.length) {
            (SEQUENCE_END, _) => {
                open.pop();
                Ok(header.begin)
            }
            (ITEM, UNDEFINED) => {
                open.push(Level {
                    kind: Kind::Item,
                    encoding: self.enter(bytes, header.begin, level.encoding, level.named),
                    named: level.named,
                });
                Ok(header.begin)
            }
            (ITEM, length) => {
                let end = header.begin + length as usize;
                if end > bytes.len() {
                    return Err(Problem::CutOff("an item of a sequence".into()));
                }
                Ok(end)
            }
            _ => Err(unbalanced()),
        }
    }

    /// The fragments of compressed pixels.
    fn fragments(&mut self, bytes: &'a [u8], begin: usize, encoding: Encoding) -> Parsed<usize> {
        let mut fragments = Vec::new();
        let mut at = begin;
        loop {
            let header = self.header(bytes, at, encoding)?;
            match (header.tag, header.length) {
                (SEQUENCE_END, _) => {
                    // The first item is the table of offsets.
                    fragments.drain(..fragments.len().min(1));
                    self.pixels = Some(Pixels::Fragments(fragments));
                    return Ok(header.begin);
                }
                (ITEM, length) if length != UNDEFINED => {
                    at = header.begin + length as usize;
                    let fragment = bytes.get(header.begin..at);
                    fragments.push(
                        fragment.ok_or_else(|| Problem::CutOff("the compressed pixels".into()))?,
                    );
                }
                _ => {
                    return Err(Problem::Damaged(
                        "the compressed pixels are no list of fragments".into(),
                    ));
                }
            }
        }
    }

    /// The encoding of the elements from `at` on, by the first of them. A data set or an item keeps
    /// to one encoding, whatever its file calls it.
    fn enter(&mut self, bytes: &[u8], at: usize, expected: Encoding, named: bool) -> Encoding {
        let Some(first) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
            return expected;
        };
        let group = expected.short([first[0], first[1]]);
        let letters = [first[4], first[5]];
        let explicit = if group == ITEM_GROUP {
            expected.explicit
        } else if expected.explicit {
            is_vr(letters) || explicit_of_unknown_vr(bytes, at, expected)
        } else {
            // The length of an implicit header may look like letters; the next element decides.
            VR::from_binary(letters).is_some() && explicit_fits(bytes, at, expected)
        };
        self.other_vr |= named && explicit != expected.explicit;
        Encoding {
            explicit,
            ..expected
        }
    }

    fn header(&mut self, bytes: &[u8], at: usize, encoding: Encoding) -> Parsed<Header> {
        let (header, as_expected) = header(bytes, at, encoding)?;
        self.other_vr |= !as_expected;
        Ok(header)
    }
}

/// The header at `at`, and whether it is written in `encoding`: single elements of an explicit data
/// set may be implicit.
fn header(bytes: &[u8], at: usize, encoding: Encoding) -> Parsed<(Header, bool)> {
    let cut_off = || Problem::CutOff("an element's header".into());
    let rest = bytes.get(at..).unwrap_or_default();
    let &[a, b, c, d, e, f, g, h] = rest.first_chunk::<8>().ok_or_else(cut_off)?;
    let tag = Tag(encoding.short([a, b]), encoding.short([c, d]));
    let with = |vr, length, size| Header {
        tag,
        vr,
        length,
        begin: at + size,
    };
    let implicit = with(None, encoding.long([e, f, g, h]), 8);
    if tag.group() == ITEM_GROUP || !encoding.explicit {
        return Ok((implicit, true));
    }
    let vr = VR::from_binary([e, f]);
    if vr.is_some_and(has_short_length) {
        return Ok((with(vr, encoding.short([g, h]).into(), 8), true));
    }
    // Kinds of value that are newer than this program have the long form.
    if vr.is_some() || is_vr([e, f]) || explicit_of_unknown_vr(bytes, at, encoding) {
        let long = rest.get(8..).and_then(|rest| rest.first_chunk::<4>());
        let length = encoding.long(*long.ok_or_else(cut_off)?);
        return Ok((with(vr.or(Some(VR::UN)), length, 12), true));
    }
    Ok((implicit, false))
}

/// PS3.5, table 7.1-2: for all others two bytes are reserved and four hold the length.
fn has_short_length(vr: VR) -> bool {
    use VR::{AE, AS, AT, CS, DA, DS, DT, FD, FL, IS, LO, LT, PN, SH, SL, SS, ST, TM, UI, UL, US};
    matches!(
        vr,
        AE | AS
            | AT
            | CS
            | DA
            | DS
            | DT
            | FD
            | FL
            | IS
            | LO
            | LT
            | PN
            | SH
            | SL
            | SS
            | ST
            | TM
            | UI
            | UL
            | US
    )
}

/// Whether the element at `at`, read with the VR that its letters spell, is followed by another one.
fn explicit_fits(bytes: &[u8], at: usize, encoding: Encoding) -> bool {
    let explicit = Encoding {
        explicit: true,
        ..encoding
    };
    match header(bytes, at, explicit) {
        Ok((header, true)) => {
            header.length == UNDEFINED
                || is_element(bytes, header.begin + header.length as usize, encoding)
        }
        _ => false,
    }
}

/// Whether the header at `at` is explicit with letters that stand for no VR, as some programs write
/// for private elements: the long form, and an explicit element behind it.
fn explicit_of_unknown_vr(bytes: &[u8], at: usize, encoding: Encoding) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(&[_, _, _, _, _, _, 0, 0, a, b, c, d]) = rest.first_chunk::<12>() else {
        return false;
    };
    let length = encoding.long([a, b, c, d]) as usize;
    is_element(bytes, at + 12 + length, encoding)
}

/// Whether an explicit element, a delimiter or the end of all bytes is at `at`.
fn is_element(bytes: &[u8], at: usize, encoding: Encoding) -> bool {
    match bytes.get(at..).and_then(|rest| rest.first_chunk::<6>()) {
        Some(&[a, b, _, _, e, f]) => {
            encoding.short([a, b]) == ITEM_GROUP || VR::from_binary([e, f]).is_some()
        }
        None => at == bytes.len(),
    }
}

pub(super) fn is_vr(letters: [u8; 2]) -> bool {
    letters.iter().all(u8::is_ascii_uppercase)
}

fn unbalanced() -> Problem {
    Problem::Damaged("a sequence or item ends that was not begun".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: [u8; 4] = [1, 2, 3, 4];

    fn tag(group: u16, element: u16) -> Vec<u8> {
        [group.to_le_bytes(), element.to_le_bytes()].concat()
    }

    fn implicit(group: u16, element: u16, value: &[u8]) -> Vec<u8> {
        let length = (value.len() as u32).to_le_bytes();
        [&tag(group, element), &length[..], value].concat()
    }

    fn explicit(group: u16, element: u16, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
        let length = (value.len() as u16).to_le_bytes();
        [&tag(group, element), &vr[..], &length[..], value].concat()
    }

    fn undefined(group: u16, element: u16, vr: &[u8]) -> Vec<u8> {
        let reserved = vec![0; vr.len()];
        [&tag(group, element), vr, &reserved, &[0xff; 4]].concat()
    }

    fn delimiter(element: u16) -> Vec<u8> {
        implicit(ITEM_GROUP, element, &[])
    }

    /// A sequence of one item that holds `inner`.
    fn sequence(vr: &[u8], inner: &[u8]) -> Vec<u8> {
        [
            undefined(0x2001, 0x105f, vr),
            undefined(ITEM_GROUP, 0xe000, &[]),
            inner.to_vec(),
            delimiter(0xe00d),
            delimiter(0xe0dd),
        ]
        .concat()
    }

    fn walked(bytes: &[u8], named: Encoding) -> (Vec<Tag>, bool) {
        let mut elements = Elements::default();
        let end = elements.walk(bytes, 0, named, |_| true).unwrap();
        assert_eq!(end, bytes.len());
        (elements.values.into_keys().collect(), elements.other_vr)
    }

    /// Philips writes private sequences like the first one: CP-246.
    #[test]
    fn items_of_un_are_implicit_and_nothing_else_changes() {
        let first = explicit(0x0008, 0x0008, b"CS", b"AXIAL ");
        let last = explicit(0x7000, 0x0001, b"LO", b"last");
        let inner = implicit(0x0008, 0x1150, b"1.2.840.10008.5.1.4.1.1.2\0");
        let nested = [inner.clone(), sequence(&[], &inner)].concat();
        // Old programs wrote such items as the rest of the file.
        let explicit_inner = explicit(0x0008, 0x1150, b"UI", b"1.2.3\0");
        let tags = [
            Tag(0x0008, 0x0008),
            Tag(0x2001, 0x105f),
            Tag(0x7000, 0x0001),
        ];
        for unknown in [
            sequence(b"UN", &inner),
            sequence(b"UN", &nested),
            sequence(b"UN", &explicit_inner),
            sequence(b"UN", &[]),
            sequence(b"SQ", &explicit_inner),
        ] {
            let bytes = [first.clone(), unknown, last.clone()].concat();
            let found = walked(&bytes, Encoding::EXPLICIT);
            assert_eq!(found, (tags.to_vec(), false), "{bytes:?}");
        }
        // No kind of value but UN says so: the items are odd.
        let bytes = [first, sequence(b"SQ", &inner), last].concat();
        assert_eq!(
            walked(&bytes, Encoding::EXPLICIT),
            (tags.to_vec(), true),
            "{bytes:?}"
        );
    }

    #[test]
    fn the_written_vr_counts_and_not_the_named_one() {
        let tags = vec![
            Tag(0x0008, 0x0008),
            Tag(0x0008, 0x0050),
            Tag(0x0009, 0x1001),
        ];
        let as_implicit = [
            implicit(0x0008, 0x0008, b"AXIAL "),
            implicit(0x0008, 0x0050, &[]),
            // Its length spells DS.
            implicit(0x0009, 0x1001, &[7; 0x5344]),
        ]
        .concat();
        let as_explicit = [
            explicit(0x0008, 0x0008, b"CS", b"AXIAL "),
            explicit(0x0008, 0x0050, b"SH", &[]),
            explicit(0x0009, 0x1001, b"LO", &VALUE),
        ]
        .concat();
        for (bytes, is_explicit) in [(&as_implicit, false), (&as_explicit, true)] {
            for named in [Encoding::EXPLICIT, Encoding::IMPLICIT] {
                let expected = (tags.clone(), named.explicit != is_explicit);
                assert_eq!(walked(bytes, named), expected, "{named:?}");
            }
        }
        let long_first = implicit(0x0009, 0x1001, &[7; 0x5344]);
        assert_eq!(
            walked(&long_first, Encoding::IMPLICIT),
            (tags[2..].to_vec(), false)
        );
    }

    #[test]
    fn single_elements_of_the_other_kind_are_read_too() {
        let bytes = [
            explicit(0x0008, 0x0008, b"CS", b"AXIAL "),
            implicit(0x0009, 0x1001, &VALUE),
            // Letters that stand for no VR: long form.
            [&tag(0x0009, 0x1002), &b"ZZ\0\0\x04\0\0\0"[..], &VALUE].concat(),
            [&tag(0x0009, 0x1003), &b"??\0\0\x04\0\0\0"[..], &VALUE].concat(),
            explicit(0x0010, 0x0010, b"PN", b"name"),
        ]
        .concat();
        let mut elements = Elements::default();
        elements
            .walk(&bytes, 0, Encoding::EXPLICIT, |_| true)
            .unwrap();
        assert!(elements.other_vr);
        assert_eq!(elements.values.len(), 5);
        for element in 1..=3 {
            assert_eq!(elements.values[&Tag(0x0009, 0x1000 + element)], VALUE);
        }
    }

    #[test]
    fn sequences_end_where_they_began_and_lie_not_too_deep() {
        let problem = |bytes: &[u8]| {
            Elements::default()
                .walk(bytes, 0, Encoding::EXPLICIT, |_| true)
                .unwrap_err()
        };
        let sound = sequence(b"SQ", &explicit(0x0008, 0x0050, b"SH", b"a "));
        for length in 4..sound.len() {
            assert!(
                matches!(problem(&sound[..length]), Problem::CutOff(_)),
                "{length}"
            );
        }
        for bytes in [
            delimiter(0xe00d),
            delimiter(0xe0dd),
            sequence(b"SQ", &delimiter(0xe0dd)),
            [undefined(0x2001, 0x105f, b"SQ"), delimiter(0xe00d)].concat(),
        ] {
            assert!(matches!(problem(&bytes), Problem::Damaged(_)), "{bytes:?}");
        }
        let opened = [
            undefined(0x2001, 0x105f, b"SQ"),
            undefined(ITEM_GROUP, 0xe000, &[]),
        ]
        .concat();
        assert!(matches!(
            problem(&opened.repeat(1 << 16)),
            Problem::Damaged(_)
        ));
    }
}
