use burn::module::Module;
use burn::nn::BatchNorm;
use burn::tensor::{Device, Tensor};

use super::Pass;
use super::dense::{DenseEncoder, Encoded, NormSpec};
use super::norm::norm_relu;
use super::spatial::{ConvSpec, Convolution, Spatial};
use crate::recipe::{BlockOrder, DenseWidths, Recipe, Upsampling};

/// A DenseUNet's design; `C` of [`DenseUNet`] decides whether it is 2-D or 3-D.
#[derive(Clone, Debug)]
pub struct DenseUNetConfig {
    pub channels: usize,
    pub classes: usize,
    pub widths: DenseWidths,
    /// UNet connections from the encoder to the decoder.
    pub skips: bool,
    /// Whether it answers with logits of its own; the 3-D part of the hybrid does not.
    pub classifier: bool,
    /// BN and ReLU before the classifier's convolution.
    pub classifier_norm: bool,
    /// BN and ReLU after dense block 4.
    pub final_norm: bool,
    pub order: BlockOrder,
    pub upsampling: Upsampling,
    /// Before the last BN, in training.
    pub dropout: f64,
    pub encoder_norm: NormSpec,
    pub decoder_norm: NormSpec,
}

impl DenseUNetConfig {
    /// The recipe's design at these widths.
    pub fn new(channels: usize, widths: &DenseWidths, recipe: &Recipe, norm_momentum: f64) -> Self {
        Self {
            channels,
            classes: 3,
            widths: widths.clone(),
            skips: true,
            classifier: true,
            classifier_norm: recipe.classifier_norm,
            final_norm: recipe.encoder_final_norm,
            order: recipe.decoder_order,
            upsampling: recipe.upsampling,
            dropout: 0.0,
            encoder_norm: NormSpec {
                epsilon: recipe.encoder_norm_epsilon,
                momentum: norm_momentum,
            },
            decoder_norm: NormSpec {
                epsilon: recipe.decoder_norm_epsilon,
                momentum: norm_momentum,
            },
        }
    }
}

/// One decoder level: upsample, sum with the skip connection, BN, ReLU and convolution in the
/// recipe's order.
#[derive(Module, Debug)]
struct Level<C: Module> {
    conv: C,
    norm: BatchNorm,
}

/// The last layer: BN and ReLU where the recipe has them, then a 1x1 convolution.
#[derive(Module, Debug)]
struct Classifier<C: Module> {
    norm: Option<BatchNorm>,
    conv: C,
}

/// DenseUNet-167 (`C = Conv2d`) or DenseUNet-65 (`C = Conv3d`) of the paper's Table I.
#[derive(Module, Debug)]
pub struct DenseUNet<C: Module> {
    pub encoder: DenseEncoder<C>,
    /// Brings dense block 3 to the channels it is summed with.
    lineup: Option<C>,
    levels: Vec<Level<C>>,
    classifier: Option<Classifier<C>>,
    #[module(skip)]
    order: BlockOrder,
    #[module(skip)]
    upsampling: Upsampling,
    dropout: f64,
}

/// What a DenseUNet answers.
pub struct Answer<const R: usize> {
    /// `[n, features, (z,) y, x]`: what hybrid feature fusion sums.
    pub features: Tensor<R>,
    /// `[n, classes, (z,) y, x]`; absent without a classifier of its own.
    pub logits: Option<Tensor<R>>,
}

impl<C: Convolution> DenseUNet<C> {
    /// Random weights.
    pub fn build<const R: usize>(config: &DenseUNetConfig, device: &Device) -> Self
    where
        C: Spatial<R>,
    {
        let widths = &config.widths;
        let [_, _, third, deepest] = widths.block_outputs();
        let joined = if C::SKIP_AFTER_CONVOLUTION {
            widths.decoder[0]
        } else {
            deepest
        };
        let mut current = deepest;
        let levels = widths
            .decoder
            .iter()
            .map(|&out| {
                let normed = match config.order {
                    BlockOrder::NormFirst => current,
                    BlockOrder::ConvFirst => out,
                };
                let level = Level {
                    conv: C::build(ConvSpec::biased(current, out, 3), device),
                    norm: config.decoder_norm.build(normed, device),
                };
                current = out;
                level
            })
            .collect();
        let classifier = config.classifier.then(|| Classifier {
            norm: config
                .classifier_norm
                .then(|| config.decoder_norm.build(current, device)),
            conv: C::build(ConvSpec::biased(current, config.classes, 1), device),
        });
        Self {
            encoder: DenseEncoder::build(
                config.channels,
                widths,
                config.encoder_norm,
                config.final_norm,
                device,
            ),
            lineup: config
                .skips
                .then(|| C::build(ConvSpec::biased(third, joined, 1), device)),
            levels,
            classifier,
            order: config.order,
            upsampling: config.upsampling,
            dropout: config.dropout,
        }
    }

    /// Whether it has UNet connections.
    pub fn has_skips(&self) -> bool {
        self.lineup.is_some()
    }

    /// The same network with the encoder of a pre-trained classifier.
    pub fn with_encoder(mut self, encoder: DenseEncoder<C>) -> Self {
        self.encoder = encoder;
        self
    }

    /// The same network without dropout of its own, as the hybrid uses it.
    pub fn without_dropout(mut self) -> Self {
        self.dropout = 0.0;
        self
    }

    /// # Shapes
    /// `[n, channels, (z,) y, x]`, y and x divisible by 32, z by 4. `joined` turns the UNet
    /// connections on; without it they are passed over (warm-up).
    pub fn forward<const R: usize>(&self, x: Tensor<R>, joined: bool, pass: &mut Pass) -> Answer<R>
    where
        C: Spatial<R>,
    {
        let Encoded {
            stem,
            blocks: [first, second, third],
            deepest,
        } = self.encoder.forward(x, pass);
        let lineup = self.lineup.as_ref().filter(|_| joined);
        let skips = match lineup {
            Some(lineup) => [
                Some(lineup.convolve(third)),
                Some(second),
                Some(first),
                Some(stem),
                None,
            ],
            None => [None, None, None, None, None],
        };
        let last = self.levels.len() - 1;
        let mut x = deepest;
        for (index, (level, skip)) in self.levels.iter().zip(skips).enumerate() {
            // The 3-D net halves z only in its first convolution and pooling.
            let along_z = index >= 3;
            let (before, after) = if C::SKIP_AFTER_CONVOLUTION {
                (None, skip)
            } else {
                (skip, None)
            };
            let Level { conv, norm } = level;
            let upsampled = |x| C::upsample(x, along_z, self.upsampling);
            x = match (self.order, before) {
                (BlockOrder::NormFirst, None) => {
                    conv.convolve_upsampled(norm, x, along_z, self.upsampling, pass)
                }
                (BlockOrder::NormFirst, Some(skip)) => {
                    conv.convolve_normed(norm, upsampled(x) + skip, pass)
                }
                (BlockOrder::ConvFirst, before) => {
                    let y = match before {
                        None => conv.upsample_convolve(x, along_z, self.upsampling),
                        Some(skip) => conv.convolve(upsampled(x) + skip),
                    };
                    let dropout = if index == last { self.dropout } else { 0.0 };
                    norm_relu(norm, pass.dropout(y, dropout), pass)
                }
            };
            if let Some(skip) = after {
                x = x + skip;
            }
        }
        let logits = self
            .classifier
            .as_ref()
            .map(|classifier| classifier.forward(x.clone(), pass));
        Answer {
            features: x,
            logits,
        }
    }
}

impl<C: Convolution> Classifier<C> {
    fn forward<const R: usize>(&self, x: Tensor<R>, pass: &mut Pass) -> Tensor<R>
    where
        C: Spatial<R>,
    {
        match &self.norm {
            Some(norm) => self.conv.convolve_normed(norm, x, pass),
            None => self.conv.convolve(x),
        }
    }
}
