use burn::nn::BatchNorm;
use burn::tensor::Tensor;

use super::Pass;
use crate::kernel;

/// A batch norm and the positive part of its result, in one pass.
pub fn norm_relu<const R: usize>(norm: &BatchNorm, x: Tensor<R>, pass: &mut Pass) -> Tensor<R> {
    run(norm, x, true, pass)
}

/// A batch norm alone.
pub fn norm_linear<const R: usize>(norm: &BatchNorm, x: Tensor<R>, pass: &mut Pass) -> Tensor<R> {
    run(norm, x, false, pass)
}

/// As Burn's layer: in training it takes the batch's statistics and updates the running ones,
/// unless the layer is frozen.
fn run<const R: usize>(norm: &BatchNorm, x: Tensor<R>, relu: bool, pass: &mut Pass) -> Tensor<R> {
    let device = x.device();
    let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
    if !(device.is_autodiff() && norm.training.is_enabled()) {
        let mean = norm.running_mean.value().to_device(&device);
        let variance = norm.running_var.value().to_device(&device);
        let scale = gamma / (variance + norm.epsilon).sqrt();
        let shift = beta - mean * scale.clone();
        return kernel::affine(x, scale, shift, relu);
    }
    let (y, mean, variance) = kernel::normalise(x, gamma, beta, norm.epsilon, relu);
    pass.found(
        [&norm.running_mean, &norm.running_var],
        [mean, variance],
        norm.momentum,
    );
    y
}
