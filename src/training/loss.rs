use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Tensor, TensorData};

use super::batch::IGNORED;

/// The smallest probability the loss looks at (released code: `clip(p, 1e-10, 1)`).
const SMALLEST_PROBABILITY: f64 = 1e-10;

/// Weighted cross-entropy, `-(1/N) sum w[c] ln p[c]` over the N voxels that take part: a plain
/// mean, not divided by the sum of the weights (paper equation 3; released code).
///
/// # Shapes
/// `logits` `[n, classes, z, y, x]`, `labels` `[n, z, y, x]` in C order; labels of
/// [`IGNORED`] take no part. `outer` slices at each end of z are left out.
pub fn segmentation_loss(
    logits: Tensor<5>,
    labels: &[u8],
    class_weights: &[f64],
    outer: usize,
) -> Tensor<1> {
    let [n, classes, depth, height, width] = logits.dims();
    let plane = height * width;
    let mut target = vec![0.0_f32; n * classes * depth * plane];
    let mut counted = 0_usize;
    for (index, &label) in labels.iter().enumerate() {
        let (patch, rest) = (index / (depth * plane), index % (depth * plane));
        let z = rest / plane;
        if label == IGNORED || z < outer || z >= depth - outer {
            continue;
        }
        counted += 1;
        let class = usize::from(label);
        target[(patch * classes + class) * depth * plane + rest] = class_weights[class] as f32;
    }
    let shape = [n, classes, depth, height, width];
    let target = Tensor::<5>::from_data(TensorData::new(target, shape), &logits.device());
    let log_p = log_softmax(logits, 1).clamp_min(SMALLEST_PROBABILITY.ln());
    // Row by row first: one long sum may run in parallel and in any order.
    let rows: Tensor<2> = (log_p * target).reshape([n * classes * depth * height, width]);
    let sum = rows.sum_dim(1).sum();
    sum * (-1.0 / counted.max(1) as f64)
}

/// Binary cross-entropy of which organs patches show, mean over patches and organs.
///
/// # Shapes
/// `logits` `[n, organs, 1, 1, 1]`, `labels` `[n, organs]`, 0 or 1.
pub fn presence_loss(logits: Tensor<5>, labels: &[u8]) -> Tensor<1> {
    let shape = logits.dims();
    let shown: Vec<f32> = labels.iter().map(|&label| f32::from(label)).collect();
    let shown = Tensor::<5>::from_data(TensorData::new(shown, shape), &logits.device());
    // -y ln p - (1 - y) ln (1 - p), for any logit.
    let log_p = log_sigmoid(logits.clone());
    let loss = logits * shown.neg().add_scalar(1.0) - log_p;
    loss.mean()
}
