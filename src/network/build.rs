use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv3d};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::dense::{NormSpec, ORGANS, SliceClassifier};
use super::dense_unet::{DenseUNet, DenseUNetConfig};
use super::hybrid::HDenseUNet;
use super::residual::ResidualNet;
use super::unet::UNet;
use super::{ParameterCount, Pass, count_parameters};
use crate::recipe::{HybridInput, Recipe, Scale, Variant};

/// What a cell trains: a row of the table, or one of the two supporting networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum NetworkKind {
    /// The encoder, pre-trained on the organs that slices show.
    Encoder,
    /// The liver net on the coarse grid.
    Coarse,
    /// A row of the ablation table.
    Variant(Variant),
}

impl NetworkKind {
    /// Every network: what the variants need, then the variants.
    pub fn all() -> impl Iterator<Item = Self> {
        let needed = [Self::Encoder, Self::Coarse];
        needed.into_iter().chain(Variant::ALL.map(Self::Variant))
    }

    /// The folder's name: `_encoder`, `_coarse` or the variant's.
    pub fn id(self) -> &'static str {
        match self {
            Self::Encoder => "_encoder",
            Self::Coarse => "_coarse",
            Self::Variant(variant) => variant.id(),
        }
    }
}

impl std::fmt::Display for NetworkKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

impl From<NetworkKind> for String {
    fn from(part: NetworkKind) -> Self {
        part.id().to_owned()
    }
}

impl TryFrom<String> for NetworkKind {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        match id.as_str() {
            "_encoder" => Ok(Self::Encoder),
            "_coarse" => Ok(Self::Coarse),
            other => Variant::from_id(other)
                .map(Self::Variant)
                .ok_or_else(|| format!("unknown variant {other:?}")),
        }
    }
}

/// What a network takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Single slices with this number of neighbours on each side.
    Slices { neighbours: usize },
    /// Whole patches; as many slices come out as go in.
    Volume,
}

/// Any network of the study.
#[derive(Module, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one network lives at a time; boxing would hide the modules from Burn's derive"
)]
pub enum Network {
    Classifier(SliceClassifier),
    DenseUNet2d(DenseUNet<Conv2d>),
    UNet(UNet),
    Residual(ResidualNet),
    DenseUNet3d(DenseUNet3d),
    Hybrid(HDenseUNet),
}

/// The stand-alone 3-D net with the scaling of its input.
#[derive(Module, Debug)]
pub struct DenseUNet3d {
    net: DenseUNet<Conv3d>,
    divisor: f64,
}

/// The settings of a forward pass that differ between the stages of a training.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// UNet connections on.
    pub skip_connections: bool,
    pub fusion_dropout: f64,
}

impl Mode {
    /// The network whole, as at test time.
    pub const TEST: Self = Self {
        skip_connections: true,
        fusion_dropout: 0.0,
    };
}

/// Logits `[n, classes, z, y, x]`.
pub struct Outputs {
    pub logits: Tensor<5>,
    /// The 2-D part's own, of the hybrid alone.
    pub logits_2d: Option<Tensor<5>>,
    /// The encoder's, `[n, channels, y, x]`, of the classifier alone.
    pub features: Option<Tensor<4>>,
}

impl Network {
    /// The network of a part with Burn's own initial values.
    pub fn build(part: NetworkKind, recipe: &Recipe, scale: &Scale, device: &Device) -> Self {
        let momentum = scale.norm_momentum.unwrap_or(recipe.norm_momentum);
        let encoder_norm = NormSpec {
            epsilon: recipe.encoder_norm_epsilon,
            momentum,
        };
        let norm = NormSpec {
            epsilon: recipe.decoder_norm_epsilon,
            momentum,
        };
        let slices = |skips| {
            let config = DenseUNetConfig {
                skips,
                dropout: recipe.dropout_2d,
                ..DenseUNetConfig::new(3, &scale.dense_2d, recipe, momentum)
            };
            Self::DenseUNet2d(DenseUNet::build(&config, device))
        };
        match part {
            NetworkKind::Encoder => Self::Classifier(SliceClassifier::build(
                3,
                ORGANS,
                &scale.dense_2d,
                encoder_norm,
                recipe.encoder_final_norm,
                device,
            )),
            NetworkKind::Coarse => {
                Self::Residual(ResidualNet::build(5, 2, &scale.coarse, norm, device))
            }
            NetworkKind::Variant(Variant::ResNet) => {
                Self::Residual(ResidualNet::build(5, 3, &scale.residual, norm, device))
            }
            NetworkKind::Variant(Variant::UNet) => {
                Self::UNet(UNet::build(3, 3, &scale.unet, norm, device))
            }
            NetworkKind::Variant(Variant::DenseNet2d) => slices(false),
            NetworkKind::Variant(Variant::DenseUNet2d | Variant::DenseUNet2dScratch) => {
                slices(recipe.skips_2d)
            }
            NetworkKind::Variant(Variant::DenseUNet3d) => {
                let config = DenseUNetConfig::new(1, &scale.dense_3d, recipe, momentum);
                Self::DenseUNet3d(DenseUNet3d {
                    net: DenseUNet::build(&config, device),
                    divisor: match recipe.hybrid_input {
                        HybridInput::Probabilities(divisor) => divisor,
                        HybridInput::Logits(_) => 1.0,
                    },
                })
            }
            NetworkKind::Variant(Variant::HDenseUNet) => {
                Self::Hybrid(HDenseUNet::build(recipe, scale, device))
            }
        }
    }

    /// What it takes in.
    pub fn input(&self) -> Input {
        match self {
            Self::Classifier(_) | Self::DenseUNet2d(_) | Self::UNet(_) => {
                Input::Slices { neighbours: 1 }
            }
            Self::Residual(_) => Input::Slices { neighbours: 2 },
            Self::DenseUNet3d(_) | Self::Hybrid(_) => Input::Volume,
        }
    }

    /// Parameters, counted as the recipe counts them.
    pub fn parameters(&self, recipe: &Recipe) -> ParameterCount {
        let count = count_parameters(self);
        if recipe.scale_layers_counted {
            count.with_scale_layers()
        } else {
            count
        }
    }

    /// Logits of patches.
    ///
    /// # Shapes
    /// In: `[n, 1, s, y, x]`, HU minus the mean; for [`Input::Slices`] `s` is
    /// `2 * neighbours + 1` and one slice comes out, for [`Input::Volume`] n is 1. Out:
    /// `[n, classes, z, y, x]`. The classifier answers `[n, classes, 1, 1, 1]`.
    pub fn forward(&self, x: Tensor<5>, mode: Mode, pass: &mut Pass) -> Outputs {
        let slices = |x: Tensor<5>| x.squeeze_dim::<4>(1);
        let one = |logits: Tensor<4>| Outputs {
            logits: logits.unsqueeze_dim(2),
            logits_2d: None,
            features: None,
        };
        match self {
            Self::Classifier(net) => {
                let (logits, features) = net.forward(slices(x), pass);
                let [n, classes] = logits.dims();
                Outputs {
                    features: Some(features),
                    ..one(logits.reshape([n, classes, 1, 1]))
                }
            }
            Self::DenseUNet2d(net) => {
                let answer = net.forward(slices(x), mode.skip_connections, pass);
                one(answer.logits.expect("built with a classifier"))
            }
            Self::UNet(net) => one(net.forward(slices(x), pass)),
            Self::Residual(net) => one(net.forward(slices(x), pass)),
            Self::DenseUNet3d(DenseUNet3d { net, divisor }) => {
                let answer = net.forward(x / *divisor, mode.skip_connections, pass);
                Outputs {
                    logits: answer.logits.expect("built with a classifier"),
                    logits_2d: None,
                    features: None,
                }
            }
            Self::Hybrid(net) => {
                let (logits, logits_2d) = net.forward(x, mode.fusion_dropout, pass);
                Outputs {
                    logits,
                    logits_2d: Some(logits_2d),
                    features: None,
                }
            }
        }
    }
}
