"""What scorers of one mask at a time do, from the text of the README, in numpy and scipy."""

import math

import numpy as np
from scipy import ndimage
from surface_distance.lookup_tables import _NEIGHBOUR_CODE_TO_NORMALS as NORMALS  # constants only

from . import primitives as p

NAN, INF = math.nan, math.inf
F = np.float32


def divide(a, b):
    """As numpy does: a number, infinite or not one."""
    with np.errstate(all="ignore"):
        return float(np.float64(a) / np.float64(b))


def counts(ref, pred):
    tp, fp, fn = (int(np.count_nonzero(m)) for m in (ref & pred, ~ref & pred, ref & ~pred))
    return tp, fp, fn, ref.size - tp - fp - fn


# ---- MedPy

def medpy_overlap(ref, pred):
    tp, fp, fn, tn = counts(ref, pred)
    n_ref, n_pred = tp + fn, tp + fp
    return {"dc": 2 * tp / (n_ref + n_pred) if n_ref + n_pred else 1.0, "jc": tp / (tp + fp + fn) if tp + fp + fn else 1.0,
            "precision": tp / n_pred if n_pred else 0.0, "recall": tp / n_ref if n_ref else 0.0,
            "specificity": tn / (tn + fp) if tn + fp else 0.0,
            "ravd": (n_pred - n_ref) / n_ref if n_ref else {"error": "RuntimeError"}}


def medpy_distances(ref, pred, spacing, connectivity):
    if not ref.any() or not pred.any():
        return dict.fromkeys(("hd", "hd95", "asd", "assd"), {"error": "RuntimeError"})
    d_ref, d_pred = p.surface_distances(ref, pred, spacing, (6, 18, 26)[connectivity - 1])
    both = np.concatenate((d_pred, d_ref))
    return {"hd": both.max(), "hd95": p.percentile(both, 95), "asd": d_pred.mean(), "assd": both.mean()}


def medpy_objects(ref, pred):
    """Each object of the reference by 6 neighbours takes one of the prediction: those with one candidate first, in
    their order, then always one with the fewest left. `obj_tpr` is divided by the number of predicted objects."""
    a, n_pred = p.components(pred.astype(int), 6)
    b, n_ref = p.components(ref.astype(int), 6)
    wanted = [set(np.unique(a[(b == k) & (a > 0)]).tolist()) for k in range(1, n_ref + 1)]
    used, found = set(), 0
    for few in wanted:
        if len(few) == 1 and not few <= used:
            used |= few
            found += 1
    several = [many for many in wanted if len(many) > 1]
    while True:
        several = sorted((many - used for many in several if many - used), key=len)
        if not several:
            break
        used.add(several.pop(0).pop())
        found += 1
    return {"obj_tpr": found / n_pred if n_pred else {"error": "ZeroDivisionError"},
            "obj_fpr": (n_ref - found) / n_ref if n_ref else {"error": "ZeroDivisionError"}}


# ---- surface-distance, and KiTS on top of it

def surfel_distances(ref, pred, spacing):
    """Distances and areas of the surfels of reference and prediction, each sorted by distance, then area."""
    spacing = np.array(spacing)
    areas = p.surfel_areas(NORMALS, spacing)
    made = []
    for mask in (ref, pred):
        made.append(p.surfels(np.pad(mask, 1), spacing, areas))
    far = [ndimage.distance_transform_edt(~on, sampling=spacing) if on.any() else np.full(on.shape, INF)
           for on, _ in made]
    sorted_ = []
    for (on, area), other in zip(made, far[::-1]):
        order = np.lexsort((area[on], other[on]))
        sorted_.append((other[on][order], area[on][order]))
    return sorted_


def robust_hausdorff(sides, percent):
    """Of each side the first distance at which the summed area reaches the share; the larger of both."""
    found = []
    for distances, areas in sides:
        if len(distances) == 0:
            found.append(INF)
            continue
        at = int(np.searchsorted(np.cumsum(areas) / np.sum(areas), percent / 100))
        found.append(float(distances[min(at, len(distances) - 1)]))
    return max(found)


def surface_dice(sides, tolerance):
    close = sum(float(areas[distances <= tolerance].sum()) for distances, areas in sides)
    return divide(close, sum(float(areas.sum()) for _, areas in sides))


def surface_distance(ref, pred, spacing):
    sides = surfel_distances(ref, pred, spacing)
    with np.errstate(all="ignore"):
        made = {"compute_average_surface_distance": [divide(np.sum(d * a), np.sum(a)) for d, a in sides]}
    for percent in (95, 100):
        made[f"compute_robust_hausdorff {percent}"] = robust_hausdorff(sides, percent)
    for tolerance in (1.0, 2.0):
        made[f"compute_surface_overlap_at_tolerance {tolerance}"] = [divide(a[d <= tolerance].sum(), a.sum())
                                                                     for d, a in sides]
        made[f"compute_surface_dice_at_tolerance {tolerance}"] = surface_dice(sides, tolerance)
    made["compute_dice_coefficient"] = divide(2 * np.count_nonzero(ref & pred), ref.sum() + pred.sum())
    return made


def kits(ref, pred, spacing, tolerance):
    if not ref.any() or not pred.any():
        same = float(not ref.any() and not pred.any())
        return {"Dice": same, "SD": same}
    # Axes z, y, x.
    sides = surfel_distances(ref.transpose(2, 1, 0), pred.transpose(2, 1, 0), spacing[::-1])
    return {"Dice": p.dice(ref, pred), "SD": surface_dice(sides, tolerance)}


# ---- MONAI: numbers of 32 bits

def quantile32(values, percent):
    """Linear; the share is rounded to 32 bits before it is a rank, and the result after."""
    if len(values) == 0:
        return NAN
    values = np.sort(values).astype(np.float64)
    rank = float(F(percent / 100)) * (len(values) - 1)
    low = int(np.floor(rank))
    a, b = values[low], values[min(low + 1, len(values) - 1)]
    with np.errstate(invalid="ignore"):
        return float(F(a + (rank - low) * (b - a)))


def monai_directed(ref, pred, spacing):
    """From prediction and from reference, in 32 bits. What has nothing to go to is infinitely far; a side without
    a border has no distances."""
    edges = [p.border(m) for m in (pred, ref)]
    made = []
    for one, other in (edges, edges[::-1]):
        if other.any():
            made.append(ndimage.distance_transform_edt(~other, sampling=spacing)[one].astype(F))
        else:
            made.append(np.full(np.count_nonzero(one), INF, F))
    return made


def monai(ref, pred, spacing):
    """Of two masks of which one is empty, both directions count what the other has."""
    if not ref.any() and not pred.any():
        made = dict.fromkeys(("hd", "hd95", "hd95_directed", "asd", "assd", "nsd_1", "nsd_2", "nsd_1_subvoxels"), NAN)
    elif not ref.any() or not pred.any():
        made = {"hd": INF, "hd95": NAN, "hd95_directed": NAN, "asd": INF, "assd": INF, "nsd_1": 0.0, "nsd_2": 0.0,
                "nsd_1_subvoxels": 0.0}
    else:
        d_pred, d_ref = monai_directed(ref, pred, spacing)
        both = np.concatenate((d_pred, d_ref))
        made = {"hd": float(both.max()), "hd95": max(quantile32(d_pred, 95), quantile32(d_ref, 95)),
                "hd95_directed": quantile32(d_pred, 95), "asd": float(d_pred.mean(dtype=np.float64)),
                "assd": float(both.mean(dtype=np.float64))}
        for tolerance in (1, 2):
            made[f"nsd_{tolerance}"] = float(F(np.count_nonzero(both <= tolerance)) / F(len(both)))
        made["nsd_1_subvoxels"] = surface_dice([(d.astype(F), a) for d, a in surfel_distances(ref, pred, spacing)], 1.0)
    return made


def monai_overlaps(ref, pred):
    tp, fp, fn, _ = counts(ref, pred)
    if not ref.any():
        return {"dice": NAN, "dice_empty_0": 0.0 if pred.any() else 1.0, "iou": NAN}
    dice = float(F(2 * tp) / F(2 * tp + fp + fn))
    return {"dice": dice, "dice_empty_0": dice, "iou": float(F(tp) / F(tp + fp + fn))}


# ---- SimpleITK: source is the first argument, target the second

LARGEST = np.finfo(np.float64).max


def itk_overlap(source, target, both, size):
    """Of counts of voxels. A label that is in neither is 0 everywhere."""
    union = source + target - both
    if not union:
        return dict.fromkeys(("DiceCoefficient", "JaccardCoefficient", "UnionOverlap", "MeanOverlap",
                              "VolumeSimilarity", "FalseNegativeError", "FalsePositiveError", "FalseDiscoveryRate"), 0.0)
    dice, jaccard = 2 * both / (source + target), both / union
    return {"DiceCoefficient": dice, "JaccardCoefficient": jaccard, "UnionOverlap": jaccard, "MeanOverlap": dice,
            "VolumeSimilarity": 2 * (source - target) / (source + target),
            "FalseNegativeError": (target - both) / target if target else LARGEST,
            "FalsePositiveError": (source - both) / (size - target) if source else LARGEST,
            "FalseDiscoveryRate": (source - both) / source if source else LARGEST}


def itk_hausdorff(ref, pred, spacing):
    """Over all voxels of each mask, not of its surface: those inside the other are at 0, others at the distance to
    the nearest voxel of its border."""
    if not ref.any() or not pred.any():
        return {"error": "RuntimeError"}
    sides = [ndimage.distance_transform_edt(~other, sampling=spacing)[one] for one, other in ((ref, pred), (pred, ref))]
    return {"HausdorffDistance": max(s.max() for s in sides), "AverageHausdorffDistance": sum(s.mean() for s in sides) / 2}


# ---- MetricsReloaded: counts of true and false are 32 bits, those of a mask 64

def metrics_reloaded(ref, pred, spacing):
    tp, fp, fn, tn = (F(n) for n in counts(ref, pred))
    n_ref, n_pred, size = np.int64(ref.sum()), np.int64(pred.sum()), np.int64(ref.size)
    made = {"numb_ref": n_ref, "numb_pred": n_pred, "numb_tp": int(tp), "numb_fp": fp, "numb_fn": fn,
            "accuracy": (tn + tp) / (tn + tp + fn + fp)}
    with np.errstate(all="ignore"):
        made["sensitivity"] = tp / n_ref if n_ref else NAN
        made["specificity"] = tn / (size - n_ref) if size - n_ref else NAN
        made["ba"] = 0.5 * made["sensitivity"] + 0.5 * made["specificity"]
        made["ppv"] = tp / (tp + fp) if n_pred else 0 if n_ref else NAN
        made["npv"] = tn / (fn + tn)
        recall = tp / (tp + fn) if n_ref and n_pred else 0 if n_ref else NAN
        below = made["ppv"] + recall
        if math.isnan(below) or below == 0:
            made["fbeta"] = 0 if fp + fn > 0 else 1
        else:
            made["fbeta"] = float(2 * np.float64(made["ppv"]) * np.float64(recall)) / float(np.float64(made["ppv"]) + np.float64(recall))
        made["dsc"] = 2 * tp / (n_ref + n_pred) if n_ref + n_pred else 1
        made["iou"] = int(tp) / float(tp + fp + fn) if n_ref or n_pred else NAN
        made["mcc"] = (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        made["avdr"] = abs(n_ref - n_pred) / n_ref if n_ref else NAN
    return {k: float(v) for k, v in made.items()} | reloaded_distances(ref, pred, spacing)


def reloaded_distances(ref, pred, spacing):
    if not ref.any() and not pred.any():
        return {**dict.fromkeys(("assd", "masd", "hd", "hd_perc"), 0), "nsd": 1, "boundary_iou": 1}
    if not ref.any() or not pred.any():
        return {**dict.fromkeys(("assd", "masd", "hd", "hd_perc"), NAN), "nsd": 0.0, "boundary_iou": 0.0}
    d_ref, d_pred = p.surface_distances(ref, pred, spacing)
    both = np.concatenate((d_ref, d_pred))
    # Borders as thick as the distance, counted in voxels, and strictly below it.
    rims = [(ndimage.distance_transform_edt(~p.border(m)) < 1.5) & m for m in (ref, pred)]
    return {"assd": both.mean(), "masd": (d_ref.mean() + d_pred.mean()) / 2, "hd": both.max(),
            "hd_perc": max(p.percentile(d_ref, 95), p.percentile(d_pred, 95)), "nsd": np.mean(both <= 1.0),
            "boundary_iou": p.iou(*rims)}


# ---- nnU-Net

def nnunet(ref, pred, labels, ignore):
    """Voxels that the reference ignores count nowhere, not even as true negatives."""
    use = ref != ignore if ignore is not None else np.ones(ref.shape, bool)
    ref, pred = (np.isin(m, labels)[use] for m in (ref, pred))
    tp, fp, fn, tn = counts(ref, pred)
    return {"Dice": divide(2 * tp, 2 * tp + fp + fn), "IoU": divide(tp, tp + fp + fn), "FP": fp, "TP": tp, "FN": fn,
            "TN": tn, "n_pred": fp + tp, "n_ref": fn + tp}
