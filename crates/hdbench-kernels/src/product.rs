//! A convolution as a product of matrices: of its kernels, packed row block by row block, with panels of
//! shifted planes.

use std::array;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::planes::{Geometry, Layout};
use super::source::Source;

/// Bytes of a panel: what all rows of a block are multiplied with stays in the nearest cache.
pub const PANEL_BYTES: usize = 16 << 10;

/// Bytes of weights that stay near while panels pass.
const WEIGHTS_BYTES: usize = 512 << 10;

/// Rows a thread should have for itself where threads share the rows of a product: each packs all
/// panels.
const ROWS_A_THREAD: usize = 64;

/// Pixels a thread should have where threads share these.
const PIXELS_A_THREAD: usize = 64;

/// The matrix of a convolution: a row for each of its results, a column for each tap of each of its
/// inputs.
pub struct Weights<'a> {
    pub kernels: &'a [f32],
    pub rows: usize,
    pub inputs: usize,
    pub taps: usize,
    /// `kernels` are `[inputs, rows, taps]`, to be read backwards tap by tap, instead of `[rows,
    /// inputs, taps]`.
    pub turned: bool,
}

impl Weights<'_> {
    /// Columns.
    pub fn depth(&self) -> usize {
        self.inputs * self.taps
    }

    /// The value by which a row takes up an input at a tap.
    pub fn value(&self, row: usize, input: usize, tap: usize) -> f32 {
        if self.turned {
            self.kernels[(input * self.rows + row + 1) * self.taps - 1 - tap]
        } else {
            self.kernels[(row * self.inputs + input) * self.taps + tap]
        }
    }

    /// Columns of some rows, the rows of a register block side by side: `[block][column][row]`.
    pub fn pack(&self, rows: Range<usize>, columns: Range<usize>, packed: &mut Vec<f32>) {
        packed.clear();
        packed.resize(rows.len() * columns.len(), 0.0);
        if self.turned {
            self.pack_turned(rows, columns, packed);
            return;
        }
        let mut rest = packed.as_mut_slice();
        let mut first = rows.start;
        while first < rows.end {
            let count = block_of(rows.end - first);
            let (block, others) = rest.split_at_mut(count * columns.len());
            match count {
                6 => self.pack_block::<6>(first, columns.clone(), block),
                4 => self.pack_block::<4>(first, columns.clone(), block),
                3 => self.pack_block::<3>(first, columns.clone(), block),
                2 => self.pack_block::<2>(first, columns.clone(), block),
                _ => self.pack_block::<1>(first, columns.clone(), block),
            }
            rest = others;
            first += count;
        }
    }

    fn pack_block<const C: usize>(&self, first: usize, columns: Range<usize>, block: &mut [f32]) {
        let rows: [&[f32]; C] =
            array::from_fn(|c| &self.kernels[(first + c) * self.depth()..][columns.clone()]);
        for (k, place) in block.as_chunks_mut::<C>().0.iter_mut().enumerate() {
            for (value, row) in place.iter_mut().zip(rows) {
                *value = row[k];
            }
        }
    }

    /// Several blocks at a time: their kernels of one input lie side by side.
    fn pack_turned(&self, rows: Range<usize>, columns: Range<usize>, packed: &mut [f32]) {
        const TOGETHER: usize = 8;
        let taps = self.taps;
        let blocks: Vec<(usize, usize)> = blocks_of(rows.clone()).collect();
        for blocks in blocks.chunks(TOGETHER) {
            let mut column = columns.start;
            while column < columns.end {
                let (input, tap) = (column / taps, column % taps);
                let count = (taps - tap).min(columns.end - column);
                let kernels = &self.kernels[input * self.rows * taps..][..self.rows * taps];
                for &(first, size) in blocks {
                    let at = (first - rows.start) * columns.len() + (column - columns.start) * size;
                    let places = &mut packed[at..][..count * size];
                    let kernels = &kernels[first * taps..][..size * taps];
                    if taps == 1 {
                        places.copy_from_slice(kernels);
                        continue;
                    }
                    for (row, kernel) in kernels.chunks_exact(taps).enumerate() {
                        let kernel = &kernel[taps - tap - count..taps - tap];
                        let places = places[row..].iter_mut().step_by(size);
                        for (place, value) in places.zip(kernel.iter().rev()) {
                            *place = *value;
                        }
                    }
                }
                column += count;
            }
        }
    }
}

/// The register blocks of some rows: the first row and the size of each.
pub fn blocks_of(rows: Range<usize>) -> impl Iterator<Item = (usize, usize)> {
    let mut next = rows.start;
    std::iter::from_fn(move || {
        let first = next;
        let size = (first < rows.end).then(|| block_of(rows.end - first))?;
        next += size;
        Some((first, size))
    })
}

/// How many of the rows that are left are computed together: with two vectors of results each, six
/// fill AVX2's sixteen registers; fours where sixes would leave one or two over.
pub fn block_of(left: usize) -> usize {
    match left {
        1..=6 => left.min(if left == 5 { 3 } else { 6 }),
        7 | 8 => 4,
        _ => 6,
    }
}

/// The result `[n, rows, ...]` of a convolution, with a bias for each row.
pub fn product(
    arch: Arch,
    geometry: &Geometry,
    x: &Source,
    weights: &Weights,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let layout = geometry.layout();
    let plane = geometry.plane();
    let source = x.padded(&layout);
    let rows = weights.rows;
    let mut y = vec![0.0; geometry.batch * rows * plane];
    let tasks = rayon::current_num_threads().div_ceil(geometry.batch);
    let image = |n: usize| {
        &source[n * geometry.channels_in * layout.length..][..geometry.channels_in * layout.length]
    };
    let bias_of = |rows: Range<usize>| bias.map(|bias| &bias[rows]);
    if tasks == 1 || rows >= tasks * ROWS_A_THREAD || plane < PIXELS_A_THREAD * tasks {
        let group = rows.div_ceil(tasks).next_multiple_of(6);
        y.par_chunks_mut(rows * plane)
            .enumerate()
            .for_each(|(n, y)| {
                y.par_chunks_mut(group * plane)
                    .enumerate()
                    .for_each(|(index, y)| {
                        let rows = index * group..(index * group + y.len() / plane);
                        arch.dispatch(Product {
                            layout: &layout,
                            source: image(n),
                            weights,
                            bias: bias_of(rows.clone()),
                            rows,
                            pixels: 0..plane,
                            y,
                        });
                    });
            });
        return y;
    }
    // Few rows: threads share the pixels, so that no panel is packed twice.
    let share = plane.div_ceil(tasks).next_multiple_of(32);
    let parts = plane.div_ceil(share);
    let tiles: Vec<Vec<f32>> = (0..geometry.batch * parts)
        .into_par_iter()
        .map(|task| {
            let (n, part) = (task / parts, task % parts);
            let pixels = part * share..((part + 1) * share).min(plane);
            let mut tile = vec![0.0; rows * pixels.len()];
            arch.dispatch(Product {
                layout: &layout,
                source: image(n),
                weights,
                bias,
                rows: 0..rows,
                pixels,
                y: &mut tile,
            });
            tile
        })
        .collect();
    y.par_chunks_mut(plane)
        .with_min_len(8)
        .enumerate()
        .for_each(|(index, y)| {
            let (n, row) = (index / rows, index % rows);
            for (part, y) in y.chunks_mut(share).enumerate() {
                let tile = &tiles[n * parts + part];
                y.copy_from_slice(&tile[row * y.len()..][..y.len()]);
            }
        });
    y
}

/// A part of a product: some rows at some pixels of one image.
struct Product<'a> {
    layout: &'a Layout,
    /// Padded planes of the image.
    source: &'a [f32],
    weights: &'a Weights<'a>,
    bias: Option<&'a [f32]>,
    rows: Range<usize>,
    pixels: Range<usize>,
    /// `[rows, pixels]`.
    y: &'a mut [f32],
}

/// Pixels of a panel that follow each other in a padded plane.
#[derive(Clone, Copy)]
struct Run {
    /// The first one's place in the panel.
    lane: usize,
    /// Its place in a padded plane.
    place: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let width = 2 * S::F32_LANES;
        let block = PANEL_BYTES / (4 * width);
        let depth = self.weights.depth();
        let taps = self.layout.offsets.len();
        // Where each column's values begin.
        let bases: Vec<usize> = (0..depth)
            .map(|column| column / taps * self.layout.length + self.layout.offsets[column % taps])
            .collect();
        let mut packed = Vec::new();
        let mut panel = vec![0.0; (block + 1) * width];
        let mut runs = Vec::new();
        let blocks: Vec<Range<usize>> = (0..depth)
            .step_by(block)
            .map(|first| first..(first + block).min(depth))
            .collect();
        if 4 * self.rows.len() * depth <= WEIGHTS_BYTES {
            // All weights stay near: a panel's results are finished before the next panel.
            let mut all: Vec<Vec<f32>> = vec![Vec::new(); blocks.len()];
            for (columns, packed) in blocks.iter().zip(&mut all) {
                self.weights
                    .pack(self.rows.clone(), columns.clone(), packed);
            }
            for pixel in self.pixels.clone().step_by(width) {
                self.runs(pixel, width, &mut runs);
                for (columns, packed) in blocks.iter().zip(&all) {
                    let begin = columns.start == 0;
                    let bases = &bases[columns.clone()];
                    self.panel(simd, begin, bases, packed, &runs, &mut panel, pixel);
                }
            }
            return;
        }
        for columns in blocks {
            self.weights
                .pack(self.rows.clone(), columns.clone(), &mut packed);
            let begin = columns.start == 0;
            for pixel in self.pixels.clone().step_by(width) {
                self.runs(pixel, width, &mut runs);
                self.panel(
                    simd,
                    begin,
                    &bases[columns.clone()],
                    &packed,
                    &runs,
                    &mut panel,
                    pixel,
                );
            }
        }
    }
}

/// Copies each column's values at the runs' places side by side: `[column][pixel]`.
#[inline(always)]
fn fill<S: Simd, const V: usize>(source: &[f32], bases: &[usize], runs: &[Run], panel: &mut [f32]) {
    let width = V * S::F32_LANES;
    for (k, base) in bases.iter().enumerate() {
        for run in runs {
            // More than the run is copied; what is too much is overwritten by the next run or column.
            let to = &mut panel[k * width + run.lane..][..width];
            let from = &source[base + run.place..];
            if from.len() >= width {
                let from = S::as_simd_f32s(&from[..width]).0;
                let to = S::as_mut_simd_f32s(to).0;
                to[..V].copy_from_slice(&from[..V]);
            } else {
                to[..from.len()].copy_from_slice(from);
            }
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    #[expect(
        clippy::too_many_arguments,
        reason = "a panel and where its results go"
    )]
    fn panel<S: Simd>(
        &mut self,
        simd: S,
        begin: bool,
        bases: &[usize],
        packed: &[f32],
        runs: &[Run],
        panel: &mut [f32],
        pixel: usize,
    ) {
        let count = (2 * S::F32_LANES).min(self.pixels.end - pixel);
        if count > S::F32_LANES {
            fill::<S, 2>(self.source, bases, runs, panel);
            self.blocks::<S, 2>(simd, begin, packed, panel, bases.len(), pixel, count);
        } else {
            fill::<S, 1>(self.source, bases, runs, panel);
            self.blocks::<S, 1>(simd, begin, packed, panel, bases.len(), pixel, count);
        }
    }

    fn runs(&self, first: usize, most: usize, runs: &mut Vec<Run>) {
        runs.clear();
        let count = most.min(self.pixels.end - first);
        let mut pixel = first;
        while pixel < first + count {
            let (place, left) = self.layout.place_of(pixel);
            runs.push(Run {
                lane: pixel - first,
                place,
            });
            pixel += left;
        }
    }

    #[inline(always)]
    #[expect(
        clippy::too_many_arguments,
        reason = "a panel and where its results go"
    )]
    fn blocks<S: Simd, const V: usize>(
        &mut self,
        simd: S,
        begin: bool,
        packed: &[f32],
        panel: &[f32],
        depth: usize,
        pixel: usize,
        count: usize,
    ) {
        let panel = &panel[..depth * V * S::F32_LANES];
        let mut done = 0;
        let mut rest = packed;
        while done < self.rows.len() {
            let rows = block_of(self.rows.len() - done);
            let (block, others) = rest.split_at(rows * depth);
            match rows {
                6 => self.block::<S, 6, V>(simd, begin, block, panel, done, pixel, count),
                4 => self.block::<S, 4, V>(simd, begin, block, panel, done, pixel, count),
                3 => self.block::<S, 3, V>(simd, begin, block, panel, done, pixel, count),
                2 => self.block::<S, 2, V>(simd, begin, block, panel, done, pixel, count),
                _ => self.block::<S, 1, V>(simd, begin, block, panel, done, pixel, count),
            }
            rest = others;
            done += rows;
        }
    }

    #[inline(always)]
    #[expect(
        clippy::too_many_arguments,
        reason = "a panel and where its results go"
    )]
    fn block<S: Simd, const C: usize, const V: usize>(
        &mut self,
        simd: S,
        begin: bool,
        packed: &[f32],
        panel: &[f32],
        first: usize,
        pixel: usize,
        count: usize,
    ) {
        let lanes = S::F32_LANES;
        let stride = self.pixels.len();
        let at = |row: usize| (first + row) * stride + pixel - self.pixels.start;
        let mut sums = [[simd.splat_f32s(0.0); V]; C];
        if begin {
            if let Some(bias) = self.bias {
                for (c, sums) in sums.iter_mut().enumerate() {
                    *sums = [simd.splat_f32s(bias[first + c]); V];
                }
            }
        } else {
            for (c, sums) in sums.iter_mut().enumerate() {
                let y = &self.y[at(c)..][..count];
                if count == V * lanes {
                    // A length that the compiler knows: otherwise each copy is a call.
                    let y = S::as_simd_f32s(&y[..V * lanes]).0;
                    sums[..V].copy_from_slice(&y[..V]);
                } else {
                    let sums: &mut [f32] = pulp::bytemuck::cast_slice_mut(sums.as_mut_slice());
                    sums[..count].copy_from_slice(y);
                }
            }
        }
        accumulate(simd, packed, panel, &mut sums);
        for (c, sums) in sums.iter().enumerate() {
            let y = &mut self.y[at(c)..][..count];
            if count == V * lanes {
                let y = S::as_mut_simd_f32s(&mut y[..V * lanes]).0;
                y[..V].copy_from_slice(&sums[..V]);
            } else {
                let sums: &[f32] = pulp::bytemuck::cast_slice(sums.as_slice());
                y.copy_from_slice(&sums[..count]);
            }
        }
    }
}

/// Adds the products of a register block's weights `[column][row]` and a panel `[column][pixel]`.
#[inline(always)]
pub fn accumulate<S: Simd, const C: usize, const V: usize>(
    simd: S,
    weights: &[f32],
    panel: &[f32],
    sums: &mut [[S::f32s; V]; C],
) {
    let (weights, _) = weights.as_chunks::<C>();
    for (weights, values) in weights.iter().zip(panel.chunks_exact(V * S::F32_LANES)) {
        let values = S::as_simd_f32s(values).0;
        let values: [S::f32s; V] = array::from_fn(|v| values[v]);
        for c in 0..C {
            let weight = simd.splat_f32s(weights[c]);
            for v in 0..V {
                sums[c][v] = simd.mul_add_e_f32s(values[v], weight, sums[c][v]);
            }
        }
    }
}

/// The same of weights that lie row by row, each `[column]`.
#[inline(always)]
pub fn accumulate_rows<S: Simd, const C: usize, const V: usize>(
    simd: S,
    weights: [&[f32]; C],
    panel: &[f32],
    sums: &mut [[S::f32s; V]; C],
) {
    for (column, values) in panel.chunks_exact(V * S::F32_LANES).enumerate() {
        let values = S::as_simd_f32s(values).0;
        let values: [S::f32s; V] = array::from_fn(|v| values[v]);
        for c in 0..C {
            let weight = simd.splat_f32s(weights[c][column]);
            for v in 0..V {
                sums[c][v] = simd.mul_add_e_f32s(values[v], weight, sums[c][v]);
            }
        }
    }
}
