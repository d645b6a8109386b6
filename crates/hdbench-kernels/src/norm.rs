use std::borrow::Cow;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::affine::affine_one;
use super::source::{Source, Spare};
use super::threads::items_a_thread;
use super::upsample;

/// Batches of channels `[n, c, s]`, space flattened.
#[derive(Clone, Copy, Debug)]
pub struct Maps {
    pub arch: Arch,
    pub batch: usize,
    pub channels: usize,
    pub plane: usize,
}

impl Maps {
    /// Of a shape `[n, c, ...]`.
    pub fn new(arch: Arch, shape: &[usize]) -> Self {
        Self {
            arch,
            batch: shape[0],
            channels: shape[1],
            plane: shape[2..].iter().product(),
        }
    }

    /// Values of one channel over the batch.
    pub fn samples(&self) -> usize {
        self.batch * self.plane
    }

    /// One result a channel; each sums its planes in the batch's order.
    fn per_channel<T: Send>(&self, of: impl Fn(usize, &mut Spare) -> T + Send + Sync) -> Vec<T> {
        (0..self.channels)
            .into_par_iter()
            .with_min_len(items_a_thread(self.samples()))
            .map_init(Spare::default, |spare, channel| of(channel, spare))
            .collect()
    }

    /// The places of a channel's planes in the batch.
    fn indices(&self, channel: usize) -> impl Iterator<Item = usize> + use<> {
        let channels = self.channels;
        (0..self.batch).map(move |n| n * channels + channel)
    }

    /// As few planes as are worth a thread.
    fn least(&self) -> usize {
        items_a_thread(self.plane)
    }

    fn planes<'a>(&self, x: &'a [f32], channel: usize) -> impl Iterator<Item = &'a [f32]> {
        let Self {
            channels, plane, ..
        } = *self;
        (0..self.batch).map(move |n| &x[(n * channels + channel) * plane..][..plane])
    }

    /// New maps, plane by plane: `fill` gets the channel, the plane's range and the plane.
    fn map(
        &self,
        fill: impl Fn(usize, std::ops::Range<usize>, &mut [f32]) + Send + Sync,
    ) -> Vec<f32> {
        let mut y = vec![0.0; self.batch * self.channels * self.plane];
        y.par_chunks_mut(self.plane.max(1))
            .with_min_len(self.least())
            .enumerate()
            .for_each(|(index, y)| {
                let from = index * self.plane;
                fill(index % self.channels, from..from + y.len(), y);
            });
        y
    }
}

/// Mean and biased variance of each channel before it is normed.
pub fn statistics(maps: &Maps, x: &Source) -> (Vec<f32>, Vec<f32>) {
    let samples = maps.samples() as f64;
    maps.per_channel(|channel, spare| {
        let mut sum = 0.0;
        for index in maps.indices(channel) {
            sum += moments(maps.arch, x.raw(index, spare), 0.0).0;
        }
        let mean = (sum / samples) as f32;
        let (rest, squares) = maps
            .indices(channel)
            .map(|index| moments(maps.arch, x.raw(index, spare), mean))
            .fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
        // `mean` is rounded; what is left of the first moment corrects the second.
        let variance = squares / samples - (rest / samples).powi(2);
        (mean, variance.max(0.0) as f32)
    })
    .into_iter()
    .unzip()
}

/// The sum of each channel.
pub fn sums(maps: &Maps, x: &[f32]) -> Vec<f32> {
    maps.per_channel(|channel, _| {
        let sum: f64 = maps
            .planes(x, channel)
            .map(|x| moments(maps.arch, x, 0.0).0)
            .sum();
        sum as f32
    })
}

/// `x * scale + shift` for each channel, and its positive part where `relu`.
pub fn affine(maps: &Maps, x: &[f32], scale: &[f32], shift: &[f32], relu: bool) -> Vec<f32> {
    maps.map(|channel, range, y| {
        affine_one(
            maps.arch,
            &x[range],
            y,
            [scale[channel], shift[channel]],
            relu,
        );
    })
}

/// For each channel the sums of the gradient that passes an [`affine`] and of its product with
/// `x - centre`, where `x` is not normed yet.
pub fn gradient_sums(
    maps: &Maps,
    x: &Source,
    gradient: &[f32],
    passage: &Passage,
    centre: &[f32],
) -> Vec<(f64, f64)> {
    maps.per_channel(|channel, spare| {
        maps.indices(channel)
            .zip(maps.planes(gradient, channel))
            .map(|(index, gradient)| {
                maps.arch.dispatch(GradientSums {
                    x: x.raw(index, spare),
                    gradient,
                    gate: passage.gate(channel),
                    centre: centre[channel],
                })
            })
            .fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d))
    })
}

/// `gradient * factor + x * slope + constant` for each channel, the gradient gated by the
/// [`affine`] it passes; of a doubled `x` the gradient of what was doubled. Takes the place of a gradient
/// that is its own.
pub fn input_gradient(
    maps: &Maps,
    x: &Source,
    gradient: Cow<[f32]>,
    passage: &Passage,
    terms: &[Terms],
) -> Vec<f32> {
    let replace = |index: usize, gradient: &mut [f32], spare: &mut Spare| {
        let channel = index % maps.channels;
        maps.arch.dispatch(InputGradient {
            x: x.raw(index, spare),
            gradient,
            gate: passage.gate(channel),
            terms: terms[channel],
        });
    };
    let mut gradient = match gradient {
        Cow::Owned(gradient) => gradient,
        Cow::Borrowed(gradient) => {
            return maps.map(|_, range, y| {
                let index = range.start / maps.plane;
                y.copy_from_slice(&gradient[range]);
                replace(index, y, &mut Spare::default());
            });
        }
    };
    let planes = gradient
        .par_chunks_mut(maps.plane.max(1))
        .with_min_len(maps.least())
        .enumerate();
    let Some(doubling) = x.doubling else {
        planes.for_each_init(Spare::default, |spare, (index, gradient)| {
            replace(index, gradient, spare);
        });
        return gradient;
    };
    let mut of_x = vec![0.0; x.x.len()];
    planes.zip(of_x.par_chunks_mut(x.plane)).for_each_init(
        Spare::default,
        |spare, ((index, gradient), of_x)| {
            replace(index, gradient, spare);
            upsample::gather_one(maps.arch, doubling, gradient, of_x);
        },
    );
    of_x
}

/// The [`affine`] a gradient passes on its way back.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    pub scale: &'a [f32],
    pub shift: &'a [f32],
    pub relu: bool,
}

impl Passage<'_> {
    fn gate(&self, channel: usize) -> Option<[f32; 2]> {
        self.relu
            .then(|| [self.scale[channel], self.shift[channel]])
    }
}

/// What makes up the gradient of an input; see [`input_gradient`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    pub factor: f32,
    pub slope: f32,
    pub constant: f32,
}

fn moments(arch: Arch, x: &[f32], centre: f32) -> (f64, f64) {
    arch.dispatch(Moments { x, centre })
}

struct Moments<'a> {
    x: &'a [f32],
    centre: f32,
}

impl WithSimd for Moments<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f64, f64) {
        let (vectors, rest) = S::as_simd_f32s(self.x);
        let (fours, ones) = pulp::as_arrays::<4, _>(vectors);
        let centre = simd.splat_f32s(self.centre);
        let mut sums = [simd.splat_f32s(0.0); 4];
        let mut squares = sums;
        for four in fours {
            for k in 0..4 {
                let x = simd.sub_f32s(four[k], centre);
                sums[k] = simd.add_f32s(sums[k], x);
                squares[k] = simd.mul_add_e_f32s(x, x, squares[k]);
            }
        }
        for &one in ones {
            let x = simd.sub_f32s(one, centre);
            sums[0] = simd.add_f32s(sums[0], x);
            squares[0] = simd.mul_add_e_f32s(x, x, squares[0]);
        }
        let (mut sum, mut square) = (total(simd, sums), total(simd, squares));
        for x in rest {
            let x = f64::from(x - self.centre);
            sum += x;
            square += x * x;
        }
        (sum, square)
    }
}

#[inline(always)]
fn total<S: Simd, const N: usize>(simd: S, sums: [S::f32s; N]) -> f64 {
    sums.into_iter()
        .map(|sum| f64::from(simd.reduce_sum_f32s(sum)))
        .sum()
}

struct GradientSums<'a> {
    x: &'a [f32],
    gradient: &'a [f32],
    gate: Option<[f32; 2]>,
    centre: f32,
}

impl WithSimd for GradientSums<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f64, f64) {
        let (x, x_rest) = S::as_simd_f32s(self.x);
        let (gradient, gradient_rest) = S::as_simd_f32s(self.gradient);
        let zero = simd.splat_f32s(0.0);
        let centre = simd.splat_f32s(self.centre);
        let mut sums = [zero; 4];
        let mut products = sums;
        for (index, (&x, &gradient)) in x.iter().zip(gradient).enumerate() {
            let gradient = gated(simd, self.gate, x, gradient);
            let k = index % 4;
            sums[k] = simd.add_f32s(sums[k], gradient);
            products[k] = simd.mul_add_e_f32s(simd.sub_f32s(x, centre), gradient, products[k]);
        }
        let (mut sum, mut product) = (total(simd, sums), total(simd, products));
        for (&x, &gradient) in x_rest.iter().zip(gradient_rest) {
            let gradient = gated_one(self.gate, x, gradient);
            sum += f64::from(gradient);
            product += f64::from((x - self.centre) * gradient);
        }
        (sum, product)
    }
}

struct InputGradient<'a> {
    x: &'a [f32],
    /// Of the result; then of the input.
    gradient: &'a mut [f32],
    gate: Option<[f32; 2]>,
    terms: Terms,
}

impl WithSimd for InputGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Terms {
            factor,
            slope,
            constant,
        } = self.terms;
        let (x, x_rest) = S::as_simd_f32s(self.x);
        let (gradient, gradient_rest) = S::as_mut_simd_f32s(self.gradient);
        let splat = |value| simd.splat_f32s(value);
        let (factors, slopes, constants) = (splat(factor), splat(slope), splat(constant));
        for (gradient, &x) in gradient.iter_mut().zip(x) {
            let passed = gated(simd, self.gate, x, *gradient);
            let line = simd.mul_add_e_f32s(x, slopes, constants);
            *gradient = simd.mul_add_e_f32s(passed, factors, line);
        }
        for (gradient, &x) in gradient_rest.iter_mut().zip(x_rest) {
            *gradient = gated_one(self.gate, x, *gradient) * factor + (x * slope + constant);
        }
    }
}

/// The gradient where `x * scale + shift` is positive, 0 elsewhere.
#[inline(always)]
fn gated<S: Simd>(simd: S, gate: Option<[f32; 2]>, x: S::f32s, gradient: S::f32s) -> S::f32s {
    let Some([scale, shift]) = gate else {
        return gradient;
    };
    let zero = simd.splat_f32s(0.0);
    let y = simd.mul_add_e_f32s(x, simd.splat_f32s(scale), simd.splat_f32s(shift));
    simd.select_f32s(simd.greater_than_f32s(y, zero), gradient, zero)
}

fn gated_one(gate: Option<[f32; 2]>, x: f32, gradient: f32) -> f32 {
    match gate {
        Some([scale, shift]) if x * scale + shift <= 0.0 => 0.0,
        _ => gradient,
    }
}
