"""The tables of brats-evaluation, from its own JSON; what is in that JSON is panoptica's."""

import math

import numpy as np

NAN = math.nan
PENALTY_MM = 373.0
COUNTS = {"tp": "tp", "fp": "fp", "fn": "fn", "prec": "prec", "rec": "rec", "f1": "rq"}


def whole(group, values):
    row = {f"all_instance_{k}_{group}": values.get(name, NAN) for k, name in COUNTS.items()}
    for k in ("dsc", "nsd", "hd95"):
        value = values[f"global_bin_{k}"]
        row[f"global_{k}_{group}"] = PENALTY_MM if value == math.inf else value
    return row


def seg(groups, _):
    row = {}
    for group, values in groups.items():
        row |= whole(group, values)
        for k in ("dsc", "nsd", "hd95"):
            row[f"lesionwise_{k}_mean_{group}"], row[f"lesionwise_{k}_std_{group}"] = values[f"sq_{k}"], values[f"sq_{k}_std"]
    return row


def rates(tp, fp, fn):
    def share(a, b):
        return a / b if b else 0
    return {"tp": tp, "fp": fp, "fn": fn, "prec": share(tp, tp + fp), "rec": share(tp, tp + fn),
            "f1": share(2 * tp, 2 * tp + fp + fn)}


def mets(groups, parameters):
    row = {}
    for group, values in groups.items():
        row |= whole(group, values)
        lesions, fp = values["reference_instances"], values["fp"]
        large = [r for r in lesions if r["volume"] >= parameters["vol_threshold"]]
        small = [r for r in lesions if r["volume"] < parameters["vol_threshold"]]

        def found(lesion):
            return lesion["is_matched"] == 1 and lesion["sq_dsc"] >= parameters["overlap_threshold"]

        for size, some in (("large", large), ("small", small)):
            tp = sum(map(found, some))
            made = rates(tp, fp, len(some) - tp) if some else dict.fromkeys(("tp", "fp", "fn", "prec", "rec", "f1"), NAN)
            row |= {f"{size}_instance_{k}_{group}": v for k, v in made.items()}
        for k, missed in (("dsc", 0.0), ("nsd", 0.0), ("hd95", PENALTY_MM)):
            listed = [r[f"sq_{k}"] if r["is_matched"] else missed for r in large] + [missed] * fp
            row[f"lesionwise_{k}_mean_{group}"] = float(np.mean(listed)) if large else NAN
            row[f"lesionwise_{k}_std_{group}"] = float(np.std(listed)) if large else NAN
    return row


def table(make, results, missing, parameters):
    """`results` is case -> group -> values, of cases without error. Rows by case, then mean, std and median."""
    rows = {case: make(groups, parameters) for case, groups in results.items()}
    columns = list(next(iter(rows.values())))
    for case in missing:
        rows[case] = {c: PENALTY_MM if "hd95" in c and "std" not in c else 0 for c in columns}
    below = {"mean": {}, "std": {}, "median": {}}
    for c in columns:
        values = np.array([rows[case].get(c, NAN) for case in rows], np.float64)
        values = values[~np.isnan(values)]
        with np.errstate(invalid="ignore"):
            below["mean"][c] = float(values.mean()) if len(values) else NAN
            below["std"][c] = float(values.std(ddof=1)) if len(values) > 1 else NAN
            below["median"][c] = float(np.median(values)) if len(values) else NAN
    return {**rows, **below}
