use burn::module::Module;
use burn::nn::BatchNorm;
use burn::nn::conv::{Conv2d, ConvTranspose2d, ConvTranspose2dConfig};
use burn::tensor::{Device, Tensor};

use super::Pass;
use super::dense::NormSpec;
use super::norm::{norm_linear, norm_relu};
use super::spatial::{self, ConvSpec, Convolution, Spatial, max_pool2};

/// 3x3 convolution with bias, BN, ReLU.
#[derive(Module, Debug)]
pub struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvNorm {
    pub fn build(channels_in: usize, out: usize, norm: NormSpec, device: &Device) -> Self {
        Self {
            conv: Conv2d::build(ConvSpec::biased(channels_in, out, 3), device),
            norm: norm.build(out, device),
        }
    }

    pub fn conv(&self) -> &Conv2d {
        &self.conv
    }
}

/// Such layers in a row, from what the first one's convolution gives on, the last one's ReLU left out where
/// `linear`. What lies between two of them is never kept: each convolution takes the BN and ReLU before it
/// along.
pub fn in_a_row(layers: &[ConvNorm], first: Tensor<4>, linear: bool, pass: &mut Pass) -> Tensor<4> {
    let mut y = first;
    for pair in layers.windows(2) {
        y = pair[1].conv.convolve_normed(&pair[0].norm, y, pass);
    }
    let Some(last) = layers.last() else {
        return y;
    };
    if linear {
        norm_linear(&last.norm, y, pass)
    } else {
        norm_relu(&last.norm, y, pass)
    }
}

/// The 2-D U-Net of spec section 9: two convolutions a level, transposed convolutions upwards,
/// concatenation.
#[derive(Module, Debug)]
pub struct UNet {
    down: Vec<[ConvNorm; 2]>,
    rise: Vec<ConvTranspose2d>,
    up: Vec<[ConvNorm; 2]>,
    classifier: Conv2d,
}

impl UNet {
    /// Random weights; `levels` are channels, finest first.
    pub fn build(
        channels: usize,
        classes: usize,
        levels: &[usize; 5],
        norm: NormSpec,
        device: &Device,
    ) -> Self {
        let pair = |from: usize, to: usize| {
            [
                ConvNorm::build(from, to, norm, device),
                ConvNorm::build(to, to, norm, device),
            ]
        };
        let inputs = std::iter::once(channels).chain(levels.iter().copied());
        let coarse_to_fine = || levels.windows(2).rev();
        Self {
            down: inputs
                .zip(levels)
                .map(|(from, &to)| pair(from, to))
                .collect(),
            rise: coarse_to_fine()
                .map(|pair| {
                    ConvTranspose2dConfig::new([pair[1], pair[0]], [2, 2])
                        .with_stride([2, 2])
                        .init(device)
                })
                .collect(),
            up: coarse_to_fine()
                .map(|levels| pair(2 * levels[0], levels[0]))
                .collect(),
            classifier: Conv2d::build(ConvSpec::biased(levels[0], classes, 1), device),
        }
    }

    /// Logits `[n, classes, y, x]` of slices `[n, channels, y, x]`; y and x divisible by 16.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let mut skips = Vec::new();
        let mut x = x;
        for (index, pair) in self.down.iter().enumerate() {
            if index > 0 {
                skips.push(x.clone());
                x = max_pool2(x);
            }
            x = in_a_row(pair, pair[0].conv.convolve(x), false, pass);
        }
        for (rise, pair) in self.rise.iter().zip(&self.up) {
            let skip = skips.pop().expect("as many skips as levels to rise");
            let joined = Tensor::cat(vec![skip, spatial::conv_transpose2x(rise, x)], 1);
            x = in_a_row(pair, pair[0].conv.convolve(joined), false, pass);
        }
        self.classifier.convolve(x)
    }
}
