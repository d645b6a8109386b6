#!/usr/bin/env python3
"""Measures how fast 70 label maps of 512 x 512 x 300 voxels become a submission archive, side by side with
Python's zipfile, and that the archive is the same whatever the number of threads.

    python3 scripts/bench_packing.py

Makes the label maps in a temporary folder (5.5 GB), livers with lesions whose outlines differ from slice to
slice, as predictions have them. numpy comes from PyPI into an environment of its own. Every row is a process,
from its start to its end, on the same two cores, with the files in the system's cache as far as it reaches.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import environment
from demo import example

PROGRAMS = Path(__file__).resolve().parent / "peers"
sys.path.insert(0, str(PROGRAMS))

import measure  # noqa: E402
from measure import Row  # noqa: E402

CORES = 2
PACKAGES = ["numpy==2.4.6"]

MAKE = """
import struct, sys
from pathlib import Path
import numpy

folder, cases, slices, side = Path(sys.argv[1]), *map(int, sys.argv[2:])
header = bytearray(352)
struct.pack_into("<i", header, 0, 348)
struct.pack_into("<8h", header, 40, 3, side, side, slices, 1, 1, 1, 1)
struct.pack_into("<hh", header, 70, 2, 8)
struct.pack_into("<8f", header, 76, 1, 0.75, 0.75, 1.5, 1, 1, 1, 1)
struct.pack_into("<f", header, 108, 352)
struct.pack_into("<f", header, 112, 1)
header[344:348] = b"n+1" + bytes(1)
y, x = numpy.mgrid[0:side, 0:side].astype(numpy.float32) / side
def draw(case):
    rng = numpy.random.default_rng(case)
    lesions = rng.uniform([0.25, 0.25, 0.25, 0.01], [0.75, 0.55, 0.6, 0.05], (rng.integers(1, 13), 4))
    first, last = int(0.2 * slices), int(rng.uniform(0.6, 0.85) * slices)
    volume = numpy.zeros((slices, side, side), numpy.uint8)
    phase = rng.uniform(0, 6.3, 8)
    for z in range(first, last):
        t = (z - first) / (last - first)
        angle = numpy.arctan2(y - 0.45, x - 0.4)
        radius = 0.24 * numpy.sin(numpy.pi * min(1, 0.15 + t)) ** 0.5
        # A network's outline is never smooth.
        outline = radius * (1 + sum(0.05 / (k + 1) * numpy.sin((k + 2) * angle + phase[k] + 3 * t) for k in range(8)))
        outline = outline + rng.normal(0, 0.0015, outline.shape).astype(numpy.float32)
        liver = numpy.hypot(x - 0.4, 1.2 * (y - 0.45)) < outline
        plane = volume[z]
        plane[liver] = 1
        for lz, ly, lx, lr in lesions:
            reach = lr * lr - (0.6 * (t - lz)) ** 2
            if reach > 0:
                plane[liver & ((x - lx) ** 2 + (y - ly) ** 2 < reach)] = 2
    return volume

drawn = [draw(case) for case in range(min(cases, 10))]
for case in range(cases):
    # Ten patients, each in several places.
    volume = numpy.roll(drawn[case % 10], (case // 10, 3 * (case // 10)), (0, 2))
    with open(folder / f"test-segmentation-{case}.nii", "wb") as out:
        out.write(header)
        out.write(volume.tobytes())
"""

ZIPFILE = """
import sys, zipfile
from pathlib import Path

with zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED) as archive:
    for path in sorted(Path(sys.argv[1]).iterdir()):
        archive.write(path, path.name)
"""


def options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=70)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3, help="runs a row; the median counts (default: 3)")
    return parser.parse_args()


def main():
    chosen = options()
    packer = example("pack")
    python = environment.python("packing", PACKAGES)
    folder = Path(tempfile.mkdtemp(prefix="hdbench-packing-"))
    try:
        maps = folder / "maps"
        maps.mkdir()
        made = measure.run([python, "-c", MAKE, maps, chosen.cases, chosen.slices, chosen.side])
        if made.code:
            sys.exit(f"error: the label maps were not made\n{made.errors}")
        compare(chosen, packer, maps, folder)
    finally:
        shutil.rmtree(folder)


def compare(chosen, packer, maps, folder):
    cores = measure.usable_cores(CORES)
    print(measure.machine(cores) + ".\n")
    archives = {name: folder / f"{name}.zip" for name in ("zipfile", "one", "two")}
    rows = {
        "zipfile": Row("Python's zipfile, ZIP_DEFLATED", [sys.executable, "-c", ZIPFILE, maps, archives["zipfile"]],
                       chosen.repeats),
        "one": Row("hdbench, 1 thread", [packer, maps, archives["one"], 1], chosen.repeats),
        "two": Row("hdbench, 2 threads", [packer, maps, archives["two"], 2], chosen.repeats),
    }
    digests = {name: set() for name in rows}
    for number in range(chosen.repeats):
        for name, row in rows.items():
            row.cores = cores
            print(f"  {row.name}: run {number + 1} of {chosen.repeats}", file=sys.stderr)
            row.measure()
            if not row.ran():
                sys.exit(f"error: {row.name}: {row.trouble}")
            digests[name].add(digest(archives[name]))
    print("| what | runs | wall s | CPU s | peak MB | archive MB | wall / hdbench on 2 threads |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, row in rows.items():
        ratio = row.median("wall") / rows["two"].median("wall")
        print(f"| {row.name} | {len(row.runs)} | {row.median('wall'):.1f} | {row.median('cpu'):.1f} | "
              f"{row.peak_mb():.0f} | {archives[name].stat().st_size / 1e6:.2f} | {ratio:.1f}x |")
    size = sum(path.stat().st_size for path in maps.iterdir())
    print(f"\n{chosen.cases} label maps, {size / 1e9:.2f} GB. Median of the runs; the peak is the largest of them.")
    if len(digests["one"] | digests["two"]) != 1:
        sys.exit("error: hdbench's archives differ")
    print("Every archive of hdbench has the same bytes.")
    read_back(archives["two"], maps)
    print("Python's zipfile reads every label map back as it was.")
    print(f"Load at the end {os.getloadavg()[0]:.1f}.")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_back(archive, maps):
    with zipfile.ZipFile(archive) as packed:
        names = sorted(path.name for path in maps.iterdir())
        if sorted(packed.namelist()) != names:
            sys.exit("error: the archive has other entries")
        for name in names:
            with packed.open(name) as entry:
                if hashlib.file_digest(entry, "sha256").hexdigest() != digest(maps / name):
                    sys.exit(f"error: {name} is read back otherwise")


if __name__ == "__main__":
    main()
