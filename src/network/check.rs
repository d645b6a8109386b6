use burn::tensor::module::{conv3d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};

/// How far apart the numbers of [`agreement`] may be.
pub const AGREEMENT_BOUND: f64 = 1e-4;

/// A convolution of a volume, a ReLU, a maximum and a mean with the gradients of the weights: how far a device's numbers
/// are from the reference's, as a part of their norm; infinite where one is no number. Below [`AGREEMENT_BOUND`] on a device that
/// computes what it should.
pub fn agreement(reference: &Device, device: &Device) -> Result<f64, String> {
    let (expected, found) = (step(reference)?, step(device)?);
    let norm = |values: &mut dyn Iterator<Item = f32>| {
        values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
    };
    let apart = norm(&mut expected.iter().zip(&found).map(|(a, b)| a - b));
    let whole = norm(&mut expected.iter().copied());
    let apart = apart / whole;
    Ok(if apart.is_nan() { f64::INFINITY } else { apart })
}

/// The answer and the gradients, one after the other.
fn step(device: &Device) -> Result<Vec<f32>, String> {
    let device = device.clone().autodiff();
    // Numbers of either sign that repeat nowhere.
    let wave = |count: usize, pace: f32| -> Vec<f32> {
        (0..count).map(|i| (pace * i as f32).sin()).collect()
    };
    let image: Tensor<5> = Tensor::from_data(
        TensorData::new(wave(4 * 4 * 24 * 24, 0.37), [1, 4, 4, 24, 24]),
        &device,
    );
    let weights: Tensor<5> = Tensor::from_data(
        TensorData::new(wave(8 * 4 * 27, 0.71), [8, 4, 3, 3, 3]),
        &device,
    )
    .require_grad();
    let options = ConvOptions::new([1, 1, 1], [1, 1, 1], [1, 1, 1], 1);
    let features = conv3d(image, weights.clone(), None, options).clamp_min(0.0);
    // Depths are channels of the maximum over the plane.
    let planes: Tensor<4> = features.reshape([1, 8 * 4, 24, 24]);
    let answer = max_pool2d(planes, MaxPoolOptions::new([2, 2]).with_stride([2, 2]));
    let gradients = answer.clone().mean().backward();
    let gradient = weights.grad(&gradients).ok_or("it gave no gradient")?;
    let mut numbers = numbers(answer.inner())?;
    numbers.extend(self::numbers(gradient)?);
    Ok(numbers)
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, String> {
    tensor
        .into_data()
        .try_to_vec::<f32>()
        .map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_agrees_with_itself_to_the_last_bit() {
        let flex = Device::flex();
        assert_eq!(agreement(&flex, &flex).unwrap(), 0.0);
        assert!(step(&flex).unwrap().iter().any(|value| *value != 0.0));
    }
}
