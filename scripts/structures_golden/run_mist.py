"""MIST: its own evaluation by the configuration below formats/mist, and what it finds lesion by lesion."""

import contextlib
import csv
import io
import json
import tempfile
import warnings
from pathlib import Path

import pandas as pd
from mist.evaluation.evaluator import Evaluator
from mist.metrics.lesion_wise_metrics import compute_lesion_wise_metrics

from . import structures
from .record import Record

LESIONS = {
    "lesions": {"min_lesion_volume": 10.0, "dilation_iters": 3, "gt_consolidation_iters": 0},
    "lesions consolidated": {"min_lesion_volume": 15.0, "dilation_iters": 3, "gt_consolidation_iters": 3},
    "lesions plain": {"min_lesion_volume": 0.0, "dilation_iters": 1, "gt_consolidation_iters": 1},
}


def run(folder, cases):
    warnings.simplefilter("ignore")
    record = Record("mist", ["mist-medical", "numpy", "scipy", "SimpleITK", "pandas"],
                    "https://github.com/mist-medical/MIST", "Apache-2.0")
    config = folder / "formats" / "mist" / "evaluation.json"
    record.call("evaluate", "Evaluator(PATHS, CONFIG, CSV).run(max_workers=1)", config="formats/mist/evaluation.json")
    chosen = [c for c in cases if "brats" in c["tasks"]]
    with tempfile.TemporaryDirectory() as work, contextlib.redirect_stdout(io.StringIO()):
        paths = pd.DataFrame([{"id": c["name"], "mask": str(folder / "pairs" / c["name"] / "ref.nii.gz"),
                               "prediction": str(folder / "pairs" / c["name"] / "pred.nii.gz")} for c in chosen])
        out = Path(work) / "results.csv"
        Evaluator(paths, json.loads(config.read_text()), out).run(max_workers=1)
        lines = list(csv.DictReader(out.open(newline="")))
    for line in sorted(lines[:len(chosen)], key=lambda line: [c["name"] for c in chosen].index(line["id"])) + lines[len(chosen):]:
        name = line.pop("id")
        record.row("evaluate", name, None, {k: float(v) for k, v in line.items()})
    for call, parameters in LESIONS.items():
        record.call(call, "compute_lesion_wise_metrics(PREDICTION, REFERENCE, SPACING, ['dice', 'haus95', 'surface_dice'], "
                    "reduction='none', surface_dice_tolerance_mm=1.0, …) on uncropped masks", **parameters)
        for case, name, ref, pred, spacing in structures.pairs(folder, chosen):
            if call == "lesions plain" and case != "brats_lesions":
                continue
            found = compute_lesion_wise_metrics(pred, ref, spacing, ["dice", "haus95", "surface_dice"], reduction="none",
                                                surface_dice_tolerance_mm=1.0, **parameters)
            record.row(call, case, name, {"lesions": found})
    record.write(folder / "expected")
