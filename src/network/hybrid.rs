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

/// What the 2-D part answers of a slice.
#[derive(Clone, Debug)]
pub struct SliceAnswer {
    /// `[1, features, y, x]`.
    features: Tensor<4>,
    /// `[1, classes, y, x]`.
    logits: Tensor<4>,
}

const CLASSIFIER: &str = "the 2-D part is always built with a classifier";

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
        let logits_2d = answer.logits.expect(CLASSIFIER);
        self.fuse(patch, answer.features, logits_2d, fusion_dropout, pass)
    }

    /// Logits of the fusion, `[1, classes, z, y, x]`, and what the 2-D net answered of each slice; it is asked
    /// only about those of which nothing is known yet.
    ///
    /// # Shapes
    /// As [`Self::forward`]; `known` has an entry for each slice.
    pub fn recall(
        &self,
        patch: Tensor<5>,
        known: Vec<Option<SliceAnswer>>,
        pass: &mut Pass,
    ) -> (Tensor<5>, Vec<SliceAnswer>) {
        let groups = group_slices(patch.clone(), self.border);
        let of_group = |index| groups.clone().narrow(0, index, 1);
        let unknown = (0..known.len()).filter(|&index| known[index].is_none());
        let unknown: Vec<Tensor<4>> = unknown.map(of_group).collect();
        let asked = (!unknown.is_empty()).then(|| {
            let answer = self.slices.forward(Tensor::cat(unknown, 0), true, pass);
            (answer.features, answer.logits.expect(CLASSIFIER))
        });
        let mut next = 0;
        let answers: Vec<SliceAnswer> = known
            .into_iter()
            .map(|known| {
                known.unwrap_or_else(|| {
                    let (features, logits) = asked.clone().expect("it was asked about");
                    next += 1;
                    SliceAnswer {
                        features: features.narrow(0, next - 1, 1),
                        logits: logits.narrow(0, next - 1, 1),
                    }
                })
            })
            .collect();
        let all = |of: fn(&SliceAnswer) -> &Tensor<4>| {
            Tensor::cat(answers.iter().map(|one| of(one).clone()).collect(), 0)
        };
        let (features, logits) = (all(|one| &one.features), all(|one| &one.logits));
        let (logits, _) = self.fuse(patch, features, logits, 0.0, pass);
        (logits, answers)
    }

    /// The 3-D part and the fusion, given what the 2-D part answers, a slice after the other.
    fn fuse(
        &self,
        patch: Tensor<5>,
        features_2d: Tensor<4>,
        logits_2d: Tensor<4>,
        fusion_dropout: f64,
        pass: &mut Pass,
    ) -> (Tensor<5>, Tensor<5>) {
        let (features_2d, logits_2d) = (ungroup_slices(features_2d), ungroup_slices(logits_2d));
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
