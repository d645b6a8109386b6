"""autoPET: volumes of components that the other map does not touch, by the definition of its two scripts."""

import warnings

import cc3d
import nibabel as nib
import numpy as np

from . import structures
from .record import Record

FIRST = "https://github.com/lab-midas/autoPET/blob/468179b78ccbefde251bee0a152d9194fc64d5d3/val_script.py (MIT)"
THIRD = ("https://github.com/ClinicalDataScience/autoPETIII/blob/9b3dd5107366843f87bb7e8e298ae2b92b8f4908/"
         "evaluation-metrics/evaluation_metrics.py (Apache-2.0)")


def untouched(components_of, other):
    """Voxels of the components by 18 neighbours that have none in the other mask."""
    labels = cc3d.connected_components(components_of.astype(np.uint8), connectivity=18)
    return sum((np.count_nonzero(labels == k) for k in range(1, labels.max() + 1) if not other[labels == k].any()), 0)


def voxel_ml(folder, case):
    pixdim = nib.load(folder / "pairs" / case / "ref.nii.gz").header["pixdim"]
    return pixdim[1] * pixdim[2] * pixdim[3] / 1000


def run(folder, cases):
    warnings.simplefilter("ignore")
    record = Record("autopet", ["connected-components-3d", "numpy", "nibabel"], f"{FIRST}; {THIRD}", "MIT; Apache-2.0")
    record.call("autoPET", "the definition of compute_metrics(GT, PREDICTION)", source=FIRST)
    record.call("autoPETIII", "the definition of compute_metrics(GT, PREDICTION)", source=THIRD)
    for case, name, ref, pred, _ in structures.pairs(folder, cases):
        if not case.startswith(("brats", "instances_connectivity")):
            continue
        volume = voxel_ml(folder, case)
        missed, false = np.int64(untouched(ref, pred)), np.int64(untouched(pred, ref))
        total = ref.sum() + pred.sum()
        dice = 2 * np.float64((ref & pred).sum()) / np.float64(total)
        record.row("autoPET", case, name, {"dice_sc": dice, "false_pos_vol": false * volume, "false_neg_vol": missed * volume})
        # A Python float times a 32-bit number is one of 32 bits; where nothing is predicted the count is Python's 0.
        record.row("autoPETIII", case, name, {
            "dice_sc": dice if ref.any() else np.nan,
            "false_pos_vol": float(false) * volume if pred.any() else 0 * volume,
            "false_neg_vol": (float(missed) if ref.any() else np.nan) * volume})
    record.write(folder / "expected")
