use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use hdbench_kernels::{Block, finish_block};

use super::Pass;
use super::norm::norm_relu;
use super::spatial::{ConvSpec, Convolution, Spatial};
use crate::recipe::DenseWidths;

/// Epsilon and momentum of batch norms (PyTorch's convention: the new batch's weight).
#[derive(Clone, Copy, Debug)]
pub struct NormSpec {
    pub epsilon: f64,
    pub momentum: f64,
}

impl NormSpec {
    pub fn build(self, channels: usize, device: &Device) -> BatchNorm {
        BatchNormConfig::new(channels)
            .with_epsilon(self.epsilon)
            .with_momentum(self.momentum)
            .init(device)
    }
}

/// BN, ReLU, 1x1 convolution to 4k channels, BN, ReLU, 3x3 convolution to k channels, appended to
/// the input.
#[derive(Module, Debug)]
pub struct MicroBlock<C: Module> {
    norm1: BatchNorm,
    conv1: C,
    norm2: BatchNorm,
    conv2: C,
}

impl<C: Convolution> MicroBlock<C> {
    fn build(channels: usize, growth: usize, norm: NormSpec, device: &Device) -> Self {
        let bottleneck = 4 * growth;
        Self {
            norm1: norm.build(channels, device),
            conv1: C::build(ConvSpec::plain(channels, bottleneck, 1), device),
            norm2: norm.build(bottleneck, device),
            conv2: C::build(ConvSpec::plain(bottleneck, growth, 3), device),
        }
    }

    fn forward<const R: usize>(&self, x: Tensor<R>, block: &Block, pass: &mut Pass) -> Tensor<R>
    where
        C: Spatial<R>,
    {
        let new = self
            .conv1
            .convolve_layer(&self.norm1, x.clone(), block, pass);
        let new = self.conv2.convolve_normed(&self.norm2, new, pass);
        Tensor::cat(vec![x, new], 1)
    }
}

/// Micro-blocks in a row, each seeing all that came before.
#[derive(Module, Debug)]
pub struct DenseBlock<C: Module> {
    layers: Vec<MicroBlock<C>>,
}

/// BN, ReLU, 1x1 convolution to half the channels, mean over 2 x 2 in the plane.
#[derive(Module, Debug)]
pub struct Transition<C: Module> {
    norm: BatchNorm,
    conv: C,
}

/// The DenseNet trunk (DenseNet-161 at k = 48) up to its last BN and ReLU.
#[derive(Module, Debug)]
pub struct DenseEncoder<C: Module> {
    conv0: C,
    norm0: BatchNorm,
    blocks: Vec<DenseBlock<C>>,
    transitions: Vec<Transition<C>>,
    norm5: Option<BatchNorm>,
}

/// What the encoder hands to the decoder, finest first.
pub struct Encoded<const R: usize> {
    /// After the first convolution, BN and ReLU; half the size.
    pub stem: Tensor<R>,
    /// Raw outputs of dense blocks 1 to 3, before their transitions.
    pub blocks: [Tensor<R>; 3],
    /// Dense block 4, after BN and ReLU where the recipe has them; a thirty-second of the size.
    pub deepest: Tensor<R>,
}

impl<C: Convolution> DenseEncoder<C> {
    /// Random weights for `channels` input channels; `final_norm`: BN and ReLU after dense block 4.
    pub fn build(
        channels: usize,
        widths: &DenseWidths,
        norm: NormSpec,
        final_norm: bool,
        device: &Device,
    ) -> Self {
        let mut current = widths.stem;
        let mut blocks = Vec::new();
        let mut transitions = Vec::new();
        for (index, &repeats) in widths.blocks.iter().enumerate() {
            let layers = (0..repeats)
                .map(|i| {
                    MicroBlock::build(current + i * widths.growth, widths.growth, norm, device)
                })
                .collect();
            blocks.push(DenseBlock { layers });
            current += repeats * widths.growth;
            if index < 3 {
                transitions.push(Transition {
                    norm: norm.build(current, device),
                    conv: C::build(ConvSpec::plain(current, current / 2, 1), device),
                });
                current /= 2;
            }
        }
        let stem = ConvSpec {
            stride: 2,
            ..ConvSpec::plain(channels, widths.stem, 7)
        };
        Self {
            conv0: C::build(stem, device),
            norm0: norm.build(widths.stem, device),
            blocks,
            transitions,
            norm5: final_norm.then(|| norm.build(current, device)),
        }
    }

    /// # Shapes
    /// `[n, channels, (z,) y, x]` with y and x divisible by 32, z by 4.
    pub fn forward<const R: usize>(&self, x: Tensor<R>, pass: &mut Pass) -> Encoded<R>
    where
        C: Spatial<R>,
    {
        let stem = norm_relu(&self.norm0, self.conv0.convolve(x), pass);
        let mut x = C::max_pool(stem.clone());
        let mut outputs = Vec::with_capacity(4);
        for (index, block) in self.blocks.iter().enumerate() {
            let maps = Block::default();
            for layer in &block.layers {
                x = layer.forward(x, &maps, pass);
            }
            x = finish_block(x, &maps);
            outputs.push(x.clone());
            if let Some(transition) = self.transitions.get(index) {
                x = transition.conv.convolve_normed(&transition.norm, x, pass);
                x = C::average_pool(x);
            }
        }
        let deepest = match &self.norm5 {
            Some(norm) => norm_relu(norm, x, pass),
            None => x,
        };
        outputs.truncate(3);
        let blocks = outputs
            .try_into()
            .expect("four dense blocks were built, three are kept");
        Encoded {
            stem,
            blocks,
            deepest,
        }
    }
}

/// What a pre-trained encoder is asked of a slice: which organs it shows, a logit an organ.
pub const ORGANS: usize = 14;

/// The 2-D trunk with a linear classifier of slices: how the encoder is pre-trained where no
/// ImageNet weights are at hand.
#[derive(Module, Debug)]
pub struct SliceClassifier {
    pub encoder: DenseEncoder<Conv2d>,
    head: Linear,
}

impl SliceClassifier {
    /// Random weights for `channels` slices and `classes` answers.
    pub fn build(
        channels: usize,
        classes: usize,
        widths: &DenseWidths,
        norm: NormSpec,
        final_norm: bool,
        device: &Device,
    ) -> Self {
        let [.., deepest] = widths.block_outputs();
        Self {
            encoder: DenseEncoder::build(channels, widths, norm, final_norm, device),
            head: LinearConfig::new(deepest, classes).init(device),
        }
    }

    /// Logits `[n, classes]` of slices `[n, channels, y, x]`, and the encoder's features, a
    /// thirty-second of the size.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> (Tensor<2>, Tensor<4>) {
        let deepest = self.encoder.forward(x, pass).deepest;
        let flat = deepest.clone().flatten::<3>(2, 3);
        let pooled: Tensor<2> = flat.mean_dim(2).squeeze_dim(2);
        (self.head.forward(pooled), deepest)
    }
}
