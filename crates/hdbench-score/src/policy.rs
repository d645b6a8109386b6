//! What `strict` makes of a metric where a mask is empty.

use std::fmt;

use super::instance_metric::InstanceMetric;
use super::metric::Metric;
use super::structures::Situation;
use crate::metrics::overlap::Counts;

/// Whether a mask was empty, so that a metric rests on a convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyMask {
    /// Both masks have voxels.
    None,
    /// Neither has.
    BothEmpty,
    /// Only the prediction has.
    ReferenceEmpty,
    /// Only the reference has.
    PredictionEmpty,
    /// Both have, and nothing of them is matched: no voxel, or no instance, is in both. Only structures with rules
    /// of their own know it.
    NoMatch,
}

impl EmptyMask {
    /// The situations for which something is declared.
    pub const EMPTY: [Self; 3] = [Self::BothEmpty, Self::ReferenceEmpty, Self::PredictionEmpty];

    /// The situation of two masks.
    pub fn of(counts: &Counts) -> Self {
        Self::between(counts.prediction, counts.reference)
    }

    /// The situation of two sides with these numbers of voxels or lesions.
    pub(super) fn between(prediction: u64, reference: u64) -> Self {
        match (prediction, reference) {
            (0, 0) => Self::BothEmpty,
            (_, 0) => Self::ReferenceEmpty,
            (0, _) => Self::PredictionEmpty,
            _ => Self::None,
        }
    }

    /// The policy's name in the tidy table: `strict`, with the edge case it met.
    pub fn policy(self) -> &'static str {
        match self {
            Self::None => "strict",
            Self::BothEmpty => "strict:both_empty",
            Self::ReferenceEmpty => "strict:reference_empty",
            Self::PredictionEmpty => "strict:prediction_empty",
            Self::NoMatch => "strict:no_match",
        }
    }

    /// The same where the structure has a rule of its own.
    pub fn own_policy(self) -> &'static str {
        match self {
            Self::None => "own",
            Self::BothEmpty => "own:both_empty",
            Self::ReferenceEmpty => "own:reference_empty",
            Self::PredictionEmpty => "own:prediction_empty",
            Self::NoMatch => "own:no_match",
        }
    }

    /// The situation of a rule.
    pub(super) fn situation(self) -> Option<Situation> {
        match self {
            Self::None => None,
            Self::BothEmpty => Some(Situation::BothEmpty),
            Self::ReferenceEmpty => Some(Situation::ReferenceEmpty),
            Self::PredictionEmpty => Some(Situation::PredictionEmpty),
            Self::NoMatch => Some(Situation::NoMatch),
        }
    }
}

/// Metrics that share one policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// 1 is best: Dice, Jaccard, normalised surface Dice, the shares of lesion detection.
    Agreement,
    /// Volumetric overlap error: 0 is best.
    OverlapError,
    /// Relative volume difference.
    VolumeDifference,
    /// Every distance between surfaces.
    Distance,
    /// Numbers that need no surface and no voxel of a mask: volumes, specificity, lesion counts.
    Plain,
    /// Means over the instances that are found.
    FoundMean,
    /// Tumour burden of the prediction; here and below the liver is what may be empty.
    BurdenPrediction,
    /// Tumour burden of the reference.
    BurdenReference,
    /// The difference of the two.
    BurdenError,
}

impl From<Metric> for Family {
    fn from(metric: Metric) -> Self {
        match metric {
            Metric::Dice
            | Metric::Jaccard
            | Metric::Precision
            | Metric::Recall
            | Metric::Nsd(_) => Self::Agreement,
            Metric::Voe => Self::OverlapError,
            Metric::Rvd => Self::VolumeDifference,
            Metric::Assd(_)
            | Metric::Masd(_)
            | Metric::Rmsd(_)
            | Metric::Msd(_)
            | Metric::Hd95(_)
            | Metric::Hd95Max(_)
            | Metric::Hd95Surfel
            | Metric::AsdPredToRefSurfel
            | Metric::AsdRefToPredSurfel => Self::Distance,
            Metric::Tool(metric) if metric.is_agreement() => Self::Agreement,
            Metric::Tool(_) => Self::Distance,
            Metric::Specificity | Metric::VolumePrediction | Metric::VolumeReference => Self::Plain,
        }
    }
}

impl From<InstanceMetric> for Family {
    fn from(metric: InstanceMetric) -> Self {
        match metric {
            InstanceMetric::Precision
            | InstanceMetric::Recall
            | InstanceMetric::F1
            | InstanceMetric::RecognitionQuality
            | InstanceMetric::PanopticQuality(_) => Self::Agreement,
            InstanceMetric::TruePositives
            | InstanceMetric::FalseNegatives
            | InstanceMetric::FalsePositives
            | InstanceMetric::FalsePositiveVolume
            | InstanceMetric::FalseNegativeVolume
            // The mean has taken the policy of each of its terms already.
            | InstanceMetric::Lesionwise(_) => Self::Plain,
            InstanceMetric::SegmentationQuality(_) | InstanceMetric::Found(_) => Self::FoundMean,
        }
    }
}

/// What becomes of a metric where a mask is empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Imputed {
    /// What the formula gives stands.
    Raw,
    /// This value, whatever the formula gives.
    Value(f64),
    /// What the formula gives with a predicted burden of 0.
    WithoutBurden,
    /// No value: left out of every mean, and counted there.
    Undefined,
}

impl fmt::Display for Imputed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raw => f.write_str("as computed"),
            Self::Value(value) => write!(f, "{value}"),
            Self::WithoutBurden => f.write_str("as computed with a predicted burden of 0"),
            Self::Undefined => f.write_str("no value"),
        }
    }
}

/// What `strict` declares for a family and a situation, and why.
pub(super) fn declared(family: Family, edge: EmptyMask) -> (Imputed, &'static str) {
    use Imputed::{Raw, Undefined, Value, WithoutBurden};
    match (family, edge) {
        (_, EmptyMask::None | EmptyMask::NoMatch) => (Raw, "nothing is empty"),
        (Family::Agreement, EmptyMask::BothEmpty) => {
            (Value(1.0), "nothing was there and nothing was found")
        }
        (Family::Agreement, EmptyMask::ReferenceEmpty) => {
            (Value(0.0), "all that was found is wrong")
        }
        (Family::Agreement, EmptyMask::PredictionEmpty) => {
            (Value(0.0), "all that was there is missed")
        }
        (Family::OverlapError, EmptyMask::BothEmpty) => (Value(0.0), "1 - Jaccard, which is 1"),
        (Family::OverlapError, _) => (Raw, "1: no voxel is shared"),
        (Family::VolumeDifference, EmptyMask::BothEmpty) => (Value(0.0), "both volumes are 0"),
        (Family::VolumeDifference, EmptyMask::ReferenceEmpty) => (
            Undefined,
            "no number says how much larger than nothing a volume is",
        ),
        (Family::VolumeDifference, EmptyMask::PredictionEmpty) => {
            (Raw, "-1: all of the volume is missing")
        }
        (Family::Distance, EmptyMask::BothEmpty) => {
            (Undefined, "there is no surface to measure from")
        }
        (Family::Distance, _) => (
            Undefined,
            "there is no surface to measure to; a penalty would depend on the size of the image",
        ),
        (Family::FoundMean, _) => (
            Undefined,
            "no instance is found that it could be a mean over",
        ),
        (Family::Plain, _) => (Raw, "the formula needs no voxel in either mask"),
        (Family::BurdenPrediction, EmptyMask::ReferenceEmpty) => {
            (Raw, "the predicted liver is there")
        }
        (Family::BurdenPrediction, _) => (
            Value(0.0),
            "a liver that is not predicted holds no tumour, and a failed case must not drop out",
        ),
        (Family::BurdenReference, EmptyMask::PredictionEmpty) => {
            (Raw, "the reference liver is there")
        }
        (Family::BurdenReference, _) => (Undefined, "there is no liver to take a share of"),
        (Family::BurdenError, EmptyMask::PredictionEmpty) => (
            WithoutBurden,
            "a liver that is not predicted holds no tumour, and a failed case must not drop out",
        ),
        (Family::BurdenError, _) => (Undefined, "the reference has no burden to compare with"),
    }
}
