use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::TensorData;
use pulp::Arch;

use super::block::Block;
use super::convolution;
use super::extension::{KernelGradients, Kernels, Normalised};
use super::norm::{self, Maps, Passage, Terms};
use super::planes::Geometry;
use super::upsample::{self, Doubling};

type Values = FlexTensor;

impl Kernels for Flex {
    fn convolution(x: Values, kernels: Values, bias: Values) -> Values {
        let geometry = geometry(&shape(&x), &shape(&kernels), false);
        let (x, kernels, bias) = (dense(x), dense(kernels), dense(bias));
        let y = convolution::forward(
            Arch::new(),
            &geometry,
            read(&x),
            read(&kernels),
            read(&bias),
        );
        let mut shape = shape(&x);
        shape[1] = geometry.channels_out;
        write(y, shape)
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
        let (mean, variance) = norm::statistics(&maps, read(&x));
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
        _block: Option<Block>,
    ) -> (Values, Values, Values) {
        let (normed, mean, variance) = Self::normalisation(x, gamma, beta, epsilon, true);
        (Self::convolution(normed, kernels, bias), mean, variance)
    }

    fn double(x: Values, along_z: bool, linear: bool) -> Values {
        let (doubling, mut shape) = doubling(&shape(&x), along_z, linear, 1);
        let x = dense(x);
        let y = upsample::double(Arch::new(), doubling, read(&x));
        let axes = shape.len();
        shape[axes - 2] *= 2;
        shape[axes - 1] *= 2;
        if along_z {
            shape[axes - 3] *= 2;
        }
        write(y, shape)
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
        let of_kernels =
            convolution::kernel_gradient(Arch::new(), &geometry, read(&x), read(&gradient));
        let maps = Maps::new(Arch::new(), &shape(&gradient));
        let of_bias = norm::sums(&maps, read(&gradient));
        [
            write(of_kernels, shape(&kernels)),
            write(of_bias, vec![geometry.channels_out]),
        ]
    }

    fn normalisation_gradient(state: Normalised<Values>, gradient: Values) -> [Values; 3] {
        let Normalised {
            x,
            gamma,
            beta,
            mean,
            variance,
            epsilon,
            relu,
        } = state;
        let maps = Maps::new(Arch::new(), &shape(&x));
        let (x, gradient) = (dense(x), dense(gradient));
        let (gamma, beta) = (dense(gamma), dense(beta));
        let (mean, variance) = (dense(mean), dense(variance));
        let (mean, variance) = (read(&mean), read(&variance));
        let (scale, shift) = line(read(&gamma), read(&beta), mean, variance, epsilon);
        let passage = Passage {
            scale: &scale,
            shift: &shift,
            relu,
        };
        let sums = norm::gradient_sums(&maps, read(&x), read(&gradient), &passage, mean);
        let samples = maps.samples() as f64;
        let mut terms = Vec::with_capacity(maps.channels);
        let mut of_gamma = Vec::with_capacity(maps.channels);
        let mut of_beta = Vec::with_capacity(maps.channels);
        for (channel, &(sum, product)) in sums.iter().enumerate() {
            let inverse = (f64::from(variance[channel]) + epsilon).sqrt().recip();
            let factor = f64::from(read(&gamma)[channel]) * inverse;
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
        let of_x = norm::input_gradient(&maps, read(&x), read(&gradient), &passage, &terms);
        [
            write(of_x, shape(&x)),
            write(of_gamma, vec![maps.channels]),
            write(of_beta, vec![maps.channels]),
        ]
    }

    fn doubling_gradient(gradient: Values, along_z: bool, linear: bool) -> Values {
        let (doubling, shape) = doubling(&shape(&gradient), along_z, linear, 2);
        let gradient = dense(gradient);
        write(
            upsample::gather(Arch::new(), doubling, read(&gradient)),
            shape,
        )
    }

    fn normed_convolution_gradient(
        state: Normalised<Values>,
        kernels: Values,
        gradient: Values,
    ) -> [Values; 5] {
        // The very values of the forward pass: the same sums of the same numbers.
        let x = dense(state.x.clone());
        let (gamma, beta) = (dense(state.gamma.clone()), dense(state.beta.clone()));
        let (mean, variance) = (dense(state.mean.clone()), dense(state.variance.clone()));
        let (mean, variance) = (read(&mean), read(&variance));
        let (scale, shift) = line(read(&gamma), read(&beta), mean, variance, state.epsilon);
        let maps = Maps::new(Arch::new(), &shape(&x));
        let normed = norm::affine(&maps, read(&x), &scale, &shift, true);
        let normed = write(normed, shape(&x));
        let [of_kernels, of_bias] =
            Self::convolution_kernel_gradient(normed, gradient.clone(), kernels.clone());
        let of_normed = Self::convolution_input_gradient(gradient, kernels);
        let [of_x, of_gamma, of_beta] = Self::normalisation_gradient(state, of_normed);
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
        let sums = norm::gradient_sums(&maps, read(&x), read(&gradient), &passage, &centre);
        let terms: Vec<Terms> = passage
            .scale
            .iter()
            .map(|&factor| Terms {
                factor,
                ..Terms::default()
            })
            .collect();
        let of_x = norm::input_gradient(&maps, read(&x), read(&gradient), &passage, &terms);
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

/// The doubling that has a map of this shape on its small side, its sizes divided by `divisor` first; with
/// the small side's shape.
fn doubling(map: &[usize], along_z: bool, linear: bool, divisor: usize) -> (Doubling, Vec<usize>) {
    let mut shape = map.to_vec();
    let axes = shape.len();
    for axis in [axes - 2, axes - 1] {
        shape[axis] /= divisor;
    }
    if along_z {
        shape[axes - 3] /= divisor;
    }
    let size = [
        if axes == 5 { shape[2] } else { 1 },
        shape[axes - 2],
        shape[axes - 1],
    ];
    let doubling = Doubling {
        size,
        along_z,
        linear,
    };
    (doubling, shape)
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
    let three = |axes: &[usize]| {
        let mut three = [1; 3];
        three[3 - axes.len()..].copy_from_slice(axes);
        three
    };
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

fn write(values: Vec<f32>, shape: Vec<usize>) -> Values {
    FlexTensor::from_data(TensorData::new(values, shape))
}
