//! What the official scorer's metrics are called.

/// The names of the 24 metrics, in the order of our scores.txt: detection, detected lesions, liver,
/// tumour burden. (The original's order was that of a Python 2 dictionary, which is arbitrary.)
pub const METRIC_NAMES: [&str; 24] = [
    "lesion_precision",
    "lesion_recall",
    "lesion_precision_greater_zero",
    "lesion_recall_greater_zero",
    "lesion_dice",
    "lesion_jaccard",
    "lesion_voe",
    "lesion_rvd",
    "lesion_assd",
    "lesion_rmsd",
    "lesion_msd",
    "lesion_dice_per_case",
    "lesion_dice_global",
    "liver_dice",
    "liver_jaccard",
    "liver_voe",
    "liver_rvd",
    "liver_assd",
    "liver_rmsd",
    "liver_msd",
    "liver_dice_per_case",
    "liver_dice_global",
    "RMSE_Tumorburden",
    "MAXERROR_Tumorburden",
];

/// Where `liver_dice` to `liver_msd` stand among [`METRIC_NAMES`].
pub(super) const LIVER_METRICS: std::ops::Range<usize> = 13..20;
