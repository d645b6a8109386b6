//! The scores a report can show, each with its unit, direction and number of decimals.

use hdbench_table::{Direction, Unit};
use serde::{Deserialize, Serialize};

/// A score of a variant over the test cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// Mean Dice of the lesion label over all cases (both empty: 1, one empty: 0).
    LesionDicePerCase,
    /// Mean Dice of the lesion label over the cases whose reference has a lesion.
    LesionDiceWithLesions,
    /// Dice of the lesion voxels of all cases taken together.
    LesionDiceGlobal,
    /// Mean Dice of the liver (lesions included) over all cases.
    LiverDicePerCase,
    /// Dice of the liver voxels of all cases taken together.
    LiverDiceGlobal,
    /// Volumetric overlap error of the lesion label, a fraction.
    LesionVoe,
    /// Relative volume difference of the lesion label, (prediction - reference) / reference.
    LesionRvd,
    /// Average symmetric surface distance of the lesion label, mm.
    LesionAssd,
    /// Root mean square symmetric surface distance of the lesion label, mm.
    LesionRmsd,
    /// Volumetric overlap error of the liver, a fraction.
    LiverVoe,
    /// Relative volume difference of the liver, (prediction - reference) / reference.
    LiverRvd,
    /// Average symmetric surface distance of the liver, mm.
    LiverAssd,
    /// Root mean square symmetric surface distance of the liver, mm.
    LiverRmsd,
    /// Root mean square error of the tumour burden (lesion volume / liver volume), a fraction.
    TumourBurdenRmse,
}

impl Score {
    /// Every score.
    pub const ALL: [Self; 14] = [
        Self::LesionDicePerCase,
        Self::LesionDiceWithLesions,
        Self::LesionDiceGlobal,
        Self::LiverDicePerCase,
        Self::LiverDiceGlobal,
        Self::LesionVoe,
        Self::LesionRvd,
        Self::LesionAssd,
        Self::LesionRmsd,
        Self::LiverVoe,
        Self::LiverRvd,
        Self::LiverAssd,
        Self::LiverRmsd,
        Self::TumourBurdenRmse,
    ];

    /// The name in files, with the unit where there is one.
    pub fn key(self) -> &'static str {
        match self {
            Self::LesionDicePerCase => "lesion_dice_per_case",
            Self::LesionDiceWithLesions => "lesion_dice_with_lesions",
            Self::LesionDiceGlobal => "lesion_dice_global",
            Self::LiverDicePerCase => "liver_dice_per_case",
            Self::LiverDiceGlobal => "liver_dice_global",
            Self::LesionVoe => "lesion_voe",
            Self::LesionRvd => "lesion_rvd",
            Self::LesionAssd => "lesion_assd_mm",
            Self::LesionRmsd => "lesion_rmsd_mm",
            Self::LiverVoe => "liver_voe",
            Self::LiverRvd => "liver_rvd",
            Self::LiverAssd => "liver_assd_mm",
            Self::LiverRmsd => "liver_rmsd_mm",
            Self::TumourBurdenRmse => "tumour_burden_rmse",
        }
    }

    /// The head of its column.
    pub fn title(self) -> &'static str {
        match self {
            Self::LesionDicePerCase => "Lesion Dice per case",
            Self::LesionDiceWithLesions => "Lesion Dice, cases with lesions",
            Self::LesionDiceGlobal => "Lesion Dice global",
            Self::LiverDicePerCase => "Liver Dice per case",
            Self::LiverDiceGlobal => "Liver Dice global",
            Self::LesionVoe | Self::LiverVoe => "VOE",
            Self::LesionRvd | Self::LiverRvd => "RVD",
            Self::LesionAssd | Self::LiverAssd => "ASSD",
            Self::LesionRmsd | Self::LiverRmsd => "RMSD",
            Self::TumourBurdenRmse => "Tumour burden RMSE",
        }
    }

    /// The unit it is rendered in.
    pub fn unit(self) -> Unit {
        match self {
            Self::LesionRvd | Self::LiverRvd | Self::TumourBurdenRmse => Unit::None,
            Self::LesionAssd | Self::LesionRmsd | Self::LiverAssd | Self::LiverRmsd => {
                Unit::Millimetres
            }
            _ => Unit::Percent,
        }
    }

    /// Which way is better.
    pub fn direction(self) -> Direction {
        match self {
            Self::LesionDicePerCase
            | Self::LesionDiceWithLesions
            | Self::LesionDiceGlobal
            | Self::LiverDicePerCase
            | Self::LiverDiceGlobal => Direction::Up,
            Self::LesionRvd | Self::LiverRvd => Direction::TowardsZero,
            _ => Direction::Down,
        }
    }

    /// Digits after the point when rendered, as many as the paper prints.
    pub fn decimals(self) -> usize {
        match self {
            Self::LesionRvd | Self::LiverRvd => 3,
            Self::TumourBurdenRmse => 4,
            Self::LesionAssd | Self::LesionRmsd | Self::LiverAssd | Self::LiverRmsd => 2,
            _ => 1,
        }
    }
}
