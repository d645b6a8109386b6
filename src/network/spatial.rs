use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig, Conv3d, Conv3dConfig};
use burn::nn::{PaddingConfig2d, PaddingConfig3d};
use burn::tensor::module::{avg_pool2d, interpolate, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor};

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
    /// Maximum over 3 x 3 (x 3), stride 2, padding 1, in every axis.
    fn max_pool(x: Tensor<R>) -> Tensor<R>;
    /// Mean over 2 x 2 in the plane; z is left alone.
    fn average_pool(x: Tensor<R>) -> Tensor<R>;
    /// Twice the size in the plane, and along z where `along_z`.
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
        self.forward(x)
    }

    fn max_pool(x: Tensor<4>) -> Tensor<4> {
        max_pool2d(x, MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]))
    }

    fn average_pool(x: Tensor<4>) -> Tensor<4> {
        avg_pool2d(x, AvgPoolOptions::new([2, 2]).with_stride([2, 2]))
    }

    fn upsample(x: Tensor<4>, _along_z: bool, how: Upsampling) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        resize(x, [2 * height, 2 * width], how)
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
        self.forward(x)
    }

    fn max_pool(x: Tensor<5>) -> Tensor<5> {
        let [n, c, depth, height, width] = x.dims();
        let x = x.reshape([n, c * depth, height, width]);
        let x = max_pool2d(x, MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]));
        let [_, _, height, width] = x.dims();
        let x = x.reshape([n, c, depth, height * width]);
        let x = max_pool2d(x, MaxPoolOptions::new([3, 1]).with_stride([2, 1]).with_padding([1, 0]));
        let [_, _, depth, _] = x.dims();
        x.reshape([n, c, depth, height, width])
    }

    fn average_pool(x: Tensor<5>) -> Tensor<5> {
        let [n, c, depth, height, width] = x.dims();
        let x = x.reshape([n, c * depth, height, width]);
        let x = avg_pool2d(x, AvgPoolOptions::new([2, 2]).with_stride([2, 2]));
        x.reshape([n, c, depth, height / 2, width / 2])
    }

    fn upsample(x: Tensor<5>, along_z: bool, how: Upsampling) -> Tensor<5> {
        let [n, c, depth, height, width] = x.dims();
        let (height2, width2) = (2 * height, 2 * width);
        let x = x.reshape([n, c * depth, height, width]);
        let x = resize(x, [height2, width2], how);
        if !along_z {
            return x.reshape([n, c, depth, height2, width2]);
        }
        let x = x.reshape([n, c, depth, height2 * width2]);
        let x = resize(x, [2 * depth, height2 * width2], how);
        x.reshape([n, c, 2 * depth, height2, width2])
    }
}

/// Resizes `[n, c, y, x]` to `size = [y, x]`, half-pixel centres.
fn resize(x: Tensor<4>, size: [usize; 2], how: Upsampling) -> Tensor<4> {
    let mode = match how {
        Upsampling::Linear => InterpolateMode::Bilinear,
        Upsampling::Nearest => InterpolateMode::Nearest,
    };
    let options = InterpolateOptions::new(mode)
        .with_align_corners(false)
        .with_output_size(size);
    interpolate(x, options)
}
