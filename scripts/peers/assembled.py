"""The best that can be put together from published packages without writing metrics of one's own:
nibabel reads, numpy counts, surface-distance measures surfels once for all its metrics, cc3d finds
the lesions. Every volume is touched as seldom as these packages allow. Prints the numbers as JSON.

    python assembled.py PRED REF
"""

import json
import sys

import cc3d
import nibabel
import numpy as np
import surface_distance

THRESHOLDS = (0.0, 0.1, 0.25, 0.5, 0.75)


def overlap(prediction, reference):
    shared = np.count_nonzero(prediction & reference)
    predicted, wanted = np.count_nonzero(prediction), np.count_nonzero(reference)
    union = predicted + wanted - shared
    return {
        "dice": 2 * shared / (predicted + wanted),
        "jaccard": shared / union,
        "voe": 1 - shared / union,
        "rvd": (predicted - wanted) / wanted,
        "precision": shared / predicted,
        "recall": shared / wanted,
    }


def surfaces(prediction, reference, spacing):
    found = surface_distance.compute_surface_distances(reference, prediction, spacing)
    from_reference, from_prediction = surface_distance.compute_average_surface_distance(found)
    return {
        "asd_reference_surfels": from_reference,
        "asd_prediction_surfels": from_prediction,
        "hd95_surfels": surface_distance.compute_robust_hausdorff(found, 95),
        "hd_surfels": surface_distance.compute_robust_hausdorff(found, 100),
        "nsd_1mm": surface_distance.compute_surface_dice_at_tolerance(found, 1.0),
        "nsd_2mm": surface_distance.compute_surface_dice_at_tolerance(found, 2.0),
    }


def lesions(prediction, reference):
    """Detection at several thresholds: a reference lesion is found if some predicted one overlaps
    it by a larger IoU."""
    predicted, predicted_count = cc3d.connected_components(prediction, connectivity=6, return_N=True)
    wanted, wanted_count = cc3d.connected_components(reference, connectivity=6, return_N=True)
    both = prediction & reference
    pairs = predicted[both].astype(np.int64) * (wanted_count + 1) + wanted[both]
    codes, shared = np.unique(pairs, return_counts=True)
    rows, columns = codes // (wanted_count + 1), codes % (wanted_count + 1)
    sizes = [cc3d.statistics(labels)["voxel_counts"].astype(np.int64) for labels in (predicted, wanted)]
    iou = shared / (sizes[0][rows] + sizes[1][columns] - shared)
    found = {"predicted": int(predicted_count), "reference": int(wanted_count)}
    for threshold in THRESHOLDS:
        found[f"found_iou_{threshold}"] = len(set(columns[iou > threshold].tolist()))
    return found


def main(pred_path, ref_path):
    reference_image = nibabel.load(ref_path)
    # Turned to [z, y, x], in which order the voxels lie in memory: numpy's masks are quicker so.
    spacing = [float(mm) for mm in reference_image.header.get_zooms()[2::-1]]
    reference = np.asanyarray(reference_image.dataobj).T
    prediction = np.asanyarray(nibabel.load(pred_path).dataobj).T
    found = {}
    for name, of in (("liver", lambda labels: labels > 0), ("lesion", lambda labels: labels == 2)):
        masks = of(prediction), of(reference)
        metrics = overlap(*masks) | surfaces(*masks, spacing)
        if name == "lesion":
            metrics |= lesions(*masks)
        found |= {f"{name} {metric}": float(value) for metric, value in metrics.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
