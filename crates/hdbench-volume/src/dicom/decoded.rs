//! What is made of compressed pixels: the bytes of a slice, or why there are none.

use super::format::Format;

/// Why a compressed image has no samples.
#[derive(Debug, PartialEq)]
pub(super) enum Undecoded {
    Damaged(String),
    /// Sound, as far as can be seen, and not decoded here.
    Unsupported(String),
}

pub(super) type Decoded<T> = Result<T, Undecoded>;

/// Samples on their way to the bytes of a slice.
pub(super) struct Collector {
    pub bytes: Vec<u8>,
    precision: u8,
    format: Format,
}

impl Collector {
    pub fn new(precision: u8, format: Format, count: usize) -> Decoded<Self> {
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
