use std::ops::RangeInclusive;

use super::ranking::Better;

/// A distance between two surfaces of one body, mm: a kilometre is none, and the official scorer's penalty for
/// what is missing is 9001.
const FARTHEST_MM: f64 = 1e6;

/// A count of lesions of one case: more components than that no label map has room for.
const MOST_LESIONS: f64 = 1e9;

/// The metric that is averaged over instances: `hd95` of `instance_hd95` and `lesionwise_hd95`.
fn averaged(metric: &str) -> &str {
    let of = |prefix| metric.strip_prefix(prefix);
    of("instance_")
        .or_else(|| of("lesionwise_"))
        .unwrap_or(metric)
}

/// Which way a metric of the tidy table is better; nothing for one that only describes (volumes,
/// counts).
pub fn better(metric: &str) -> Option<Better> {
    let metric = averaged(metric);
    let larger = [
        "dice",
        "jaccard",
        "precision",
        "recall",
        "specificity",
        "nsd_",
        "surface_overlap_",
        "boundary_iou_",
        "detection_precision",
        "detection_recall",
        "detection_f1",
        "recognition_quality",
        "segmentation_quality",
        "panoptic_quality",
    ];
    let smaller = [
        "voe",
        "assd",
        "masd",
        "rmsd",
        "msd",
        "hd95",
        "hd_",
        "ahd_",
        "asd_",
        "detection_fp",
        "detection_fn",
        "false_positive_volume_ml",
        "false_negative_volume_ml",
    ];
    let is = |names: &[&str]| names.iter().any(|name| metric.starts_with(name));
    if is(&larger) {
        Some(Better::Larger)
    } else if is(&smaller) {
        Some(Better::Smaller)
    } else {
        None
    }
}

/// Whether the size of a metric counts, not its sign: the relative volume difference and the error
/// of the tumour burden.
pub fn towards_zero(metric: &str) -> bool {
    matches!(averaged(metric), "rvd" | "tumour_burden_error")
}

/// The values that a metric can have, as `hdbench explain` has them; nothing for one that is not ours or has no
/// bound that arithmetic gives.
pub fn range(metric: &str) -> Option<RangeInclusive<f64>> {
    let metric = averaged(metric);
    let fractions = [
        "dice",
        "jaccard",
        "voe",
        "precision",
        "recall",
        "specificity",
        "nsd_",
        "surface_overlap_",
        "boundary_iou_",
        "detection_precision",
        "detection_recall",
        "detection_f1",
        "recognition_quality",
        "segmentation_quality",
        "panoptic_quality",
        "tumour_burden_rmse",
        "tumour_burden_max_error",
    ];
    let distances = ["assd", "masd", "rmsd", "msd", "hd95", "hd_", "ahd_", "asd_"];
    let counts = ["detection_fp", "detection_fn"];
    let is = |names: &[&str]| names.iter().any(|name| metric.starts_with(name));
    if metric == "tumour_burden_error" {
        Some(-1.0..=1.0)
    } else if is(&fractions) {
        Some(0.0..=1.0)
    } else if is(&distances) {
        Some(0.0..=FARTHEST_MM)
    } else if is(&counts) {
        Some(0.0..=MOST_LESIONS)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use hdbench_score::{Definition, Options, ToolMetric, policy_table};

    use super::*;

    /// A metric that the gate takes has a range, but for the relative difference of volumes, which no volume
    /// bounds.
    #[test]
    fn every_metric_with_a_better_has_a_range() {
        let options = Options {
            one_to_one: true,
            definitions: Definition::ALL.to_vec(),
            ..Options::default()
        };
        let rows = policy_table(&options);
        let judged = rows
            .iter()
            .filter(|row| better(&row.metric).is_some() || towards_zero(&row.metric));
        let mut seen = 0;
        for row in judged.filter(|row| row.metric != "rvd") {
            assert!(range(&row.metric).is_some(), "{}", row.metric);
            seen += 1;
        }
        assert!(seen > 20, "{seen}");
    }
    #[test]
    fn what_other_tools_measure_is_better_one_way_too() {
        let more = [
            "nsd_6n_2mm",
            "nsd_2voxels",
            "surface_overlap_ref_2mm",
            "boundary_iou_1voxels",
        ];
        for name in ToolMetric::without_tolerance().map(|metric| metric.name().into_owned()) {
            let expected = match name.starts_with("nsd_") {
                true => Better::Larger,
                false => Better::Smaller,
            };
            assert_eq!(better(&name), Some(expected), "{name}");
            assert!(range(&name).is_some(), "{name}");
        }
        for name in more {
            assert_eq!(better(name), Some(Better::Larger), "{name}");
            assert_eq!(range(name), Some(0.0..=1.0), "{name}");
        }
    }
}
