"""MedPy: prediction first, reference second."""

import warnings

from medpy.metric import binary

from . import structures
from .record import Record, attempt

OVERLAPS = ["dc", "jc", "precision", "recall", "specificity", "ravd"]
DISTANCES = ["hd", "hd95", "asd", "assd"]
OBJECTS = ["obj_tpr", "obj_fpr"]


def run(folder, cases):
    warnings.simplefilter("ignore")
    record = Record("medpy", ["medpy", "numpy", "scipy"], "https://github.com/loli/medpy", "GPL-3.0")
    record.call("overlap", f"medpy.metric.binary.{{{', '.join(OVERLAPS)}}}(PREDICTION, REFERENCE)")
    for connectivity in (1, 2, 3):
        record.call(f"connectivity {connectivity}", f"medpy.metric.binary.{{{', '.join(DISTANCES)}}}(PREDICTION, REFERENCE, …)",
                    voxelspacing="of the header", connectivity=connectivity)
    record.call("unit spacing", "the same without voxelspacing", voxelspacing=None, connectivity=1)
    record.call("objects", f"medpy.metric.binary.{{{', '.join(OBJECTS)}}}(PREDICTION, REFERENCE)", connectivity=1)
    for case, name, ref, pred, spacing in structures.pairs(folder, cases):
        record.row("overlap", case, name, {f: attempt(getattr(binary, f), pred, ref) for f in OVERLAPS})
        for connectivity in (1, 2, 3):
            if connectivity > 1 and case not in ("organs", "brats_gli", "kits_usual"):
                continue
            record.row(f"connectivity {connectivity}", case, name, {
                f: attempt(getattr(binary, f), pred, ref, voxelspacing=spacing, connectivity=connectivity)
                for f in DISTANCES})
        if case in ("brats_gli", "kits_usual"):
            record.row("unit spacing", case, name, {f: attempt(getattr(binary, f), pred, ref) for f in DISTANCES})
        if case.startswith(("brats", "instances")):
            record.row("objects", case, name, {f: attempt(getattr(binary, f), pred, ref) for f in OBJECTS})
    record.write(folder / "expected")
