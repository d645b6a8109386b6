//! The kernels as functions on tensors; on devices that have none, the same in Burn's own operations.

use burn::backend::Dispatch;
use burn::tensor::activation::relu as positive_part;
use burn::tensor::module::{batch_norm_train, conv2d, conv3d};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor};

use super::block::Block;
use super::descent::Descent;
use super::extension::Kernels;
use super::origin::{Doubled, Origin};
use super::parity::Parity;
use super::pool::Window;

/// Whether a device runs the kernels of this module.
pub fn runs_on(device: &Device) -> bool {
    *device == Device::flex()
}

/// A convolution of stride 1 that keeps the size: half the kernel's size in zeros before the first
/// value, behind the last one fewer where that size is even.
///
/// # Shapes
/// `x` `[n, channels, (z,) y, x]`, `kernels` `[out, channels, (z,) y, x]`, `bias` `[out]`.
pub fn convolve<const R: usize>(x: Tensor<R>, kernels: Tensor<R>, bias: Tensor<1>) -> Tensor<R> {
    if !runs_on(&x.device()) {
        return composed_convolution(x, kernels, bias);
    }
    Tensor::from_dispatch(<Dispatch as Kernels>::convolution(
        x.into_dispatch(),
        kernels.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// A batch norm in training, and its positive part where `relu`; with it the batch's mean and
/// biased variance of each channel.
///
/// # Shapes
/// `x` `[n, channels, ...]`, `gamma` and `beta` `[channels]`.
pub fn normalise<const R: usize>(
    x: Tensor<R>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    relu: bool,
) -> (Tensor<R>, Tensor<1>, Tensor<1>) {
    if !runs_on(&x.device()) {
        let normed = batch_norm_train(x, gamma, beta, epsilon);
        let y = if relu {
            positive_part(normed.output)
        } else {
            normed.output
        };
        return (y, normed.mean, normed.variance);
    }
    let (y, mean, variance) = <Dispatch as Kernels>::normalisation(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        epsilon,
        relu,
    );
    (
        Tensor::from_dispatch(y),
        Tensor::from_dispatch(mean),
        Tensor::from_dispatch(variance),
    )
}

/// A batch norm in training, the positive part of its result, and a convolution of that; with it the
/// batch's mean and biased variance of each channel. Between the passes not even what the norm sees is
/// kept where it can be had again: see [`Origin`]. Devices without these kernels cannot double here.
///
/// # Shapes
/// As [`normalise`] and [`convolve`]; of a doubled input, those of the small one.
pub fn normed_convolution<const R: usize>(
    x: Tensor<R>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    kernels: Tensor<R>,
    bias: Tensor<1>,
    origin: Origin,
) -> (Tensor<R>, Tensor<1>, Tensor<1>) {
    if !runs_on(&x.device()) {
        assert!(origin.doubled().is_none(), "double it first");
        let (normed, mean, variance) = normalise(x, gamma, beta, epsilon, true);
        return (convolve(normed, kernels, bias), mean, variance);
    }
    let (y, mean, variance) = <Dispatch as Kernels>::normed_convolution(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        epsilon,
        kernels.into_dispatch(),
        bias.into_dispatch(),
        origin,
    );
    (
        Tensor::from_dispatch(y),
        Tensor::from_dispatch(mean),
        Tensor::from_dispatch(variance),
    )
}

/// Hands a dense block's output on, and keeps it for the block's layers.
pub fn finish_block<const R: usize>(output: Tensor<R>, block: &Block) -> Tensor<R> {
    if !runs_on(&output.device()) {
        return output;
    }
    let kept = <Dispatch as Kernels>::finish_block(output.into_dispatch(), block.clone());
    Tensor::from_dispatch(kept)
}

/// `x * scale + shift` for each channel, and its positive part where `relu`: a batch norm with
/// fixed statistics.
///
/// # Shapes
/// `x` `[n, channels, ...]`, `scale` and `shift` `[channels]`.
pub fn affine<const R: usize>(
    x: Tensor<R>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    relu: bool,
) -> Tensor<R> {
    if !runs_on(&x.device()) {
        let mut channels = [1; R];
        channels[1] = scale.dims()[0];
        let y = x * scale.reshape(channels) + shift.reshape(channels);
        return if relu { positive_part(y) } else { y };
    }
    Tensor::from_dispatch(<Dispatch as Kernels>::affine(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        relu,
    ))
}

/// A convolution of an [`affine`]'s positive part, of a doubled input where so asked: what does not carry
/// gradients back is computed plane by plane on the way. Devices without these kernels cannot double here.
///
/// # Shapes
/// As [`affine`] and [`convolve`]; of a doubled input, those of the small one.
pub fn affine_convolution<const R: usize>(
    x: Tensor<R>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    kernels: Tensor<R>,
    bias: Tensor<1>,
    doubled: Option<Doubled>,
) -> Tensor<R> {
    if !runs_on(&x.device()) {
        assert!(doubled.is_none(), "double it first");
        return convolve(affine(x, scale, shift, true), kernels, bias);
    }
    Tensor::from_dispatch(<Dispatch as Kernels>::affine_convolution(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        kernels.into_dispatch(),
        bias.into_dispatch(),
        doubled,
    ))
}

/// Every channel twice as large, where the device has a kernel for it.
///
/// # Shapes
/// `[n, channels, (z,) y, x]`.
pub fn double<const R: usize>(x: Tensor<R>, how: Doubled) -> Option<Tensor<R>> {
    runs_on(&x.device()).then(|| {
        let y = <Dispatch as Kernels>::double(x.into_dispatch(), how);
        Tensor::from_dispatch(y)
    })
}

/// `onto` and the convolution of `x` doubled to its nearest values, computed on the small maps, where the
/// device has a kernel for it.
///
/// # Shapes
/// `onto` `[n, out, (z or 2 z,) 2 y, 2 x]`, `x` `[n, channels, (z,) y, x]`, `kernels` `[out, channels, ...]` of
/// size 1 or 3.
pub fn add_convolved_doubled<const R: usize>(
    onto: Tensor<R>,
    x: Tensor<R>,
    kernels: Tensor<R>,
) -> Option<Tensor<R>> {
    runs_on(&x.device()).then(|| {
        let y = <Dispatch as Kernels>::add_convolved_doubled(
            onto.into_dispatch(),
            x.into_dispatch(),
            kernels.into_dispatch(),
        );
        Tensor::from_dispatch(y)
    })
}

/// Every channel split by the parity of its places, or joined from them, where the device has a kernel for
/// it. Split sizes are even.
///
/// # Shapes
/// `[n, channels, (z,) y, x]`; split `[n, channels * 4 (8), ...]`, the parities of the first axis first.
pub fn parities<const R: usize>(x: Tensor<R>, parity: Parity) -> Option<Tensor<R>> {
    runs_on(&x.device()).then(|| {
        let y = <Dispatch as Kernels>::parities(x.into_dispatch(), parity);
        Tensor::from_dispatch(y)
    })
}

/// The largest value of every window, stride 2, where the device has a kernel for it.
///
/// # Shapes
/// `[n, channels, (z,) y, x]`.
pub fn max_pool<const R: usize>(x: Tensor<R>, window: Window) -> Option<Tensor<R>> {
    runs_on(&x.device()).then(|| {
        let (y, _) = <Dispatch as Kernels>::max_pool(x.into_dispatch(), window);
        Tensor::from_dispatch(y)
    })
}

/// A step of stochastic gradient descent: the parameter and its velocity afterwards. Carries no
/// gradients.
///
/// # Shapes
/// All the same.
pub fn descend<const R: usize>(
    parameter: Tensor<R>,
    gradient: Tensor<R>,
    velocity: Tensor<R>,
    step: Descent,
) -> (Tensor<R>, Tensor<R>) {
    if !runs_on(&parameter.device()) {
        let velocity = gradient.clone().mul_scalar(step.taken) + velocity.mul_scalar(step.momentum);
        let direction = if step.nesterov {
            velocity.clone().mul_scalar(step.momentum) + gradient
        } else {
            velocity.clone()
        };
        return (parameter - direction.mul_scalar(step.rate), velocity);
    }
    let (parameter, velocity) = <Dispatch as Kernels>::descend(
        parameter.into_dispatch(),
        gradient.into_dispatch(),
        velocity.into_dispatch(),
        step,
    );
    (
        Tensor::from_dispatch(parameter),
        Tensor::from_dispatch(velocity),
    )
}

/// [`convolve`] in Burn's own operations.
pub(super) fn composed_convolution<const R: usize>(
    x: Tensor<R>,
    kernels: Tensor<R>,
    bias: Tensor<1>,
) -> Tensor<R> {
    let sizes: [usize; R] = kernels.dims();
    // The padding of a convolution is the same at both ends: an even kernel's is one more in front,
    // which leaves one result too many behind.
    let whole: [usize; R] = x.dims();
    let (x, kernels) = (x.into_dispatch(), kernels.into_dispatch());
    let y = match R {
        4 => {
            let options = ConvOptions::new([1; 2], [sizes[2] / 2, sizes[3] / 2], [1; 2], 1);
            let (x, kernels) = (
                Tensor::<4>::from_dispatch(x),
                Tensor::from_dispatch(kernels),
            );
            conv2d(x, kernels, Some(bias), options).into_dispatch()
        }
        5 => {
            let padding = [sizes[2] / 2, sizes[3] / 2, sizes[4] / 2];
            let options = ConvOptions::new([1; 3], padding, [1; 3], 1);
            let (x, kernels) = (
                Tensor::<5>::from_dispatch(x),
                Tensor::from_dispatch(kernels),
            );
            conv3d(x, kernels, Some(bias), options).into_dispatch()
        }
        _ => unreachable!("maps are planes or volumes"),
    };
    let mut y = Tensor::<R>::from_dispatch(y);
    for (axis, &size) in whole.iter().enumerate().skip(2) {
        y = y.narrow(axis, 0, size);
    }
    y
}
