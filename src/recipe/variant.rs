use serde::{Deserialize, Serialize};

/// A row of the ablation table: a network with its initialisation.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
pub enum Variant {
    /// 3-D DenseUNet-65 from random weights.
    #[serde(rename = "denseunet3d")]
    #[value(name = "denseunet3d")]
    DenseUNet3d,
    /// 2-D U-Net on three slices from random weights.
    #[serde(rename = "unet")]
    #[value(name = "unet")]
    UNet,
    /// Han's residual 2.5-D net on five slices from random weights.
    #[serde(rename = "resnet")]
    #[value(name = "resnet")]
    ResNet,
    /// 2-D DenseUNet-167 from random weights.
    #[serde(rename = "denseunet2d-scratch")]
    #[value(name = "denseunet2d-scratch")]
    DenseUNet2dScratch,
    /// 2-D DenseNet-167, without UNet connections, from the pre-trained encoder.
    #[serde(rename = "densenet2d")]
    #[value(name = "densenet2d")]
    DenseNet2d,
    /// 2-D DenseUNet-167 from the pre-trained encoder.
    #[serde(rename = "denseunet2d")]
    #[value(name = "denseunet2d")]
    DenseUNet2d,
    /// The 2-D net, a 3-D DenseUNet that sees its answer, and hybrid feature fusion.
    #[serde(rename = "hdenseunet")]
    #[value(name = "hdenseunet")]
    HDenseUNet,
}

impl Variant {
    /// Every variant, in the order of the paper's Table II.
    pub const ALL: [Self; 7] = [
        Self::DenseUNet3d,
        Self::UNet,
        Self::ResNet,
        Self::DenseUNet2dScratch,
        Self::DenseNet2d,
        Self::DenseUNet2d,
        Self::HDenseUNet,
    ];

    /// Those of the paper's Tables IV and V: what a cross-validation runs where nothing else is asked for.
    pub const OF_CROSS_VALIDATION: [Self; 3] = [Self::UNet, Self::ResNet, Self::HDenseUNet];

    /// The name used on the command line, in folders and in tables' machine columns.
    pub const fn id(self) -> &'static str {
        match self {
            Self::DenseUNet3d => "denseunet3d",
            Self::UNet => "unet",
            Self::ResNet => "resnet",
            Self::DenseUNet2dScratch => "denseunet2d-scratch",
            Self::DenseNet2d => "densenet2d",
            Self::DenseUNet2d => "denseunet2d",
            Self::HDenseUNet => "hdenseunet",
        }
    }

    /// The row's name in the ablation table, in the paper's words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::DenseUNet3d => "3D DenseUNet without pre-trained model",
            Self::UNet => "U-Net",
            Self::ResNet => "ResNet (Han)",
            Self::DenseUNet2dScratch => "2D DenseUNet without pre-trained model",
            Self::DenseNet2d => "2D DenseNet with pre-trained model",
            Self::DenseUNet2d => "2D DenseUNet with pre-trained model",
            Self::HDenseUNet => "H-DenseUNet",
        }
    }

    /// Whether its training begins from the pre-trained encoder.
    pub const fn starts_from_encoder(self) -> bool {
        matches!(self, Self::DenseNet2d | Self::DenseUNet2d)
    }

    /// The variant of this name.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variant| variant.id() == id)
    }
}

impl std::fmt::Display for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}
