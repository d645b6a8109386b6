//! JPEG images (ITU-T T.81) of one grey component: which process they need, and their samples.

use jpeg_decoder::{Error, PixelFormat};

use super::jpeg_lossless;
use super::samples::Format;

/// Why a compressed image has no samples.
#[derive(Debug, PartialEq)]
pub(super) enum Undecoded {
    Damaged(String),
    /// Sound, as far as can be seen, and not decoded here.
    Unsupported(String),
}

pub(super) type Decoded<T> = Result<T, Undecoded>;

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
    marker: u8,
    pub precision: u8,
    pub rows: usize,
    pub columns: usize,
    pub components: u8,
}

/// Decodes one image from all fragments to little-endian samples of `format`.
///
/// The process is what the image says, whatever the transfer syntax names.
pub(super) fn decode(
    fragments: &[&[u8]],
    [rows, columns]: [usize; 2],
    format: Format,
) -> Decoded<Vec<u8>> {
    let joined;
    let bytes = match fragments {
        [bytes] => *bytes,
        several => {
            joined = several.concat();
            joined.as_slice()
        }
    };
    let header = header(bytes)?;
    let frame = header.frame;
    let lossless = frame.marker == SOF_LOSSLESS;
    let lossy_of_8_bits = frame.marker <= SOF_PROGRESSIVE && frame.precision == 8;
    if !lossless && !lossy_of_8_bits {
        return Err(Undecoded::Unsupported(format!(
            "{} of {} bits a sample",
            frame.process(),
            frame.precision
        )));
    }
    if frame.components != 1 {
        return Err(Undecoded::Unsupported(format!(
            "{} components in a grey image",
            frame.components
        )));
    }
    if frame.rows == 0 {
        return Err(Undecoded::Unsupported(
            "an image that tells its height only at its end".into(),
        ));
    }
    if [frame.rows, frame.columns] != [rows, columns] {
        return Err(Undecoded::Damaged(format!(
            "the JPEG image has {} rows of {}, the header says {rows} of {columns}",
            frame.rows, frame.columns
        )));
    }
    let mut out = Collector::new(frame.precision, format, rows * columns)?;
    if lossless {
        jpeg_lossless::decode(&header, &mut out)?;
    } else {
        lossy(bytes, &mut out)?;
    }
    Ok(out.bytes)
}

fn lossy(bytes: &[u8], out: &mut Collector) -> Decoded<()> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let samples = decoder.decode().map_err(|error| match error {
        Error::Unsupported(feature) => Undecoded::Unsupported(format!("{feature:?}")),
        other => Undecoded::Damaged(other.to_string()),
    })?;
    match decoder.info().map(|info| info.pixel_format) {
        Some(PixelFormat::L8) => samples.iter().try_for_each(|&s| out.put(s.into())),
        other => Err(Undecoded::Unsupported(format!(
            "samples of the kind {other:?}"
        ))),
    }
}

/// Samples on their way to the bytes of a slice.
pub(super) struct Collector {
    pub bytes: Vec<u8>,
    precision: u8,
    format: Format,
}

impl Collector {
    fn new(precision: u8, format: Format, count: usize) -> Decoded<Self> {
        if usize::from(precision) > 8 * format.bytes {
            return Err(Undecoded::Damaged(format!(
                "the JPEG image has {precision} bits a sample, the header says {}",
                8 * format.bytes
            )));
        }
        if !format.takes_low_bits() && usize::from(precision) < 8 * format.bytes {
            return Err(Undecoded::Unsupported(format!(
                "{precision} bits a sample where the header keeps them in other bits than the lowest"
            )));
        }
        Ok(Self {
            bytes: Vec::with_capacity(count * format.bytes),
            precision,
            format,
        })
    }

    /// Takes a sample as it is decoded, modulo 2^16: some encoders go beyond the precision and rely on
    /// what is cut off there.
    pub fn put(&mut self, sample: u16) -> Decoded<()> {
        let sign = sample >> (self.precision - 1);
        // Nothing tells whether the precision's top bit is that of a negative number.
        if sign != 0 && self.format.has_sign_above(self.precision) {
            return Err(Undecoded::Unsupported(format!(
                "{} bits a sample where the header says more, with a sign",
                self.precision
            )));
        }
        let [low, high] = (sample & (u16::MAX >> (16 - self.precision))).to_le_bytes();
        self.bytes.push(low);
        if self.format.bytes == 2 {
            self.bytes.push(high);
        }
        Ok(())
    }
}

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOF_BASELINE: u8 = 0xc0;
const SOF_PROGRESSIVE: u8 = 0xc2;
const SOF_LOSSLESS: u8 = 0xc3;
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
    fn process(&self) -> &'static str {
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
fn header(bytes: &[u8]) -> Decoded<Header<'_>> {
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
