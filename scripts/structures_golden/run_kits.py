"""KiTS 2023 by its definition: hierarchical classes, Dice and surface Dice at a tolerance of the class."""

import warnings

import numpy as np

np.Inf, np.NaN = np.inf, np.nan

import SimpleITK as sitk  # noqa: E402
from surface_distance import compute_surface_dice_at_tolerance, compute_surface_distances  # noqa: E402

from . import structures  # noqa: E402
from .record import Record  # noqa: E402

SOURCE = "https://github.com/neheller/kits23/blob/c1088353084c17b8882a11db71429e7c022b7785/"
TOLERANCES_MM = {"kidney_and_mass": 1.0330772532390826, "mass": 1.1328796488598762, "tumor": 1.1498198361434828}


def run(folder, cases):
    warnings.simplefilter("ignore")
    record = Record("kits", ["surface-distance", "numpy", "scipy", "SimpleITK"],
                    f"{SOURCE}kits23/evaluation/metrics.py and {SOURCE}kits23/configuration/labels.py (MIT)", "MIT")
    record.call("case", "the definition of compute_metrics_for_case, on arrays of SimpleITK: axes z, y, x",
                labels=structures.KITS, tolerances_mm=TOLERANCES_MM)
    found = []
    for case in cases:
        if "kits" not in case["tasks"]:
            continue
        images = [sitk.ReadImage(str(folder / "pairs" / case["name"] / f"{n}.nii.gz")) for n in ("ref", "pred")]
        ref, pred = map(sitk.GetArrayFromImage, images)
        spacing = images[1].GetSpacing()[::-1]
        for name, labels in structures.KITS.items():
            values = score(structures.mask(ref, labels), structures.mask(pred, labels), spacing, TOLERANCES_MM[name])
            record.row("case", case["name"], name, values)
            found.append((name, values))
    for name in structures.KITS:
        record.row("case", "average", name, {key: float(np.mean([v[key] for n, v in found if n == name]))
                                             for key in ("Dice", "SD")})
    record.write(folder / "expected")


def score(ref, pred, spacing, tolerance):
    if not ref.any() and not pred.any():
        return {"Dice": 1, "SD": 1}
    if not ref.any() or not pred.any():
        return {"Dice": 0, "SD": 0}
    dice = 2 * np.count_nonzero(ref & pred) / (np.count_nonzero(ref) + np.count_nonzero(pred))
    distances = compute_surface_distances(ref, pred, spacing)
    return {"Dice": dice, "SD": compute_surface_dice_at_tolerance(distances, tolerance)}
