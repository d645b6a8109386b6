"""Scorers of lesions other than panoptica, from the text of the README: MIST, picai_eval, autoPET."""

import math

import numpy as np
from scipy import ndimage

from . import define_masks as masks
from . import primitives as p

NAN, INF = math.nan, math.inf


# ---- MIST: 18 neighbours everywhere

def dilate(mask, times):
    return ndimage.binary_dilation(mask, p.element(18), iterations=times)


def mist_lesions(ref, pred, spacing, min_lesion_volume, dilation_iters, gt_consolidation_iters, tolerance=1.0):
    """One entry a reference lesion that is large enough, the number of predictions that touch none of these, and
    what a missing distance is worth."""
    lesions, n = p.components(ref.astype(int), 18)
    if gt_consolidation_iters:
        lesions = p.components(dilate(ref, gt_consolidation_iters).astype(int), 18)[0] * ref
    found, n_pred = p.components(pred.astype(int), 18)
    diagonal = math.sqrt(sum((a * b) ** 2 for a, b in zip(ref.shape, spacing)))
    touched, made = set(), []
    for k in np.unique(lesions[lesions > 0]):
        lesion = lesions == k
        volume = np.count_nonzero(lesion) * math.prod(spacing)
        if volume < min_lesion_volume:
            continue
        near = set(np.unique(found[dilate(lesion, dilation_iters)]).tolist()) - {0}
        touched |= near
        matched = np.isin(found, list(near)) & (found > 0)
        entry = {"gt_lesion_id": int(k), "gt_volume_mm3": volume, "num_matched_pred_labels": len(near),
                 "detected": bool(near), "lesion_wise_dice": 0.0, "lesion_wise_haus95": diagonal,
                 "lesion_wise_surf_dice": 0.0}
        if near:
            sides = masks.surfel_distances(lesion, matched, spacing)
            entry |= {"lesion_wise_dice": p.dice(lesion, matched), "lesion_wise_haus95": masks.robust_hausdorff(sides, 95),
                      "lesion_wise_surf_dice": masks.surface_dice(sides, tolerance)}
        made.append(entry)
    return made, n_pred - len(touched), diagonal


def mist_lesion_wise(name, ref, pred, spacing, parameters):
    settings = {"min_lesion_volume": 10.0, "dilation_iters": 3, "gt_consolidation_iters": 0, "tolerance": 1.0, **parameters}
    lesions, false, diagonal = mist_lesions(ref, pred, spacing, **settings)
    if not len(lesions) + false:
        return 0.0 if name == "lesion_wise_haus95" else 1.0
    if name == "lesion_wise_f1":
        tp = sum(entry["detected"] for entry in lesions)
        return 2 * tp / (2 * tp + false + len(lesions) - tp) if tp + false + len(lesions) else 0.0
    worst = diagonal if name == "lesion_wise_haus95" else 0.0
    return (sum(entry[name] for entry in lesions) + false * worst) / (len(lesions) + false)


def mist_metric(name, ref, pred, spacing, parameters):
    """Of masks cut to the box of their union, except for the worst distance."""
    diagonal = math.sqrt(sum((a * b) ** 2 for a, b in zip(ref.shape, spacing)))
    distance = name in ("haus95", "avg_surf", "lesion_wise_haus95")
    best, worst = (0.0, diagonal) if distance else (1.0, 0.0)
    if not ref.any() or not pred.any():
        return worst if ref.any() or pred.any() else best
    box = ndimage.find_objects((ref | pred).astype(int))[0]
    ref, pred = ref[box], pred[box]
    if name.startswith("lesion_wise"):
        return mist_lesion_wise(name, ref, pred, spacing, parameters)
    if name == "dice":
        return p.dice(ref, pred)
    sides = masks.surfel_distances(ref, pred, spacing)
    if name == "haus95":
        return masks.robust_hausdorff(sides, 95)
    if name == "surf_dice":
        return masks.surface_dice(sides, parameters.get("tolerance", 1.0))
    return sum(np.sum(d * a) for d, a in sides) / sum(np.sum(a) for _, a in sides)


def mist_statistics(values):
    values = np.array(values, np.float64)
    return {"Mean": values.mean(), "Std": values.std(), "25th Percentile": p.percentile(values, 25),
            "Median": p.percentile(values, 50), "75th Percentile": p.percentile(values, 75)}


# ---- picai_eval: 26 neighbours

TINY = 1e-8


def picai_case(ref, det, overlap_func="IoU", min_overlap=0.1, allow_unmatched_candidates_with_minimal_overlap=True,
               case_confidence_func="max"):
    """(is lesion, confidence, overlap) of each lesion and each false candidate, best first; confidence and target of
    the case."""
    lesions, n = p.components(ref.astype(int), 26)
    candidates, m = p.components((det > 0).astype(int), 26)
    confidence = [float(det[candidates == k].max()) for k in range(1, m + 1)]
    table = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            a, b = lesions == i + 1, candidates == j + 1
            both, total = np.count_nonzero(a & b), np.count_nonzero(a) + np.count_nonzero(b)
            if overlap_func == "IoU":
                table[i, j] = (both + TINY) / (total - both + TINY)
            else:
                table[i, j] = (2 * both + TINY) / (total + TINY)
    table[table < min_overlap] = 0
    table[table > 0] += 1
    pairs = [(i, j) for i, j in p.assignment(-table) if table[i, j] > 0]
    results = [(1, confidence[j], table[i, j] - 1) for i, j in pairs]
    results += [(1, 0.0, 0.0)] * (n - len(pairs))
    if n and allow_unmatched_candidates_with_minimal_overlap:
        spared = {j for j in range(m) if (table[:, j] > 0).any()}
    else:
        spared = {j for _, j in pairs}
    results += [(0, confidence[j], 0.0) for j in range(m) if j not in spared]
    case = float(det.max()) if case_confidence_func == "max" else 1 - float(np.prod([1 - c for c in confidence]))
    return sorted(results, key=lambda r: (-r[0], -r[1], -r[2])), case, int(n > 0)


def picai(cases):
    """`cases` are results of picai_case; what the scorer says of all of them."""
    lesions = [r for results, _, _ in cases for r in results]
    truth, score = np.array([r[0] for r in lesions]), np.array([r[1] for r in lesions])
    thresholds = np.unique(score)
    tp = np.array([np.sum(truth[score >= t]) for t in thresholds], float)
    fp = np.array([np.sum(1 - truth[score >= t]) for t in thresholds], float)
    precision, recall = [*(tp / (tp + fp)), 1.0], [*(tp / truth.sum()), 0.0]
    # What was never found has confidence 0, and no precision.
    precision = [0.0 if k < len(thresholds) and thresholds[k] == 0 else v for k, v in enumerate(precision)]
    ap = -sum((b - a) * v for a, b, v in zip(recall, recall[1:], precision))
    # From the highest threshold on; the last point is replaced by one at infinity.
    found, false = tp[::-1].copy(), fp[::-1].copy()
    found[-1], false[-1] = found[-2], INF
    fpr, tpr = roc([c for _, _, c in cases], [c for _, c, _ in cases])
    auroc = float(np.trapezoid(tpr, fpr))
    return {"auroc": auroc, "AP": ap, "num_cases": len(cases), "num_lesions": int(truth.sum()), "precision": precision,
            "recall": recall, "lesion_TPR": single(found, truth.sum()), "lesion_FPR": single(false, len(cases)),
            "thresholds": thresholds[::-1], "score": (auroc + ap) / 2, "case_TPR": tpr, "case_FPR": fpr}


def single(counts, n):
    """Shares of 32 bits."""
    return (counts.astype(np.float32) / np.float32(n)).astype(np.float64)


def roc(truth, score):
    """Corners of the curve, from (0, 0): points on a line through their neighbours are left out."""
    truth, score = np.array(truth), np.array(score)
    points = [(0, 0)] + [(int(np.sum(1 - truth[score >= t])), int(np.sum(truth[score >= t]))) for t in np.unique(score)[::-1]]
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(points[1:], points[2:])]
    before = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(points, points[1:])]
    # The first threshold and the last always stay.
    kept = [points[0], points[1]] + [points[k + 1] for k in range(1, len(points) - 2) if steps[k] != before[k]] + points[2:][-1:]
    n_false, n_true = int((1 - truth).sum()), int(truth.sum())
    # Cases of one kind only: not a number throughout.
    return [masks.divide(a, n_false) if n_false else NAN for a, _ in kept], [b / n_true if n_true else NAN for _, b in kept]


# ---- autoPET: 18 neighbours, volumes of 32 bits

def untouched(of, other):
    labels, n = p.components(of.astype(int), 18)
    hit = np.unique(labels[other])
    return int(np.count_nonzero(of & ~np.isin(labels, hit[hit > 0])))


def autopet(ref, pred, zooms, third):
    zooms = [np.float32(z) for z in zooms]
    ml = zooms[0] * zooms[1] * zooms[2] / np.float32(1000)
    false, missed = untouched(pred, ref), untouched(ref, pred)
    made = {"dice_sc": masks.divide(2 * np.count_nonzero(ref & pred), ref.sum() + pred.sum())}
    if not third:
        return {**made, "false_pos_vol": false * float(ml), "false_neg_vol": missed * float(ml)}
    volumes = {"false_pos_vol": float(np.float32(false) * ml), "false_neg_vol": float(np.float32(missed) * ml)}
    return {**made, **volumes} if ref.any() else {"dice_sc": NAN, **volumes, "false_neg_vol": NAN}


# ---- BraTS 2023: dilation by 18 neighbours, components by 26

PENALTY_2023_MM = 374.0
# Challenge: dilations, and the volume in mm3 up to which a reference lesion does not count.
BRATS_2023 = {"BraTS-GLI": (3, 50), "BraTS-SSA": (3, 50), "BraTS-MEN": (1, 50), "BraTS-PED": (3, 50), "BraTS-MET": (1, 2)}


def brats_2023(ref, pred, spacing, challenge):
    times, smallest = BRATS_2023[challenge]
    spacing32 = [np.float32(s) for s in spacing]

    def volume(n):
        return float(np.float64(n) * spacing32[0] * spacing32[1] * spacing32[2])

    def finite(value):
        return PENALTY_2023_MM if value == INF else value

    lesions = p.components(dilate(ref, times).astype(int), 26)[0] * ref if ref.any() else ref.astype(int)
    found, n_pred = p.components(pred.astype(int), 26)
    touched, dices, distances, counted = set(), [], [], []
    for k in np.unique(lesions[lesions > 0]):
        lesion = lesions == k
        near = set(np.unique(found[dilate(lesion, times)]).tolist()) - {0}
        touched |= near
        if volume(np.count_nonzero(lesion)) <= smallest:
            continue
        matched = np.isin(found, list(near)) & (found > 0)
        counted.append(bool(near))
        dices.append(p.dice(lesion, matched))
        distances.append(finite(masks.robust_hausdorff(masks.surfel_distances(lesion, matched, spacing), 95)))
    false = n_pred - len(touched)
    n = len(dices) + false
    tp, fp, fn, tn = masks.counts(ref, pred)
    both_empty = not ref.any() and not pred.any()
    return {"Num_TP": sum(counted), "Num_FP": false, "Num_FN": len(counted) - sum(counted),
            "Sensitivity": 1.0 if both_empty else tp / (tp + fn) if tp else 0.0, "Specificity": tn / (tn + fp),
            "Legacy_Dice": 1.0 if both_empty else p.dice(ref, pred),
            "Legacy_HD95": 0.0 if both_empty else finite(masks.robust_hausdorff(masks.surfel_distances(ref, pred, spacing), 95)),
            "GT_Complete_Volume": volume(np.count_nonzero(ref)),
            "LesionWise_Score_Dice": sum(dices) / n if n else 1.0,
            "LesionWise_Score_HD95": (sum(distances) + false * PENALTY_2023_MM) / n if n else 0.0}
