//! The gradient of a convolution's kernels: sums over pixels, inputs side by side.

use std::array;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::planes::{Geometry, Layout, lanes};
use super::product::{PANEL_BYTES, accumulate_rows, block_of, blocks_of};
use super::source::{Source, Spare};

/// Gradients of kernels that are found before they are turned to their places, 8 MB.
const WAVE_VALUES: usize = 2 << 20;

/// The gradient of the kernels, given that of the result.
pub fn sums_of_products(arch: Arch, geometry: &Geometry, x: &Source, gradient: &[f32]) -> Vec<f32> {
    let layout = geometry.layout();
    let (inputs, outputs, taps) = (geometry.channels_in, geometry.channels_out, geometry.taps());
    // Inputs whose gradients are summed side by side.
    let width = 2 * lanes(arch);
    let panels = inputs.div_ceil(width);
    // Threads share the inputs, and where these are few the outputs as well.
    let parts = rayon::current_num_threads()
        .div_ceil(panels)
        .min(outputs.div_ceil(6));
    let share = outputs.div_ceil(parts).next_multiple_of(6);
    let parts = outputs.div_ceil(share);
    let mut result = vec![0.0; outputs * inputs * taps];
    // What is found is turned to its place wave by wave: the kernels' memory is never needed twice.
    let wave = (WAVE_VALUES / (width * taps * outputs)).max(4 * rayon::current_num_threads());
    for first in (0..panels).step_by(wave) {
        let panels = first..(first + wave).min(panels);
        let pieces: Vec<Vec<f32>> = (0..panels.len() * parts)
            .into_par_iter()
            .map(|task| {
                let (panel, part) = (panels.start + task / parts, task % parts);
                let outputs = part * share..((part + 1) * share).min(outputs);
                let inputs = panel * width..((panel + 1) * width).min(inputs);
                // A single vector, where that holds them all.
                let used = width / 2 * inputs.len().div_ceil(width / 2);
                let mut result = vec![0.0; taps * outputs.len() * used];
                arch.dispatch(KernelGradient {
                    geometry,
                    layout: &layout,
                    x,
                    gradient,
                    inputs,
                    outputs,
                    result: &mut result,
                });
                result
            })
            .collect();
        result
            .par_chunks_mut(share * inputs * taps)
            .enumerate()
            .for_each(|(part, result)| {
                let panels = panels.clone().zip(pieces[part..].iter().step_by(parts));
                let panels: Vec<(usize, &[f32])> = panels
                    .map(|(panel, piece)| (panel * width, piece.as_slice()))
                    .collect();
                into_place(&panels, [inputs, taps, width], result);
            });
    }
    result
}

/// Panels of gradients, `[block][tap][output][lane]` each and with its first input, to where they belong in
/// `[output][input][tap]`.
fn into_place(panels: &[(usize, &[f32])], [inputs, taps, width]: [usize; 3], result: &mut [f32]) {
    let count = result.len() / (inputs * taps);
    let mut rest = result;
    let mut places = Vec::new();
    for block in blocks_of(0..count) {
        let (place, others) = rest.split_at_mut(block.1 * inputs * taps);
        places.push((block, place));
        rest = others;
    }
    places
        .into_par_iter()
        .with_min_len(2)
        .for_each(|((first, size), result)| {
            for &(input, piece) in panels {
                let used = piece.len() / (taps * count);
                let lanes = width.min(inputs - input);
                for (row, result) in result.chunks_exact_mut(inputs * taps).enumerate() {
                    let to = &mut result[input * taps..][..lanes * taps];
                    for tap in 0..taps {
                        let at = first * taps + tap * size + row;
                        let values = &piece[at * used..][..lanes];
                        if taps == 1 {
                            to.copy_from_slice(values);
                            continue;
                        }
                        for (to, value) in to[tap..].iter_mut().step_by(taps).zip(values) {
                            *to = *value;
                        }
                    }
                }
            }
        });
}

struct KernelGradient<'a> {
    geometry: &'a Geometry,
    layout: &'a Layout,
    /// `[n, channels_in, ...]`.
    x: &'a Source<'a>,
    /// `[n, channels_out, ...]`.
    gradient: &'a [f32],
    inputs: Range<usize>,
    outputs: Range<usize>,
    /// `[block][tap][output][lane]`.
    result: &'a mut [f32],
}

/// Pixels in a row.
#[derive(Clone, Copy)]
struct Row {
    pixel: usize,
    place: usize,
    length: usize,
}

impl WithSimd for KernelGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        if self.inputs.len() > S::F32_LANES {
            self.all::<S, 2>(simd);
        } else {
            self.all::<S, 1>(simd);
        }
    }
}

impl KernelGradient<'_> {
    #[inline(always)]
    fn all<S: Simd, const V: usize>(&mut self, simd: S) {
        let width = V * S::F32_LANES;
        let block = PANEL_BYTES / (4 * width);
        let plane = self.geometry.plane();
        let rows = self.chunks(block);
        let mut panel = vec![0.0; self.layout.length * width];
        let mut spare = Spare::default();
        for n in 0..self.geometry.batch {
            self.turn(n, width, &mut panel, &mut spare);
            let gradient = &self.gradient
                [(n * self.geometry.channels_out + self.outputs.start) * plane..]
                [..self.outputs.len() * plane];
            for rows in &rows {
                for tap in 0..self.layout.offsets.len() {
                    let mut done = 0;
                    while done < self.outputs.len() {
                        let count = block_of(self.outputs.len() - done);
                        match count {
                            6 => self.block::<S, 6, V>(simd, &panel, gradient, rows, tap, done),
                            4 => self.block::<S, 4, V>(simd, &panel, gradient, rows, tap, done),
                            3 => self.block::<S, 3, V>(simd, &panel, gradient, rows, tap, done),
                            2 => self.block::<S, 2, V>(simd, &panel, gradient, rows, tap, done),
                            _ => self.block::<S, 1, V>(simd, &panel, gradient, rows, tap, done),
                        }
                        done += count;
                    }
                }
            }
        }
    }

    /// The rows of a plane in groups of at most `block` pixels.
    fn chunks(&self, block: usize) -> Vec<Vec<Row>> {
        let mut chunks: Vec<Vec<Row>> = Vec::new();
        let mut left = 0;
        let width = self.layout.width();
        for (index, start) in self.layout.rows().enumerate() {
            let mut x = 0;
            while x < width {
                let length = (width - x).min(block);
                if left < length {
                    chunks.push(Vec::new());
                    left = block;
                }
                left -= length;
                let row = Row {
                    pixel: index * width + x,
                    place: start + x,
                    length,
                };
                chunks.last_mut().expect("one was begun").push(row);
                x += length;
            }
        }
        chunks
    }

    /// The padded planes of the inputs, pixel by pixel: `[place][input]`.
    fn turn(&self, n: usize, width: usize, panel: &mut [f32], spare: &mut Spare) {
        let first = self.layout.first();
        for (lane, input) in self.inputs.clone().enumerate() {
            let x = self.x.plane(n * self.geometry.channels_in + input, spare);
            for (start, row) in self.layout.rows().zip(x.chunks_exact(self.layout.width())) {
                let to = &mut panel[(first + start) * width..][..row.len() * width];
                for (to, value) in to.chunks_exact_mut(width).zip(row) {
                    to[lane] = *value;
                }
            }
        }
    }

    #[inline(always)]
    fn block<S: Simd, const C: usize, const V: usize>(
        &mut self,
        simd: S,
        panel: &[f32],
        gradient: &[f32],
        rows: &[Row],
        tap: usize,
        first: usize,
    ) {
        let width = V * S::F32_LANES;
        let plane = self.geometry.plane();
        let offset = self.layout.offsets[tap];
        let at = (first * self.layout.offsets.len() + tap * C) * width;
        let result = &mut self.result[at..][..C * width];
        let mut sums: [[S::f32s; V]; C] = array::from_fn(|c| {
            let from = S::as_simd_f32s(&result[c * width..][..width]).0;
            array::from_fn(|v| from[v])
        });
        let gradients: [&[f32]; C] = array::from_fn(|c| &gradient[(first + c) * plane..][..plane]);
        for row in rows {
            let values = &panel[(row.place + offset) * width..][..row.length * width];
            let gradients: [&[f32]; C] =
                array::from_fn(|c| &gradients[c][row.pixel..][..row.length]);
            accumulate_rows(simd, gradients, values, &mut sums);
        }
        for (c, sums) in sums.iter().enumerate() {
            let to = S::as_mut_simd_f32s(&mut result[c * width..][..width]).0;
            to[..V].copy_from_slice(&sums[..V]);
        }
    }
}
