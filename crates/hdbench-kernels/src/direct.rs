//! Convolutions of few channels: without packing anything but the kernels, over padded planes as they lie.

use std::array;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::planes::{Geometry, Layout};
use super::product::{Weights, block_of};
use super::source::Source;

/// Output channels whose gradients are summed together.
const CHANNELS: usize = 4;
/// Places of the output a weight gradient sums at a time, so that its operands stay in the
/// nearest cache.
const CHUNK: usize = 1024;

/// The result `[n, rows, ...]` of a convolution, with a bias for each row.
pub fn forward(
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
    let group = channels_a_task(geometry);
    let packed: Vec<Vec<f32>> = (0..rows)
        .step_by(group)
        .map(|first| {
            let mut packed = Vec::new();
            let rows = first..(first + group).min(rows);
            weights.pack(rows, 0..weights.depth(), &mut packed);
            packed
        })
        .collect();
    let zeros = vec![0.0; if bias.is_some() { 0 } else { rows }];
    let bias = bias.unwrap_or(&zeros);
    let mut y = vec![0.0; geometry.batch * rows * plane];
    y.par_chunks_mut(rows * plane)
        .enumerate()
        .for_each(|(n, y)| {
            let source = &source[n * geometry.channels_in * layout.length..]
                [..geometry.channels_in * layout.length];
            y.par_chunks_mut(group * plane)
                .zip(bias.par_chunks(group))
                .zip(&packed)
                .for_each(|((y, bias), packed)| {
                    arch.dispatch(Forward {
                        layout: &layout,
                        source,
                        packed,
                        bias,
                        y,
                    });
                });
        });
    y
}

/// The gradient of the kernels, given that of the result: products summed along the pixels.
pub fn kernel_gradient(arch: Arch, geometry: &Geometry, x: &Source, gradient: &[f32]) -> Vec<f32> {
    let layout = geometry.layout();
    let source = x.padded(&layout);
    let gradient = layout.place(gradient);
    let depth = geometry.channels_in * geometry.taps();
    let mut result = vec![0.0; geometry.channels_out * depth];
    let group = channels_a_task(&Geometry {
        batch: 1,
        ..*geometry
    });
    result
        .par_chunks_mut(group * depth)
        .enumerate()
        .for_each(|(index, result)| {
            arch.dispatch(KernelGradient {
                geometry,
                layout: &layout,
                source: &source,
                gradient: &gradient,
                first: index * group,
                result,
            });
        });
    result
}

/// As few channels as keep all threads busy, in whole register blocks.
fn channels_a_task(geometry: &Geometry) -> usize {
    let tasks = rayon::current_num_threads().div_ceil(geometry.batch);
    geometry
        .channels_out
        .div_ceil(tasks)
        .next_multiple_of(CHANNELS)
}

struct Forward<'a> {
    layout: &'a Layout,
    /// Padded planes of one image.
    source: &'a [f32],
    packed: &'a [f32],
    bias: &'a [f32],
    /// Planes of the channels that `bias` names.
    y: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let lanes = S::F32_LANES;
        let mut rows: Vec<usize> = self.layout.rows().collect();
        rows.reverse();
        let mut done = 0;
        let mut place = 0;
        while place < self.layout.span {
            let vectors = ((self.layout.span - place) / lanes).min(2);
            let tile = Tile {
                place,
                length: vectors * lanes,
            };
            // Rows that end before this tile are behind us.
            while rows
                .last()
                .is_some_and(|start| start + self.layout.width() <= place)
            {
                rows.pop();
                done += 1;
            }
            match vectors {
                2 => self.tile::<S, 2>(simd, tile, &rows, done),
                _ => self.tile::<S, 1>(simd, tile, &rows, done),
            }
            place += tile.length;
        }
    }
}

#[derive(Clone, Copy)]
struct Tile {
    place: usize,
    length: usize,
}

impl Forward<'_> {
    #[inline(always)]
    fn tile<S: Simd, const V: usize>(&mut self, simd: S, tile: Tile, rows: &[usize], done: usize) {
        let depth = self.packed.len() / self.bias.len();
        let mut first = 0;
        while first < self.bias.len() {
            let channels = block_of(self.bias.len() - first);
            let packed = &self.packed[first * depth..][..channels * depth];
            match channels {
                6 => self.block::<S, 6, V>(simd, tile, packed, first, rows, done),
                4 => self.block::<S, 4, V>(simd, tile, packed, first, rows, done),
                3 => self.block::<S, 3, V>(simd, tile, packed, first, rows, done),
                2 => self.block::<S, 2, V>(simd, tile, packed, first, rows, done),
                _ => self.block::<S, 1, V>(simd, tile, packed, first, rows, done),
            }
            first += channels;
        }
    }

    #[inline(always)]
    fn block<S: Simd, const C: usize, const V: usize>(
        &mut self,
        simd: S,
        tile: Tile,
        packed: &[f32],
        first: usize,
        rows: &[usize],
        done: usize,
    ) {
        let lanes = S::F32_LANES;
        let offsets = &self.layout.offsets;
        let reach = offsets[offsets.len() - 1] + V * lanes;
        let mut sums: [[S::f32s; V]; C] =
            array::from_fn(|c| [simd.splat_f32s(self.bias[first + c]); V]);
        for (plane, weights) in self
            .source
            .chunks_exact(self.layout.length)
            .zip(packed.chunks_exact(C * offsets.len()))
        {
            let window = &plane[tile.place..][..reach];
            for (&offset, weights) in offsets.iter().zip(weights.chunks_exact(C)) {
                let values = S::as_simd_f32s(&window[offset..][..V * lanes]).0;
                let values: [S::f32s; V] = array::from_fn(|v| values[v]);
                for c in 0..C {
                    let weight = simd.splat_f32s(weights[c]);
                    for v in 0..V {
                        sums[c][v] = simd.mul_add_e_f32s(values[v], weight, sums[c][v]);
                    }
                }
            }
        }
        let width = self.layout.width();
        let plane = self.y.len() / self.bias.len();
        for (c, sums) in sums.iter().enumerate() {
            let sums: &[f32] = pulp::bytemuck::cast_slice(sums.as_slice());
            let y = &mut self.y[(first + c) * plane..][..plane];
            for (index, &start) in rows.iter().rev().enumerate() {
                let from = start.max(tile.place);
                let to = (start + width).min(tile.place + tile.length);
                if from >= to {
                    break;
                }
                let target = (done + index) * width + from - start;
                y[target..][..to - from].copy_from_slice(&sums[from - tile.place..to - tile.place]);
            }
        }
    }
}

struct KernelGradient<'a> {
    geometry: &'a Geometry,
    layout: &'a Layout,
    /// Padded planes of all images.
    source: &'a [f32],
    /// Gradients of the results at their places, of all images.
    gradient: &'a [f32],
    /// The first output channel of this task.
    first: usize,
    /// `[channel][input][tap]`.
    result: &'a mut [f32],
}

impl WithSimd for KernelGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            geometry,
            layout,
            source,
            gradient,
            first,
            result,
        } = self;
        let inputs = geometry.channels_in;
        let taps = layout.offsets.len();
        let channels = result.len() / (inputs * taps);
        // Where the values of each (input, tap) begin in an image.
        let starts: Vec<usize> = (0..inputs)
            .flat_map(|input| {
                layout
                    .offsets
                    .iter()
                    .map(move |offset| input * layout.length + offset)
            })
            .collect();
        for n in 0..geometry.batch {
            let source = &source[n * inputs * layout.length..][..inputs * layout.length];
            let gradient = &gradient[(n * geometry.channels_out + first) * layout.span..]
                [..channels * layout.span];
            let mut place = 0;
            while place < layout.span {
                let length = (layout.span - place).min(CHUNK);
                let mut chunk = Chunk {
                    source,
                    gradient,
                    place,
                    length,
                    span: layout.span,
                    starts: &starts,
                    result,
                };
                chunk.add(simd);
                place += length;
            }
        }
    }
}

struct Chunk<'a> {
    source: &'a [f32],
    gradient: &'a [f32],
    place: usize,
    length: usize,
    span: usize,
    starts: &'a [usize],
    result: &'a mut [f32],
}

impl Chunk<'_> {
    #[inline(always)]
    fn add<S: Simd>(&mut self, simd: S) {
        let channels = self.gradient.len() / self.span;
        let mut start = 0;
        while start < self.starts.len() {
            let width = (self.starts.len() - start).min(3);
            let mut first = 0;
            while first < channels {
                let count = (channels - first).min(CHANNELS);
                match (count, width) {
                    (4, 3) => self.block::<S, 4, 3>(simd, first, start),
                    (4, 2) => self.block::<S, 4, 2>(simd, first, start),
                    (4, _) => self.block::<S, 4, 1>(simd, first, start),
                    (3, 3) => self.block::<S, 3, 3>(simd, first, start),
                    (3, 2) => self.block::<S, 3, 2>(simd, first, start),
                    (3, _) => self.block::<S, 3, 1>(simd, first, start),
                    (2, 3) => self.block::<S, 2, 3>(simd, first, start),
                    (2, 2) => self.block::<S, 2, 2>(simd, first, start),
                    (2, _) => self.block::<S, 2, 1>(simd, first, start),
                    (_, 3) => self.block::<S, 1, 3>(simd, first, start),
                    (_, 2) => self.block::<S, 1, 2>(simd, first, start),
                    (_, _) => self.block::<S, 1, 1>(simd, first, start),
                }
                first += count;
            }
            start += width;
        }
    }

    #[inline(always)]
    fn block<S: Simd, const C: usize, const K: usize>(
        &mut self,
        simd: S,
        first: usize,
        start: usize,
    ) {
        let count = self.length / S::F32_LANES;
        let gradients: [&[S::f32s]; C] = array::from_fn(|c| {
            let from = (first + c) * self.span + self.place;
            &S::as_simd_f32s(&self.gradient[from..][..self.length]).0[..count]
        });
        let values: [&[S::f32s]; K] = array::from_fn(|k| {
            let from = self.starts[start + k] + self.place;
            &S::as_simd_f32s(&self.source[from..][..self.length]).0[..count]
        });
        let mut sums = [[simd.splat_f32s(0.0); K]; C];
        for i in 0..count {
            let values: [S::f32s; K] = array::from_fn(|k| values[k][i]);
            for c in 0..C {
                let gradient = gradients[c][i];
                for k in 0..K {
                    sums[c][k] = simd.mul_add_e_f32s(values[k], gradient, sums[c][k]);
                }
            }
        }
        let depth = self.starts.len();
        for (c, sums) in sums.iter().enumerate() {
            for (k, &sum) in sums.iter().enumerate() {
                self.result[(first + c) * depth + start + k] += simd.reduce_sum_f32s(sum);
            }
        }
    }
}
