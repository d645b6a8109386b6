//! Stored samples of one slice, whatever their encoding, as numbers.

use std::path::Path;

use dicom_dictionary_std::uids;
use dicom_transfer_syntax_registry::TransferSyntax;
use hdbench_ground::error::{Error, Result};

use super::data_set::DataSet;
use super::decoded::Undecoded;
use super::elements::Pixels;
use super::format::Format;
use super::problem::{COPY_AGAIN, DECOMPRESS};
use super::{jpeg, rle};

/// Whole numbers up to here, and their sums, are exact in f32.
const EXACT_IN_F32: f64 = (1 << 23) as f64;

/// Stored samples, row by row.
pub(super) enum Samples<'a> {
    Bytes(&'a [u8]),
    LittleEndian(&'a [u8]),
    BigEndian(&'a [u8]),
}

/// Decodes the pixels of a slice if need be and hands them on. `decoded` is a buffer.
///
/// # Errors
/// `Error::Malformed` for pixels that are cut off, damaged, or compressed in a way that is not
/// understood here.
pub(super) fn with_samples<T>(
    path: &Path,
    set: &DataSet<'_>,
    format: Format,
    [rows, columns]: [usize; 2],
    take: impl FnOnce(Samples<'_>) -> T,
) -> Result<T> {
    let damaged = |problem: String| Error::malformed(path, problem, COPY_AGAIN);
    let count = rows * columns;
    let wanted = count * format.bytes;
    let decoded;
    let (bytes, big_endian) = match &set.pixels {
        None => return Err(damaged("has no pixel data".into())),
        Some(Pixels::Native { bytes, promised }) => {
            if (bytes.len() as u64) < *promised {
                return Err(damaged(format!(
                    "the pixel data are truncated: the file promises {promised} bytes, {} are there",
                    bytes.len()
                )));
            }
            (*bytes, set.is_big_endian())
        }
        Some(Pixels::Fragments(fragments)) => {
            decoded = match set.syntax.uid() {
                uids::RLE_LOSSLESS => {
                    rle::decode(fragments, count, format.bytes).map_err(Undecoded::Damaged)
                }
                uids::JPEG_BASELINE8_BIT
                | uids::JPEG_EXTENDED12_BIT
                | uids::JPEG_LOSSLESS
                | uids::JPEG_LOSSLESS_SV1 => jpeg::decode(fragments, [rows, columns], format),
                _ => Err(Undecoded::Unsupported(String::new())),
            }
            .map_err(|problem| explain(path, set.syntax, problem))?;
            (decoded.as_slice(), false)
        }
    };
    let Some(bytes) = bytes.get(..wanted) else {
        return Err(damaged(format!(
            "has {} bytes of pixels, expected {wanted} for {rows} rows of {columns}",
            bytes.len()
        )));
    };
    Ok(take(match (format.bytes, big_endian) {
        (1, _) => Samples::Bytes(bytes),
        (_, false) => Samples::LittleEndian(bytes),
        (_, true) => Samples::BigEndian(bytes),
    }))
}

fn explain(path: &Path, syntax: &TransferSyntax, problem: Undecoded) -> Error {
    let name = syntax.name();
    match problem {
        Undecoded::Damaged(problem) => Error::malformed(
            path,
            format!("the pixels ({name}) are damaged: {problem}"),
            COPY_AGAIN,
        ),
        Undecoded::Unsupported(_) if syntax.is_codec_free() => Error::malformed(
            path,
            format!(
                "its pixels are compressed, but its transfer syntax {name} says that they are not"
            ),
            "export the series again, with the transfer syntax that its pixels have",
        ),
        Undecoded::Unsupported(feature) => {
            let feature = if feature.is_empty() {
                feature
            } else {
                format!(" as {feature}")
            };
            Error::malformed(
                path,
                format!(
                    "its pixels are compressed by {name} ({}){feature}, which hdbench does not decode",
                    syntax.uid()
                ),
                DECOMPRESS,
            )
        }
    }
}

/// Hounsfield units of samples: `slope * stored + intercept`.
///
/// Whole numbers come out exact; everything else is computed in f64 and rounded once.
pub(super) fn rescale(
    samples: Samples<'_>,
    format: Format,
    [slope, intercept]: [f64; 2],
    out: &mut [f32],
) {
    let whole = intercept.fract() == 0.0 && intercept.abs() + format.largest() < EXACT_IN_F32;
    if slope == 1.0 && whole {
        let intercept = intercept as i32;
        convert(samples, format, out, |stored| (stored + intercept) as f32);
    } else {
        convert(samples, format, out, |stored| {
            (f64::from(stored) * slope + intercept) as f32
        });
    }
}

/// Makes something of every sample. Every combination is a loop of its own, so that the compiler
/// can vectorise it.
pub(super) fn convert<T>(
    samples: Samples<'_>,
    format: Format,
    out: &mut [T],
    make: impl Fn(i32) -> T + Copy,
) {
    let (up, down) = format.shifts();
    let unsigned = |sample: u16| i32::from((sample << up) >> down);
    let signed = |sample: u16| i32::from(((sample << up) as i16) >> down);
    match (samples, format.signed) {
        (Samples::Bytes(bytes), false) => each(bytes, out, |&b| make(unsigned(b.into()))),
        (Samples::Bytes(bytes), true) => each(bytes, out, |&b| make(signed(b.into()))),
        (Samples::LittleEndian(bytes), false) => {
            each(pairs(bytes), out, |&b| {
                make(unsigned(u16::from_le_bytes(b)))
            });
        }
        (Samples::LittleEndian(bytes), true) => {
            each(pairs(bytes), out, |&b| make(signed(u16::from_le_bytes(b))));
        }
        (Samples::BigEndian(bytes), false) => {
            each(pairs(bytes), out, |&b| {
                make(unsigned(u16::from_be_bytes(b)))
            });
        }
        (Samples::BigEndian(bytes), true) => {
            each(pairs(bytes), out, |&b| make(signed(u16::from_be_bytes(b))));
        }
    }
}

fn pairs(bytes: &[u8]) -> &[[u8; 2]] {
    bytes.as_chunks::<2>().0
}

fn each<S, T>(stored: &[S], out: &mut [T], make: impl Fn(&S) -> T) {
    for (out, stored) in out.iter_mut().zip(stored) {
        *out = make(stored);
    }
}
