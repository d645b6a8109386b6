//! Images in, whatever their format: voxels come in pieces and memory grows with what has really arrived.

use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::memory;
use hdbench_ground::text::Shown as _;
use ndarray::Array3;

use super::label_value::LabelValue;
use super::layout::{ImageHeader, Layout, Stored};
use super::voxel_place::{check_end, read_layout, truncated, with_content};
use super::{Geometry, Volume};
use crate::artifact::MaybeGzip;

const CHUNK_BYTES: usize = 512 * 1024;

/// What is reserved for a packed file before its voxels have arrived, as a multiple of its size;
/// CT packs two- to fivefold.
const LIKELY_RATIO: u64 = 8;

/// Further from a whole number than this, a stored label is no label.
pub const LABEL_ROUNDING: f64 = 1e-3;

/// Reads the header alone: geometry, stored type and what is odd about it.
///
/// Takes NIfTI-1 (`.nii`, `.nii.gz`), MetaImage (`.mha`, `.mhd`) and NRRD (`.nrrd`, `.nhdr`); the content
/// decides, not the name. The positions of MetaImage and NRRD become RAS+ like those of NIfTI.
///
/// # Errors
/// `Error::Read` if the file cannot be opened; `Error::Malformed` for anything but one sound
/// image of one value a voxel.
pub fn read_header(path: &Path) -> Result<ImageHeader> {
    let mut content = MaybeGzip::open(path)?;
    Ok(read_layout(path, &mut content)?.header)
}

/// [`read_header`] for content that is no file of its own, such as an entry of an archive; `path`
/// is how errors name it. Voxels in a file beside the header are found where `content` was opened as a file.
pub fn read_header_from(path: &Path, content: &mut MaybeGzip) -> Result<ImageHeader> {
    Ok(read_layout(path, content)?.header)
}

/// Reads shape and place of the voxels, without the voxels. Errors as in [`read_header`].
pub fn read_geometry(path: &Path) -> Result<Geometry> {
    Ok(read_header(path)?.geometry)
}

/// Reads a CT volume in Hounsfield units, slope and intercept applied, in file order `[z, y, x]`.
///
/// Takes what [`read_header`] takes, in both byte orders and every real type of at most 64 bits. Voxels in a
/// file of their own (`.mhd`, `.nhdr`) have to lie beside the header.
///
/// # Errors
/// `Error::Read` or `Error::Malformed`; the latter also for truncated files, for bytes after the
/// voxels, for a file of voxels that is not there and for voxels that are no numbers.
pub fn read_image(path: &Path) -> Result<Volume<f32>> {
    let mut odd = Odd::default();
    let volume = read(path, MaybeGzip::open(path)?, |index, value| {
        let hu = value as f32;
        if !hu.is_finite() {
            odd.add(index, value);
        }
        hu
    })?;
    odd.refuse(&volume.geometry, |count, voxels, first| {
        Error::malformed(
            path,
            format!("{count} of {voxels} voxels are no finite numbers, the first {first}"),
            "replace them before scoring or training, for example by -1024 HU (air)",
        )
    })?;
    Ok(volume)
}

/// Reads a label map in file order `[z, y, x]`: whole numbers from 0 to 255 in whatever type the
/// file stores, after slope and intercept; rounding noise below 0.001 is rounded away.
///
/// # Errors
/// As [`read_image`]; any other value is named with its place.
pub fn read_labels(path: &Path) -> Result<Volume<u8>> {
    read_labels_as(path)
}

/// [`read_labels`] for labels of either width: with `u16`, whole numbers from 0 to 65,535.
///
/// # Errors
/// As [`read_labels`].
pub fn read_labels_as<T: LabelValue>(path: &Path) -> Result<Volume<T>> {
    read_labels_from_as(path, MaybeGzip::open(path)?)
}

/// [`read_labels`] for content that is no file of its own, such as an entry of an archive; `path`
/// is how errors name it.
pub fn read_labels_from(path: &Path, content: MaybeGzip) -> Result<Volume<u8>> {
    read_labels_from_as(path, content)
}

/// [`read_labels_from`] for labels of either width; errors as [`read_labels`].
pub fn read_labels_from_as<T: LabelValue>(path: &Path, content: MaybeGzip) -> Result<Volume<T>> {
    let mut check = LabelCheck::default();
    let volume = read(path, content, |index, value| check.label(index, value))?;
    check.verdict::<T>(path, &volume.geometry)?;
    Ok(volume)
}

/// Turns values into labels and remembers those that are none.
#[derive(Default)]
pub(super) struct LabelCheck {
    odd: Odd,
    has_ignored: bool,
}

/// What some data sets store for voxels that are not to be scored.
const IGNORED: f64 = -1.0;

impl LabelCheck {
    #[inline]
    pub fn label<T: LabelValue>(&mut self, index: usize, value: f64) -> T {
        // The cast cuts off and saturates, so that whatever is no label ends far from its value;
        // NaN fails the comparison.
        let label = T::cut_off(value + 0.5);
        if self.sound_label::<T>(value).is_none() {
            self.refuse(index, value);
        }
        label
    }

    /// The label of a value; none, and nothing remembered, of one that is none.
    #[inline]
    pub fn sound_label<T: LabelValue>(&self, value: f64) -> Option<T> {
        let label = T::cut_off(value + 0.5);
        let stored: f64 = label.into();
        ((value - stored).abs() < LABEL_ROUNDING).then_some(label)
    }

    /// Remembers a value that is no label.
    pub fn refuse(&mut self, index: usize, value: f64) {
        self.has_ignored |= value == IGNORED;
        self.odd.add(index, value);
    }

    /// What either remembers.
    pub fn and(self, other: Self) -> Self {
        let first = [self.odd.first, other.odd.first].into_iter().flatten();
        Self {
            odd: Odd {
                count: self.odd.count + other.odd.count,
                first: first.min_by_key(|(index, _)| *index),
            },
            has_ignored: self.has_ignored || other.has_ignored,
        }
    }

    /// An error if a value was no label.
    pub fn verdict<T: LabelValue>(self, path: &Path, geometry: &Geometry) -> Result<()> {
        let hint = match self.has_ignored && T::LARGEST > u16::from(u8::MAX) {
            true => {
                "-1 mostly marks voxels that are to be ignored, which hdbench scores like all others: give them 0 or a label of their own"
            }
            false => {
                "a segmentation is expected here: check that the file is no CT and was resampled with nearest neighbour"
            }
        };
        self.odd.refuse(geometry, |count, voxels, first| {
            Error::malformed(
                path,
                format!(
                    "{count} of {voxels} voxels are no labels (whole numbers from 0 to {}), the first {first}",
                    T::LARGEST
                ),
                hint,
            )
        })
    }
}

/// Voxels whose value cannot be used.
#[derive(Default)]
struct Odd {
    count: u64,
    first: Option<(usize, f64)>,
}

impl Odd {
    fn add(&mut self, index: usize, value: f64) {
        self.count += 1;
        // Arrays come in the order of memory, not of their indices.
        if self.first.is_none_or(|(first, _)| index < first) {
            self.first = Some((index, value));
        }
    }

    fn refuse(
        self,
        geometry: &Geometry,
        error: impl FnOnce(u64, usize, String) -> Error,
    ) -> Result<()> {
        let Some((index, value)) = self.first else {
            return Ok(());
        };
        let [_, ny, nx] = geometry.shape;
        let (x, y, z) = (index % nx, index / nx % ny, index / nx / ny);
        let first = format!("{value} at x {x}, y {y}, z {z}");
        Err(error(self.count, geometry.len(), first))
    }
}

/// Reads a volume; `accept` gets the index in file order and the scaled value of every voxel.
fn read<T>(
    path: &Path,
    mut content: MaybeGzip,
    accept: impl FnMut(usize, f64) -> T,
) -> Result<Volume<T>> {
    with_content(path, &mut content, |content, layout| {
        let voxels = read_voxels(path, content, layout, accept)?;
        check_end(content)?;
        let geometry = layout.header.geometry.clone();
        let voxels = Array3::from_shape_vec(geometry.shape, voxels)
            .map_err(|e| Error::Internal(format!("{}: {e}", path.shown())))?;
        Ok(Volume { voxels, geometry })
    })
}

/// A stored number that can be decoded from its bytes.
pub(super) trait Decode<const N: usize> {
    fn decode(bytes: [u8; N], big_endian: bool) -> f64;
}

macro_rules! decode {
    ($($number:ty: $bytes:literal),+) => {$(
        impl Decode<$bytes> for $number {
            #[inline]
            fn decode(bytes: [u8; $bytes], big_endian: bool) -> f64 {
                (if big_endian { Self::from_be_bytes(bytes) } else { Self::from_le_bytes(bytes) }) as f64
            }
        }
    )+};
}
decode!(u8: 1, i8: 1, i16: 2, u16: 2, i32: 4, u32: 4, i64: 8, u64: 8, f32: 4, f64: 8);

fn read_voxels<T>(
    path: &Path,
    content: &mut MaybeGzip,
    layout: &Layout,
    accept: impl FnMut(usize, f64) -> T,
) -> Result<Vec<T>> {
    match layout.stored {
        Stored::U8 => read_stored::<u8, 1, T>(path, content, layout, accept),
        Stored::I8 => read_stored::<i8, 1, T>(path, content, layout, accept),
        Stored::I16 => read_stored::<i16, 2, T>(path, content, layout, accept),
        Stored::U16 => read_stored::<u16, 2, T>(path, content, layout, accept),
        Stored::I32 => read_stored::<i32, 4, T>(path, content, layout, accept),
        Stored::U32 => read_stored::<u32, 4, T>(path, content, layout, accept),
        Stored::I64 => read_stored::<i64, 8, T>(path, content, layout, accept),
        Stored::U64 => read_stored::<u64, 8, T>(path, content, layout, accept),
        Stored::F32 => read_stored::<f32, 4, T>(path, content, layout, accept),
        Stored::F64 => read_stored::<f64, 8, T>(path, content, layout, accept),
    }
}

fn read_stored<S: Decode<N>, const N: usize, T>(
    path: &Path,
    content: &mut MaybeGzip,
    layout: &Layout,
    mut accept: impl FnMut(usize, f64) -> T,
) -> Result<Vec<T>> {
    let out_of_memory = |_| {
        Error::malformed(
            path,
            format!("its {} voxels do not fit into memory", layout.voxels()),
            "use a machine with more memory, or crop the volume",
        )
    };
    let (slope, inter) = layout.scaling.unwrap_or((1.0, 0.0));
    let total = layout.voxel_bytes();
    let _claim = memory::claim(path, layout.voxels() * size_of::<T>() as u64)?;
    let likely = content
        .file_len()
        .map_or(0, |len| len.saturating_mul(LIKELY_RATIO))
        .min(total);
    let mut voxels = Vec::new();
    voxels
        .try_reserve(likely as usize / N)
        .map_err(out_of_memory)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut arrived = 0;
    while arrived < total {
        let want = (total - arrived).min(CHUNK_BYTES as u64) as usize;
        let got = content.fill(&mut buffer[..want])?;
        arrived += got as u64;
        if got < want {
            return Err(truncated(content, arrived, total));
        }
        let (numbers, _) = buffer[..got].as_chunks::<N>();
        voxels.try_reserve(numbers.len()).map_err(out_of_memory)?;
        let first = voxels.len();
        voxels.extend(numbers.iter().enumerate().map(|(i, &bytes)| {
            let value = S::decode(bytes, layout.big_endian);
            accept(first + i, value * slope + inter)
        }));
    }
    Ok(voxels)
}
