use burn::nn::BatchNorm;
use burn::tensor::Tensor;

use crate::kernel;

/// A batch norm and the positive part of its result, in one pass.
pub fn norm_relu<const R: usize>(norm: &BatchNorm, x: Tensor<R>) -> Tensor<R> {
    run(norm, x, true)
}

/// A batch norm alone.
pub fn norm_linear<const R: usize>(norm: &BatchNorm, x: Tensor<R>) -> Tensor<R> {
    run(norm, x, false)
}

/// As Burn's layer: in training it takes the batch's statistics and updates the running ones,
/// unless the layer is frozen.
fn run<const R: usize>(norm: &BatchNorm, x: Tensor<R>, relu: bool) -> Tensor<R> {
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
    for (running, batch) in [(&norm.running_mean, mean), (&norm.running_var, variance)] {
        let old = running.value_sync().to_device(&device);
        let new = old * (1.0 - norm.momentum) + batch * norm.momentum;
        running.update(new.detach());
    }
    y
}
