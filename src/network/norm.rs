use burn::nn::BatchNorm;
use burn::tensor::{Device, Tensor};
use hdbench_kernels::{self as kernel, Origin};

use super::Pass;

/// A batch norm and the positive part of its result, in one pass.
pub fn norm_relu<const R: usize>(norm: &BatchNorm, x: Tensor<R>, pass: &mut Pass) -> Tensor<R> {
    run(norm, x, true, pass)
}

/// A batch norm alone.
pub fn norm_linear<const R: usize>(norm: &BatchNorm, x: Tensor<R>, pass: &mut Pass) -> Tensor<R> {
    run(norm, x, false, pass)
}

/// A batch norm, the positive part of its result, and a convolution of stride 1 of that.
pub fn norm_relu_convolve<const R: usize>(
    norm: &BatchNorm,
    x: Tensor<R>,
    kernels: Tensor<R>,
    bias: Tensor<1>,
    origin: Origin,
    pass: &mut Pass,
) -> Tensor<R> {
    if !trains(norm, &x) {
        let [scale, shift] = line(norm, &x.device());
        return kernel::affine_convolution(x, scale, shift, kernels, bias, origin.doubled());
    }
    let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
    let (y, mean, variance) =
        kernel::normed_convolution(x, gamma, beta, norm.epsilon, kernels, bias, origin);
    take(norm, mean, variance, pass);
    y
}

/// Whether it takes the batch's statistics.
fn trains<const R: usize>(norm: &BatchNorm, x: &Tensor<R>) -> bool {
    x.device().is_autodiff() && norm.training.is_enabled()
}

fn take(norm: &BatchNorm, mean: Tensor<1>, variance: Tensor<1>, pass: &mut Pass) {
    pass.found(
        [&norm.running_mean, &norm.running_var],
        [mean, variance],
        norm.momentum,
    );
}

/// Scale and shift of each channel by the running statistics.
fn line(norm: &BatchNorm, device: &Device) -> [Tensor<1>; 2] {
    let mean = norm.running_mean.value().to_device(device);
    let variance = norm.running_var.value().to_device(device);
    let scale = norm.gamma.val() / (variance + norm.epsilon).sqrt();
    let shift = norm.beta.val() - mean * scale.clone();
    [scale, shift]
}

/// As Burn's layer: in training it takes the batch's statistics and updates the running ones,
/// unless the layer is frozen.
fn run<const R: usize>(norm: &BatchNorm, x: Tensor<R>, relu: bool, pass: &mut Pass) -> Tensor<R> {
    if !trains(norm, &x) {
        let [scale, shift] = line(norm, &x.device());
        return kernel::affine(x, scale, shift, relu);
    }
    let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
    let (y, mean, variance) = kernel::normalise(x, gamma, beta, norm.epsilon, relu);
    take(norm, mean, variance, pass);
    y
}
