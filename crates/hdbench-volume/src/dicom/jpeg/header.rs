//! What a JPEG image says of itself before its samples begin.

use crate::dicom::decoded::{Decoded, Undecoded};

/// What an image says of itself before its samples begin.
pub(super) struct Header<'a> {
    pub frame: Frame,
    /// Payloads of the segments that define Huffman tables, in their order.
    pub tables: Vec<&'a [u8]>,
    /// Samples between two restart markers; 0 for none.
    pub restart_interval: usize,
    pub scan: &'a [u8],
    /// From the first coded sample to the end of all bytes.
    pub coded: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    /// The marker that begins it, which tells the process.
    pub marker: u8,
    pub precision: u8,
    pub rows: usize,
    pub columns: usize,
    pub components: u8,
}

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOF_BASELINE: u8 = 0xc0;
pub(super) const SOF_PROGRESSIVE: u8 = 0xc2;
pub(super) const SOF_LOSSLESS: u8 = 0xc3;
const SOF_JPEG_LS: u8 = 0xf7;
const DHT: u8 = 0xc4;
const JPG: u8 = 0xc8;
const DAC: u8 = 0xcc;
const DRI: u8 = 0xdd;
const SOS: u8 = 0xda;
const TEM: u8 = 0x01;

impl Frame {
    fn of(marker: u8, payload: &[u8]) -> Decoded<Self> {
        let &[precision, y1, y0, x1, x0, components] = payload
            .first_chunk::<6>()
            .ok_or_else(|| cut_off("its size"))?;
        let frame = Self {
            marker,
            precision,
            rows: u16::from_be_bytes([y1, y0]).into(),
            columns: u16::from_be_bytes([x1, x0]).into(),
            components,
        };
        // T.81, table B.2.
        if !(2..=16).contains(&precision) || frame.columns == 0 || components == 0 {
            return Err(Undecoded::Damaged(format!(
                "the JPEG image has {precision} bits a sample, {} columns and {components} components",
                frame.columns
            )));
        }
        Ok(frame)
    }

    /// T.81, table B.1.
    pub fn process(&self) -> &'static str {
        match self.marker {
            SOF_BASELINE => "JPEG Baseline",
            0xc1 => "JPEG Extended",
            SOF_PROGRESSIVE => "progressive JPEG",
            SOF_LOSSLESS => "JPEG Lossless",
            0xc5..=0xc7 | 0xcd..=0xcf => "hierarchical JPEG",
            0xc9..=0xcb => "JPEG with arithmetic coding",
            _ => "JPEG-LS",
        }
    }
}

/// Reads up to the first scan, and no further than to the frame if the process is not lossless.
pub(super) fn header(bytes: &[u8]) -> Decoded<Header<'_>> {
    let mut rest = match bytes {
        [0xff, SOI, rest @ ..] => rest,
        // The codestream of JPEG 2000, and its file format.
        [0xff, 0x4f, ..] | [0, 0, 0, 12, b'j', b'P', ..] => {
            return Err(Undecoded::Unsupported("JPEG 2000".into()));
        }
        _ => return Err(Undecoded::Damaged("they are no JPEG image".into())),
    };
    let mut header = Header {
        frame: Frame {
            marker: 0,
            precision: 0,
            rows: 0,
            columns: 0,
            components: 0,
        },
        tables: Vec::new(),
        restart_interval: 0,
        scan: &[],
        coded: &[],
    };
    loop {
        let (marker, payload, behind) = segment(rest)?;
        rest = behind;
        match marker {
            DHT => header.tables.push(payload),
            JPG | DAC => {}
            SOF_BASELINE..=0xcf | SOF_JPEG_LS => {
                header.frame = Frame::of(marker, payload)?;
                if marker != SOF_LOSSLESS {
                    return Ok(header);
                }
            }
            DRI => {
                let &interval = payload
                    .first_chunk::<2>()
                    .ok_or_else(|| cut_off("its restart interval"))?;
                header.restart_interval = u16::from_be_bytes(interval).into();
            }
            SOS => {
                if header.frame.marker == 0 {
                    return Err(Undecoded::Damaged("its scan has no frame".into()));
                }
                header.scan = payload;
                header.coded = rest;
                return Ok(header);
            }
            EOI => return Err(Undecoded::Damaged("it ends before its samples".into())),
            _ => {}
        }
    }
}

/// The marker of the next segment, its payload, and what is behind it.
fn segment(bytes: &[u8]) -> Decoded<(u8, &[u8], &[u8])> {
    let fill = bytes.iter().take_while(|&&byte| byte == 0xff).count();
    let Some((&marker, rest)) = bytes[fill..].split_first() else {
        return Err(cut_off("a marker"));
    };
    if fill == 0 {
        return Err(Undecoded::Damaged(
            "there are other bytes where a marker is expected".into(),
        ));
    }
    if matches!(marker, TEM | EOI) {
        return Ok((marker, &[], rest));
    }
    let length = rest
        .first_chunk::<2>()
        .map(|&length| u16::from_be_bytes(length));
    let payload = length.and_then(|length| rest.get(2..length.into()));
    match (length, payload) {
        (Some(0 | 1), _) => Err(Undecoded::Damaged("a segment has no length".into())),
        (Some(length), Some(payload)) => Ok((marker, payload, &rest[length.into()..])),
        _ => Err(cut_off("a segment")),
    }
}

pub(super) fn cut_off(what: &str) -> Undecoded {
    Undecoded::Damaged(format!("the JPEG image ends in {what}"))
}
