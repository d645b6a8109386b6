//! Maps cut into tiles, each of 2 x 2 places of a result and the 4 x 4 values around them.

use std::array;

use pulp::Simd;
use rayon::prelude::*;

use super::planes::Geometry;
use super::source::{Source, Spare};

/// Products of a tile.
pub const POINTS: usize = 16;

/// Transformed values that are held at a time, 8 MB.
pub const WAVE_VALUES: usize = 2 << 20;

/// Outputs that a task computes together, at most.
pub const ROWS: usize = 24;

/// How maps are cut into tiles of 2 x 2 results, which overlap in 4 x 4 values; rows of tiles into strips.
#[derive(Clone, Copy, Debug)]
pub struct Tiling {
    pub channels: usize,
    pub batch: usize,
    pub depth: usize,
    /// `[y, x]` of a slice.
    pub size: [usize; 2],
    /// Slices of a kernel, and zeros before the first one.
    pub kernel: [usize; 2],
    /// `[y, x]`.
    padding: [usize; 2],
    /// `[y, x]` of a slice's tiles.
    pub tiles: [usize; 2],
    /// Rows of tiles in a strip.
    pub strip: usize,
    pub lanes: usize,
}

/// Tiles side by side in a row.
#[derive(Clone, Copy)]
pub struct Run {
    /// The first one's place in its group.
    pub lane: usize,
    /// `[y, x]` of the first.
    pub tile: [usize; 2],
    pub length: usize,
}

impl Tiling {
    pub fn new(geometry: &Geometry, lanes: usize, strip: usize) -> Self {
        let [depth, height, width] = geometry.size;
        let tiles = [height.div_ceil(2), width.div_ceil(2)];
        let strips = tiles[0].div_ceil(strip.div_ceil(tiles[1]));
        let [before, above, left] = geometry.padding;
        Self {
            channels: geometry.channels_in,
            batch: geometry.batch,
            depth,
            size: [height, width],
            kernel: [geometry.kernel[0], before],
            padding: [above, left],
            tiles,
            strip: tiles[0].div_ceil(strips),
            lanes,
        }
    }

    pub fn strips(&self) -> usize {
        self.tiles[0].div_ceil(self.strip)
    }

    /// Image, strip and slice of a slice of a strip, counted from strip `first` on.
    pub fn place(&self, first: usize, slices: usize) -> [usize; 3] {
        let strip = first + slices / self.depth;
        [
            strip / self.strips(),
            strip % self.strips(),
            slices % self.depth,
        ]
    }

    /// The slice of the input that one of the result meets at this slice of the kernel.
    pub fn met(&self, slice: usize, tap: usize) -> Option<usize> {
        let [_, before] = self.kernel;
        (slice + tap)
            .checked_sub(before)
            .filter(|&met| met < self.depth)
    }

    /// Rows of tiles in this strip: the last may have fewer.
    pub fn rows(&self, strip: usize) -> usize {
        self.strip.min(self.tiles[0] - strip * self.strip)
    }

    /// Groups of tiles in a strip.
    pub fn groups(&self) -> usize {
        (self.strip * self.tiles[1]).div_ceil(2 * self.lanes)
    }

    /// Even and odd columns of a row, each with its padding.
    pub fn half(&self) -> usize {
        self.tiles[1] + 1
    }

    /// Values of a padded slice.
    pub fn padded(&self) -> usize {
        (2 * self.tiles[0] + 2) * 2 * self.half()
    }

    /// Values of a padded channel.
    pub fn channel(&self) -> usize {
        self.depth * self.padded()
    }

    /// The tiles of a group, row by row.
    pub fn group(&self, strip: usize, group: usize) -> Vec<Run> {
        let rows = self.rows(strip);
        let across = self.tiles[1];
        let first = group * 2 * self.lanes;
        let end = (first + 2 * self.lanes).min(rows * across);
        let mut runs = Vec::new();
        let mut tile = first;
        while tile < end {
            let [y, x] = [tile / across, tile % across];
            let length = (across - x).min(end - tile);
            runs.push(Run {
                lane: tile - first,
                tile: [strip * self.strip + y, x],
                length,
            });
            tile += length;
        }
        runs
    }

    /// All slices with their padding around them, of every row the even columns before the odd ones.
    pub fn split(&self, x: &Source) -> Vec<f32> {
        let [height, width] = self.size;
        let [above, left] = self.padding;
        let half = self.half();
        // A vector read at the last tile reaches past it.
        let mut split = vec![0.0; self.batch * self.channels * self.channel() + 2 * self.lanes];
        split
            .par_chunks_exact_mut(self.channel())
            .take(self.batch * self.channels)
            .enumerate()
            .with_min_len(8)
            .for_each_init(Spare::default, |spare, (index, to)| {
                let plane = x.plane(index, spare);
                for (slice, to) in plane
                    .chunks_exact(height * width)
                    .zip(to.chunks_exact_mut(self.padded()))
                {
                    let to = to[above * 2 * half..].chunks_exact_mut(2 * half);
                    for (row, to) in slice.chunks_exact(width).zip(to) {
                        let (even, odd) = to.split_at_mut(half);
                        let (first, second) = if left % 2 == 0 {
                            (even, odd)
                        } else {
                            (odd, even)
                        };
                        let first = &mut first[left / 2..];
                        let second = &mut second[left.div_ceil(2)..];
                        let (pairs, last) = row.as_chunks::<2>();
                        for ((pair, first), second) in pairs.iter().zip(&mut *first).zip(second) {
                            [*first, *second] = *pair;
                        }
                        if let [last] = last {
                            first[pairs.len()] = *last;
                        }
                    }
                }
            });
        split
    }
}

/// A square of values `[y][x]`, changed along its rows and then along its columns.
#[inline(always)]
pub fn both<T: Copy, const FROM: usize, const TO: usize>(
    square: [[T; FROM]; FROM],
    change: impl Fn([T; FROM]) -> [T; TO],
) -> [[T; TO]; TO] {
    let rows: [[T; TO]; FROM] = array::from_fn(|y| change(square[y]));
    let columns: [[T; TO]; TO] = array::from_fn(|x| change(array::from_fn(|y| rows[y][x])));
    array::from_fn(|y| array::from_fn(|x| columns[x][y]))
}

/// Four values of a tile, transformed.
#[inline(always)]
pub fn turn<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [
        simd.sub_f32s(a, c),
        simd.add_f32s(b, c),
        simd.sub_f32s(c, b),
        simd.sub_f32s(b, d),
    ]
}
