use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How much work, from a coffee break to the paper's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ScaleName {
    /// All seven variants within 6 minutes on two cores, on phantoms of 128 x 128.
    Demo,
    /// A quarter of the paper's widths: hours on a workstation.
    Quick,
    /// The paper's networks and schedule: days on a GPU.
    Full,
}

/// Widths and depths of a DenseUNet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseWidths {
    /// Channels after the first convolution.
    pub stem: usize,
    /// Channels a micro-block adds (k).
    pub growth: usize,
    /// Micro-blocks in each of the four dense blocks.
    pub blocks: [usize; 4],
    /// Channels after each of the five decoder convolutions; the last is what fusion sums.
    pub decoder: [usize; 5],
}

/// Widths, patches, iterations: the same for all variants of a study, so that they differ in
/// nothing but the method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    pub name: ScaleName,
    pub dense_2d: DenseWidths,
    pub dense_3d: DenseWidths,
    /// Channels of the U-Net's levels, finest first.
    pub unet: [usize; 5],
    /// Channels of the levels of Han's net, finest first.
    pub residual: [usize; 5],
    /// The same for the coarse liver net.
    pub coarse: [usize; 5],
    /// In-plane patch, pixels; divisible by 32.
    pub patch: usize,
    /// Pixels along the longer side of the plane on which the networks train and answer: larger scans are
    /// brought to that, and slices thinner than its pixels to about as thick. `None`: the scan's own grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_matrix: Option<usize>,
    /// Slices of a 3-D or hybrid patch; divisible by 4. `None`: the recipe's.
    pub depth: Option<usize>,
    /// Slices in a 2-D batch.
    pub batch: usize,
    /// Iterations a variant trains for, all its stages together, pre-training apart.
    pub iterations: usize,
    /// Share of the hybrid's iterations in which its 2-D part is frozen.
    pub volume_stage: f64,
    /// Phantoms that the encoder is pre-trained on, where no weights are given.
    #[serde(default = "encoder_cases")]
    pub encoder_cases: usize,
    pub encoder_iterations: usize,
    pub coarse_iterations: usize,
    /// Grid of the coarse liver net in mm, `[z, y, x]`.
    pub coarse_spacing_mm: [f64; 3],
    /// In-plane patch of the coarse net, pixels of its grid; divisible by 16.
    pub coarse_patch: usize,
    /// `None`: the recipe's.
    pub learning_rate: Option<f64>,
    /// `None`: the recipe's.
    pub norm_momentum: Option<f64>,
    /// `None`: the recipe's.
    pub lesion_threshold: Option<f64>,
    /// Room left around the coarse liver in mm.
    pub margin_mm: f64,
}

/// In a file of a version before the field was there.
fn encoder_cases() -> usize {
    Scale::demo().encoder_cases
}

impl Scale {
    /// The scale of this name.
    pub fn named(name: ScaleName) -> Self {
        match name {
            ScaleName::Demo => Self::demo(),
            ScaleName::Quick => Self::quick(),
            ScaleName::Full => Self::full(),
        }
    }

    /// Tables I and II of the paper and spec section 9.
    fn full() -> Self {
        Self {
            name: ScaleName::Full,
            dense_2d: DenseWidths {
                stem: 96,
                growth: 48,
                blocks: [6, 12, 36, 24],
                decoder: [768, 384, 96, 96, 64],
            },
            dense_3d: DenseWidths {
                stem: 96,
                growth: 32,
                blocks: [3, 4, 12, 8],
                decoder: [504, 224, 192, 96, 64],
            },
            unet: [64, 128, 256, 512, 1024],
            residual: [64, 128, 256, 512, 512],
            coarse: [64, 128, 256, 512, 512],
            patch: 224,
            working_matrix: None,
            depth: None,
            batch: 10,
            iterations: 100_000,
            volume_stage: 0.5,
            encoder_cases: 200,
            encoder_iterations: 20_000,
            coarse_iterations: 20_000,
            coarse_spacing_mm: [1.0, 0.69, 0.69],
            coarse_patch: 320,
            learning_rate: None,
            norm_momentum: None,
            lesion_threshold: None,
            margin_mm: 10.0,
        }
    }

    fn quick() -> Self {
        Self {
            name: ScaleName::Quick,
            dense_2d: DenseWidths::slices(24, 12, [4, 6, 8, 6], 24),
            dense_3d: DenseWidths::volume(24, 8, [2, 3, 4, 3], 24),
            unet: [16, 32, 64, 128, 256],
            residual: [16, 32, 64, 128, 128],
            coarse: [16, 32, 64, 128, 128],
            patch: 128,
            working_matrix: Some(256),
            depth: Some(12),
            batch: 12,
            iterations: 6_000,
            encoder_cases: 100,
            encoder_iterations: 4_000,
            coarse_iterations: 2_000,
            coarse_spacing_mm: [3.0, 1.5, 1.5],
            coarse_patch: 160,
            norm_momentum: Some(0.05),
            ..Self::full()
        }
    }

    fn demo() -> Self {
        Self {
            name: ScaleName::Demo,
            dense_2d: DenseWidths::slices(12, 8, [2, 2, 2, 2], 8),
            dense_3d: DenseWidths::volume(8, 6, [2, 2, 2, 2], 8),
            unet: [8, 16, 24, 32, 32],
            residual: [10, 20, 28, 32, 32],
            coarse: [6, 8, 12, 16, 16],
            patch: 64,
            working_matrix: Some(128),
            depth: Some(8),
            batch: 6,
            iterations: 3_000,
            volume_stage: 0.5,
            encoder_cases: 48,
            encoder_iterations: 2_000,
            coarse_iterations: 400,
            coarse_spacing_mm: [4.0, 2.0, 2.0],
            coarse_patch: 32,
            learning_rate: Some(0.1),
            norm_momentum: Some(0.1),
            lesion_threshold: Some(0.8),
            margin_mm: 6.0,
        }
    }
}

impl DenseWidths {
    /// A 2-D DenseUNet in the paper's proportions: a level's *input* has as many channels as the
    /// skip connection it is summed with.
    pub fn slices(stem: usize, growth: usize, blocks: [usize; 4], features: usize) -> Self {
        let mut widths = Self {
            stem,
            growth,
            blocks,
            decoder: [0; 5],
        };
        let [second, first, stem] = widths.skips();
        widths.decoder = [second, first, stem, stem, features];
        widths
    }

    /// A 3-D DenseUNet in the paper's proportions: a level's *output* has as many channels as the
    /// skip connection it is summed with.
    pub fn volume(stem: usize, growth: usize, blocks: [usize; 4], features: usize) -> Self {
        let mut widths = Self {
            stem,
            growth,
            blocks,
            decoder: [0; 5],
        };
        let [second, first, stem] = widths.skips();
        let [_, _, _, deepest] = widths.block_outputs();
        widths.decoder = [deepest, second, first, stem, features];
        widths
    }

    /// Channels of the skip connections that are summed as they are: of dense blocks 2 and 1 and the stem.
    pub fn skips(&self) -> [usize; 3] {
        let [first, second, _, _] = self.block_outputs();
        [second, first, self.stem]
    }

    /// Channels after each dense block (compression 0.5 in between).
    pub fn block_outputs(&self) -> [usize; 4] {
        let mut channels = self.stem;
        let mut outputs = [0; 4];
        for (index, &repeats) in self.blocks.iter().enumerate() {
            channels += repeats * self.growth;
            outputs[index] = channels;
            channels /= 2;
        }
        outputs
    }
}
