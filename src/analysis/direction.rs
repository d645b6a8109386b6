use super::ranking::Better;

/// Which way a metric of the tidy table is better; nothing for one that only describes (volumes,
/// counts).
pub fn better(metric: &str) -> Option<Better> {
    let larger = [
        "dice",
        "jaccard",
        "precision",
        "recall",
        "specificity",
        "nsd_",
        "detection_precision",
        "detection_recall",
        "detection_f1",
    ];
    let smaller = [
        "voe",
        "assd",
        "masd",
        "rmsd",
        "msd",
        "hd95",
        "asd_",
        "detection_fp",
        "detection_fn",
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
    matches!(metric, "rvd" | "tumour_burden_error")
}
