#!/usr/bin/env python3
"""How much faster hdbench is than the packages whose functions it stands in for: ratios in one run, arrays in memory.

    python3 scripts/compare_python.py [--quick] [--only NAME]

Needs the module (scripts/python_tests.sh builds it), and of MedPy, surface-distance and monai those that are to be
compared; what is not installed is left out. Each pair of calls has to give the same number. Ours is the median of
five runs, theirs of three, of one where it takes long. The liver is 300 x 512 x 512 [z, y, x] of bools, the small pairs
are 1,000 of 64 cubed. `--quick` takes a liver of 100 x 256 x 256 and 50 small pairs. What a call of ours takes beyond
the arrays is measured in a process of its own. Ends with 1 where a ratio is below what is promised or numbers differ.
"""

import argparse
import importlib
import math
import statistics
import subprocess
import sys
import time
import warnings

import numpy as np

SPACING = (1.0, 0.75, 0.75)
RUNS = 5
# Calls of a peer that take longer are made once.
LONG_SECONDS = 2.0
# What a call may take beyond its arrays.
MOST_MEGABYTES = 200


def ellipsoid(shape, centre, radii, phase):
    """A blob with a wavy surface, as livers have."""
    z, y, x = np.ogrid[tuple(slice(0, n) for n in shape)]
    parts = [(axis - at) / radius for axis, at, radius in zip((z, y, x), centre, radii)]
    wave = 1 + 0.08 * np.sin(7 * parts[0] + phase) * np.sin(5 * parts[1] - phase) * np.cos(6 * parts[2] + phase)
    return parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2 < wave


def liver(shape):
    """A prediction and a reference that mostly agree."""
    centre = [0.5 * shape[0], 0.45 * shape[1], 0.4 * shape[2]]
    radii = [0.30 * shape[0], 0.22 * shape[1], 0.27 * shape[2]]
    return ellipsoid(shape, centre, radii, 0.0), ellipsoid(shape, [at + 1.5 for at in centre], radii, 0.4)


def small_pairs(count):
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(count):
        centre, radii = rng.uniform(24, 40, 3), rng.uniform(10, 20, 3)
        pairs.append(tuple(ellipsoid((64,) * 3, centre + rng.normal(0, 1, 3), radii, rng.uniform(0, 6)) for _ in "pr"))
    return pairs


def seconds_of(call, runs):
    taken, value = [], None
    for _ in range(runs):
        began = time.perf_counter()
        value = call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken), value


def package(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def old_names():
    """What surface-distance 0.1 takes from numpy 1 and older scipy."""
    import scipy.ndimage

    np.Inf, np.NaN = np.inf, np.nan
    for name in ("filters", "morphology"):
        if not hasattr(scipy.ndimage, name):
            setattr(scipy.ndimage, name, scipy.ndimage)


def comparisons(quick):
    """Name, promised ratio, ours, theirs."""
    shape = (100, 256, 256) if quick else (300, 512, 512)
    pred, ref = liver(shape)
    small = small_pairs(50 if quick else 1000)
    each = f"{len(small):,} pairs of 64 cubed: "
    from hdbench.compat.medpy import metric as own

    medpy = package("medpy.metric")
    if medpy:
        for name in ("hd95", "assd"):
            mine, theirs = getattr(own, name), getattr(medpy, name)
            yield f"MedPy {name}", 300, lambda f=mine: f(pred, ref, SPACING), lambda f=theirs: f(pred, ref, SPACING)
            many = lambda f: sum(f(p, r, SPACING) for p, r in small)  # noqa: E731
            yield f"{each}MedPy {name}", 20, lambda f=mine: many(f), lambda f=theirs: many(f)
        yield "MedPy dc", None, lambda: own.dc(pred, ref), lambda: medpy.dc(pred, ref)
    from hdbench.compat import surface_distance as own_surfels

    surfels = package("surface_distance")
    if surfels:
        old_names()

        def four(of, p, r):
            found = of.compute_surface_distances(r, p, SPACING)
            return (
                of.compute_robust_hausdorff(found, 95)
                + of.compute_surface_dice_at_tolerance(found, 2.0)
                + sum(of.compute_average_surface_distance(found))
                + sum(of.compute_surface_overlap_at_tolerance(found, 1.0))
            )

        yield "surface-distance", 10, lambda: four(own_surfels, pred, ref), lambda: four(surfels, pred, ref)
        many_surfels = lambda of: sum(four(of, p, r) for p, r in small)  # noqa: E731
        yield f"{each}surface-distance", 20, lambda: many_surfels(own_surfels), lambda: many_surfels(surfels)
    monai = package("monai.metrics")
    if monai and package("torch"):
        import torch
        from hdbench.compat import monai_functional as own_monai

        tensors = [torch.from_numpy(mask)[None, None].float() for mask in (pred, ref)]
        little = [[torch.from_numpy(mask)[None, None].float() for mask in pair] for pair in small]

        def hd95(of, pair):
            return float(of.compute_hausdorff_distance(*pair, include_background=True, percentile=95, spacing=SPACING))

        def dice(of, pair):
            return float(of.compute_surface_dice(*pair, [2.0], include_background=True, spacing=SPACING))

        for name, call in (("hd95", hd95), ("surface dice", dice)):
            yield f"MONAI {name}", 10, lambda f=call: f(own_monai, tensors), lambda f=call: f(monai, tensors)
            many_monai = lambda f, of: sum(f(of, pair) for pair in little)  # noqa: E731
            yield (
                f"{each}MONAI {name}", 20, lambda f=call: many_monai(f, own_monai), lambda f=call: many_monai(f, monai)
            )


def memory(quick):
    """Megabytes that hd95 and the surfels take beyond the arrays, in this process."""
    from hdbench.compat import surface_distance
    from hdbench.compat.medpy.metric import hd95

    pred, ref = liver((100, 256, 256) if quick else (300, 512, 512))
    # Threads are made at the first call.
    hd95(np.ones((90,) * 3, bool), np.ones((90,) * 3, bool))

    def beyond(call):
        # The system forgets the peak, so that what making the arrays took hides nothing.
        with open("/proc/self/clear_refs", "w") as peak:
            peak.write("5")
        before = status("VmRSS")
        call()
        return status("VmHWM") - before

    def status(key):
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024

    surfaces = beyond(lambda: surface_distance.compute_surface_distances(ref, pred, SPACING))
    print(f"{beyond(lambda: hd95(pred, ref, SPACING)):.0f} {surfaces:.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller arrays")
    parser.add_argument("--only", help="comparisons whose names hold this")
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.memory:
        return memory(arguments.quick)
    wrong = 0
    print(f"{'':44}{'hdbench s':>12}{'peer s':>12}{'ratio':>9}{'promised':>10}")
    for name, promised, ours, theirs in comparisons(arguments.quick):
        if arguments.only and arguments.only not in name:
            continue
        own_seconds, own = seconds_of(ours, RUNS)
        their_seconds, other = seconds_of(theirs, 1)
        if their_seconds < LONG_SECONDS:
            their_seconds, _ = seconds_of(theirs, 3)
        ratio = their_seconds / own_seconds
        differs = not math.isclose(own, other, rel_tol=1e-5)
        short = promised is not None and ratio < promised and not arguments.quick
        wrong += differs + short
        told = f"{promised}x" if promised else ""
        remark = f"  numbers differ: {own} and {other}" if differs else "  below" if short else ""
        print(f"{name:44}{own_seconds:12.4f}{their_seconds:12.3f}{ratio:8.0f}x{told:>10}{remark}", flush=True)
    if sys.platform == "linux" and not arguments.only:
        call = [sys.executable, __file__, "--memory", *(["--quick"] if arguments.quick else [])]
        found = subprocess.run(call, capture_output=True, text=True, check=True).stdout.split()
        print(f"memory beyond the arrays: hd95 {found[0]} MB, surface distances {found[1]} MB, at most {MOST_MEGABYTES} MB")
        wrong += sum(float(own) > MOST_MEGABYTES for own in found)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
