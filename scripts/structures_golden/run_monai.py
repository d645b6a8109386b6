"""MONAI: distances and overlaps of one structure at a time, and its means over structures and cases."""

import json
import warnings

import monai
import numpy as np
import torch
from monai.data import load_decathlon_datalist
from monai.metrics import (DiceMetric, HausdorffDistanceMetric, compute_average_surface_distance, compute_dice,
                           compute_hausdorff_distance, compute_iou, compute_surface_dice)

from . import structures
from .record import Record, attempt


def tensor(mask):
    return torch.from_numpy(mask[None, None].astype(np.float32))


CALLS = {
    "hd": (compute_hausdorff_distance, {"include_background": True}),
    "hd95": (compute_hausdorff_distance, {"include_background": True, "percentile": 95}),
    "hd95_directed": (compute_hausdorff_distance, {"include_background": True, "percentile": 95, "directed": True}),
    "asd": (compute_average_surface_distance, {"include_background": True}),
    "assd": (compute_average_surface_distance, {"include_background": True, "symmetric": True}),
    "nsd_1": (compute_surface_dice, {"include_background": True, "class_thresholds": [1.0]}),
    "nsd_2": (compute_surface_dice, {"include_background": True, "class_thresholds": [2.0]}),
    "nsd_1_subvoxels": (compute_surface_dice,
                        {"include_background": True, "class_thresholds": [1.0], "use_subvoxels": True}),
}
OVERLAPS = {
    "dice": (compute_dice, {"include_background": True}),
    "dice_empty_0": (compute_dice, {"include_background": True, "ignore_empty": False}),
    "iou": (compute_iou, {"include_background": True}),
}


def run(folder, cases):
    warnings.simplefilter("ignore")
    # The Decathlon's dataset.json beside the pairs is one that MONAI reads.
    listed = load_decathlon_datalist(str(folder / "formats" / "decathlon" / "dataset.json"))
    assert [sorted(entry) for entry in listed] == [["image", "label"]] * 2
    torch.set_num_threads(1)
    record = Record("monai" if monai.__version__ >= "1.6" else "monai_1_5", ["torch", "numpy", "scipy"],
                    "https://github.com/Project-MONAI/MONAI", "Apache-2.0")
    record.head["versions"]["monai"] = monai.__version__
    for name, (function, parameters) in {**CALLS, **OVERLAPS}.items():
        spaced = {"spacing": "of the header"} if name in CALLS else {}
        record.call(name, f"monai.metrics.{function.__name__}(y_pred[1,1,x,y,z], y[1,1,x,y,z], …)",
                    **parameters, **spaced)
    record.call("all", "every call above by its name, for one structure")
    record.call("unit spacing", "the same without `spacing`")
    for case, name, ref, pred, spacing in structures.pairs(folder, cases):
        pair = tensor(pred), tensor(ref)
        values = {key: item(attempt(function, *pair, **parameters, spacing=spacing))
                  for key, (function, parameters) in CALLS.items()}
        values |= {key: item(attempt(function, *pair, **parameters)) for key, (function, parameters) in OVERLAPS.items()}
        record.row("all", case, name, values)
        if case in ("brats_gli", "kits_usual"):
            record.row("unit spacing", case, name, {key: item(attempt(function, *pair, **parameters)) for
                                                    key, (function, parameters) in CALLS.items()})
    means(record, folder, cases)
    newer = folder / "expected" / "monai.json"
    if record.head["tool"] == "monai_1_5" and json.loads(newer.read_text())["rows"] == record.rows:
        record.head["rows_are_those_of"] = newer.name
        record.rows = []
    record.write(folder / "expected")


def item(value):
    return value if isinstance(value, dict) else float(value.item())


def means(record, folder, cases):
    """Over the BraTS cases with the channels et, tc, wt: nothing that is NaN counts."""
    metrics = {"dice": lambda how: DiceMetric(include_background=True, reduction=how, get_not_nans=True),
               "hd95": lambda how: HausdorffDistanceMetric(include_background=True, percentile=95, reduction=how,
                                                           get_not_nans=True),
               "hd": lambda how: HausdorffDistanceMetric(include_background=True, reduction=how, get_not_nans=True)}
    chosen = [c for c in cases if "brats" in c["tasks"] and c["name"] != "brats_gtv"]
    for how in ("mean", "mean_batch", "mean_channel"):
        call = f"reduction {how}"
        record.call(call, "metric(y_pred[1,3,x,y,z], y[1,3,x,y,z], spacing) for each case, then aggregate()",
                    reduction=how, get_not_nans=True, cases=[c["name"] for c in chosen],
                    channels=list(structures.TUMOUR))
        values = {}
        for key, make in metrics.items():
            metric = make(how)
            for case in chosen:
                ref, pred, spacing = structures.read(folder, case)
                channels = [torch.cat([tensor(structures.mask(labels, s)) for s in structures.TUMOUR.values()], 1)
                            for labels in (pred, ref)]
                metric(*channels, **({} if key == "dice" else {"spacing": spacing}))
            found, counted = metric.aggregate()
            values[key], values[f"{key}_not_nans"] = found.flatten().tolist(), counted.flatten().tolist()
        record.row(call, None, None, values)
