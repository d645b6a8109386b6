//! Convolutions by kernels of 3 x 3 in the plane after Winograd: of four results in a square, sixteen products
//! of transformed values instead of 36 (Lavin and Gray, CVPR 2016, F(2 x 2, 3 x 3)). Slices of a volume's
//! kernel are summed as they are.

use std::array;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::planes::{Geometry, lanes};
use super::product::{PANEL_BYTES, Weights, accumulate, block_of, blocks_of};
use super::source::Source;
use super::tiles::{POINTS, ROWS, Run, Tiling, WAVE_VALUES, both, turn};

/// Tiles that are worth a strip of their own.
const STRIP: usize = 224;

/// The result `[n, rows, ...]` of a convolution, with a bias for each row.
pub fn winograd(
    arch: Arch,
    geometry: &Geometry,
    x: &Source,
    weights: &Weights,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let tiling = Tiling::new(geometry, lanes(arch), STRIP);
    let source = tiling.split(x);
    let packed: Vec<Vec<f32>> = (0..weights.rows.div_ceil(ROWS))
        .into_par_iter()
        .map(|part| {
            let rows = part * ROWS..((part + 1) * ROWS).min(weights.rows);
            pack(weights, rows, tiling.block())
        })
        .collect();
    let mut y = vec![0.0; geometry.batch * weights.rows * geometry.plane()];
    let mut results = tiling.results(&mut y, weights.rows);
    let chunk = tiling.chunk();
    // A strip, all slices of it.
    let unit = tiling.depth * tiling.groups() * chunk;
    let wave = (WAVE_VALUES / unit).max(1);
    let mut transformed = vec![0.0; unit * wave.min(results.len())];
    for (index, results) in results.chunks_mut(wave).enumerate() {
        let first = index * wave;
        let transformed = &mut transformed[..unit * results.len()];
        transformed
            .par_chunks_exact_mut(chunk)
            .enumerate()
            .for_each(|(place, to)| {
                let (slices, group) = (place / tiling.groups(), place % tiling.groups());
                let [n, strip, slice] = tiling.place(first, slices);
                arch.dispatch(Transform {
                    tiling: &tiling,
                    source: &source[n * tiling.channels * tiling.channel()..],
                    slice,
                    tiles: tiling.group(strip, group),
                    to,
                });
            });
        results
            .par_iter_mut()
            .zip(transformed.par_chunks_exact(unit))
            .enumerate()
            .for_each(|(place, (parts, transformed))| {
                let strip = (first + place) % tiling.strips();
                parts.par_iter_mut().for_each(|part| {
                    arch.dispatch(Multiply {
                        tiling: &tiling,
                        transformed,
                        packed: &packed[part.first / ROWS],
                        bias: bias.map(|bias| &bias[part.first..][..part.y.len()]),
                        strip,
                        slice: part.slice,
                        y: &mut part.y,
                    });
                });
            });
    }
    y
}

/// Some channels of the result in one slice of a strip.
struct Part<'a> {
    first: usize,
    slice: usize,
    /// Rows of each channel.
    y: Vec<&'a mut [f32]>,
}

impl Tiling {
    /// Values of a group's transformed tiles: `[point][channel][tile]`, with room for what is written past the
    /// last channel.
    fn chunk(&self) -> usize {
        POINTS * (self.channels + 1) * 2 * self.lanes
    }

    /// Channels whose values at a point stay near.
    fn block(&self) -> usize {
        PANEL_BYTES / (8 * self.lanes)
    }

    /// The result in parts, for every strip of every image.
    fn results<'a>(&self, y: &'a mut [f32], rows: usize) -> Vec<Vec<Part<'a>>> {
        let [height, width] = self.size;
        let mut results: Vec<Vec<Part>> = Vec::with_capacity(self.batch * self.strips());
        for _ in 0..self.batch * self.strips() {
            let parts = (0..rows).step_by(ROWS).flat_map(|first| {
                (0..self.depth).map(move |slice| Part {
                    first,
                    slice,
                    y: Vec::with_capacity(ROWS),
                })
            });
            results.push(parts.collect());
        }
        for (index, slice) in y.chunks_exact_mut(height * width).enumerate() {
            let (channel, z) = (index / self.depth, index % self.depth);
            let (n, row) = (channel / rows, channel % rows);
            for (strip, part) in slice.chunks_mut(2 * self.strip * width).enumerate() {
                let place = row / ROWS * self.depth + z;
                results[n * self.strips() + strip][place].y.push(part);
            }
        }
        results
    }
}

/// The transformed kernels of some rows: `[point][slice][block of inputs][register block][input][row]`.
fn pack(weights: &Weights, rows: Range<usize>, block: usize) -> Vec<f32> {
    let slices = weights.taps / 9;
    let mut packed = vec![0.0; POINTS * slices * weights.inputs * rows.len()];
    for (first, size) in blocks_of(rows.clone()) {
        match size {
            6 => pack_block::<6>(weights, &rows, first, block, &mut packed),
            4 => pack_block::<4>(weights, &rows, first, block, &mut packed),
            3 => pack_block::<3>(weights, &rows, first, block, &mut packed),
            2 => pack_block::<2>(weights, &rows, first, block, &mut packed),
            _ => pack_block::<1>(weights, &rows, first, block, &mut packed),
        }
    }
    packed
}

fn pack_block<const C: usize>(
    weights: &Weights,
    rows: &Range<usize>,
    first: usize,
    block: usize,
    packed: &mut [f32],
) {
    let slices = weights.taps / 9;
    let point = slices * weights.inputs * rows.len();
    for input in 0..weights.inputs {
        let start = input / block * block;
        let together = block.min(weights.inputs - start);
        for slice in 0..slices {
            // `[y][x][row]`
            let kernels: [[[f32; C]; 3]; 3] = array::from_fn(|y| {
                array::from_fn(|x| {
                    let tap = 9 * slice + 3 * y + x;
                    array::from_fn(|c| weights.value(first + c, input, tap))
                })
            });
            let at = slice * weights.inputs * rows.len()
                + start * rows.len()
                + (first - rows.start) * together
                + (input - start) * C;
            for (index, values) in both(kernels, spread).into_iter().flatten().enumerate() {
                packed[index * point + at..][..C].copy_from_slice(&values);
            }
        }
    }
}

/// Three taps, transformed.
fn spread<const C: usize>([a, b, c]: [[f32; C]; 3]) -> [[f32; C]; 4] {
    [
        a,
        array::from_fn(|i| 0.5 * (a[i] + c[i] + b[i])),
        array::from_fn(|i| 0.5 * (a[i] + c[i] - b[i])),
        c,
    ]
}

/// A group's tiles, transformed.
struct Transform<'a> {
    tiling: &'a Tiling,
    /// An image, as it is split.
    source: &'a [f32],
    slice: usize,
    tiles: Vec<Run>,
    to: &'a mut [f32],
}

impl WithSimd for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F32_LANES;
        let half = self.tiling.half();
        let width = width_of(&self.tiles, lanes);
        let point = (self.tiling.channels + 1) * width;
        for channel in 0..self.tiling.channels {
            let first = channel * self.tiling.channel() + self.slice * self.tiling.padded();
            for run in &self.tiles {
                let [y, x] = run.tile;
                let begin = first + 2 * y * 2 * half + x;
                for step in (0..run.length).step_by(lanes) {
                    let square: [[S::f32s; 4]; 4] = array::from_fn(|row| {
                        let row = &self.source[begin + row * 2 * half + step..][..half + 1 + lanes];
                        let at = |from: usize| S::as_simd_f32s(&row[from..][..lanes]).0[0];
                        [at(0), at(half), at(1), at(half + 1)]
                    });
                    let turned = both(square, |four| turn(simd, four));
                    let to = channel * width + run.lane + step;
                    for (index, value) in turned.into_iter().flatten().enumerate() {
                        // More than the run is written; what is too much is overwritten by the next run or
                        // channel.
                        let to = &mut self.to[index * point + to..][..lanes];
                        S::as_mut_simd_f32s(to).0[0] = value;
                    }
                }
            }
        }
    }
}

/// The two results of four sums of products.
#[inline(always)]
fn back<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
    [
        simd.add_f32s(simd.add_f32s(a, b), c),
        simd.sub_f32s(simd.sub_f32s(b, c), d),
    ]
}

/// Places for a group's tiles: a vector or two.
fn width_of(tiles: &[Run], lanes: usize) -> usize {
    let count = tiles.last().map_or(0, |run| run.lane + run.length);
    lanes * if count > lanes { 2 } else { 1 }
}

/// Some channels of the result in one slice of a strip.
struct Multiply<'a, 'y> {
    tiling: &'a Tiling,
    /// The strip's tiles, `[slice][group]`.
    transformed: &'a [f32],
    packed: &'a [f32],
    bias: Option<&'a [f32]>,
    strip: usize,
    slice: usize,
    y: &'a mut [&'y mut [f32]],
}

impl WithSimd for Multiply<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut sums = vec![0.0; POINTS * self.y.len() * 2 * S::F32_LANES];
        let mut square = vec![0.0; 4 * 2 * S::F32_LANES];
        for group in 0..self.tiling.groups() {
            let tiles = self.tiling.group(self.strip, group);
            match width_of(&tiles, S::F32_LANES) / S::F32_LANES {
                2 => self.group::<S, 2>(simd, group, &tiles, &mut sums, &mut square),
                _ if tiles.is_empty() => {}
                _ => self.group::<S, 1>(simd, group, &tiles, &mut sums, &mut square),
            }
        }
    }
}

impl Multiply<'_, '_> {
    #[inline(always)]
    fn group<S: Simd, const V: usize>(
        &mut self,
        simd: S,
        group: usize,
        tiles: &[Run],
        sums: &mut [f32],
        square: &mut [f32],
    ) {
        let width = V * S::F32_LANES;
        let rows = self.y.len();
        for point in 0..POINTS {
            let sums = &mut sums[point * rows * width..][..rows * width];
            self.point::<S, V>(simd, group, point, sums);
        }
        for row in 0..rows {
            let bias = simd.splat_f32s(self.bias.map_or(0.0, |bias| bias[row]));
            for v in 0..V {
                let at = |point: usize| {
                    let from = (point * rows + row) * width + v * S::F32_LANES;
                    S::as_simd_f32s(&sums[from..][..S::F32_LANES]).0[0]
                };
                let products = array::from_fn(|y| array::from_fn(|x| at(4 * y + x)));
                let results = both(products, |four| back(simd, four));
                for (index, value) in results.into_iter().flatten().enumerate() {
                    let to = &mut square[index * width + v * S::F32_LANES..];
                    let to = S::as_mut_simd_f32s(&mut to[..S::F32_LANES]).0;
                    to[0] = simd.add_f32s(value, bias);
                }
            }
            self.write(row, tiles, square, width);
        }
    }

    /// The sums of one of the sixteen products over inputs and slices, `[row][tile]`.
    #[inline(always)]
    fn point<S: Simd, const V: usize>(
        &self,
        simd: S,
        group: usize,
        point: usize,
        sums: &mut [f32],
    ) {
        let width = V * S::F32_LANES;
        let rows = self.y.len();
        let inputs = self.tiling.channels;
        let [kernel, _] = self.tiling.kernel;
        let mut begin = true;
        for tap in 0..kernel {
            let Some(slice) = self.tiling.met(self.slice, tap) else {
                continue;
            };
            let chunk = (slice * self.tiling.groups() + group) * self.tiling.chunk();
            let panel = &self.transformed[chunk + point * (inputs + 1) * width..][..inputs * width];
            let packed = &self.packed[(point * kernel + tap) * inputs * rows..][..inputs * rows];
            let mut rest = packed;
            for panel in panel.chunks(self.tiling.block() * width) {
                let depth = panel.len() / width;
                let mut done = 0;
                while done < rows {
                    let count = block_of(rows - done);
                    let (weights, others) = rest.split_at(count * depth);
                    let sums = &mut sums[done * width..][..count * width];
                    match count {
                        6 => add::<S, 6, V>(simd, begin, weights, panel, sums),
                        4 => add::<S, 4, V>(simd, begin, weights, panel, sums),
                        3 => add::<S, 3, V>(simd, begin, weights, panel, sums),
                        2 => add::<S, 2, V>(simd, begin, weights, panel, sums),
                        _ => add::<S, 1, V>(simd, begin, weights, panel, sums),
                    }
                    rest = others;
                    done += count;
                }
                begin = false;
            }
        }
    }

    /// A row's squares `[y][x][tile]` to where they belong.
    #[inline(always)]
    fn write(&mut self, row: usize, tiles: &[Run], square: &[f32], width: usize) {
        let across = self.tiling.size[1];
        let first = self.strip * self.tiling.strip;
        for run in tiles {
            let [tile_y, tile_x] = run.tile;
            for y in 0..2 {
                let from = 2 * y * width + run.lane;
                let even = &square[from..][..run.length];
                let odd = &square[from + width..][..run.length];
                let line = 2 * (tile_y - first) + y;
                // A map of odd height ends before its last squares do.
                let Some(to) = self.y[row].get_mut(line * across..(line + 1) * across) else {
                    break;
                };
                let to = &mut to[2 * tile_x..];
                let to = if to.len() > 2 * run.length {
                    &mut to[..2 * run.length]
                } else {
                    to
                };
                let (pairs, last) = to.as_chunks_mut::<2>();
                for ((pair, even), odd) in pairs.iter_mut().zip(even).zip(odd) {
                    *pair = [*even, *odd];
                }
                if let [last] = last {
                    *last = even[run.length - 1];
                }
            }
        }
    }
}

/// Adds products of a register block's weights `[input][row]` and a panel `[input][tile]` to sums `[row][tile]`.
#[inline(always)]
fn add<S: Simd, const C: usize, const V: usize>(
    simd: S,
    begin: bool,
    weights: &[f32],
    panel: &[f32],
    sums: &mut [f32],
) {
    let kept = S::as_mut_simd_f32s(sums).0;
    let mut sums = [[simd.splat_f32s(0.0); V]; C];
    if !begin {
        for (c, sums) in sums.iter_mut().enumerate() {
            sums.copy_from_slice(&kept[c * V..][..V]);
        }
    }
    accumulate(simd, weights, panel, &mut sums);
    for (c, sums) in sums.iter().enumerate() {
        kept[c * V..][..V].copy_from_slice(sums);
    }
}
