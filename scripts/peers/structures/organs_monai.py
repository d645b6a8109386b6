"""MONAI as its users call it: label maps to one-hot channels, then its functions on all organs at once. From 1.6
on its distances are a KD tree's. Prints the values as JSON, label value to metric to value.

    python organs_monai.py PRED REF ORGANS
"""

import json
import sys

import nibabel
import numpy as np
import torch
from monai.metrics import (
    compute_average_surface_distance,
    compute_dice,
    compute_hausdorff_distance,
    compute_surface_dice,
)
from monai.networks.utils import one_hot

TOLERANCE_MM = 2.0


def channels(path, organs):
    """[1, organs + 1, z, y, x], f32, which its functions work in; background first."""
    # Turned to [z, y, x], in which order the voxels lie in memory.
    labels = np.asanyarray(nibabel.load(path).dataobj).T
    return one_hot(torch.from_numpy(labels)[None, None], num_classes=organs + 1)


def main(pred_path, ref_path, organs):
    organs = int(organs)
    spacing = [float(mm) for mm in nibabel.load(ref_path).header.get_zooms()[2::-1]]
    pair = channels(pred_path, organs), channels(ref_path, organs)
    values = {
        "dice": compute_dice(*pair, include_background=False),
        "hd95": compute_hausdorff_distance(*pair, percentile=95, spacing=spacing),
        "assd": compute_average_surface_distance(*pair, symmetric=True, spacing=spacing),
        "nsd_2mm": compute_surface_dice(*pair, class_thresholds=[TOLERANCE_MM] * organs, spacing=spacing),
    }
    print(json.dumps({str(value): {metric: float(found[0, value - 1]) for metric, found in values.items()}
                      for value in range(1, organs + 1)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
