//! What a checked header says of an image, whichever format it has, and how its voxels lie in the file.

use std::fmt;

use super::Geometry;
use crate::artifact::Packing;

/// What the header of an image says, without the voxels.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageHeader {
    /// Of which format the file is, by its content.
    pub format: ImageFormat,
    /// Shape and place of the voxels.
    pub geometry: Geometry,
    /// How many axes the file has; those above the third count 1.
    pub dimensions: usize,
    /// How a voxel is stored, in the names of numpy (`"int16"`).
    pub datatype: &'static str,
    /// Whether the file asks for its values to be multiplied by a slope or shifted.
    pub scaled: bool,
    /// What was odd and how it was taken; never empty silently: units other than millimetres, no
    /// orientation stored, contradictory fields.
    pub notes: Vec<HeaderNote>,
}

/// A file format for images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFormat {
    /// NIfTI-1.
    Nifti,
    /// MetaImage: `.mha`, `.mhd`.
    MetaImage,
    /// NRRD: `.nrrd`, `.nhdr`.
    Nrrd,
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nifti => "NIfTI-1",
            Self::MetaImage => "MetaImage",
            Self::Nrrd => "NRRD",
        })
    }
}

/// Something odd about a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderNote {
    /// A name for programs, which does not change: `units`.
    pub code: &'static str,
    /// What was found and how it was taken.
    pub text: String,
}

impl HeaderNote {
    /// What is odd and changes no number.
    pub const PLAIN: &'static str = "header-note";
    /// Sizes in another unit than millimetres.
    pub const UNITS: &'static str = "units";
    /// Voxel sizes and affine that say different things.
    pub const SPACING: &'static str = "spacing-disagrees";

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self {
            code: Self::PLAIN,
            text: text.into(),
        }
    }
}

impl fmt::Display for HeaderNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl ImageHeader {
    /// Whether the voxels are integers by type, not only by value.
    pub fn stores_integers(&self) -> bool {
        !self.scaled && !self.datatype.starts_with("float")
    }
}

/// The header with what the voxel reader needs beside it.
pub(super) struct Layout {
    pub header: ImageHeader,
    pub stored: Stored,
    pub big_endian: bool,
    /// `(slope, intercept)`; none where the file asks for no scaling.
    pub scaling: Option<(f64, f64)>,
    /// Where the voxels begin.
    pub place: Place,
}

/// Where the voxels begin, seen from the end of the header, and how they are written.
pub(super) struct Place {
    /// Bytes of the content that were read as its header.
    pub header_bytes: u64,
    /// The file beside the header's that has the voxels; none where they follow the header.
    pub file: Option<String>,
    /// Lines before the voxels.
    pub lines: u64,
    /// Bytes before the voxels, behind the lines; of packed voxels, once they are unpacked.
    pub skip: Skip,
    /// How they are written.
    pub encoding: Encoding,
}

impl Place {
    /// Bare voxels right behind a header.
    pub fn behind_header(header_bytes: u64) -> Self {
        Self {
            header_bytes,
            file: None,
            lines: 0,
            skip: Skip::Bytes(0),
            encoding: Encoding::Raw,
        }
    }
}

/// What lies before the voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skip {
    /// So many bytes.
    Bytes(u64),
    /// Whatever is there: the voxels are the last bytes of the file.
    UpToLast,
}

/// How voxels are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As they are.
    Raw,
    /// Packed.
    Packed(Packing),
    /// Numbers in words.
    Text,
}

impl Layout {
    /// Number of voxels; checked to be at most [`MAX_VOXELS`].
    pub fn voxels(&self) -> u64 {
        self.header.geometry.len() as u64
    }

    /// Bytes of the voxels once they are unpacked.
    pub fn voxel_bytes(&self) -> u64 {
        self.voxels() * self.stored.bytes()
    }
}

/// A real number as a file stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    U8,
    I8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

impl Stored {
    pub fn bytes(self) -> u64 {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::U16 => "uint16",
            Self::I32 => "int32",
            Self::U32 => "uint32",
            Self::I64 => "int64",
            Self::U64 => "uint64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }
}
