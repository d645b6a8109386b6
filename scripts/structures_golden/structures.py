"""The binary structures that scorers of one mask at a time are asked about, and how a pair is read for them."""

import nibabel as nib
import numpy as np

TUMOUR = {"et": (3,), "tc": (1, 3), "wt": (1, 2, 3)}
KITS = {"kidney_and_mass": (1, 2, 3), "mass": (2, 3), "tumor": (2,)}


def of(case):
    """Name and labels of each structure; () is every value but 0."""
    tasks, values = case["tasks"], case["values"]
    if "organs" in tasks:
        labels = range(1, 14) if case["name"] == "organs" else sorted({*values["ref"], *values["pred"]})
        return {str(label): (label,) for label in labels}
    if "kits" in tasks:
        return KITS
    if case["name"] == "brats_gtv":
        return {"gtv": (1,)}
    if case["name"] == "brats_gli":
        return {**TUMOUR, "rc": (4,)}
    if "brats" in tasks:
        return TUMOUR
    if "instances" in tasks:
        return {"any": ()}
    return {}


def mask(values, labels):
    return np.isin(values, labels) if labels else values != 0


def read(folder, case):
    """Reference, prediction in the order of the axes of the file, and its spacing: the header's 32-bit numbers."""
    images = [nib.load(folder / "pairs" / case["name"] / f"{name}.nii.gz") for name in ("ref", "pred")]
    spacing = tuple(float(z) for z in images[0].header.get_zooms()[:3])
    return np.asanyarray(images[0].dataobj), np.asanyarray(images[1].dataobj), spacing


def pairs(folder, cases):
    for case in cases:
        structures = of(case)
        if structures:
            ref, pred, spacing = read(folder, case)
            for name, labels in structures.items():
                yield case["name"], name, mask(ref, labels), mask(pred, labels), spacing
