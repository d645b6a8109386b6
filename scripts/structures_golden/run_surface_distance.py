"""DeepMind's surface-distance: reference first, prediction second."""

import warnings

import numpy as np

# Version 0.1 asks NumPy for names that NumPy 2 no longer has, where a mask is empty.
np.Inf, np.NaN = np.inf, np.nan

import surface_distance  # noqa: E402

from . import structures  # noqa: E402
from .record import Record, attempt  # noqa: E402


def run(folder, cases):
    warnings.simplefilter("ignore")
    record = Record("surface_distance", ["surface-distance", "numpy", "scipy"],
                    "https://github.com/google-deepmind/surface-distance", "Apache-2.0")
    record.call("all", "compute_surface_distances(REFERENCE, PREDICTION, spacing_mm), then each function by its name",
                spacing_mm="of the header", numpy="numpy.Inf and numpy.NaN put back")
    for case, name, ref, pred, spacing in structures.pairs(folder, cases):
        distances = attempt(surface_distance.compute_surface_distances, ref, pred, spacing)
        if "error" in distances:
            record.row("all", case, name, distances)
            continue
        values = {"compute_average_surface_distance": attempt(surface_distance.compute_average_surface_distance, distances)}
        for percent in (95, 100):
            values[f"compute_robust_hausdorff {percent}"] = attempt(surface_distance.compute_robust_hausdorff,
                                                                    distances, percent)
        for tolerance in (1.0, 2.0):
            for function in ("compute_surface_overlap_at_tolerance", "compute_surface_dice_at_tolerance"):
                values[f"{function} {tolerance}"] = attempt(getattr(surface_distance, function), distances, tolerance)
        values["compute_dice_coefficient"] = attempt(surface_distance.compute_dice_coefficient, ref, pred)
        record.row("all", case, name, values)
    record.write(folder / "expected")
