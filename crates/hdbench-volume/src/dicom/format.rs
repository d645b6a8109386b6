//! How the samples of a slice are stored.

use std::path::Path;

use dicom_dictionary_std::tags;
use hdbench_ground::error::{Error, Result};

use super::data_set::DataSet;

/// How samples lie in their 8 or 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub bytes: usize,
    stored_bits: u16,
    high_bit: u16,
    pub signed: bool,
}

impl Format {
    /// The format that a header describes, all tags of which are there.
    pub fn of(path: &Path, set: &DataSet<'_>) -> Result<Self> {
        let number = |tag| set.number(tag).unwrap_or(0);
        let allocated = number(tags::BITS_ALLOCATED);
        let stored_bits = set.number(tags::BITS_STORED).unwrap_or(allocated);
        let high_bit = set
            .number(tags::HIGH_BIT)
            .unwrap_or(stored_bits.saturating_sub(1));
        let sound = (1..=allocated).contains(&stored_bits)
            && high_bit < allocated
            && high_bit + 1 >= stored_bits;
        if !matches!(allocated, 8 | 16) || !sound {
            return Err(Error::malformed(
                path,
                format!(
                    "has samples of {stored_bits} bits up to bit {high_bit} in {allocated} bits, expected them in 8 or 16"
                ),
                "convert the series to NIfTI with `dcm2niix`",
            ));
        }
        Ok(Self {
            bytes: usize::from(allocated / 8),
            stored_bits,
            high_bit,
            signed: number(tags::PIXEL_REPRESENTATION) == 1,
        })
    }

    /// The largest magnitude that a sample can have.
    pub fn largest(self) -> f64 {
        f64::from(1u32 << self.stored_bits)
    }

    /// Whether a sample of `bits` bits would have its sign in a higher one.
    pub fn has_sign_above(self, bits: u8) -> bool {
        self.signed && u16::from(bits) < self.stored_bits
    }

    /// Whether the stored bits are the lowest ones.
    pub fn takes_low_bits(self) -> bool {
        self.high_bit + 1 == self.stored_bits
    }

    /// Moves the stored bits to the top of 16 and back down, which leaves out what lies beside
    /// them (overlays, in old files) and repeats the sign.
    pub fn shifts(self) -> (u32, u32) {
        (
            u32::from(15 - self.high_bit),
            u32::from(16 - self.stored_bits),
        )
    }
}
