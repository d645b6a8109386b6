//! Metrics of the instances of a structure, by the names of the tables.

use super::metric::Metric;
use crate::metrics::overlap::Score;

/// Before the name of a metric of two masks: its mean over the instances of the reference that are found.
pub const FOUND: &str = "instance_";

/// Before the name of a metric of two masks: its mean over all instances of the reference and all false alarms, of
/// which those that are missed or false have the value of the rules for empty masks.
pub const LESIONWISE: &str = "lesionwise_";

/// A metric of the instances of one structure of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstanceMetric {
    /// Share of the predicted instances that stand for one of the reference, 0..=1.
    Precision,
    /// Share of the reference's instances that are found, 0..=1.
    Recall,
    /// Harmonic mean of the two, 0..=1.
    F1,
    /// Instances of the reference that are found.
    TruePositives,
    /// Instances of the reference that are missed.
    FalseNegatives,
    /// Predicted instances that stand for none.
    FalsePositives,
    /// Recognition quality TP / (TP + FP / 2 + FN / 2), 0..=1 (Kirillov et al., CVPR 2019).
    RecognitionQuality,
    /// Segmentation quality: mean over the pairs that are found, 0..=1.
    SegmentationQuality(Score),
    /// Panoptic quality: segmentation times recognition quality, 0..=1.
    PanopticQuality(Score),
    /// Volume of the predicted instances that share no voxel with the reference, mL (autoPET).
    FalsePositiveVolume,
    /// Volume of the reference's instances that share no voxel with the prediction, mL (autoPET).
    FalseNegativeVolume,
    /// Mean of a metric over the instances that are found.
    Found(Metric),
    /// Mean of a metric over all instances of the reference and all false alarms.
    Lesionwise(Metric),
}

/// Those that average no metric of two masks, with their names.
const PLAIN: [(InstanceMetric, &str); 13] = [
    (InstanceMetric::Precision, "detection_precision"),
    (InstanceMetric::Recall, "detection_recall"),
    (InstanceMetric::F1, "detection_f1"),
    (InstanceMetric::TruePositives, "detection_tp"),
    (InstanceMetric::FalseNegatives, "detection_fn"),
    (InstanceMetric::FalsePositives, "detection_fp"),
    (InstanceMetric::RecognitionQuality, "recognition_quality"),
    (
        InstanceMetric::SegmentationQuality(Score::Iou),
        "segmentation_quality",
    ),
    (
        InstanceMetric::PanopticQuality(Score::Iou),
        "panoptic_quality",
    ),
    (
        InstanceMetric::SegmentationQuality(Score::Dice),
        "segmentation_quality_dice",
    ),
    (
        InstanceMetric::PanopticQuality(Score::Dice),
        "panoptic_quality_dice",
    ),
    (
        InstanceMetric::FalsePositiveVolume,
        "false_positive_volume_ml",
    ),
    (
        InstanceMetric::FalseNegativeVolume,
        "false_negative_volume_ml",
    ),
];

impl InstanceMetric {
    /// Its name in files.
    pub fn name(self) -> String {
        match self {
            Self::Found(metric) => format!("{FOUND}{}", metric.name()),
            Self::Lesionwise(metric) => format!("{LESIONWISE}{}", metric.name()),
            plain => {
                let found = PLAIN.iter().find(|(known, _)| *known == plain);
                found.map_or("", |(_, name)| name).to_owned()
            }
        }
    }

    /// The one of a name.
    pub fn named(name: &str) -> Option<Self> {
        let of = |prefix: &str| Metric::named(name.strip_prefix(prefix)?);
        let plain = PLAIN.iter().find(|(_, known)| *known == name);
        plain
            .map(|(metric, _)| *metric)
            .or_else(|| of(FOUND).map(Self::Found))
            .or_else(|| of(LESIONWISE).map(Self::Lesionwise))
    }

    /// The names of those that average no metric of two masks.
    pub fn plain_names() -> impl Iterator<Item = &'static str> {
        PLAIN.iter().map(|(_, name)| *name)
    }

    /// What is scored of instances whose structure does not say.
    pub fn usual() -> Vec<Self> {
        use super::metric::Metric::{Dice, Hd95};
        use crate::metrics::surface::Border::Eighteen;
        let plain = PLAIN[..9].iter().map(|(metric, _)| *metric);
        let means = [Dice, Hd95(Eighteen)];
        plain
            .chain(means.map(Self::Found))
            .chain(means.map(Self::Lesionwise))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name() {
        let plain = PLAIN.iter().map(|(metric, _)| *metric);
        for metric in plain.chain(InstanceMetric::usual()) {
            assert_eq!(InstanceMetric::named(&metric.name()), Some(metric));
            assert_eq!(Metric::named(&metric.name()), None);
        }
        assert_eq!(InstanceMetric::named("instance_dise"), None);
        assert_eq!(InstanceMetric::named("lesionwise_detection_f1"), None);
    }
}
