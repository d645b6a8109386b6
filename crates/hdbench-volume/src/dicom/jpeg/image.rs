//! The samples of a JPEG image, whatever process it needs.

use jpeg_decoder::{Error, PixelFormat};

use super::header::{SOF_LOSSLESS, SOF_PROGRESSIVE, header};
use super::lossless;
use crate::dicom::decoded::{Collector, Decoded, Undecoded};
use crate::dicom::format::Format;

/// Decodes one image from all fragments to little-endian samples of `format`.
///
/// The process is what the image says, whatever the transfer syntax names.
pub(in crate::dicom) fn decode(
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
        lossless::decode(&header, &mut out)?;
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
