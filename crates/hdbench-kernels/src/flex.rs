use std::borrow::Cow;

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::TensorData;
use pulp::Arch;

use super::block::Block;
use super::convolution;
use super::descent::{self, Descent};
use super::extension::{KernelGradients, Kernels, Normalised};
use super::norm::{self, Maps, Passage, Terms};
use super::origin::{Doubled, Origin};
use super::parity::Parity;
use super::phases::{self, Nearest};
use super::planes::{Geometry, three};
use super::pool::{self, Pooling, Window};
use super::source::Source;
use super::upsample::{self, Doubling};

type Values = FlexTensor;

impl Kernels for Flex {
    fn convolution(x: Values, kernels: Values, bias: Values) -> Values {
        let geometry = geometry(&shape(&x), &shape(&kernels), false);
        let (x, kernels, bias) = (dense(x), dense(kernels), dense(bias));
        let seen = plain(&x);
        convolved(&geometry, &seen, &kernels, &bias, shape(&x))
    }

    fn normalisation(
        x: Values,
        gamma: Values,
        beta: Values,
        epsilon: f64,
        relu: bool,
    ) -> (Values, Values, Values) {
        let maps = Maps::new(Arch::new(), &shape(&x));
        let (x, gamma, beta) = (dense(x), dense(gamma), dense(beta));
        let (mean, variance) = norm::statistics(&maps, &plain(&x));
        let (scale, shift) = line(read(&gamma), read(&beta), &mean, &variance, epsilon);
        let y = norm::affine(&maps, read(&x), &scale, &shift, relu);
        let channels = vec![maps.channels];
        (
            write(y, shape(&x)),
            write(mean, channels.clone()),
            write(variance, channels),
        )
    }

    fn normed_convolution(
        x: Values,
        gamma: Values,
        beta: Values,
        epsilon: f64,
        kernels: Values,
        bias: Values,
        origin: Origin,
    ) -> (Values, Values, Values) {
        let (x, gamma, beta) = (dense(x), dense(gamma), dense(beta));
        let (mut seen, shape) = doubled(&x, origin.doubled());
        let maps = Maps::new(seen.arch, &shape);
        let (mean, variance) = norm::statistics(&maps, &seen);
        let (scale, shift) = line(read(&gamma), read(&beta), &mean, &variance, epsilon);
        seen.line = Some([&scale, &shift]);
        let (kernels, bias) = (dense(kernels), dense(bias));
        let geometry = geometry(&shape, &self::shape(&kernels), false);
        let y = convolved(&geometry, &seen, &kernels, &bias, shape);
        let channels = vec![maps.channels];
        (y, write(mean, channels.clone()), write(variance, channels))
    }

    fn affine_convolution(
        x: Values,
        scale: Values,
        shift: Values,
        kernels: Values,
        bias: Values,
        doubled: Option<Doubled>,
    ) -> Values {
        let (x, scale, shift) = (dense(x), dense(scale), dense(shift));
        let (kernels, bias) = (dense(kernels), dense(bias));
        let (mut seen, shape) = self::doubled(&x, doubled);
        seen.line = Some([read(&scale), read(&shift)]);
        let geometry = geometry(&shape, &self::shape(&kernels), false);
        convolved(&geometry, &seen, &kernels, &bias, shape)
    }

    fn double(x: Values, how: Doubled) -> Values {
        let (doubling, _) = doubling(&shape(&x), how, 1);
        let x = dense(x);
        let y = upsample::double(Arch::new(), doubling, read(&x));
        write(y, how.shape(&shape(&x)))
    }

    fn add_convolved_doubled(onto: Values, x: Values, kernels: Values) -> Values {
        let geometry = geometry(&shape(&x), &shape(&kernels), false);
        let of = nearest(&geometry, &shape(&onto));
        let (mut y, x, kernels) = (dense(onto), dense(x), dense(kernels));
        let to = change(&mut y);
        phases::add_convolved(Arch::new(), of, &plain(&x), read(&kernels), to);
        y
    }

    fn parities(x: Values, parity: Parity) -> Values {
        let of = shape(&x);
        let y = parity.apply(&of, read(&dense(x)));
        write(y, parity.shape(&of))
    }

    fn max_pool(x: Values, window: Window) -> (Values, Values) {
        let pooling = Pooling::new(&shape(&x), window);
        let x = dense(x);
        let (y, places) = pool::largest(Arch::new(), pooling, read(&x));
        let mut shape = shape(&x);
        let axes = shape.len() - 2;
        shape[2..].copy_from_slice(&pooling.pooled()[3 - axes..]);
        (write(y, shape.clone()), write(places, shape))
    }

    fn finish_block(output: Values, _block: Block) -> Values {
        output
    }

    fn affine(x: Values, scale: Values, shift: Values, relu: bool) -> Values {
        let maps = Maps::new(Arch::new(), &shape(&x));
        let (x, scale, shift) = (dense(x), dense(scale), dense(shift));
        let y = norm::affine(&maps, read(&x), read(&scale), read(&shift), relu);
        write(y, shape(&x))
    }

    fn descend(
        parameter: Values,
        gradient: Values,
        velocity: Values,
        step: Descent,
    ) -> (Values, Values) {
        let gradient = dense(gradient);
        let (mut parameter, mut velocity) = (dense(parameter), dense(velocity));
        let (p, v) = (change(&mut parameter), change(&mut velocity));
        descent::descend(p, read(&gradient), v, step);
        (parameter, velocity)
    }
}

impl KernelGradients for Flex {
    fn convolution_input_gradient(gradient: Values, kernels: Values) -> Values {
        let geometry = geometry(&shape(&gradient), &shape(&kernels), true);
        let (gradient, kernels) = (dense(gradient), dense(kernels));
        let of_x =
            convolution::input_gradient(Arch::new(), &geometry, read(&gradient), read(&kernels));
        let mut shape = shape(&gradient);
        shape[1] = geometry.channels_in;
        write(of_x, shape)
    }

    fn convolution_kernel_gradient(x: Values, gradient: Values, kernels: Values) -> [Values; 2] {
        let geometry = geometry(&shape(&x), &shape(&kernels), false);
        let (x, gradient) = (dense(x), dense(gradient));
        of_parameters(&geometry, &plain(&x), &gradient, &kernels)
    }

    fn normalisation_gradient(state: Normalised<Values>, gradient: Values) -> [Values; 3] {
        let (x, gradient) = (dense(state.x.clone()), dense(gradient));
        let gradient = Cow::Borrowed(read(&gradient));
        of_norm(&state, &plain(&x), &shape(&x), gradient)
    }

    fn doubling_gradient(gradient: Values, how: Doubled) -> Values {
        let (doubling, shape) = doubling(&shape(&gradient), how, 2);
        let gradient = dense(gradient);
        write(
            upsample::gather(Arch::new(), doubling, read(&gradient)),
            shape,
        )
    }

    fn doubled_convolution_gradient(x: Values, kernels: Values, gradient: Values) -> [Values; 2] {
        let geometry = geometry(&shape(&x), &shape(&kernels), false);
        let of = nearest(&geometry, &shape(&gradient));
        let (x, kernels, gradient) = (dense(x), dense(kernels), dense(gradient));
        let [of_x, of_kernels] =
            phases::gradients(Arch::new(), of, &plain(&x), read(&kernels), read(&gradient));
        [write(of_x, shape(&x)), write(of_kernels, shape(&kernels))]
    }

    fn max_pool_gradient(
        gradient: Values,
        places: Values,
        shape: Vec<usize>,
        window: Window,
    ) -> Values {
        let pooling = Pooling::new(&shape, window);
        let (gradient, places) = (dense(gradient), dense(places));
        let of_x = pool::spread(pooling, read(&gradient), read(&places));
        write(of_x, shape)
    }

    fn normed_convolution_gradient(
        state: Normalised<Values>,
        doubled: Option<Doubled>,
        kernels: Values,
        gradient: Values,
    ) -> [Values; 5] {
        let x = dense(state.x.clone());
        let (kernels, gradient) = (dense(kernels), dense(gradient));
        let (mut seen, shape) = self::doubled(&x, doubled);
        // The very values of the forward pass: the same sums of the same numbers.
        let [scale, shift] = state.line();
        seen.line = Some([&scale, &shift]);
        let geometry = geometry(&shape, &self::shape(&kernels), false);
        let [of_kernels, of_bias] = of_parameters(&geometry, &seen, &gradient, &kernels);
        let of_seen =
            convolution::input_gradient(seen.arch, &geometry, read(&gradient), read(&kernels));
        drop(gradient);
        let [of_x, of_gamma, of_beta] = of_norm(&state, &seen, &shape, Cow::Owned(of_seen));
        [of_x, of_gamma, of_beta, of_kernels, of_bias]
    }

    fn affine_gradient(
        x: Values,
        scale: Values,
        shift: Values,
        relu: bool,
        gradient: Values,
    ) -> [Values; 3] {
        let maps = Maps::new(Arch::new(), &shape(&x));
        let (x, gradient) = (dense(x), dense(gradient));
        let (scale, shift) = (dense(scale), dense(shift));
        let passage = Passage {
            scale: read(&scale),
            shift: read(&shift),
            relu,
        };
        let centre = vec![0.0; maps.channels];
        let seen = plain(&x);
        let sums = norm::gradient_sums(&maps, &seen, read(&gradient), &passage, &centre);
        let terms: Vec<Terms> = passage
            .scale
            .iter()
            .map(|&factor| Terms {
                factor,
                ..Terms::default()
            })
            .collect();
        let gradient = Cow::Borrowed(read(&gradient));
        let of_x = norm::input_gradient(&maps, &seen, gradient, &passage, &terms);
        let (of_shift, of_scale) = sums
            .into_iter()
            .map(|(sum, product)| (sum as f32, product as f32))
            .unzip();
        [
            write(of_x, shape(&x)),
            write(of_scale, vec![maps.channels]),
            write(of_shift, vec![maps.channels]),
        ]
    }
}

impl Normalised<Values> {
    /// Scale and shift of each channel.
    fn line(&self) -> [Vec<f32>; 2] {
        let (gamma, beta) = (dense(self.gamma.clone()), dense(self.beta.clone()));
        let (mean, variance) = (dense(self.mean.clone()), dense(self.variance.clone()));
        let (mean, variance) = (read(&mean), read(&variance));
        line(read(&gamma), read(&beta), mean, variance, self.epsilon).into()
    }
}

/// Maps as they are.
fn plain(x: &Values) -> Source<'_> {
    doubled(x, None).0
}

/// Maps that may be doubled on the way, and the shape that they then have.
fn doubled(x: &Values, how: Option<Doubled>) -> (Source<'_>, Vec<usize>) {
    let kept = shape(x);
    let plane = kept[2..].iter().product();
    let mut seen = Source::plain(Arch::new(), read(x), kept[1], plane);
    let Some(how) = how else {
        return (seen, kept);
    };
    seen.doubling = Some(doubling(&kept, how, 1).0);
    (seen, how.shape(&kept))
}

/// A convolution's result; `shape` is that of what it sees.
fn convolved(
    geometry: &Geometry,
    seen: &Source,
    kernels: &Values,
    bias: &Values,
    mut shape: Vec<usize>,
) -> Values {
    let y = convolution::forward(seen.arch, geometry, seen, read(kernels), read(bias));
    shape[1] = geometry.channels_out;
    write(y, shape)
}

/// The gradients of a convolution's kernels and bias.
fn of_parameters(
    geometry: &Geometry,
    seen: &Source,
    gradient: &Values,
    kernels: &Values,
) -> [Values; 2] {
    let of_kernels = convolution::kernel_gradient(seen.arch, geometry, seen, read(gradient));
    let maps = Maps::new(seen.arch, &shape(gradient));
    let of_bias = norm::sums(&maps, read(gradient));
    [
        write(of_kernels, shape(kernels)),
        write(of_bias, vec![geometry.channels_out]),
    ]
}

/// The gradients of a norm's input, gamma and beta; `shape` is that of what it sees.
fn of_norm(
    state: &Normalised<Values>,
    seen: &Source,
    shape: &[usize],
    gradient: Cow<[f32]>,
) -> [Values; 3] {
    let maps = Maps::new(seen.arch, shape);
    let [scale, shift] = state.line();
    let passage = Passage {
        scale: &scale,
        shift: &shift,
        relu: state.relu,
    };
    let (gamma, mean) = (dense(state.gamma.clone()), dense(state.mean.clone()));
    let variance = dense(state.variance.clone());
    let (gamma, mean, variance) = (read(&gamma), read(&mean), read(&variance));
    let sums = norm::gradient_sums(&maps, seen, &gradient, &passage, mean);
    let samples = maps.samples() as f64;
    let mut terms = Vec::with_capacity(maps.channels);
    let mut of_gamma = Vec::with_capacity(maps.channels);
    let mut of_beta = Vec::with_capacity(maps.channels);
    for (channel, &(sum, product)) in sums.iter().enumerate() {
        let inverse = (f64::from(variance[channel]) + state.epsilon)
            .sqrt()
            .recip();
        let factor = f64::from(gamma[channel]) * inverse;
        // d loss / d x = factor * (g - mean(g) - normalised x * mean(g * normalised x))
        let slope = -factor * inverse * inverse * product / samples;
        let constant = -factor * sum / samples - slope * f64::from(mean[channel]);
        terms.push(Terms {
            factor: factor as f32,
            slope: slope as f32,
            constant: constant as f32,
        });
        of_gamma.push((product * inverse) as f32);
        of_beta.push(sum as f32);
    }
    let of_x = norm::input_gradient(&maps, seen, gradient, &passage, &terms);
    [
        write(of_x, self::shape(&state.x)),
        write(of_gamma, vec![maps.channels]),
        write(of_beta, vec![maps.channels]),
    ]
}

/// The doubling that has a map of this shape on its small side, its sizes divided by `divisor` first; with
/// the small side's shape.
fn doubling(map: &[usize], how: Doubled, divisor: usize) -> (Doubling, Vec<usize>) {
    let mut shape = map.to_vec();
    let axes = shape.len();
    for axis in [axes - 2, axes - 1] {
        shape[axis] /= divisor;
    }
    if how.along_z {
        shape[axes - 3] /= divisor;
    }
    let doubling = Doubling {
        size: three(&shape[2..]),
        how,
    };
    (doubling, shape)
}

/// The doubling of a map of this geometry to one of this shape.
fn nearest<'a>(geometry: &'a Geometry, large: &[usize]) -> Nearest<'a> {
    Nearest {
        geometry,
        along_z: large.len() == 5 && large[2] != geometry.size[0],
    }
}

/// Scale and shift of a batch norm with these statistics.
fn line(
    gamma: &[f32],
    beta: &[f32],
    mean: &[f32],
    variance: &[f32],
    epsilon: f64,
) -> (Vec<f32>, Vec<f32>) {
    gamma
        .iter()
        .zip(beta)
        .zip(mean.iter().zip(variance))
        .map(|((&gamma, &beta), (&mean, &variance))| {
            let scale = f64::from(gamma) / (f64::from(variance) + epsilon).sqrt();
            let shift = f64::from(beta) - scale * f64::from(mean);
            (scale as f32, shift as f32)
        })
        .unzip()
}

/// From the shapes of a map and the kernels; the map is the result where `of_result`.
fn geometry(map: &[usize], kernels: &[usize], of_result: bool) -> Geometry {
    let kernel = three(&kernels[2..]);
    let geometry = Geometry {
        batch: map[0],
        channels_in: kernels[1],
        channels_out: kernels[0],
        size: three(&map[2..]),
        kernel,
        padding: kernel.map(|k| k / 2),
    };
    let channels = if of_result {
        geometry.channels_out
    } else {
        geometry.channels_in
    };
    assert_eq!(map[1], channels, "{map:?} does not fit kernels {kernels:?}");
    geometry
}

fn shape(x: &Values) -> Vec<usize> {
    x.shape().to_vec()
}

fn dense(x: Values) -> Values {
    if x.is_contiguous() {
        x
    } else {
        x.to_contiguous()
    }
}

fn read(x: &Values) -> &[f32] {
    x.as_slice()
        .expect("networks run in f32, and dense tensors are contiguous")
}

/// The values in place, or a copy's where others hold them too.
fn change(x: &mut Values) -> &mut [f32] {
    let (start, end) = x
        .layout()
        .contiguous_offsets()
        .expect("dense tensors are contiguous");
    &mut x.storage_mut()[start..end]
}

fn write(values: Vec<f32>, shape: Vec<usize>) -> Values {
    FlexTensor::from_data(TensorData::new(values, shape))
}
