use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::Variant;

/// The two methods that can be rerun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum RecipeName {
    /// What the paper describes.
    Paper,
    /// What the authors' released code does.
    Released,
}

/// How a feature map grows by a factor of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Upsampling {
    /// Bilinear with half-pixel centres; trilinear as bilinear in the plane, then along z.
    Linear,
    /// Nearest neighbour.
    Nearest,
}

/// The order inside a decoder block or the fusion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockOrder {
    /// BN, ReLU, convolution.
    NormFirst,
    /// Convolution, (dropout,) BN, ReLU.
    ConvFirst,
}

/// What the 3-D net sees of the 2-D net's answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "factor")]
pub enum HybridInput {
    /// HU - mean divided by this, and the three probabilities.
    Probabilities(f64),
    /// HU - mean, and the logits times this.
    Logits(f64),
}

/// The learning rate over the iterations of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "power")]
pub enum Schedule {
    /// rate x (1 - iteration / total)^power.
    Polynomial(f64),
    /// The same throughout.
    Constant,
}

/// Symmetries drawn for each training patch, each with the same probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Augmentation {
    /// Mirror or not, in each in-plane axis.
    Mirror,
    /// The eight symmetries of the square.
    Dihedral,
}

/// Which batch norms keep their statistics in the joint stage of the hybrid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrozenNorms {
    /// None: whatever trains, trains whole.
    None,
    /// The released code's list (spec section 1.5).
    Released,
}

/// With what momentum a stage begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageMomentum {
    /// None: every stage has an optimiser of its own.
    Zero,
    /// That of the stage before.
    Kept,
}

/// What stands beyond the first and the last slice of a patch when slices are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SliceBorder {
    /// The edge slice again.
    Replicated,
    /// Zeros: HU at the mean.
    Zero,
}

/// Which voxels make the liver before its largest component is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LiverRule {
    /// P(liver) + P(lesion) reaches the threshold: the probability that the voxel lies in the
    /// organ, because a lesion is a part of it.
    Organ,
    /// P(liver) alone reaches the threshold, or the voxel is a lesion.
    LiverOrLesion,
}

/// Where a lesion may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LesionRule {
    /// Inside the final liver.
    FinalLiver,
    /// Inside the coarse liver mask, dilated twice.
    DilatedCoarse,
}

/// The windows a volume is predicted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestWindows {
    /// Patches over the box of the coarse liver, overlapping by half.
    LiverBox,
    /// The whole plane, stepping by two slices, outer slices dropped.
    FullPlane,
}

/// How much the answers of a window count where windows overlap, along each axis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "sigma")]
pub enum WindowWeights {
    /// All the same.
    Flat,
    /// Falling off linearly from the middle to the ends.
    Tent,
    /// A Gaussian of this standard deviation, a share of the window.
    Gaussian(f64),
}

/// The method: every line of the two published descriptions on which they differ or are silent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    pub name: RecipeName,
    /// Slices a hybrid or 3-D patch has at full scale.
    pub patch_depth: usize,
    /// Slices at each end of such a patch that are left out of the loss and of predictions.
    pub outer_slices_dropped: usize,
    pub upsampling: Upsampling,
    /// Of a decoder level; what comes out of the last one is handed to the fusion.
    pub decoder_order: BlockOrder,
    /// BN and ReLU before the 1x1 convolution that classifies voxels.
    pub classifier_norm: bool,
    /// BN and ReLU after dense block 4.
    pub encoder_final_norm: bool,
    pub encoder_norm_epsilon: f64,
    pub decoder_norm_epsilon: f64,
    /// Weight of the new batch in the running statistics (PyTorch's convention).
    pub norm_momentum: f64,
    /// Whether the Scale layers of the Keras encoder are counted as parameters (they are folded
    /// into the batch norms when running).
    pub scale_layers_counted: bool,
    /// UNet connections of the 2-D net alone; `densenet2d` never has any.
    pub skips_2d: bool,
    /// UNet connections inside the hybrid, 2-D and 3-D.
    pub hybrid_skips: bool,
    /// The cell whose 2-D net the hybrid starts from.
    pub hybrid_starts_from: Variant,
    pub hybrid_input: HybridInput,
    pub slice_border: SliceBorder,
    /// Of the fusion: BN and ReLU before its 3x3x3 convolution, or dropout behind it.
    pub fusion_order: BlockOrder,
    pub dropout_2d: f64,
    pub dropout_fusion_volume_stage: f64,
    pub dropout_fusion_joint_stage: f64,
    /// Weight of the 2-D loss in the joint stage (lambda).
    pub joint_loss_2d_weight: f64,
    /// Background, liver, lesion.
    pub class_weights: [f64; 3],
    pub learning_rate: f64,
    pub schedule: Schedule,
    pub momentum: f64,
    pub nesterov: bool,
    /// Share of the gradient that does not enter the momentum.
    pub dampening: f64,
    pub frozen_norms: FrozenNorms,
    /// The learning rate of the joint stage of the hybrid, as a share of the other stages'.
    #[serde(default = "whole")]
    pub joint_rate: f64,
    #[serde(default = "zero")]
    pub stage_momentum: StageMomentum,
    pub augmentation: Augmentation,
    /// In-plane zoom of a training patch, drawn uniformly.
    pub zoom: [f64; 2],
    /// Share of crop centres on lesion voxels, in cases that have some.
    pub lesion_centres: f64,
    /// Whether 3-D patches without all three classes are drawn again.
    pub only_patches_with_all_classes: bool,
    /// Share of the 2-D DenseUNet's iterations that run without its UNet connections.
    pub warm_up: f64,
    pub liver_rule: LiverRule,
    pub liver_threshold: f64,
    pub lesion_threshold: f64,
    pub lesions_inside: LesionRule,
    pub test_windows: TestWindows,
    /// Step from window to window along z and in the plane, shares of the window.
    #[serde(default = "halves")]
    pub window_step: [f64; 2],
    #[serde(default = "flat")]
    pub window_weights: WindowWeights,
    /// HU clipped to this window.
    pub hu_window: [f64; 2],
    /// Subtracted after clipping.
    pub hu_mean: f64,
}

// What fields stand for in a file of a version before they were there.

fn whole() -> f64 {
    1.0
}

fn halves() -> [f64; 2] {
    [0.5; 2]
}

fn zero() -> StageMomentum {
    StageMomentum::Zero
}

fn flat() -> WindowWeights {
    WindowWeights::Flat
}

impl Recipe {
    /// The recipe of this name, as spec section 9 decides it.
    pub fn named(name: RecipeName) -> Self {
        match name {
            RecipeName::Paper => Self::paper(),
            RecipeName::Released => Self::released(),
        }
    }

    /// The paper's description; where it is silent, a value of the released code (c) or a framework
    /// default (d).
    fn paper() -> Self {
        Self {
            name: RecipeName::Paper,
            patch_depth: 12,
            outer_slices_dropped: 0,
            upsampling: Upsampling::Linear,
            decoder_order: BlockOrder::NormFirst,
            classifier_norm: true,
            encoder_final_norm: true,   // c
            encoder_norm_epsilon: 1e-5, // d
            decoder_norm_epsilon: 1e-5, // d
            norm_momentum: 0.1,         // d
            scale_layers_counted: false,
            skips_2d: true,
            hybrid_skips: true,
            hybrid_starts_from: Variant::DenseUNet2d,
            hybrid_input: HybridInput::Probabilities(250.0),
            slice_border: SliceBorder::Replicated, // c
            fusion_order: BlockOrder::NormFirst,
            dropout_2d: 0.0,
            dropout_fusion_volume_stage: 0.0,
            dropout_fusion_joint_stage: 0.0,
            joint_loss_2d_weight: 0.5,
            class_weights: [0.78, 0.65, 8.57], // c
            learning_rate: 0.01,
            schedule: Schedule::Polynomial(0.9),
            momentum: 0.9,                       // c
            nesterov: true,                      // c
            dampening: 0.0,                      // c
            frozen_norms: FrozenNorms::Released, // c
            // The paper's curve of H-DenseUNet begins where the 2-D net's ends (Figure 3).
            joint_rate: 0.03,
            stage_momentum: StageMomentum::Zero, // c
            augmentation: Augmentation::Mirror,
            zoom: [0.8, 1.2],
            lesion_centres: 0.5, // c
            only_patches_with_all_classes: false,
            // "several iterations" in the paper
            warm_up: 0.3,
            liver_rule: LiverRule::Organ,
            liver_threshold: 0.5,  // d
            lesion_threshold: 0.5, // d
            lesions_inside: LesionRule::FinalLiver,
            test_windows: TestWindows::LiverBox,
            window_step: [0.5, 0.25],
            window_weights: WindowWeights::Tent,
            hu_window: [-200.0, 250.0], // c
            hu_mean: 48.0,              // c
        }
    }

    fn released() -> Self {
        Self {
            name: RecipeName::Released,
            patch_depth: 8,
            outer_slices_dropped: 1,
            upsampling: Upsampling::Nearest,
            decoder_order: BlockOrder::ConvFirst,
            classifier_norm: false,
            encoder_norm_epsilon: 1.1e-5,
            decoder_norm_epsilon: 1e-3,
            norm_momentum: 0.01,
            scale_layers_counted: true,
            hybrid_skips: false,
            hybrid_starts_from: Variant::DenseNet2d,
            hybrid_input: HybridInput::Logits(250.0),
            fusion_order: BlockOrder::ConvFirst,
            dropout_2d: 0.3,
            dropout_fusion_volume_stage: 0.1,
            dropout_fusion_joint_stage: 0.3,
            joint_loss_2d_weight: 0.0,
            learning_rate: 0.001,
            schedule: Schedule::Constant,
            joint_rate: 1.0,
            augmentation: Augmentation::Dihedral,
            only_patches_with_all_classes: true,
            warm_up: 0.0,
            liver_rule: LiverRule::LiverOrLesion,
            lesion_threshold: 0.9,
            lesions_inside: LesionRule::DilatedCoarse,
            test_windows: TestWindows::FullPlane,
            // Two of eight slices; one window holds the plane.
            window_step: [0.25, 1.0],
            window_weights: WindowWeights::Flat,
            ..Self::paper()
        }
    }
}
