"""What panoptica does, from the text of the README, in numpy and scipy."""

import math
from types import SimpleNamespace

import nibabel as nib
import numpy as np
from ruamel.yaml import YAML
from scipy import ndimage

from . import primitives as p

NAN, INF = math.nan, math.inf
RESULTS = {"NAN": NAN, "INF": INF, "ZERO": 0.0, "ONE": 1.0, "NONE": None}
LOWER_IS_BETTER = {"ASSD", "RVD", "RVAE", "CEDI", "HD", "HD95", "NSD"}
# The order of the results, and which have a panoptic quality.
SUFFIX = {"IOU": "", "DSC": "_dsc", "ASSD": "_assd", "RVD": "_rvd", "RVAE": "_rvae", "CEDI": "_cedi", "HD": "_hd",
          "HD95": "_hd95", "NSD": "_nsd"}


# ---- the configuration

def plain(node):
    """A YAML tree with tags, as dictionaries: the tag under "!", a tagged scalar as its text."""
    if hasattr(node, "items"):
        made = {str(getattr(k, "value", k)): plain(v) for k, v in node.items()}
        tag = node.tag.value if node.tag is not None else None
        return {"!": tag.lstrip("!"), **made} if tag else made
    if isinstance(node, list):
        return [plain(v) for v in node]
    return getattr(node, "value", node)


def config(path):
    tree = plain(YAML().load(path.read_text()))
    groups = tree.get("segmentation_class_groups")
    matcher = tree.get("instance_matcher")
    approximator = tree.get("instance_approximator")
    handling = tree["edge_case_handler"]
    return SimpleNamespace(
        input=tree["expected_input"],
        scipy=bool(approximator) and approximator.get("cca_backend") == "scipy",
        matcher=matcher,
        decision=(tree.get("decision_metric"), tree.get("decision_threshold")),
        edges=handling["listmetric_zeroTP_handling"], empty_std=RESULTS[handling["empty_list_std"]],
        instance_metrics=tree["instance_metrics"], global_metrics=tree["global_metrics"],
        groups={k.lower(): v for k, v in groups["groups"].items()} if groups else {"ungrouped": None},
        by_region=bool(tree.get("per_region_evaluation")))


# ---- the pair

def read(folder, case, how):
    """Arrays and spacing as panoptica gets them: of a path through SimpleITK with its axes turned round but the
    spacing not; of a nibabel image as they are, the spacing in 32 bits; of an array with no spacing."""
    images = [nib.load(folder / "pairs" / case / f"{n}.nii.gz") for n in ("ref", "pred")]
    ref, pred = (np.asanyarray(i.dataobj).astype(np.int64) for i in images)
    zooms = images[0].header.get_zooms()[:3]
    if how == "path":
        spacing = tuple(float(z) for z in zooms)
        return ref.transpose(2, 1, 0), pred.transpose(2, 1, 0), spacing, math.prod(spacing)
    if how == "nibabel":
        volume = float(zooms[0] * zooms[1] * zooms[2])
        return ref, pred, tuple(float(z) for z in zooms), volume
    return ref, pred, (1.0, 1.0, 1.0), 1.0


def wrap(ref, pred):
    """What the narrowest unsigned type that holds both counts to."""
    top = max(ref.max(), pred.max())
    return 256 if top < 256 else 65536 if top < 65536 else 2 ** 32


def crop(ref, pred):
    """To the box of what is in either and two voxels more. The sum of both is taken in the narrowest unsigned type:
    where it wraps to 0, there is nothing to see."""
    seen = (ref + pred) % wrap(ref, pred)
    if not seen.any():
        seen = seen + 1
    box = []
    for axis in range(3):
        at = np.flatnonzero(seen.any(tuple(a for a in range(3) if a != axis)))
        box.append(slice(max(at[0] - 2, 0), at[-1] + 3))
    return ref[tuple(box)], pred[tuple(box)]


def of_group(values, group):
    if group is None:
        return values
    kept = np.where(np.isin(values, group["value_labels"]), values, 0)
    return (kept != 0).astype(np.int64) if group["!"] == "LabelMergeGroup" else kept


def undefined(values, groups):
    known = {label for group in groups.values() for label in group["value_labels"]} if None not in groups.values() else None
    return known is not None and any(int(v) not in known for v in np.unique(values) if v)


def approximate(values, scipy):
    if scipy:
        return p.components((values != 0).astype(np.int64), 6)
    return p.components(values, 26)


# ---- metrics of two masks

def metric(name, ref, pred, spacing=None):
    ref, pred = ref.astype(bool), pred.astype(bool)
    n_ref, n_pred = np.count_nonzero(ref), np.count_nonzero(pred)
    if name == "DSC":
        return p.dice(ref, pred)
    if name == "IOU":
        return p.iou(ref, pred)
    if name == "RVD":
        return (n_pred - n_ref) / n_ref
    if name == "RVAE":
        return abs(n_pred - n_ref) / n_ref
    step = np.array(spacing if spacing is not None else (1.0, 1.0, 1.0))
    if name == "CEDI":
        centres = [np.argwhere(m).mean(0) for m in (ref, pred)]
        return float(np.linalg.norm((centres[1] - centres[0]) * step))
    d_ref, d_pred = p.surface_distances(ref, pred, step)
    if name == "ASSD":
        return (d_ref.mean() + d_pred.mean()) / 2
    if name == "HD":
        return max(d_ref.max(), d_pred.max())
    if name == "HD95":
        return p.percentile(np.concatenate((d_ref, d_pred)), 95)
    tolerance = min(spacing) if spacing is not None else 0.5
    return (np.mean(d_ref <= tolerance) + np.mean(d_pred <= tolerance)) / 2


def beats(name, score, threshold, strict=False):
    if name in LOWER_IS_BETTER:
        return score < threshold if strict else score <= threshold
    return score > threshold if strict else score >= threshold


# ---- matching

def scored(name, ref, pred, limit=2 ** 32):
    """Pairs with a voxel in common, best first; of equal scores the lower prediction first, then the lower
    reference. No spacing. Where the highest reference is the highest value of its type, no pair is found."""
    if ref.max() + 1 == limit:
        return []
    both = (ref > 0) & (pred > 0)
    pairs = sorted({(int(b), int(a)) for a, b in zip(ref[both], pred[both])})
    found = [(metric(name, ref == a, pred == b), a, b) for b, a in pairs]
    return sorted(found, key=lambda t: t[0], reverse=name not in LOWER_IS_BETTER)


def match(matcher, ref, pred, threshold=None, limit=2 ** 32):
    """Prediction -> reference."""
    name, kind = matcher["matching_metric"], matcher["!"]
    threshold = float(matcher["matching_threshold"] if threshold is None else threshold)
    strict = bool(matcher.get("strict_threshold", False))
    pairs = scored(name, ref, pred, limit)
    found = {}
    if kind == "NaiveThresholdMatching":
        for score, a, b in pairs:
            taken = a in found.values() and not matcher.get("allow_many_to_one", False)
            if b not in found and not taken and beats(name, score, threshold, strict):
                found[b] = a
    elif kind == "MaximizeMergeMatching":
        best = {}
        for score, a, b in pairs:
            if b in found:
                continue
            if a in found.values():
                parts = [k for k, v in found.items() if v == a] + [b]
                joined = metric(name, ref == a, np.isin(pred, parts))
                if joined > best[a]:
                    found[b], best[a] = a, joined
            elif beats(name, score, threshold, strict):
                found[b], best[a] = a, score
    else:
        refs, preds = (np.unique(m[m > 0]) for m in (ref, pred))
        cost = np.full((len(refs), len(preds)), 1.0 + 1e-6)
        for score, a, b in pairs:
            if beats(name, score, threshold, strict):
                cost[np.searchsorted(refs, a), np.searchsorted(preds, b)] = 1.0 - score
        for row, column in p.assignment(cost):
            if cost[row, column] < 1.0:
                found[int(preds[column])] = int(refs[row])
    return found


def renumber(ref, pred, found, limit=2 ** 32):
    """Matched predictions get the number of their reference, the others numbers above every reference, which wrap."""
    table = dict(found)
    following = int(ref.max() + 1) % limit
    for b in np.unique(pred[pred > 0]):
        if int(b) not in table:
            table[int(b)] = following
            following += 1
    made = np.zeros_like(pred)
    for b, a in table.items():
        made[pred == b] = a
    return made


# ---- the result of a group

def edge(settings, name, tp, n_pred, n_ref):
    """Whether there is nothing to average, and what stands for it."""
    if tp != 0:
        return False, None
    if math.isnan(n_pred + n_ref):
        raise NotImplementedError
    rule = settings.edges[name]
    key = ("no_instances_result" if n_pred + n_ref == 0 else "empty_reference_result" if n_ref == 0 else
           "empty_prediction_result" if n_pred == 0 else "normal")
    return True, RESULTS[rule[key]]


def global_metrics(settings, ref, pred, n_pred, n_ref):
    """On the whole masks, in voxels; no voxel in common counts as nothing found."""
    made = {}
    for name in settings.global_metrics:
        if np.any((ref > 0) & (pred > 0)):
            value = metric(name, ref > 0, pred > 0)
        else:
            value = edge(settings, name, 0, n_pred, n_ref)[1]
        made[f"global_bin_{name.lower()}"] = value
    return made


def evaluate(settings, ref, pred, group, spacing, volume, threshold=None):
    """The dictionary of one group."""
    # Components are counted in a type with room to spare; values have the type of the whole maps.
    limit = wrap(ref, pred) if settings.input == "UNMATCHED_INSTANCE" else 2 ** 32
    ref, pred = of_group(ref, group), of_group(pred, group)
    kind, (decision, decision_threshold) = settings.input, settings.decision
    if group is not None and group.get("single_instance") and kind != "MATCHED_INSTANCE":
        kind, decision_threshold = "MATCHED_INSTANCE", 0.0
    ref, pred = crop(ref, pred)
    if kind == "SEMANTIC":
        (ref, n_ref), (pred, n_pred) = approximate(ref, settings.scipy), approximate(pred, settings.scipy)
    else:
        n_ref, n_pred = (len(np.unique(m[m > 0])) for m in (ref, pred))
    if settings.by_region:
        return by_region(settings, ref, pred, spacing, volume)
    return result(settings, ref, pred, n_ref, n_pred, kind, (decision, decision_threshold), spacing, volume, threshold,
                  limit)


def result(settings, ref, pred, n_ref, n_pred, kind, decision, spacing, volume, threshold=None, limit=2 ** 32):
    sizes = {int(k): int(n) for k, n in zip(*np.unique(ref[ref > 0], return_counts=True))}
    matched, scores = [], []
    if n_ref and n_pred:
        if kind != "MATCHED_INSTANCE":
            pred = renumber(ref, pred, match(settings.matcher, ref, pred, threshold, limit), limit)
        both = [k for k in sizes if np.any(pred == k)]
        rejected = []
        for k in both:
            values = {m: metric(m, ref == k, pred == k, spacing) for m in settings.instance_metrics}
            if decision[0] is None or beats(decision[0], values[decision[0]], float(decision[1])):
                matched.append(k)
                scores.append(values)
            else:
                rejected.append(k)
        unmatched = rejected + [k for k in sizes if k not in both]
        # Where several predictions share a reference, they count as one.
        n_pred = min(n_pred, len(np.unique(pred[pred > 0])))
    else:
        unmatched = list(sizes) if n_ref else []
    return dictionary(settings, ref, pred, n_ref, n_pred, matched, unmatched, sizes, scores, volume)


def dictionary(settings, ref, pred, n_ref, n_pred, matched, unmatched, sizes, scores, volume):
    tp = len(matched)
    fp, fn = n_pred - tp, n_ref - tp
    made = {"n_ref_instances": n_ref, "n_pred_instances": n_pred, "tp": tp, "fp": fp, "fn": fn}
    # A division by zero leaves the key out.
    if tp + fp:
        made["prec"] = tp / (tp + fp)
    if tp + fn:
        made["rec"] = tp / (tp + fn)
    made["rq"] = tp / (tp + 0.5 * fp + 0.5 * fn) if tp else 0.0 if n_pred + n_ref else NAN
    for name, suffix in SUFFIX.items():
        if name in settings.instance_metrics:
            values = [s[name] for s in scores]
            is_edge, value = edge(settings, name, tp, n_pred, n_ref)
            made[f"sq{suffix}"] = value if is_edge else float(np.mean(values))
            made[f"sq{suffix}_std"] = float(np.std(values)) if values else settings.empty_std
            if name in ("IOU", "DSC"):
                made[f"pq{suffix}"] = made[f"sq{suffix}"] * made["rq"]
    made["instance_voxel_count_ref"] = float(np.mean([sizes[k] for k in matched])) if matched else NAN
    made["instance_volume_ref"] = float(np.mean([sizes[k] * volume for k in matched])) if matched else NAN
    made["global_bin_volume_pred"], made["global_bin_volume_ref"] = np.count_nonzero(pred), np.count_nonzero(ref)
    made |= global_metrics(settings, ref, pred, n_pred, n_ref)
    rows = [{**{f"sq{SUFFIX[m]}": v for m, v in s.items()}, "voxel_count": sizes[k], "volume": sizes[k] * volume,
             "is_matched": 1} for k, s in zip(matched, scores)]
    rows += [{"voxel_count": sizes[k], "volume": sizes[k] * volume, "is_matched": 0} for k in unmatched]
    made["reference_instances"] = rows
    return made


def by_region(settings, ref, pred, spacing, volume):
    """Every voxel belongs to its nearest reference instance, counted in voxels; each region is a pair of its own."""
    n_ref, n_pred = int(ref.max()), int(pred.max())
    made = {"n_ref_instances": NAN, "n_pred_instances": NAN, "tp": NAN, "instance_voxel_count_ref": NAN,
            "instance_volume_ref": NAN, "global_bin_volume_pred": np.count_nonzero(pred),
            "global_bin_volume_ref": np.count_nonzero(ref), "reference_instances": []}
    regions = []
    if n_ref and n_pred:
        nearest = ndimage.distance_transform_edt(ref == 0, return_distances=False, return_indices=True)
        region = ref[tuple(nearest)]
        for k in range(1, n_ref + 1):
            inside = region == k
            a, b = ref * inside, pred * inside
            counts = [len(np.unique(m[m > 0])) for m in (a, b)]
            regions.append(result(settings, a, b, *counts, "UNMATCHED_INSTANCE", (None, None), spacing, volume))
        made |= global_metrics(settings, ref, pred, NAN, NAN)
    else:
        made |= global_metrics(settings, ref, pred, n_pred, n_ref)
        if n_ref:
            counts = np.unique(ref[ref > 0], return_counts=True)[1]
            made["reference_instances"] = [{"voxel_count": n, "volume": n * volume, "is_matched": 0} for n in counts]
    for name in settings.global_metrics:
        key = f"global_bin_{name.lower()}"
        made[f"region_avg_{name.lower()}"] = float(np.mean([r[key] for r in regions])) if regions else 0.0
    return made


def over_thresholds(settings, ref, pred, group, spacing, volume, step):
    """The dictionary of evaluate_autc: everything at each threshold of matching, and areas below the curves."""
    thresholds = sorted({round(t, 5) for t in np.minimum(np.arange(step, 1 + step, step), 1.0)})
    at = [evaluate(settings, ref, pred, group, spacing, volume, t) for t in thresholds]
    made = {f"t{t:g}_{k}": v for t, found in zip(thresholds, at) for k, v in found.items() if k != "reference_instances"}
    for name in ("rq", "sq", "pq", "sq_dsc", "pq_dsc", "sq_cldsc", "pq_cldsc"):
        values = [0.0 if math.isnan(found.get(name, 0.0)) else found.get(name, 0.0) for found in at]
        made[f"autc_{name}"] = float(np.trapezoid([values[0], *values], [0.0, *thresholds]))
    return made
