//! Label maps in, without their background: most voxels of a map are 0, and what is never stored
//! costs neither memory nor the time to touch it.

use std::path::Path;

use hdbench_ground::error::{Error, Result};
use ndarray::{Array3, s};

use super::image_read::{Decode, LabelCheck};
use super::label_value::{Label, LabelValue, LabelValues};
use super::layout::{Layout, Stored};
use super::voxel_place::{check_end, truncated, with_content};
use super::{Geometry, HeaderNote, ImageHeader, Turn, Volume};
use crate::artifact::MaybeGzip;

/// What is decompressed at a time: enough to amortise a call, little enough for the second cache.
const CHUNK_BYTES: usize = 256 * 1024;

/// A label map without the background around its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelBox<T = u8> {
    /// Of the whole map.
    pub geometry: Geometry,
    /// What was odd about the file.
    pub notes: Vec<HeaderNote>,
    /// Index of the box's first voxel in the map, `[z, y, x]`.
    pub start: [usize; 3],
    /// The smallest box that holds every label above 0, `[z, y, x]`; empty where there is none.
    pub voxels: Array3<T>,
}

impl<T: Label> LabelBox<T> {
    /// First and one past the last index along `[z, y, x]`; `None` for a map of background alone.
    pub fn bounds(&self) -> Option<([usize; 3], [usize; 3])> {
        let (nz, ny, nx) = self.voxels.dim();
        let end = [self.start[0] + nz, self.start[1] + ny, self.start[2] + nx];
        (!self.voxels.is_empty()).then_some((self.start, end))
    }

    /// A map that is wholly in memory, with the notes of its header.
    pub fn whole(map: Volume<T>, notes: Vec<HeaderNote>) -> Self {
        Self {
            geometry: map.geometry,
            notes,
            start: [0; 3],
            voxels: map.voxels,
        }
    }

    /// A map that is wholly in memory, without the background around its labels.
    pub fn of(map: &Volume<T>) -> Self {
        let mut bounds = [[usize::MAX, 0]; 3];
        for ((z, y, x), label) in map.voxels.indexed_iter() {
            if *label != T::default() {
                for (bound, at) in bounds.iter_mut().zip([z, y, x]) {
                    *bound = [bound[0].min(at), bound[1].max(at + 1)];
                }
            }
        }
        if bounds[0][1] == 0 {
            bounds = [[0; 2]; 3];
        }
        let [z, y, x] = bounds;
        Self {
            geometry: map.geometry.clone(),
            notes: Vec::new(),
            start: bounds.map(|[start, _]| start),
            voxels: map
                .voxels
                .slice(s![z[0]..z[1], y[0]..y[1], x[0]..x[1]])
                .to_owned(),
        }
    }

    /// The smallest part of two maps that holds the labels of both, as [`Self::window`] gives it.
    pub fn windows(&self, other: &Self) -> [Array3<T>; 2] {
        let both = match (self.bounds(), other.bounds()) {
            (Some(a), Some(b)) => Some((
                [0, 1, 2].map(|axis| a.0[axis].min(b.0[axis])),
                [0, 1, 2].map(|axis| a.1[axis].max(b.1[axis])),
            )),
            (one, None) | (None, one) => one,
        };
        let (start, end) = both.unwrap_or_default();
        [self, other].map(|map| map.window(start, end))
    }

    /// The part of the map from `start` to before `end`, which holds the whole box.
    ///
    /// # Panics
    /// If the box reaches past the part.
    pub fn window(&self, start: [usize; 3], end: [usize; 3]) -> Array3<T> {
        let shape = [0, 1, 2].map(|axis| end[axis] - start[axis]);
        let mut window = Array3::default(shape);
        if !self.voxels.is_empty() {
            let [z, y, x] = [0, 1, 2].map(|axis| self.start[axis] - start[axis]);
            let (nz, ny, nx) = self.voxels.dim();
            window
                .slice_mut(s![z..z + nz, y..y + ny, x..x + nx])
                .assign(&self.voxels);
        }
        window
    }
}

impl Turn {
    /// A box of labels on the turned grid, around the same voxels.
    pub fn label_box<T: Label>(&self, map: &LabelBox<T>) -> LabelBox<T> {
        let geometry = self.geometry(&map.geometry);
        let voxels = self.array(map.voxels.view());
        let (source, flipped) = (self.source_axes(), self.flipped_axes());
        let start = [0, 1, 2].map(|axis| {
            let (from, len) = (map.start[source[axis]], voxels.shape()[axis]);
            match flipped[axis] && !voxels.is_empty() {
                true => geometry.shape[axis] - from - len,
                false => from,
            }
        });
        LabelBox {
            geometry,
            notes: map.notes.clone(),
            start,
            voxels,
        }
    }
}

impl<T: LabelValue> LabelBox<T> {
    /// The labels above 0 that occur.
    pub fn values(&self) -> LabelValues {
        match self.voxels.as_slice() {
            Some(labels) => LabelValues::of_slice(labels),
            None => LabelValues::of(&self.voxels),
        }
    }
}

/// Reads a label map as [`super::read_labels`] does, keeping only the box of its labels.
///
/// # Errors
/// As [`super::read_labels`].
pub fn read_label_box(path: &Path) -> Result<LabelBox> {
    read_label_box_as(path)
}

/// [`read_label_box`] for labels of either width: with `u16`, whole numbers from 0 to 65,535.
///
/// # Errors
/// As [`super::read_labels`].
pub fn read_label_box_as<T: LabelValue>(path: &Path) -> Result<LabelBox<T>> {
    let mut content = MaybeGzip::open(path)?;
    label_box_of_as(path, &mut content)
}

/// The box of a label map of any labels from 0 to 65,535, and which of them occur.
///
/// # Errors
/// As [`super::read_labels`].
pub fn read_label_box_and_values(path: &Path) -> Result<(LabelBox<u16>, LabelValues)> {
    let mut content = MaybeGzip::open(path)?;
    label_box_and_values_of(path, &mut content)
}

/// The same from content that is already open; `path` names it in errors.
pub fn label_box_and_values_of(
    path: &Path,
    content: &mut MaybeGzip,
) -> Result<(LabelBox<u16>, LabelValues)> {
    let labels = label_box_of_as(path, content)?;
    let values = labels.values();
    Ok((labels, values))
}

/// [`read_label_box`] from content that is already open; `path` names it in errors.
pub fn label_box_of(path: &Path, content: &mut MaybeGzip) -> Result<LabelBox> {
    label_box_of_as(path, content)
}

/// [`read_label_box_as`] from content that is already open; `path` names it in errors.
pub fn label_box_of_as<T: LabelValue>(path: &Path, content: &mut MaybeGzip) -> Result<LabelBox<T>> {
    with_content(path, content, |content, layout| {
        labels_of(path, content, layout)
    })
}

/// The labels of a map in as few bits as its file says that they need.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredLabels {
    /// The file has bytes that are the labels themselves.
    Bytes(LabelBox),
    /// Any other file.
    Words(LabelBox<u16>),
}

impl StoredLabels {
    /// The labels in 16 bits.
    pub fn into_words(self) -> LabelBox<u16> {
        match self {
            Self::Words(labels) => labels,
            Self::Bytes(labels) => LabelBox {
                geometry: labels.geometry,
                notes: labels.notes,
                start: labels.start,
                voxels: labels.voxels.mapv(u16::from),
            },
        }
    }
}

/// The labels of content that is already open, as its header says that they are stored; `path` names it in errors.
///
/// # Errors
/// As [`super::read_labels`].
pub fn stored_labels_of(path: &Path, content: &mut MaybeGzip) -> Result<StoredLabels> {
    with_content(path, content, |content, layout| match has_bytes(layout) {
        true => labels_of(path, content, layout).map(StoredLabels::Bytes),
        false => labels_of(path, content, layout).map(StoredLabels::Words),
    })
}

/// Whether every byte is a label.
fn has_bytes(layout: &Layout) -> bool {
    matches!(layout.stored, Stored::U8) && layout.scaling.is_none()
}

/// The labels of content that stands at the first voxel.
fn labels_of<T: LabelValue>(
    path: &Path,
    content: &mut MaybeGzip,
    layout: &Layout,
) -> Result<LabelBox<T>> {
    let mut check = LabelCheck::default();
    let mut accept = |index, value| check.label(index, value);
    let mut rows = Rows::default();
    match has_bytes(layout) {
        true => rows.read_lines(path, content, layout, |_, bytes: &[[u8; 1]], labels| {
            labels.extend(bytes.iter().map(|&[byte]| T::from(byte)));
        })?,
        false => rows.read_stored(path, content, layout, &mut accept)?,
    }
    check_end(content)?;
    let map = rows.into_box(&layout.header);
    check.verdict::<T>(path, &map.geometry)?;
    Ok(map)
}

/// Reads a map of anything: the closure that `accept` makes from the header turns a voxel's index
/// in file order and its value, slope and intercept applied, into a label. It has to give the
/// default for 0, and may not be asked for it.
pub fn boxed<T: Label, A: FnMut(usize, f64) -> T>(
    path: &Path,
    content: &mut MaybeGzip,
    accept: impl FnOnce(&ImageHeader) -> A,
) -> Result<LabelBox<T>> {
    with_content(path, content, |content, layout| {
        let mut rows = Rows::default();
        rows.read_stored(path, content, layout, &mut accept(&layout.header))?;
        check_end(content)?;
        Ok(rows.into_box(&layout.header))
    })
}

/// The rows along x that hold a label, from their first to their last one.
struct Rows<T> {
    /// Number of the row (`z * ny + y`), first x, one past the last x.
    places: Vec<(usize, usize, usize)>,
    /// Their labels, one row after the other.
    labels: Vec<T>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            labels: Vec::new(),
        }
    }
}

impl<T: Label> Rows<T> {
    fn read_stored(
        &mut self,
        path: &Path,
        content: &mut MaybeGzip,
        layout: &Layout,
        accept: &mut impl FnMut(usize, f64) -> T,
    ) -> Result<()> {
        match layout.stored {
            Stored::U8 => self.read::<u8, 1>(path, content, layout, accept),
            Stored::I8 => self.read::<i8, 1>(path, content, layout, accept),
            Stored::I16 => self.read::<i16, 2>(path, content, layout, accept),
            Stored::U16 => self.read::<u16, 2>(path, content, layout, accept),
            Stored::I32 => self.read::<i32, 4>(path, content, layout, accept),
            Stored::U32 => self.read::<u32, 4>(path, content, layout, accept),
            Stored::I64 => self.read::<i64, 8>(path, content, layout, accept),
            Stored::U64 => self.read::<u64, 8>(path, content, layout, accept),
            Stored::F32 => self.read::<f32, 4>(path, content, layout, accept),
            Stored::F64 => self.read::<f64, 8>(path, content, layout, accept),
        }
    }

    fn read<S: Decode<N>, const N: usize>(
        &mut self,
        path: &Path,
        content: &mut MaybeGzip,
        layout: &Layout,
        accept: &mut impl FnMut(usize, f64) -> T,
    ) -> Result<()> {
        let (slope, inter) = layout.scaling.unwrap_or((1.0, 0.0));
        self.read_lines(path, content, layout, |first, numbers, labels| {
            labels.extend(numbers.iter().enumerate().map(|(i, &bytes)| {
                let value = S::decode(bytes, layout.big_endian);
                accept(first + i, value * slope + inter)
            }));
        })
    }

    /// Reads row after row; `decode` is given the index of the first number of a part of a row, its numbers, and where
    /// their labels are added.
    fn read_lines<const N: usize>(
        &mut self,
        path: &Path,
        content: &mut MaybeGzip,
        layout: &Layout,
        mut decode: impl FnMut(usize, &[[u8; N]], &mut Vec<T>),
    ) -> Result<()> {
        let [_, _, width] = layout.header.geometry.shape;
        // With an intercept, zero bytes are no background.
        let zero_is_background = layout.scaling.is_none_or(|(_, inter)| inter == 0.0);
        let row_bytes = width * N;
        let total = layout.voxel_bytes();
        let mut buffer = vec![0; row_bytes * (CHUNK_BYTES / row_bytes).max(1)];
        let (mut arrived, mut row) = (0, 0);
        while arrived < total {
            let want = (total - arrived).min(buffer.len() as u64) as usize;
            let got = content.fill(&mut buffer[..want])?;
            arrived += got as u64;
            if got < want {
                return Err(truncated(content, arrived, total));
            }
            let bytes = &buffer[..got];
            if zero_is_background && is_zero(bytes) {
                row += got / row_bytes;
                continue;
            }
            for bytes in bytes.chunks_exact(row_bytes) {
                let whole = 0..width;
                let asked = if zero_is_background {
                    inside::<N>(bytes)
                } else {
                    whole
                };
                if !asked.is_empty() {
                    let (numbers, _) = bytes[asked.start * N..asked.end * N].as_chunks::<N>();
                    let first = row * width + asked.start;
                    self.add(path, row, asked.start, numbers.len(), |labels| {
                        decode(first, numbers, labels);
                    })?;
                }
                row += 1;
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        path: &Path,
        row: usize,
        start: usize,
        count: usize,
        labels: impl FnOnce(&mut Vec<T>),
    ) -> Result<()> {
        self.labels.try_reserve(count).map_err(|_| {
            Error::malformed(
                path,
                "its labels do not fit into memory",
                "use a machine with more memory, or crop the volume",
            )
        })?;
        let before = self.labels.len();
        labels(&mut self.labels);
        let added = &self.labels[before..];
        // What looked like a label may have been rounded to background.
        let Some(first) = added.iter().position(|&label| label != T::default()) else {
            self.labels.truncate(before);
            return Ok(());
        };
        let end = added
            .iter()
            .rposition(|&label| label != T::default())
            .map_or(0, |i| i + 1);
        self.labels.truncate(before + end);
        self.labels.drain(before..before + first);
        self.places.push((row, start + first, start + end));
        Ok(())
    }

    fn into_box(self, header: &ImageHeader) -> LabelBox<T> {
        let [_, height, _] = header.geometry.shape;
        let (mut low, mut high) = ([usize::MAX; 3], [0; 3]);
        for &(row, first, end) in &self.places {
            let (z, y) = (row / height, row % height);
            for (axis, (start, end)) in [(z, z + 1), (y, y + 1), (first, end)]
                .into_iter()
                .enumerate()
            {
                low[axis] = low[axis].min(start);
                high[axis] = high[axis].max(end);
            }
        }
        if self.places.is_empty() {
            low = [0; 3];
        }
        let shape = [0, 1, 2].map(|axis| high[axis] - low[axis]);
        let mut voxels = Array3::default(shape);
        let mut labels = self.labels.as_slice();
        for &(row, first, end) in &self.places {
            let (z, y) = (row / height - low[0], row % height - low[1]);
            let (these, rest) = labels.split_at(end - first);
            labels = rest;
            let mut row = voxels.slice_mut(s![z, y, first - low[2]..end - low[2]]);
            if let Some(row) = row.as_slice_mut() {
                row.copy_from_slice(these);
            }
        }
        LabelBox {
            geometry: header.geometry.clone(),
            notes: header.notes.clone(),
            start: low,
            voxels,
        }
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes
        .chunks(4096)
        .all(|part| part.iter().fold(0, |all, &byte| all | byte) == 0)
}

/// The voxels from the first to the last that has a byte other than 0.
fn inside<const N: usize>(bytes: &[u8]) -> std::ops::Range<usize> {
    if is_zero(bytes) {
        return 0..0;
    }
    let first = bytes.iter().position(|&byte| byte != 0).unwrap_or(0);
    let last = bytes.iter().rposition(|&byte| byte != 0).unwrap_or(0);
    first / N..last / N + 1
}
