use std::ops::Range;

use hdbench_volume::Bounds;
use ndarray::{ArrayView3, Axis};
use rayon::prelude::*;

use super::Voxel;

/// Bits of a word.
const WORD: usize = u64::BITS as usize;

/// A mask of a box of voxels, one bit a voxel; everything outside the box is background.
///
/// An eighth of the memory of bytes, and sixty-four voxels a step: what scoring works on after it
/// has read the label maps once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitMask {
    bounds: Bounds,
    shape: [usize; 3],
    /// Words of a row: its voxels from the second word on, lowest bit first, between two words of
    /// background, so that a step or a look past either end needs no test.
    stride: usize,
    words: Vec<u64>,
    is_planar: bool,
}

impl BitMask {
    /// A box of background.
    pub fn empty(bounds: Bounds) -> Self {
        let shape = bounds.shape();
        let stride = shape[2].div_ceil(WORD) + 2;
        Self {
            bounds,
            shape,
            stride,
            words: vec![0; shape[0] * shape[1] * stride],
            is_planar: false,
        }
    }

    /// The voxels of an array `[z, y, x]` inside the box for which `holds` is true.
    ///
    /// # Panics
    /// If the box reaches past the array.
    pub fn of<T: Copy + Sync>(
        array: ArrayView3<'_, T>,
        bounds: Bounds,
        holds: impl Fn(T) -> bool + Sync,
    ) -> Self {
        let mut mask = Self::empty(bounds);
        let array = bounds.crop(array);
        mask.fill_planes(|z, plane| {
            let source = array.index_axis(Axis(0), z);
            for (y, row) in source.outer_iter().enumerate() {
                match row.to_slice() {
                    Some(row) => plane.set_row(y, row, &holds),
                    None => plane.set_row(y, &row.to_vec(), &holds),
                }
            }
        });
        mask
    }

    /// The voxels of runs `(z, y, x)` with indices in the box.
    ///
    /// # Panics
    /// If a run reaches past the box.
    pub fn of_runs(
        bounds: Bounds,
        runs: impl Iterator<Item = (usize, usize, Range<usize>)>,
    ) -> Self {
        let mut mask = Self::empty(bounds);
        for (z, y, xs) in runs {
            assert!(xs.end <= mask.shape[2], "a run within the box");
            let row = mask.row_mut(z, y);
            let mut x = xs.start;
            while x < xs.end {
                let (word, bit) = (x / WORD, x % WORD);
                let count = (WORD - bit).min(xs.end - x);
                row[word + 1] |= first_bits(count) << bit;
                x += count;
            }
        }
        mask
    }

    /// Whether any voxel of a run `(z, y, x)` with indices in the box is true.
    pub fn has_any(&self, z: usize, y: usize, xs: Range<usize>) -> bool {
        let row = self.row(z, y);
        let mut x = xs.start;
        while x < xs.end {
            let count = (xs.end - x).min(WORD);
            if look(row, x as isize) & first_bits(count) != 0 {
                return true;
            }
            x += count;
        }
        false
    }

    /// The same voxels in another box; what lies outside it is dropped.
    pub fn crop(&self, bounds: Bounds) -> Self {
        let mut out = Self::empty(bounds);
        out.is_planar = self.is_planar;
        let shift =
            [0, 1, 2].map(|axis| bounds.start[axis] as isize - self.bounds.start[axis] as isize);
        let inside = |at: usize, axis: usize| {
            let at = at.checked_add_signed(shift[axis])?;
            (at < self.shape[axis]).then_some(at)
        };
        let (nx, width) = (out.shape[2], self.shape[2] as isize);
        for z in 0..out.shape[0] {
            for y in 0..out.shape[1] {
                let (Some(from_z), Some(from_y)) = (inside(z, 0), inside(y, 1)) else {
                    continue;
                };
                let from = self.row(from_z, from_y);
                let row = out.row_mut(z, y);
                for (i, word) in row[1..].iter_mut().take(nx.div_ceil(WORD)).enumerate() {
                    let at = (i * WORD) as isize + shift[2];
                    if at > -(WORD as isize) && at < width {
                        *word = look(from, at) & first_bits(nx - i * WORD);
                    }
                }
            }
        }
        out
    }

    /// A picture and no volume of one slice: along z it has no surface, as if every slice were the same.
    pub fn planar(mut self) -> Self {
        self.is_planar = true;
        self
    }

    /// Whether it is a picture.
    pub fn is_planar(&self) -> bool {
        self.is_planar
    }

    /// The box.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Voxels of the box along `[z, y, x]`.
    pub(super) fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Number of true voxels.
    pub fn count(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// Number of voxels that are true in both masks of one box.
    pub fn count_shared(&self, other: &Self) -> u64 {
        debug_assert_eq!(self.bounds, other.bounds);
        let words = self.words.iter().zip(&other.words);
        words.map(|(a, b)| u64::from((a & b).count_ones())).sum()
    }

    /// The voxels that another mask of the same box has not.
    ///
    /// # Panics
    /// If the boxes differ.
    pub fn without(&self, other: &Self) -> Self {
        assert_eq!(self.bounds, other.bounds, "masks of one box");
        let words = self.words.iter().zip(&other.words);
        Self {
            words: words.map(|(own, other)| own & !other).collect(),
            ..*self
        }
    }

    /// The voxels for which `keep` holds, which is asked of each in raster order.
    pub(super) fn retain(mut self, mut keep: impl FnMut() -> bool) -> Self {
        for word in &mut self.words {
            let mut left = *word;
            while left != 0 {
                let bit = left & left.wrapping_neg();
                left ^= bit;
                if !keep() {
                    *word ^= bit;
                }
            }
        }
        self
    }

    /// The mask in parts of some whole planes, in their order: at most `most` voxels each, or one plane.
    pub(super) fn parts(&self, most: usize) -> impl Iterator<Item = Self> + '_ {
        let starts = self.plane_starts();
        let size = self.shape[1] * self.stride;
        let mut first = 0;
        std::iter::from_fn(move || {
            let begin = *starts.get(first)?;
            let planes = starts.len() - 1;
            if first == planes {
                return None;
            }
            let fits = |end: &usize| starts[*end] - begin <= most;
            let end = (first + 1..=planes).take_while(fits).last();
            let end = end.unwrap_or(first + 1);
            let mut part = self.emptied();
            let words = first * size..end * size;
            part.words[words.clone()].copy_from_slice(&self.words[words]);
            first = end;
            Some(part)
        })
    }

    /// The same box without voxels.
    fn emptied(&self) -> Self {
        Self {
            words: vec![0; self.words.len()],
            ..*self
        }
    }

    /// Number of runs along x.
    pub fn count_runs(&self) -> u64 {
        let rows = self.words.chunks_exact(self.stride.max(1));
        rows.map(|row| count_runs(row) as u64).sum()
    }

    /// Whether no voxel is true.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The smallest box that holds every true voxel.
    pub fn tight_bounds(&self) -> Option<Bounds> {
        let [z0, y0, x0] = self.bounds.start;
        let mut all = self.nothing();
        let mut places: Option<Bounds> = None;
        for z in 0..self.shape[0] {
            for y in 0..self.shape[1] {
                let row = self.row(z, y);
                if row.iter().any(|&word| word != 0) {
                    all.iter_mut().zip(row).for_each(|(all, own)| *all |= own);
                    let found = Bounds {
                        start: [z, y, 0],
                        end: [z + 1, y + 1, 0],
                    };
                    places = Bounds::union(places, Some(found));
                }
            }
        }
        let places = places?;
        let first = all.iter().position(|&word| word != 0)?;
        let last = all.iter().rposition(|&word| word != 0)?;
        let start = (first - 1) * WORD + all[first].trailing_zeros() as usize;
        let end = last * WORD - all[last].leading_zeros() as usize;
        Some(Bounds {
            start: [z0 + places.start[0], y0 + places.start[1], x0 + start],
            end: [z0 + places.end[0], y0 + places.end[1], x0 + end],
        })
    }

    /// Every true voxel in raster order, by its index in the whole volume.
    pub fn voxels(&self) -> Vec<Voxel> {
        let [z0, y0, x0] = self.bounds.start;
        let mut voxels = Vec::with_capacity(self.count() as usize);
        for z in 0..self.shape[0] {
            for y in 0..self.shape[1] {
                voxels.extend(ones(self.row(z, y)).map(|x| [z0 + z, y0 + y, x0 + x]));
            }
        }
        voxels
    }

    /// The words of a row of the box, a word of background at either end.
    #[inline]
    pub(super) fn row(&self, z: usize, y: usize) -> &[u64] {
        let start = (z * self.shape[1] + y) * self.stride;
        &self.words[start..start + self.stride]
    }

    /// The words of a plane's rows.
    pub(super) fn plane(&self, z: usize) -> &[u64] {
        let size = self.shape[1] * self.stride;
        &self.words[z * size..(z + 1) * size]
    }

    fn row_mut(&mut self, z: usize, y: usize) -> &mut [u64] {
        let start = (z * self.shape[1] + y) * self.stride;
        &mut self.words[start..start + self.stride]
    }

    /// A row that may lie outside the box, then `nothing`, a row of background.
    #[inline]
    pub(super) fn row_or<'a>(&'a self, z: isize, y: isize, nothing: &'a [u64]) -> &'a [u64] {
        let z = if self.is_planar { 0 } else { z };
        // What lies before the first is too large as well.
        let (z, y) = (z.cast_unsigned(), y.cast_unsigned());
        if z < self.shape[0] && y < self.shape[1] {
            self.row(z, y)
        } else {
            nothing
        }
    }

    /// A row of background as long as a row of this mask.
    pub(super) fn nothing(&self) -> Vec<u64> {
        vec![0; self.stride]
    }

    /// Where the ones of each plane begin in a list of all in raster order; the end as well.
    pub(super) fn plane_starts(&self) -> Vec<usize> {
        let size = (self.shape[1] * self.stride).max(1);
        let ones = |plane: &[u64]| plane.iter().map(|word| word.count_ones() as usize).sum();
        let counts: Vec<usize> = self.words.chunks(size).map(ones).collect();
        let mut starts = vec![0];
        starts.extend(counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        }));
        starts
    }

    /// Fills the planes in parallel.
    pub(super) fn fill_planes(&mut self, fill: impl Fn(usize, &mut Plane<'_>) + Sync) {
        let stride = self.stride;
        let size = (self.shape[1] * stride).max(1);
        self.words
            .par_chunks_mut(size)
            .enumerate()
            .for_each(|(z, words)| fill(z, &mut Plane { words, stride }));
    }
}

/// The rows of one plane while they are filled.
pub(super) struct Plane<'a> {
    words: &'a mut [u64],
    stride: usize,
}

impl Plane<'_> {
    /// The words of a row, the background at its ends included.
    pub(super) fn row_mut(&mut self, y: usize) -> &mut [u64] {
        &mut self.words[y * self.stride..(y + 1) * self.stride]
    }

    fn set_row<T: Copy>(&mut self, y: usize, values: &[T], holds: impl Fn(T) -> bool) {
        let row = &mut self.row_mut(y)[1..];
        for (word, values) in row.iter_mut().zip(values.chunks(WORD)) {
            let mut bytes = [0u8; WORD];
            for (byte, &value) in bytes.iter_mut().zip(values) {
                *byte = u8::from(holds(value));
            }
            *word = packed(&bytes);
        }
    }
}

/// Sixty-four bytes of 0 or 1 as bits.
fn packed(bytes: &[u8; WORD]) -> u64 {
    let mut word = 0;
    for (i, eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
        // The product brings byte k's lowest bit to bit 56 + k, and no two terms meet.
        let top = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= top << (8 * i);
    }
    word
}

/// The sixty-four voxels of a row from `x` on, which may lie up to a word before its beginning.
pub(super) fn look(row: &[u64], x: isize) -> u64 {
    let (word, shift) = split_at(x);
    joined([row[word], row[word + 1]], shift)
}

/// The word of a row that holds a voxel, which may lie up to a word before its beginning, and the voxel's bit.
pub(super) fn split_at(x: isize) -> (usize, usize) {
    let at = (x + WORD as isize) as usize;
    (at / WORD, at % WORD)
}

/// The sixty-four voxels from a bit of the first word on.
pub(super) fn joined([first, second]: [u64; 2], bit: usize) -> u64 {
    let both = u128::from(first) | u128::from(second) << WORD;
    (both >> bit) as u64
}

/// A word whose lowest `count` bits are set, all if there are more.
fn first_bits(count: usize) -> u64 {
    if count >= WORD {
        u64::MAX
    } else {
        (1 << count) - 1
    }
}

/// Places of the ones of a row, ascending.
pub(super) fn ones(row: &[u64]) -> impl Iterator<Item = usize> + '_ {
    row[1..].iter().enumerate().flat_map(|(i, &word)| {
        let mut left = word;
        std::iter::from_fn(move || {
            (left != 0).then(|| {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                i * WORD + bit
            })
        })
    })
}

/// How many runs of ones a row has.
pub(super) fn count_runs(row: &[u64]) -> usize {
    row.array_windows()
        .map(|[before, own]| (own & !(own << 1 | before >> 63)).count_ones() as usize)
        .sum()
}

/// The runs of ones of a row, ascending.
pub(super) fn runs(row: &[u64]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut x = 0;
    let end = (row.len() - 2) * WORD;
    std::iter::from_fn(move || {
        let start = x + skip(row, x, end, 0)?;
        // The word of background at the end stops the last run.
        x = skip(row, start, end, u64::MAX).map_or(end, |length| start + length);
        Some(start..x)
    })
}

/// How many voxels from `x` on have the bits of `value` before the first that has not.
fn skip(row: &[u64], x: usize, end: usize, value: u64) -> Option<usize> {
    let mut at = x;
    while at < end {
        let found = look(row, at as isize) ^ value;
        if found != 0 {
            let place = at + found.trailing_zeros() as usize;
            return (place < end).then_some(place - x);
        }
        at += WORD;
    }
    None
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    fn odd(shape: [usize; 3]) -> Array3<bool> {
        Array3::from_shape_fn(shape, |(z, y, x)| (z * 31 + y * 17 + x * x * 7) % 5 < 2)
    }

    fn whole(mask: &Array3<bool>) -> BitMask {
        let bounds = Bounds {
            start: [0; 3],
            end: [0, 1, 2].map(|axis| mask.shape()[axis]),
        };
        BitMask::of(mask.view(), bounds, |v| v)
    }

    #[test]
    fn every_voxel_comes_back_whatever_the_width() {
        for width in [1, 63, 64, 65, 127, 128, 200] {
            let mask = odd([2, 3, width]);
            let bits = whole(&mask);
            let expected: Vec<Voxel> = mask
                .indexed_iter()
                .filter(|(_, value)| **value)
                .map(|((z, y, x), _)| [z, y, x])
                .collect();
            assert_eq!(bits.voxels(), expected);
            assert_eq!(bits.count(), expected.len() as u64);
            assert_eq!(bits.tight_bounds(), Bounds::of(mask.view()));
            let from_runs: usize = (0..2)
                .flat_map(|z| (0..3).map(move |y| (z, y)))
                .map(|(z, y)| runs(bits.row(z, y)).map(|run| run.len()).sum::<usize>())
                .sum();
            assert_eq!(from_runs, expected.len());
            let listed: usize = (0..2)
                .flat_map(|z| (0..3).map(move |y| (z, y)))
                .map(|(z, y)| runs(bits.row(z, y)).count())
                .sum();
            assert_eq!(bits.count_runs(), listed as u64);
        }
    }

    #[test]
    fn parts_and_what_is_kept_of_them_make_the_mask() {
        let bits = whole(&odd([7, 5, 130]));
        for most in [1, 200, 600, 10_000] {
            let parts: Vec<BitMask> = bits.parts(most).collect();
            let voxels: Vec<Voxel> = parts.iter().flat_map(BitMask::voxels).collect();
            assert_eq!(voxels, bits.voxels());
            let is_small = |part: &BitMask| part.count() <= most as u64;
            let is_plane = |part: &BitMask| {
                let bounds = part.tight_bounds().unwrap();
                bounds.end[0] - bounds.start[0] == 1
            };
            assert!(parts.iter().all(|part| is_small(part) || is_plane(part)));
        }
        assert!(bits.parts(10_000).count() == 1 && bits.parts(1).count() == 7);
        let mut at = 0;
        let thirds = bits.clone().retain(|| {
            at += 1;
            at % 3 == 0
        });
        let expected: Vec<Voxel> = bits.voxels().into_iter().skip(2).step_by(3).collect();
        assert_eq!(thirds.voxels(), expected);
        let rest = bits.without(&thirds);
        assert_eq!(rest.count() + thirds.count(), bits.count());
        assert_eq!(rest.count_shared(&thirds), 0);
    }

    #[test]
    fn a_crop_holds_the_voxels_of_its_box() {
        let mask = odd([4, 5, 150]);
        let bits = whole(&mask);
        for (start, end) in [
            ([1, 2, 3], [3, 4, 140]),
            ([0, 0, 70], [4, 5, 71]),
            ([2, 0, 64], [6, 9, 300]),
        ] {
            let bounds = Bounds { start, end };
            let inside = |voxel: &Voxel| (0..3).all(|i| (start[i]..end[i]).contains(&voxel[i]));
            let mut expected = bits.voxels();
            expected.retain(inside);
            assert_eq!(bits.crop(bounds).voxels(), expected);
        }
    }
}
