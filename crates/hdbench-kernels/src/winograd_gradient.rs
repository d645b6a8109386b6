//! The gradient of kernels of 3 x 3 in the plane after Winograd: the transformed tiles of the input times those
//! of the result's gradient, summed over tiles and carried back to the kernels.

use std::array;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::planes::{Geometry, lanes};
use super::product::{accumulate_rows, block_of};
use super::source::Source;
use super::tiles::{POINTS, ROWS, Tiling, WAVE_VALUES, both, turn};

/// Tiles of a strip.
const STRIP: usize = 112;

/// Places that are turned at a time, so that all inputs find them in the nearest cache.
const NEAR: usize = 64;

/// The gradient of the kernels, given that of the result.
pub fn winograd_gradient(
    arch: Arch,
    geometry: &Geometry,
    x: &Source,
    gradient: &[f32],
) -> Vec<f32> {
    let lanes = lanes(arch);
    let tiling = Tiling::new(geometry, lanes, STRIP);
    let source = tiling.split(x);
    let (inputs, outputs) = (geometry.channels_in, geometry.channels_out);
    let panels = Panels { inputs, lanes };
    let tiles = tiling.strip * tiling.tiles[1];
    let share = outputs
        .div_ceil((4 * rayon::current_num_threads()).div_ceil(panels.count()))
        .next_multiple_of(6)
        .min(ROWS);
    let mut sums = Vec::new();
    for panel in 0..panels.count() {
        let width = panels.width(panel);
        for first in (0..outputs).step_by(share) {
            let outputs = first..(first + share).min(outputs);
            let values = vec![0.0; tiling.kernel[0] * POINTS * outputs.len() * width];
            sums.push(Sums {
                panel,
                width,
                outputs,
                values,
            });
        }
    }
    let turned = POINTS * tiles * 2 * lanes;
    let spread = POINTS * tiles;
    let slice = [panels.count() * turned, outputs * spread];
    // Strips of all images, all slices of each.
    let strips = tiling.batch * tiling.strips();
    let wave = (WAVE_VALUES / (tiling.depth * (slice[0] + slice[1]))).clamp(1, strips);
    let [mut values, mut gradients] = slice.map(|count| vec![0.0; wave * tiling.depth * count]);
    for first in (0..strips).step_by(wave) {
        let strips = first..(first + wave).min(strips);
        let slices = strips.len() * tiling.depth;
        values[..slices * slice[0]]
            .par_chunks_exact_mut(turned)
            .enumerate()
            .for_each_init(Vec::new, |rows, (index, to)| {
                let [n, strip, slice] = tiling.place(first, index / panels.count());
                arch.dispatch(TurnInputs {
                    tiling: &tiling,
                    source: &source[n * inputs * tiling.channel()..],
                    inputs: panels.inputs(index % panels.count()),
                    strip,
                    slice,
                    rows,
                    to,
                });
            });
        gradients[..slices * slice[1]]
            .par_chunks_exact_mut(spread)
            .enumerate()
            .with_min_len(4)
            .for_each_init(Vec::new, |rows, (index, to)| {
                let [n, strip, slice] = tiling.place(first, index / outputs);
                let plane = (n * outputs + index % outputs) * tiling.depth + slice;
                arch.dispatch(SpreadGradient {
                    tiling: &tiling,
                    gradient: &gradient[plane * tiling.size[0] * tiling.size[1]..],
                    strip,
                    rows,
                    to,
                });
            });
        sums.par_iter_mut().for_each(|sums| {
            arch.dispatch(Multiply {
                tiling: &tiling,
                panels: panels.count(),
                outputs,
                tiles,
                strips: strips.clone(),
                values: &values,
                gradients: &gradients,
                sums,
            });
        });
    }
    collected(arch, &tiling, &panels, &sums, outputs)
}

/// Inputs in panels of two vectors, the last of one where that holds what is left.
struct Panels {
    inputs: usize,
    lanes: usize,
}

impl Panels {
    fn count(&self) -> usize {
        self.inputs.div_ceil(2 * self.lanes)
    }

    fn inputs(&self, panel: usize) -> Range<usize> {
        let first = panel * 2 * self.lanes;
        first..(first + 2 * self.lanes).min(self.inputs)
    }

    /// In whole vectors.
    fn width(&self, panel: usize) -> usize {
        self.inputs(panel).len().next_multiple_of(self.lanes)
    }
}

/// Sums over all tiles for a panel of inputs and some outputs, `[slice of the kernel][point][output][lane]`.
struct Sums {
    panel: usize,
    /// Lanes of the panel.
    width: usize,
    outputs: Range<usize>,
    values: Vec<f32>,
}

/// A panel's values in a slice of a strip, transformed: `[point][tile][input]`.
struct TurnInputs<'a> {
    tiling: &'a Tiling,
    /// An image, as it is split.
    source: &'a [f32],
    inputs: Range<usize>,
    strip: usize,
    slice: usize,
    /// Memory to work in.
    rows: &'a mut Vec<f32>,
    to: &'a mut [f32],
}

impl WithSimd for TurnInputs<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if self.inputs.len() > S::F32_LANES {
            self.all::<S, 2>(simd);
        } else {
            self.all::<S, 1>(simd);
        }
    }
}

impl TurnInputs<'_> {
    #[inline(always)]
    fn all<S: Simd, const V: usize>(self, simd: S) {
        let width = V * S::F32_LANES;
        let tiling = self.tiling;
        let row = 2 * tiling.half();
        let across = tiling.tiles[1];
        let first = self.strip * tiling.strip;
        let strip = tiling.rows(self.strip);
        let count = (2 * strip + 2) * row;
        self.rows.clear();
        self.rows.resize(count * width, 0.0);
        let begin = self.slice * tiling.padded() + 2 * first * row;
        for (block, rows) in self.rows.chunks_mut(NEAR * width).enumerate() {
            for (lane, input) in self.inputs.clone().enumerate() {
                let from = input * tiling.channel() + begin + block * NEAR;
                let from = &self.source[from..][..rows.len() / width];
                for (to, value) in rows.chunks_exact_mut(width).zip(from) {
                    to[lane] = *value;
                }
            }
        }
        let point = tiling.strip * across * width;
        for y in 0..strip {
            for x in 0..across {
                let at = (y * across + x) * width;
                for v in 0..V {
                    let value = |line: usize, column: usize| {
                        let half = column % 2 * tiling.half() + column / 2;
                        let place = (2 * y + line) * row + x + half;
                        let from = &self.rows[place * width + v * S::F32_LANES..];
                        S::as_simd_f32s(&from[..S::F32_LANES]).0[0]
                    };
                    let square =
                        array::from_fn(|line| array::from_fn(|column| value(line, column)));
                    let turned = both(square, |four| turn(simd, four));
                    for (index, value) in turned.into_iter().flatten().enumerate() {
                        let to = &mut self.to[index * point + at + v * S::F32_LANES..];
                        S::as_mut_simd_f32s(&mut to[..S::F32_LANES]).0[0] = value;
                    }
                }
            }
        }
    }
}

/// The gradient of an output in a slice of a strip, transformed: `[point][tile]`.
struct SpreadGradient<'a> {
    tiling: &'a Tiling,
    /// From the slice on.
    gradient: &'a [f32],
    strip: usize,
    /// Memory to work in.
    rows: &'a mut Vec<f32>,
    to: &'a mut [f32],
}

impl WithSimd for SpreadGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let [height, width] = self.tiling.size;
        let across = self.tiling.tiles[1];
        let first = self.strip * self.tiling.strip;
        let strip = self.tiling.rows(self.strip);
        let point = self.tiling.strip * across;
        // The even and the odd values of two rows.
        self.rows.clear();
        self.rows.resize(4 * across, 0.0);
        for y in 0..strip {
            let rows = self.rows.as_mut_slice();
            for (line, rows) in rows.chunks_exact_mut(2 * across).enumerate() {
                let from = 2 * (first + y) + line;
                if from >= height {
                    rows.fill(0.0);
                    continue;
                }
                let (pairs, last) = self.gradient[from * width..][..width].as_chunks::<2>();
                let (even, odd) = rows.split_at_mut(across);
                for ((pair, even), odd) in pairs.iter().zip(&mut *even).zip(&mut *odd) {
                    [*even, *odd] = *pair;
                }
                if let [last] = last {
                    even[pairs.len()] = *last;
                }
            }
            let mut quarters = rows.chunks_exact(across);
            let [a, b, c, d]: [&[f32]; 4] =
                array::from_fn(|_| quarters.next().expect("two rows of two halves"));
            let corners = a.iter().zip(b).zip(c).zip(d);
            for (x, (((a, b), c), d)) in corners.enumerate() {
                let spread = both([[*a, *b], [*c, *d]], |[a, b]| [a, a + b, a - b, -b]);
                for (index, value) in spread.into_iter().flatten().enumerate() {
                    self.to[index * point + y * across + x] = value;
                }
            }
        }
    }
}

/// The products of some strips.
struct Multiply<'a> {
    tiling: &'a Tiling,
    panels: usize,
    outputs: usize,
    /// Of a whole strip.
    tiles: usize,
    /// Of all images.
    strips: Range<usize>,
    /// `[strip][slice][panel]`, each `[point][tile][lane]`.
    values: &'a [f32],
    /// `[strip][slice][output]`, each `[point][tile]`.
    gradients: &'a [f32],
    sums: &'a mut Sums,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        if self.sums.width > S::F32_LANES {
            self.all::<S, 2>(simd);
        } else {
            self.all::<S, 1>(simd);
        }
    }
}

impl Multiply<'_> {
    #[inline(always)]
    fn all<S: Simd, const V: usize>(&mut self, simd: S) {
        let depth = self.tiling.depth;
        let [kernel, _] = self.tiling.kernel;
        for (place, strip) in self.strips.clone().enumerate() {
            let tiles = self.tiling.rows(strip % self.tiling.strips()) * self.tiling.tiles[1];
            for result in 0..depth {
                for tap in 0..kernel {
                    let Some(slice) = self.tiling.met(result, tap) else {
                        continue;
                    };
                    let slices = [place * depth + slice, place * depth + result];
                    for point in 0..POINTS {
                        self.point::<S, V>(simd, slices, tap, point, tiles);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn point<S: Simd, const V: usize>(
        &mut self,
        simd: S,
        [slice, result]: [usize; 2],
        tap: usize,
        point: usize,
        tiles: usize,
    ) {
        let width = V * S::F32_LANES;
        let chunk = POINTS * self.tiles * 2 * self.tiling.lanes;
        let values = &self.values[(slice * self.panels + self.sums.panel) * chunk..]
            [point * self.tiles * width..][..tiles * width];
        let rows = self.sums.outputs.len();
        let sums = &mut self.sums.values[(tap * POINTS + point) * rows * width..][..rows * width];
        let first = result * self.outputs + self.sums.outputs.start;
        let mut done = 0;
        while done < rows {
            let count = block_of(rows - done);
            let gradients = &self.gradients[((first + done) * POINTS + point) * self.tiles..];
            let sums = &mut sums[done * width..][..count * width];
            let stride = POINTS * self.tiles;
            match count {
                6 => add::<S, 6, V>(simd, values, gradients, stride, sums),
                4 => add::<S, 4, V>(simd, values, gradients, stride, sums),
                3 => add::<S, 3, V>(simd, values, gradients, stride, sums),
                2 => add::<S, 2, V>(simd, values, gradients, stride, sums),
                _ => add::<S, 1, V>(simd, values, gradients, stride, sums),
            }
            done += count;
        }
    }
}

/// Adds the products of values `[tile][lane]` and gradients `[output][tile]`, outputs `stride` apart, to sums
/// `[output][lane]`.
#[inline(always)]
fn add<S: Simd, const C: usize, const V: usize>(
    simd: S,
    values: &[f32],
    gradients: &[f32],
    stride: usize,
    sums: &mut [f32],
) {
    let kept = S::as_mut_simd_f32s(sums).0;
    let mut sums: [[S::f32s; V]; C] = array::from_fn(|c| array::from_fn(|v| kept[c * V + v]));
    let tiles = values.len() / (V * S::F32_LANES);
    let gradients: [&[f32]; C] = array::from_fn(|c| &gradients[c * stride..][..tiles]);
    accumulate_rows(simd, gradients, values, &mut sums);
    for (c, sums) in sums.iter().enumerate() {
        kept[c * V..][..V].copy_from_slice(sums);
    }
}

/// The kernels' gradients `[output, input, z, y, x]` of what was summed.
fn collected(
    arch: Arch,
    tiling: &Tiling,
    panels: &Panels,
    sums: &[Sums],
    outputs: usize,
) -> Vec<f32> {
    let inputs = panels.inputs;
    let taps = tiling.kernel[0] * 9;
    let mut result = vec![0.0; outputs * inputs * taps];
    result
        .par_chunks_exact_mut(inputs * taps)
        .enumerate()
        .with_min_len(4)
        .for_each(|(output, result)| {
            for sums in sums.iter().filter(|sums| sums.outputs.contains(&output)) {
                let inputs = panels.inputs(sums.panel);
                arch.dispatch(Back {
                    slices: tiling.kernel[0],
                    sums,
                    output: output - sums.outputs.start,
                    result: &mut result[inputs.start * taps..inputs.end * taps],
                });
            }
        });
    result
}

/// The gradients of one output's kernels of a panel of inputs.
struct Back<'a> {
    slices: usize,
    sums: &'a Sums,
    output: usize,
    /// `[input][tap]`.
    result: &'a mut [f32],
}

impl WithSimd for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let rows = self.sums.outputs.len();
        let width = self.sums.width;
        let taps = 9 * self.slices;
        let halves = |values: [S::f32s; 4]| -> [S::f32s; 3] {
            let [a, b, c, d] = values;
            let half = simd.splat_f32s(0.5);
            let sum = simd.mul_f32s(half, simd.add_f32s(b, c));
            let difference = simd.mul_f32s(half, simd.sub_f32s(b, c));
            [simd.add_f32s(a, sum), difference, simd.add_f32s(sum, d)]
        };
        for slice in 0..self.slices {
            for lane in (0..width).step_by(S::F32_LANES) {
                let at = |point: usize| {
                    let from = ((slice * POINTS + point) * rows + self.output) * width + lane;
                    S::as_simd_f32s(&self.sums.values[from..][..S::F32_LANES]).0[0]
                };
                let square = array::from_fn(|y| array::from_fn(|x| at(4 * y + x)));
                for (tap, values) in both(square, halves).into_iter().flatten().enumerate() {
                    let values = [values];
                    let values: &[f32] = pulp::bytemuck::cast_slice(&values);
                    let to = self.result[lane * taps..].iter_mut();
                    let to = to.skip(9 * slice + tap).step_by(taps);
                    for (to, value) in to.zip(values) {
                        *to = *value;
                    }
                }
            }
        }
    }
}
