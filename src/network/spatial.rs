use burn::module::{Module, Param, ParamId};
use burn::nn::conv::{Conv2d, Conv2dConfig, Conv3d, Conv3dConfig, ConvTranspose2d};
use burn::nn::{BatchNorm, PaddingConfig2d, PaddingConfig3d};
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};
use hdbench_kernels::{self as kernel, Block, Doubled, Origin, Parity, Window};

use super::norm::norm_relu_convolve;
use super::{Pass, trace};
use crate::recipe::Upsampling;

/// A convolution with a cubic kernel, padded so that stride 1 keeps the size.
#[derive(Clone, Copy, Debug)]
pub struct ConvSpec {
    /// Channels in and out.
    pub channels: [usize; 2],
    /// Odd kernel size, the same along every axis.
    pub kernel: usize,
    /// The same along every axis.
    pub stride: usize,
    pub bias: bool,
}

impl ConvSpec {
    /// Stride 1, no bias: what DenseNet is made of.
    pub fn plain(channels_in: usize, channels_out: usize, kernel: usize) -> Self {
        Self {
            channels: [channels_in, channels_out],
            kernel,
            stride: 1,
            bias: false,
        }
    }

    /// Stride 1 with bias: decoders and classifiers.
    pub fn biased(channels_in: usize, channels_out: usize, kernel: usize) -> Self {
        Self {
            bias: true,
            ..Self::plain(channels_in, channels_out, kernel)
        }
    }
}

/// A convolution layer that can be built from a [`ConvSpec`].
pub trait Convolution: Module {
    /// A layer with Burn's own initial values; [`super::initialise`] replaces them.
    fn build(spec: ConvSpec, device: &Device) -> Self;
}

/// What the DenseUNet needs of a number of dimensions: 2-D tensors are `[n, c, y, x]` (`R = 4`),
/// 3-D ones `[n, c, z, y, x]` (`R = 5`).
pub trait Spatial<const R: usize>: Convolution {
    /// Whether a decoder level sums with its skip connection after its convolution. In the paper's
    /// Table I the channels of the 2-D net agree before it, those of the 3-D net after it.
    const SKIP_AFTER_CONVOLUTION: bool;

    /// The layer's own convolution.
    fn convolve(&self, x: Tensor<R>) -> Tensor<R>;
    /// The convolution, of stride 1, of a batch norm's positive part.
    fn convolve_normed(&self, norm: &BatchNorm, x: Tensor<R>, pass: &mut Pass) -> Tensor<R> {
        self.convolve_from(Origin::Input, norm, x, pass)
    }
    /// Norm, activation and convolution of a layer of a dense block, whose output begins with `x`.
    fn convolve_layer(
        &self,
        norm: &BatchNorm,
        x: Tensor<R>,
        block: &Block,
        pass: &mut Pass,
    ) -> Tensor<R> {
        self.convolve_from(Origin::Block(block.clone()), norm, x, pass)
    }
    /// Norm, activation and convolution of `x` upsampled by 2.
    fn convolve_upsampled(
        &self,
        norm: &BatchNorm,
        x: Tensor<R>,
        along_z: bool,
        how: Upsampling,
        pass: &mut Pass,
    ) -> Tensor<R> {
        if !kernel::runs_on(&x.device()) {
            return self.convolve_normed(norm, Self::upsample(x, along_z, how), pass);
        }
        // Planes have no z.
        let how = doubled(along_z && R == 5, how);
        self.convolve_from(Origin::Doubled(how), norm, x, pass)
    }
    /// Norm, activation and convolution of `x`, which is taken up as `origin` says.
    fn convolve_from(
        &self,
        origin: Origin,
        norm: &BatchNorm,
        x: Tensor<R>,
        pass: &mut Pass,
    ) -> Tensor<R>;
    /// The convolution, of stride 1, of `x` upsampled, without a norm.
    fn upsample_convolve(&self, x: Tensor<R>, along_z: bool, how: Upsampling) -> Tensor<R> {
        let found = match how {
            Upsampling::Nearest => self.convolve_nearest(x.clone(), along_z),
            Upsampling::Linear => None,
        };
        found.unwrap_or_else(|| self.convolve(Self::upsample(x, along_z, how)))
    }
    /// The same of nearest values, where the device has a kernel for it.
    fn convolve_nearest(&self, x: Tensor<R>, along_z: bool) -> Option<Tensor<R>>;
    /// Maximum over 3 x 3 (x 3), stride 2, padding 1, in every axis.
    fn max_pool(x: Tensor<R>) -> Tensor<R>;
    /// Mean over 2 x 2 in the plane; z is left alone.
    fn average_pool(x: Tensor<R>) -> Tensor<R>;
    /// Twice the size in the plane, and, of a volume, along z where `along_z`.
    fn upsample(x: Tensor<R>, along_z: bool, how: Upsampling) -> Tensor<R>;
}

impl Convolution for Conv2d {
    fn build(spec: ConvSpec, device: &Device) -> Self {
        let pad = spec.kernel / 2;
        Conv2dConfig::new(spec.channels, [spec.kernel; 2])
            .with_stride([spec.stride; 2])
            .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
            .with_bias(spec.bias)
            .init(device)
    }
}

impl Spatial<4> for Conv2d {
    const SKIP_AFTER_CONVOLUTION: bool = false;

    fn convolve(&self, x: Tensor<4>) -> Tensor<4> {
        let kernels = self.weight.val();
        let parts = match self.stride {
            [1, 1] => Some((x.clone(), kernels)),
            [2, 2] => halved(x.clone(), kernels),
            _ => None,
        };
        let y = match parts {
            Some((x, kernels)) => same(x, kernels, self.bias.as_ref()),
            None => self.forward(x),
        };
        trace_conv(self.weight.id, y)
    }

    fn convolve_from(
        &self,
        origin: Origin,
        norm: &BatchNorm,
        x: Tensor<4>,
        pass: &mut Pass,
    ) -> Tensor<4> {
        let (kernels, bias) = (self.weight.val(), bias_of(self.bias.as_ref(), &self.weight));
        let y = norm_relu_convolve(norm, x, kernels, bias, origin, pass);
        trace_conv(self.weight.id, y)
    }

    fn convolve_nearest(&self, x: Tensor<4>, _along_z: bool) -> Option<Tensor<4>> {
        let (kernels, bias) = (self.weight.val(), bias_of(self.bias.as_ref(), &self.weight));
        let y = convolved_nearest(x, kernels, bias, false)?;
        Some(trace_conv(self.weight.id, y))
    }

    fn max_pool(x: Tensor<4>) -> Tensor<4> {
        kernel::max_pool(x.clone(), THREE).unwrap_or_else(|| max_pool_plane(x, THREE))
    }

    fn average_pool(x: Tensor<4>) -> Tensor<4> {
        avg_pool2d(x, AvgPoolOptions::new([2, 2]).with_stride([2, 2]))
    }

    fn upsample(x: Tensor<4>, _along_z: bool, how: Upsampling) -> Tensor<4> {
        kernel::double(x.clone(), doubled(false, how)).unwrap_or_else(|| double_plane(x, how))
    }
}

impl Convolution for Conv3d {
    fn build(spec: ConvSpec, device: &Device) -> Self {
        let pad = spec.kernel / 2;
        Conv3dConfig::new(spec.channels, [spec.kernel; 3])
            .with_stride([spec.stride; 3])
            .with_padding(PaddingConfig3d::Explicit(pad, pad, pad))
            .with_bias(spec.bias)
            .init(device)
    }
}

/// Burn 0.22 pools and interpolates 2-D maps only; every separable 3-D operation here is two 2-D
/// ones over reshaped views, which is exact.
impl Spatial<5> for Conv3d {
    const SKIP_AFTER_CONVOLUTION: bool = true;

    fn convolve(&self, x: Tensor<5>) -> Tensor<5> {
        let kernels = self.weight.val();
        let parts = match self.stride {
            [1, 1, 1] => Some((x.clone(), kernels)),
            [2, 2, 2] => halved(x.clone(), kernels),
            _ => None,
        };
        let y = match parts {
            Some((x, kernels)) => same(x, kernels, self.bias.as_ref()),
            None => self.forward(x),
        };
        trace_conv(self.weight.id, y)
    }

    fn convolve_from(
        &self,
        origin: Origin,
        norm: &BatchNorm,
        x: Tensor<5>,
        pass: &mut Pass,
    ) -> Tensor<5> {
        let (kernels, bias) = (self.weight.val(), bias_of(self.bias.as_ref(), &self.weight));
        let y = norm_relu_convolve(norm, x, kernels, bias, origin, pass);
        trace_conv(self.weight.id, y)
    }

    fn convolve_nearest(&self, x: Tensor<5>, along_z: bool) -> Option<Tensor<5>> {
        let (kernels, bias) = (self.weight.val(), bias_of(self.bias.as_ref(), &self.weight));
        let y = convolved_nearest(x, kernels, bias, along_z)?;
        Some(trace_conv(self.weight.id, y))
    }

    fn max_pool(x: Tensor<5>) -> Tensor<5> {
        kernel::max_pool(x.clone(), THREE).unwrap_or_else(|| max_pool_volume(x))
    }

    fn average_pool(x: Tensor<5>) -> Tensor<5> {
        let [n, c, depth, height, width] = x.dims();
        let x = x.reshape([n, c * depth, height, width]);
        let x = avg_pool2d(x, AvgPoolOptions::new([2, 2]).with_stride([2, 2]));
        x.reshape([n, c, depth, height / 2, width / 2])
    }

    fn upsample(x: Tensor<5>, along_z: bool, how: Upsampling) -> Tensor<5> {
        kernel::double(x.clone(), doubled(along_z, how))
            .unwrap_or_else(|| double_volume(x, along_z, how))
    }
}

/// The window of [`Spatial::max_pool`].
const THREE: Window = Window {
    size: 3,
    padding: 1,
};

/// Maximum over 2 x 2, stride 2, `[n, c, y, x]`.
pub fn max_pool2(x: Tensor<4>) -> Tensor<4> {
    let window = Window {
        size: 2,
        padding: 0,
    };
    kernel::max_pool(x.clone(), window).unwrap_or_else(|| max_pool_plane(x, window))
}

fn max_pool_plane(x: Tensor<4>, window: Window) -> Tensor<4> {
    let options = MaxPoolOptions::new([window.size; 2])
        .with_stride([2, 2])
        .with_padding([window.padding; 2]);
    max_pool2d(x, options)
}

fn max_pool_volume(x: Tensor<5>) -> Tensor<5> {
    let [n, c, depth, height, width] = x.dims();
    let x = max_pool_plane(x.reshape([n, c * depth, height, width]), THREE);
    let [_, _, height, width] = x.dims();
    let options = MaxPoolOptions::new([3, 1])
        .with_stride([2, 1])
        .with_padding([1, 0]);
    let x = max_pool2d(x.reshape([n, c, depth, height * width]), options);
    let [_, _, depth, _] = x.dims();
    x.reshape([n, c, depth, height, width])
}

fn doubled(along_z: bool, how: Upsampling) -> Doubled {
    Doubled {
        along_z,
        linear: how == Upsampling::Linear,
    }
}

/// Hands a convolution's result on, for [`super::trace`].
fn trace_conv<const R: usize>(kernels: ParamId, y: Tensor<R>) -> Tensor<R> {
    let output = y.dims();
    let places = output.iter().product::<usize>() / output[1];
    trace::convolved(kernels, &output, places as u64);
    y
}

/// A convolution of stride 1 on our own kernels.
fn same<const R: usize>(
    x: Tensor<R>,
    kernels: Tensor<R>,
    bias: Option<&Param<Tensor<1>>>,
) -> Tensor<R> {
    let bias = match bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([kernels.dims()[0]], &x.device()),
    };
    kernel::convolve(x, kernels, bias)
}

/// A layer's bias; zeros where it has none.
fn bias_of<const R: usize>(
    bias: Option<&Param<Tensor<1>>>,
    kernels: &Param<Tensor<R>>,
) -> Tensor<1> {
    match bias {
        Some(bias) => bias.val(),
        None => {
            let kernels = kernels.val();
            Tensor::zeros([kernels.dims()[0]], &kernels.device())
        }
    }
}

/// Input and kernels of a convolution of stride 2 as those of one of stride 1 on the half grid:
/// values at even and odd places become channels of their own. For kernels of 3, 7, 11, ... and
/// even sizes, where the device has a kernel for it.
fn halved<const R: usize>(x: Tensor<R>, kernels: Tensor<R>) -> Option<(Tensor<R>, Tensor<R>)> {
    let (sizes, kernel_sizes) = (x.dims(), kernels.dims());
    if kernel_sizes[2] % 4 != 3 || sizes[2..].iter().any(|size| size % 2 > 0) {
        return None;
    }
    let x = kernel::parities(x, Parity::Split)?;
    let before = [(1, 0); 3];
    let kernels = kernels.pad(&before[..R - 2], 0.0);
    Some((x, kernel::parities(kernels, Parity::Split)?))
}

/// A convolution of a map doubled to its nearest values, where the device has a kernel for it.
fn convolved_nearest<const R: usize>(
    x: Tensor<R>,
    kernels: Tensor<R>,
    bias: Tensor<1>,
    along_z: bool,
) -> Option<Tensor<R>> {
    if !kernel::runs_on(&x.device()) {
        return None;
    }
    let [mut large, mut channels] = [x.dims(), [1; R]];
    (large[1], channels[1]) = (bias.dims()[0], bias.dims()[0]);
    let doubled = if along_z { 3 } else { 2 };
    large[R - doubled..].iter_mut().for_each(|size| *size *= 2);
    let onto = Tensor::zeros(large, &x.device()) + bias.reshape(channels);
    kernel::add_convolved_doubled(onto, x, kernels)
}

/// A convolution of two maps put together: a large one, and a small one doubled to its nearest values.
///
/// # Shapes
/// `[n, c, 2 y, 2 x]` and `[n, c', y, x]`, kernels of 1 x 1 or 3 x 3 over `c + c'` channels.
pub fn convolve_joined(layer: &Conv2d, large: Tensor<4>, small: Tensor<4>) -> Tensor<4> {
    if !kernel::runs_on(&large.device()) {
        let doubled = double_plane(small, Upsampling::Nearest);
        return layer.convolve(Tensor::cat(vec![large, doubled], 1));
    }
    let kernels = layer.weight.val();
    let (first, second) = (large.dims()[1], small.dims()[1]);
    let bias = bias_of(layer.bias.as_ref(), &layer.weight);
    let y = kernel::convolve(large, kernels.clone().narrow(1, 0, first), bias);
    let y = kernel::add_convolved_doubled(y, small, kernels.narrow(1, first, second))
        .expect("the device has the kernel");
    trace_conv(layer.weight.id, y)
}

/// A transposed convolution of kernel 2 and stride 2: every value becomes a 2 x 2 patch of each
/// output channel.
///
/// # Shapes
/// `[n, c, y, x]` to `[n, out, 2 y, 2 x]`.
pub fn conv_transpose2x(layer: &ConvTranspose2d, x: Tensor<4>) -> Tensor<4> {
    let [n, _, height, width] = x.dims();
    let kernels = layer.weight.val();
    let [c, out, _, _] = kernels.dims();
    let kernels = kernels.permute([1, 2, 3, 0]).reshape([4 * out, c, 1, 1]);
    let bias = match &layer.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([out], &x.device()),
    };
    let bias = bias.reshape([out, 1]).repeat_dim(1, 4).reshape([4 * out]);
    let patches = kernel::convolve(x, kernels, bias);
    let y = kernel::parities(patches.clone(), Parity::Join).unwrap_or_else(|| {
        patches
            .reshape([n, out, 2, 2, height, width])
            .permute([0, 1, 4, 2, 5, 3])
            .reshape([n, out, 2 * height, 2 * width])
    });
    trace::convolved(layer.weight.id, &y.dims(), (n * height * width) as u64);
    y
}

/// Twice the size in the plane, `[n, c, y, x]`.
///
/// Composed of a product with a constant matrix along x and shifted sums along y, z: exact, and
/// several times faster than `interpolate` on `flex`, whose backward pass goes value by value.
fn double_plane(x: Tensor<4>, how: Upsampling) -> Tensor<4> {
    let [n, c, height, width] = x.dims();
    let matrix = doubling_matrix(width, how);
    let matrix = Tensor::from_data(TensorData::new(matrix, [width, 2 * width]), &x.device());
    let rows: Tensor<2> = x.reshape([n * c * height, width]).matmul(matrix);
    let x = double(rows.reshape([n * c, height, 2 * width]), how);
    x.reshape([n, c, 2 * height, 2 * width])
}

/// Twice the size in the plane, and along z where `along_z`, `[n, c, z, y, x]`.
fn double_volume(x: Tensor<5>, along_z: bool, how: Upsampling) -> Tensor<5> {
    let [n, c, depth, height, width] = x.dims();
    let (height2, width2) = (2 * height, 2 * width);
    let x = double_plane(x.reshape([n, c * depth, height, width]), how);
    if !along_z {
        return x.reshape([n, c, depth, height2, width2]);
    }
    let x = double(x.reshape([n * c, depth, height2 * width2]), how);
    x.reshape([n, c, 2 * depth, height2, width2])
}

/// Twice the length along the middle axis of `[outer, length, inner]`; linear with half-pixel
/// centres: a quarter of the nearer neighbour, the edge replicated.
fn double(x: Tensor<3>, how: Upsampling) -> Tensor<3> {
    let [outer, length, inner] = x.dims();
    let (even, odd) = match how {
        Upsampling::Nearest => (x.clone(), x),
        Upsampling::Linear => {
            let first = x.clone().narrow(1, 0, 1);
            let last = x.clone().narrow(1, length - 1, 1);
            let (before, after) = if length == 1 {
                (first, last)
            } else {
                let but_last = x.clone().narrow(1, 0, length - 1);
                let but_first = x.clone().narrow(1, 1, length - 1);
                (
                    Tensor::cat(vec![first, but_last], 1),
                    Tensor::cat(vec![but_first, last], 1),
                )
            };
            let near = x * 0.75;
            (near.clone() + before * 0.25, near + after * 0.25)
        }
    };
    let pairs: Tensor<4> = Tensor::stack(vec![even, odd], 2);
    pairs.reshape([outer, 2 * length, inner])
}

/// The matrix `[length, 2 * length]` that doubles a row.
fn doubling_matrix(length: usize, how: Upsampling) -> Vec<f32> {
    let mut matrix = vec![0.0; 2 * length * length];
    for out in 0..2 * length {
        let nearest = out / 2;
        let neighbour = match (how, out % 2) {
            (Upsampling::Nearest, _) => nearest,
            (Upsampling::Linear, 0) => nearest.saturating_sub(1),
            (Upsampling::Linear, _) => (nearest + 1).min(length - 1),
        };
        matrix[nearest * 2 * length + out] += 0.75;
        matrix[neighbour * 2 * length + out] += 0.25;
    }
    matrix
}

#[cfg(test)]
mod tests {
    use burn::tensor::module::interpolate;
    use burn::tensor::ops::{InterpolateMode, InterpolateOptions};

    use super::*;

    fn ramp<const R: usize>(shape: [usize; R], device: &Device) -> Tensor<R> {
        let values: Vec<f32> = (0..shape.iter().product::<usize>())
            .map(|i| ((i * 7919) % 101) as f32 / 10.0)
            .collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    fn distance<const R: usize>(a: Tensor<R>, b: Tensor<R>) -> f32 {
        (a - b).abs().max().into_scalar::<f32>()
    }

    /// Values and gradients of the first convolution, stride 2, against Burn's own layer.
    #[test]
    fn halving_convolutions_equal_burns() {
        let device = Device::flex().autodiff();
        let spec = ConvSpec {
            stride: 2,
            ..ConvSpec::biased(3, 5, 7)
        };
        let layer = <Conv2d as Convolution>::build(spec, &device);
        let x = ramp([2, 3, 8, 12], &device).require_grad();
        check(
            &x,
            &layer.weight.val(),
            |x| layer.convolve(x),
            |x| layer.forward(x),
        );
        let layer = <Conv3d as Convolution>::build(spec, &device);
        let x = ramp([1, 3, 4, 8, 6], &device).require_grad();
        check(
            &x,
            &layer.weight.val(),
            |x| layer.convolve(x),
            |x| layer.forward(x),
        );
    }

    #[test]
    fn rising_equals_burns_transposed_convolution() {
        let device = Device::flex().autodiff();
        let layer = burn::nn::conv::ConvTranspose2dConfig::new([3, 5], [2, 2])
            .with_stride([2, 2])
            .init(&device);
        let x = ramp([2, 3, 4, 5], &device).require_grad();
        check(
            &x,
            &layer.weight.val(),
            |x| conv_transpose2x(&layer, x),
            |x| layer.forward(x),
        );
    }

    /// Two ways to compute the same: values, gradients of the input and of the kernels.
    fn check<const R: usize>(
        x: &Tensor<R>,
        kernels: &Tensor<R>,
        found: impl Fn(Tensor<R>) -> Tensor<R>,
        expected: impl Fn(Tensor<R>) -> Tensor<R>,
    ) {
        let run = |of: &dyn Fn(Tensor<R>) -> Tensor<R>| {
            let y = of(x.clone());
            let weight = ramp(y.dims(), &y.device());
            let gradients = (y.clone() * weight).sum().backward();
            [
                y.inner(),
                x.grad(&gradients).expect("x takes part"),
                kernels.grad(&gradients).expect("the kernels take part"),
            ]
        };
        for (found, expected) in run(&found).into_iter().zip(run(&expected)) {
            let scale = expected.clone().abs().max().into_scalar::<f32>();
            let difference = distance(found, expected);
            assert!(
                difference <= 1e-5 * scale.max(1.0),
                "{difference} of {scale}"
            );
        }
    }

    /// Values and gradients against Burn's own interpolation.
    #[test]
    fn doubling_equals_burns_interpolation() {
        let device = Device::flex().autodiff();
        for (how, mode) in [
            (Upsampling::Linear, InterpolateMode::Bilinear),
            (Upsampling::Nearest, InterpolateMode::Nearest),
        ] {
            for [height, width] in [[1, 1], [2, 3], [5, 4]] {
                let x = ramp([2, 3, height, width], &device).require_grad();
                let weight = ramp([2, 3, 2 * height, 2 * width], &device);
                let options = InterpolateOptions::new(mode.clone())
                    .with_align_corners(false)
                    .with_output_size([2 * height, 2 * width]);
                let expected = interpolate(x.clone(), options);
                let gradient = |y: Tensor<4>| {
                    let gradients = (y * weight.clone()).sum().backward();
                    x.grad(&gradients).expect("x takes part")
                };
                let kernel = <Conv2d as Spatial<4>>::upsample(x.clone(), false, how);
                let wanted = gradient(expected.clone());
                for found in [double_plane(x.clone(), how), kernel] {
                    assert!(distance(found.clone(), expected.clone()) < 1e-5, "{how:?}");
                    let difference = distance(gradient(found), wanted.clone());
                    assert!(difference < 1e-4, "{how:?} {height}x{width}: {difference}");
                }
            }
        }
    }

    /// Volumes as the kernel doubles them and as other devices do, values and gradients.
    #[test]
    fn doubling_of_volumes_equals_its_composition() {
        let device = Device::flex().autodiff();
        for how in [Upsampling::Linear, Upsampling::Nearest] {
            for along_z in [false, true] {
                for [depth, height, width] in [[1, 1, 1], [2, 3, 1], [3, 5, 4], [4, 2, 9]] {
                    let x = ramp([2, 3, depth, height, width], &device).require_grad();
                    let gradient = |y: Tensor<5>| {
                        let weight = ramp(y.dims(), &device);
                        let gradients = (y * weight).sum().backward();
                        x.grad(&gradients).expect("x takes part")
                    };
                    let found = <Conv3d as Spatial<5>>::upsample(x.clone(), along_z, how);
                    let expected = double_volume(x.clone(), along_z, how);
                    assert_eq!(found.dims(), expected.dims());
                    assert!(distance(found.clone(), expected.clone()) < 1e-5);
                    assert!(distance(gradient(found), gradient(expected)) < 1e-4);
                }
            }
        }
    }

    /// Trilinear: a ramp along z stays a ramp, the edge is replicated.
    #[test]
    fn z_is_doubled_with_half_pixel_centres() {
        let device = Device::flex();
        let x = Tensor::<5>::from_data(
            TensorData::new(vec![0.0_f32, 4.0, 8.0], [1, 1, 3, 1, 1]),
            &device,
        );
        let up = <Conv3d as Spatial<5>>::upsample(x, true, Upsampling::Linear);
        assert_eq!(up.dims(), [1, 1, 6, 2, 2]);
        let slices = up.narrow(3, 0, 1).narrow(4, 0, 1).into_data();
        let found = slices.try_to_vec::<f32>().expect("f32");
        assert_eq!(found, [0.0, 1.0, 3.0, 5.0, 7.0, 8.0]);
    }

    /// 3 x 3 x 3, stride 2, padding 1, by brute force, values and gradients.
    #[test]
    fn max_pooling_in_3d_takes_the_maximum_of_each_cube() {
        let device = Device::flex().autodiff();
        let [depth, height, width] = [4, 6, 5];
        let x = ramp([1, 2, depth, height, width], &device).require_grad();
        let values = x.to_data().try_to_vec::<f32>().expect("f32");
        let pooled = <Conv3d as Spatial<5>>::max_pool(x.clone());
        assert_eq!(pooled.dims(), [1, 2, 2, 3, 3]);
        let found = pooled.to_data().try_to_vec::<f32>().expect("f32");
        let mut index = 0;
        for c in 0..2 {
            for z in 0..2_usize {
                for y in 0..3_usize {
                    for x in 0..3_usize {
                        let mut expected = f32::MIN;
                        for (k, j, i) in (0..27).map(|at| (at / 9, at / 3 % 3, at % 3)) {
                            let place = [2 * z + k, 2 * y + j, 2 * x + i];
                            let inside = place
                                .iter()
                                .zip([depth, height, width])
                                .all(|(&at, n)| (1..=n).contains(&at));
                            if inside {
                                let [z, y, x] = place.map(|at| at - 1);
                                let at = ((c * depth + z) * height + y) * width + x;
                                expected = expected.max(values[at]);
                            }
                        }
                        assert_eq!(found[index], expected, "{c} {z} {y} {x}");
                        index += 1;
                    }
                }
            }
        }
        // Each pooled value hands its gradient to exactly one voxel.
        let gradients = pooled.sum().backward();
        let gradient = x.grad(&gradients).expect("x takes part");
        assert_eq!(gradient.sum().into_scalar::<f32>(), 36.0);
    }

    /// As devices without the kernel pool, values and gradients.
    #[test]
    fn pooling_equals_its_composition() {
        let device = Device::flex().autodiff();
        let distinct = |shape: &[usize]| {
            let count = shape.iter().product::<usize>();
            let values: Vec<f32> = (0..count).map(|i| ((i * 7919) % 10_007) as f32).collect();
            TensorData::new(values, shape.to_vec())
        };
        let x = Tensor::<4>::from_data(distinct(&[2, 3, 7, 10]), &device).require_grad();
        let weight = |y: &Tensor<4>| ramp(y.dims(), &device);
        let gradient = |y: Tensor<4>| {
            let gradients = (y.clone() * weight(&y)).sum().backward();
            x.grad(&gradients).expect("x takes part")
        };
        let two = Window {
            size: 2,
            padding: 0,
        };
        let pairs = [
            (<Conv2d as Spatial<4>>::max_pool(x.clone()), THREE),
            (max_pool2(x.clone()), two),
        ];
        for (found, window) in pairs {
            let expected = max_pool_plane(x.clone(), window);
            assert_eq!(found.dims(), expected.dims());
            assert_eq!(distance(found.clone(), expected.clone()), 0.0);
            assert!(distance(gradient(found), gradient(expected)) < 1e-5);
        }
        let x = Tensor::<5>::from_data(distinct(&[1, 2, 4, 6, 5]), &device).require_grad();
        let gradient = |y: Tensor<5>| {
            let gradients = (y.clone() * ramp(y.dims(), &device)).sum().backward();
            x.grad(&gradients).expect("x takes part")
        };
        let found = <Conv3d as Spatial<5>>::max_pool(x.clone());
        let expected = max_pool_volume(x.clone());
        assert_eq!(distance(found.clone(), expected.clone()), 0.0);
        assert!(distance(gradient(found), gradient(expected)) < 1e-5);
    }

    #[test]
    fn average_pooling_in_3d_leaves_z_alone() {
        let device = Device::flex();
        let x = ramp([1, 1, 3, 2, 2], &device);
        let values = x.to_data().try_to_vec::<f32>().expect("f32");
        let found = <Conv3d as Spatial<5>>::average_pool(x).into_data();
        let found = found.try_to_vec::<f32>().expect("f32");
        let expected: Vec<f32> = values
            .chunks(4)
            .map(|c| c.iter().sum::<f32>() / 4.0)
            .collect();
        assert_eq!(found.len(), 3);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6);
        }
    }
}
