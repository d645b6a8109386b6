use burn::tensor::{Tensor, TensorData};

use crate::seed::Stream;

/// What a forward pass needs beside its input: whether dropout acts, and its own random stream.
pub struct Pass(Option<Stream>);

impl Pass {
    /// No dropout.
    pub fn evaluation() -> Self {
        Self(None)
    }

    /// Dropout with masks from this stream.
    pub fn training(stream: Stream) -> Self {
        Self(Some(stream))
    }

    /// Zeroes each value with probability `rate` and scales the rest by `1 / (1 - rate)`. Burn's
    /// own layer draws from one process-wide generator whose state cannot be saved.
    pub fn dropout<const R: usize>(&mut self, x: Tensor<R>, rate: f64) -> Tensor<R> {
        let Some(stream) = self.0.as_mut().filter(|_| rate > 0.0) else {
            return x;
        };
        let shape = x.dims();
        let keep = (1.0 / (1.0 - rate)) as f32;
        let mask: Vec<f32> = (0..shape.iter().product())
            .map(|_| if stream.chance(rate) { 0.0 } else { keep })
            .collect();
        let mask = Tensor::from_data(TensorData::new(mask, shape), &x.device());
        x * mask
    }
}
