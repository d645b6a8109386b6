use std::fmt;

use serde::{Deserialize, Serialize};

use crate::metrics::overlap::Counts;
use crate::metrics::surface::SurfaceDistances;

/// What is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// The organ, lesions included: label 1 or more.
    Liver,
    /// The tumours: label 2.
    Lesion,
}

impl Label {
    /// Both, in the order of the tables.
    pub const ALL: [Self; 2] = [Self::Liver, Self::Lesion];

    /// `liver` or `lesion`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Liver => "liver",
            Self::Lesion => "lesion",
        }
    }

    /// Whether a voxel with this label value belongs to it.
    pub fn holds(self, value: u8) -> bool {
        match self {
            Self::Liver => value >= 1,
            Self::Lesion => value == 2,
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A figure of one case and one label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// 0..=1.
    Dice,
    /// 0..=1.
    Jaccard,
    /// Volumetric overlap error, 0..=1.
    Voe,
    /// Relative volume difference (prediction - reference) / reference.
    Rvd,
    /// 0..=1.
    Precision,
    /// 0..=1.
    Recall,
    /// Average symmetric surface distance, pooled, mm.
    Assd,
    /// Mean of the two directed mean surface distances, mm.
    Masd,
    /// Root mean square symmetric surface distance, pooled, mm.
    Rmsd,
    /// Maximum symmetric surface distance (Hausdorff), mm.
    Msd,
    /// 95th percentile of the pooled surface distances, mm.
    Hd95,
    /// The larger of the two directed 95th percentiles, mm.
    Hd95Max,
    /// Volume of the predicted mask, mL.
    VolumePrediction,
    /// Volume of the reference mask, mL.
    VolumeReference,
}

impl Metric {
    /// All, in the order of the tables.
    pub const ALL: [Self; 14] = [
        Self::Dice,
        Self::Jaccard,
        Self::Voe,
        Self::Rvd,
        Self::Precision,
        Self::Recall,
        Self::Assd,
        Self::Masd,
        Self::Rmsd,
        Self::Msd,
        Self::Hd95,
        Self::Hd95Max,
        Self::VolumePrediction,
        Self::VolumeReference,
    ];

    /// The name in files; what differs from the default definition carries its variant.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dice => "dice",
            Self::Jaccard => "jaccard",
            Self::Voe => "voe",
            Self::Rvd => "rvd",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::Assd => "assd",
            Self::Masd => "masd_18n",
            Self::Rmsd => "rmsd",
            Self::Msd => "msd",
            Self::Hd95 => "hd95",
            Self::Hd95Max => "hd95_max_18n",
            Self::VolumePrediction => "volume_pred_ml",
            Self::VolumeReference => "volume_ref_ml",
        }
    }

    /// What the formula gives, NaN or infinite where it has no value.
    pub(super) fn raw(
        self,
        counts: &Counts,
        surface: &SurfaceDistances,
        voxel_volume_ml: f64,
    ) -> f64 {
        match self {
            Self::Dice => counts.dice(),
            Self::Jaccard => counts.jaccard(),
            Self::Voe => counts.voe(),
            Self::Rvd => counts.rvd(),
            Self::Precision => counts.precision(),
            Self::Recall => counts.recall(),
            Self::Assd => surface.assd(),
            Self::Masd => surface.masd(),
            Self::Rmsd => surface.rmsd(),
            Self::Msd => surface.msd(),
            Self::Hd95 => surface.hd95(),
            Self::Hd95Max => surface.hd95_max(),
            Self::VolumePrediction => counts.prediction as f64 * voxel_volume_ml,
            Self::VolumeReference => counts.reference as f64 * voxel_volume_ml,
        }
    }

    /// What `strict` makes of it.
    fn strict(self, raw: f64, edge: Edge) -> f64 {
        match (self, edge) {
            (Self::Dice | Self::Jaccard | Self::Precision | Self::Recall, Edge::BothEmpty) => 1.0,
            (Self::Dice | Self::Jaccard | Self::Precision | Self::Recall, Edge::OneEmpty) => 0.0,
            (Self::Voe | Self::Rvd, Edge::BothEmpty) => 0.0,
            // Relative to an empty reference: no number says how much too large that is.
            (Self::Rvd, Edge::OneEmpty) if raw.is_infinite() => f64::NAN,
            _ => raw,
        }
    }
}

/// Whether a mask was empty, so that a figure rests on a convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Both masks have voxels.
    None,
    /// Neither has.
    BothEmpty,
    /// Only one has.
    OneEmpty,
}

impl Edge {
    /// The edge case two masks are.
    pub fn of(counts: &Counts) -> Self {
        if counts.both_empty() {
            Self::BothEmpty
        } else if counts.one_empty() {
            Self::OneEmpty
        } else {
            Self::None
        }
    }

    /// The policy's name in the tidy table: `strict`, with the edge case it met.
    pub fn policy(self) -> &'static str {
        match self {
            Self::None => "strict",
            Self::BothEmpty => "strict:both_empty",
            Self::OneEmpty => "strict:one_empty",
        }
    }
}

/// A number and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// What the formula gave.
    pub raw: f64,
    /// What the policy made of it.
    pub value: f64,
    /// The edge case the policy met.
    pub edge: Edge,
}

impl Figure {
    /// A figure under `strict`.
    pub(super) fn strict(metric: Metric, raw: f64, edge: Edge) -> Self {
        Self {
            raw,
            value: metric.strict(raw, edge),
            edge,
        }
    }
}
