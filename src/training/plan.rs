use serde::{Deserialize, Serialize};

use super::sampler::Target;
use crate::network::{Mode, NetworkKind};
use crate::recipe::{FrozenNorms, Recipe, Scale, Variant};

/// The stage in which all parts of the hybrid train on together.
pub const JOINT_STAGE: &str = "joint";

/// What keeps its values during a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frozen {
    Nothing,
    /// The 2-D part of the hybrid, statistics included.
    Slices,
    /// The batch norms the released code freezes in its joint stage.
    ReleasedJointNorms,
}

/// One stage of a cell's training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StagePlan {
    pub name: String,
    pub iterations: usize,
    /// UNet connections on.
    #[serde(rename = "joined")]
    pub skip_connections: bool,
    pub frozen: Frozen,
    pub fusion_dropout: f64,
    /// Learning rate, as a share of the training's.
    pub rate: f64,
    /// Weight of the hybrid's 2-D loss beside the loss of its fusion (1).
    pub loss_2d_weight: f64,
    pub target: Target,
}

impl StagePlan {
    fn new(name: &str, iterations: usize, target: Target) -> Self {
        Self {
            name: name.to_owned(),
            iterations,
            skip_connections: true,
            frozen: Frozen::Nothing,
            fusion_dropout: 0.0,
            rate: 1.0,
            loss_2d_weight: 0.0,
            target,
        }
    }

    /// How the network runs in this stage.
    pub fn mode(&self) -> Mode {
        Mode {
            skip_connections: self.skip_connections,
            fusion_dropout: self.fusion_dropout,
        }
    }
}

/// The stages of a part, in order; every variant's sum to `scale.iterations`.
pub fn stages(part: NetworkKind, recipe: &Recipe, scale: &Scale) -> Vec<StagePlan> {
    let total = scale.iterations;
    let share = |fraction: f64| (total as f64 * fraction).round() as usize;
    match part {
        NetworkKind::Encoder => vec![StagePlan::new(
            "pre-training",
            scale.encoder_iterations,
            Target::Organs,
        )],
        NetworkKind::Coarse => vec![StagePlan::new(
            "coarse",
            scale.coarse_iterations,
            Target::Liver,
        )],
        NetworkKind::Variant(Variant::DenseUNet2d | Variant::DenseUNet2dScratch)
            if share(recipe.warm_up) > 0 =>
        {
            let warm_up = share(recipe.warm_up);
            vec![
                StagePlan {
                    skip_connections: false,
                    ..StagePlan::new("warm-up", warm_up, Target::Segmentation)
                },
                StagePlan::new("fine-tuning", total - warm_up, Target::Segmentation),
            ]
        }
        NetworkKind::Variant(Variant::HDenseUNet) => {
            let volume = share(scale.volume_stage);
            vec![
                StagePlan {
                    frozen: Frozen::Slices,
                    fusion_dropout: recipe.dropout_fusion_volume_stage,
                    ..StagePlan::new("volume", volume, Target::Segmentation)
                },
                StagePlan {
                    frozen: match recipe.frozen_norms {
                        FrozenNorms::None => Frozen::Nothing,
                        FrozenNorms::Released => Frozen::ReleasedJointNorms,
                    },
                    fusion_dropout: recipe.dropout_fusion_joint_stage,
                    rate: recipe.joint_rate,
                    loss_2d_weight: recipe.joint_loss_2d_weight,
                    ..StagePlan::new(JOINT_STAGE, total - volume, Target::Segmentation)
                },
            ]
        }
        NetworkKind::Variant(_) => vec![StagePlan::new("training", total, Target::Segmentation)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{RecipeName, ScaleName};

    #[test]
    fn every_variant_trains_for_the_same_number_of_iterations() {
        for recipe in [RecipeName::Paper, RecipeName::Released].map(Recipe::named) {
            let scale = Scale::named(ScaleName::Demo);
            for variant in Variant::ALL {
                let plans = stages(NetworkKind::Variant(variant), &recipe, &scale);
                let sum: usize = plans.iter().map(|plan| plan.iterations).sum();
                assert_eq!(sum, scale.iterations, "{variant}");
            }
        }
    }
}
