use burn::module::Module;
use burn::nn::BatchNorm;
use burn::nn::conv::{Conv2d, Conv3d};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use super::Pass;
use super::dense_unet::{DenseUNet, DenseUNetConfig};
use super::spatial::{ConvSpec, Convolution, Spatial};
use crate::recipe::{BlockOrder, HybridInput, Recipe, Scale, SliceBorder};

/// H-DenseUNet: a 2-D DenseUNet over slices, a 3-D DenseUNet that sees the volume and the 2-D
/// answer, and hybrid feature fusion of the two (paper section II-C).
#[derive(Module, Debug)]
pub struct HDenseUNet {
    pub slices: DenseUNet<Conv2d>,
    pub volume: DenseUNet<Conv3d>,
    pub fusion: Fusion,
    #[module(skip)]
    input: HybridInput,
    #[module(skip)]
    border: SliceBorder,
}

/// Hybrid feature fusion: sum of the features, a 3x3x3 convolution, a classifier.
#[derive(Module, Debug)]
pub struct Fusion {
    norm_in: Option<BatchNorm>,
    conv: Conv3d,
    norm_out: BatchNorm,
    classifier: Conv3d,
}

impl HDenseUNet {
    /// Random weights; the 2-D part is replaced by a trained one before training.
    pub fn build(recipe: &Recipe, scale: &Scale, device: &Device) -> Self {
        let momentum = scale.norm_momentum.unwrap_or(recipe.norm_momentum);
        let slices = DenseUNetConfig {
            skips: recipe.hybrid_skips,
            ..DenseUNetConfig::new(3, &scale.dense_2d, recipe, momentum)
        };
        let volume = DenseUNetConfig {
            skips: recipe.hybrid_skips,
            classifier: false,
            ..DenseUNetConfig::new(4, &scale.dense_3d, recipe, momentum)
        };
        let features = scale.dense_3d.decoder[4];
        let norm = volume.decoder_norm;
        let fusion = Fusion {
            norm_in: (recipe.fusion_order == BlockOrder::NormFirst)
                .then(|| norm.build(features, device)),
            conv: Conv3d::build(ConvSpec::biased(features, features, 3), device),
            norm_out: norm.build(features, device),
            classifier: Conv3d::build(ConvSpec::biased(features, 3, 1), device),
        };
        Self {
            slices: DenseUNet::build(&slices, device),
            volume: DenseUNet::build(&volume, device),
            fusion,
            input: recipe.hybrid_input,
            border: recipe.slice_border,
        }
    }

    /// Logits of the fusion and of the 2-D net, both `[1, classes, z, y, x]`.
    ///
    /// # Shapes
    /// `[1, 1, z, y, x]`, HU minus the mean; y and x divisible by 32, z by 4.
    pub fn forward(
        &self,
        patch: Tensor<5>,
        fusion_dropout: f64,
        pass: &mut Pass,
    ) -> (Tensor<5>, Tensor<5>) {
        let answer = self
            .slices
            .forward(group_slices(patch.clone(), self.border), true, pass);
        let features_2d = ungroup_slices(answer.features);
        let logits_2d = answer
            .logits
            .expect("the 2-D part is always built with a classifier");
        let logits_2d = ungroup_slices(logits_2d);
        let input = match self.input {
            HybridInput::Probabilities(divisor) => {
                vec![patch / divisor, softmax(logits_2d.clone(), 1)]
            }
            HybridInput::Logits(factor) => vec![patch, logits_2d.clone() * factor],
        };
        let features_3d = self
            .volume
            .forward(Tensor::cat(input, 1), true, pass)
            .features;
        let logits = self
            .fusion
            .forward(features_2d + features_3d, fusion_dropout, pass);
        (logits, logits_2d)
    }
}

impl Fusion {
    fn forward(&self, x: Tensor<5>, dropout: f64, pass: &mut Pass) -> Tensor<5> {
        let x = match &self.norm_in {
            Some(norm) => self.conv.convolve_normed(norm, x, pass),
            None => pass.dropout(self.conv.convolve(x), dropout),
        };
        self.classifier.convolve_normed(&self.norm_out, x, pass)
    }
}

/// Three-slice groups of a volume: `[1, 1, z, y, x]` to `[z, 3, y, x]`; group j holds slices
/// j - 1, j and j + 1 (the paper's function F); `border` stands in beyond the ends.
pub fn group_slices(volume: Tensor<5>, border: SliceBorder) -> Tensor<4> {
    let [_, _, depth, height, width] = volume.dims();
    let slices: Tensor<4> = volume.reshape([depth, 1, height, width]);
    let first = slices.clone().narrow(0, 0, 1);
    let last = slices.clone().narrow(0, depth - 1, 1);
    let (first, last) = match border {
        SliceBorder::Replicated => (first, last),
        SliceBorder::Zero => (first.zeros_like(), last.zeros_like()),
    };
    let below = Tensor::cat(vec![first, slices.clone().narrow(0, 0, depth - 1)], 0);
    let above = Tensor::cat(vec![slices.clone().narrow(0, 1, depth - 1), last], 0);
    Tensor::cat(vec![below, slices, above], 1)
}

/// The inverse: one result a slice, `[z, c, y, x]`, back to a volume `[1, c, z, y, x]`.
pub fn ungroup_slices(slices: Tensor<4>) -> Tensor<5> {
    slices.swap_dims(0, 1).unsqueeze_dim(0)
}
