"""Scorers of one mask at a time against define_masks."""

import json
import re

import nibabel as nib
import numpy as np

from . import define_masks as define
from . import structures
from .check import number, rows

# What is a sum of many numbers of 32 bits in the scorer.
SINGLE = {"asd", "assd", "nsd_1_subvoxels"}


def run(folder, cases, tally):
    pairs = {(case, name): (ref, pred, spacing) for case, name, ref, pred, spacing in structures.pairs(folder, cases)}
    nnunet(folder, tally)
    for tool, make in (("medpy", medpy), ("surface_distance", surface_distance), ("kits", kits), ("monai", monai),
                       ("simpleitk", simpleitk), ("metrics_reloaded", metrics_reloaded)):
        calls, listed = rows(folder, tool)
        for row in listed:
            key = row["case"], row["structure"]
            expected, found = row["values"], make(folder, row, pairs.get(key), calls[row["call"]]["parameters"], listed)
            if found is not None:
                tally.compare(tool, (row["call"], *key), strip(expected), found)
    tally.compare("monai", "1.5.2", {"rows_are_those_of": "monai.json"}, {
        "rows_are_those_of": json.loads((folder / "expected" / "monai_1_5.json").read_text()).get("rows_are_those_of")})


def strip(values):
    """An error counts, its words do not."""
    if isinstance(values, dict):
        return {k: strip(v) for k, v in values.items() if not (k == "message" and "error" in values)}
    return values


def medpy(folder, row, pair, parameters, listed):
    ref, pred, spacing = pair
    if row["call"] == "overlap":
        return define.medpy_overlap(ref, pred)
    if row["call"] == "objects":
        return define.medpy_objects(ref, pred)
    spacing = (1.0, 1.0, 1.0) if row["call"] == "unit spacing" else spacing
    return define.medpy_distances(ref, pred, spacing, parameters["connectivity"])


def surface_distance(folder, row, pair, parameters, listed):
    return define.surface_distance(*pair)


def kits(folder, row, pair, parameters, listed):
    if row["case"] == "average":
        same = [r["values"] for r in listed if r["structure"] == row["structure"] and r["case"] != "average"]
        return {k: float(np.mean([v[k] for v in same])) for k in ("Dice", "SD")}
    return define.kits(*pair, parameters["tolerances_mm"][row["structure"]])


def monai(folder, row, pair, parameters, listed):
    if pair is None:
        return monai_means(row, parameters, listed)
    ref, pred, spacing = pair
    spacing = (1.0, 1.0, 1.0) if row["call"] == "unit spacing" else spacing
    made = define.monai(ref, pred, spacing)
    if row["call"] == "all":
        made |= define.monai_overlaps(ref, pred)
    return {k: single(row["values"][k], v) if k in SINGLE else v for k, v in made.items()}


def single(expected, found):
    """The number expected, where both agree in 32 bits."""
    return expected if isinstance(expected, float) and abs(expected - found) <= 2e-6 * max(1, abs(expected)) else found


def monai_means(row, parameters, listed):
    """Cases by channels, in 32 bits; NaN does not count, and the mean of nothing is 0."""
    made = {}
    for key in ("dice", "hd95", "hd"):
        table = np.array([[number(r["values"][key]) for channel in parameters["channels"] for r in listed
                           if r["call"] == "all" and (r["case"], r["structure"]) == (case, channel)]
                          for case in parameters["cases"]], np.float64)

        def mean(values, axis):
            n = (~np.isnan(values)).sum(axis)
            return np.divide(np.nansum(values, axis), n, out=np.zeros(n.shape), where=n > 0), n

        how = parameters["reduction"]
        if how == "mean":
            # Over the channels of a case first, then over the cases that have any.
            inner, n = mean(table, 1)
            value, n = mean(np.where(n > 0, inner, np.nan), 0)
        else:
            value, n = mean(table, 0 if how == "mean_batch" else 1)
        value, n = np.atleast_1d(value), np.atleast_1d(n)
        made[key] = [single(e, float(v)) for e, v in zip(row["values"][key], value)]
        made[f"{key}_not_nans"] = [float(k) for k in n]
    return made


def simpleitk(folder, row, pair, parameters, listed):
    if row["call"] == "labels":
        ref, pred = (np.asanyarray(nib.load(folder / "pairs" / row["case"] / f"{n}.nii.gz").dataobj) for n in ("ref", "pred"))
        size, labels = ref.size, np.union1d(ref[ref > 0], pred[pred > 0])
        per = [[np.count_nonzero(m) for m in (ref == k, pred == k, (ref == k) & (pred == k))] for k in labels]
        if row["structure"] is None:
            source, target, both = np.sum(per, 0).tolist()
            return define.itk_overlap(source, target, both, size) | {
                "FalsePositiveError": (source - both) / sum(size - t for _, t, _ in per)}
        return define.itk_overlap(*per[labels.tolist().index(int(row["structure"]))], size)
    ref, pred, spacing = pair
    if row["call"] == "overlap":
        return define.itk_overlap(*(int(np.count_nonzero(m)) for m in (ref, pred, ref & pred)), ref.size)
    return define.itk_hausdorff(ref, pred, spacing)


def metrics_reloaded(folder, row, pair, parameters, listed):
    return define.metrics_reloaded(*pair)


def nnunet(folder, tally):
    calls, listed = rows(folder, "nnunet")
    made = {}
    for row in listed:
        call, case, key = row["call"], row["case"], row["structure"]
        dataset = json.loads((folder / calls[call]["parameters"]["dataset"]).read_text())
        if case not in ("mean", "foreground_mean"):
            ref, pred = (np.asanyarray(nib.load(folder / "pairs" / case / f"{n}.nii.gz").dataobj) for n in ("ref", "pred"))
            found = define.nnunet(ref, pred, [int(n) for n in re.findall(r"\d+", key)], dataset["labels"].get("ignore"))
            made.setdefault((call, key), []).append(found)
        elif case == "mean":
            found = {}
            for name in row["values"]:
                values = np.array([m[name] for m in made[call, key]], np.float64)
                values = values[~np.isnan(values)]
                found[name] = float(values.mean()) if len(values) else float("nan")
            made.setdefault((call, "mean"), []).append(found)
        else:
            # A mean that is not a number makes this one not a number.
            found = {name: float(np.mean([m[name] for m in made[call, "mean"]])) for name in row["values"]}
        tally.compare("nnunet", (call, case, key), row["values"], found)
