#!/usr/bin/env python3
"""Measures how fast a DICOM series becomes a volume in Hounsfield units, side by side with pydicom
and SimpleITK, and checks that all three read the same.

    python3 scripts/bench_dicom.py

Makes a series of 260 slices of 512 x 512 and a zip archive of it in a temporary folder, and installs
pydicom and SimpleITK from PyPI into an environment of their own. Every row is a process, from its
start to its end, on the same cores, with the files in the system's cache; `in process` is what it
says that reading alone took, without its start and imports. The table goes to standard output.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
from pathlib import Path

import environment
from demo import example

PROGRAMS = Path(__file__).resolve().parent / "peers"
sys.path.insert(0, str(PROGRAMS))

import measure  # noqa: E402
from measure import Row  # noqa: E402

CORES = 2

PACKAGES = ["numpy==2.4.6", "pydicom==3.0.2", "SimpleITK==2.5.7"]


def options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", type=Path, help="the example's binary (default: it is built)")
    parser.add_argument("--series", type=Path, metavar="DIR", help="your own series instead of the made-up one")
    parser.add_argument("--slices", type=int, default=260, help="slices of the made-up one (default: 260)")
    parser.add_argument("--repeats", type=int, default=5, help="runs a row; the median counts (default: 5)")
    return parser.parse_args()


def main():
    chosen = options()
    chosen.reader = chosen.reader or example("read_dicom")
    python = environment.python("dicom", PACKAGES)
    with tempfile.TemporaryDirectory(prefix="hdbench-dicom-") as folder:
        folder = Path(folder)
        series, archive = folder / "series", folder / "series.zip"
        if chosen.series:
            series = chosen.series.resolve()
        command = [python, PROGRAMS / "dicom_series.py", "make", series, archive, chosen.slices]
        made = measure.run(command)
        if made.code:
            sys.exit(f"error: the series was not made\n{made.errors}")
        print(made.output)
        compare(chosen, python, series, archive)


def compare(chosen, python, series, archive):
    cores = measure.usable_cores(CORES)
    print(measure.machine(cores) + ".\n")
    peer = lambda name, path: [python, PROGRAMS / "dicom_series.py", name, path]
    rows = {
        "pydicom": Row("pydicom: dcmread, pixel_array, rescale, stack", peer("pydicom", series), chosen.repeats),
        "simpleitk": Row("SimpleITK: ImageSeriesReader, GDCM's file order", peer("simpleitk", series), chosen.repeats),
        "hdbench": Row("hdbench", [chosen.reader, series], chosen.repeats),
        "pydicom zip": Row("pydicom from the zip archive", peer("pydicom", archive), chosen.repeats),
        "hdbench zip": Row("hdbench from the zip archive", [chosen.reader, archive], chosen.repeats),
    }
    for row in rows.values():
        row.cores = cores
        # Once uncounted, so that every row finds the files in the cache.
        row.before = (lambda row: lambda: row.runs or measure.run(row.command))(row)
    measure.interleave(list(rows.values()))
    print(table(rows))
    print(agreement(rows))
    print(f"\nLoad at the end {measure.os.getloadavg()[0]:.1f}.")


def said(done):
    """What a reader printed: shape, sum of all voxels and seconds."""
    shape = re.search(r"shape (\[[^]]*\])", done.output)
    total = re.search(r"sum (\S+)", done.output)
    seconds = re.search(r"seconds (\S+)", done.output)
    return json.loads(shape[1]), float(total[1]), float(seconds[1])


def table(rows):
    lines = ["| what | runs | wall s | in process s | CPU s | peak MB | wall / hdbench |",
             "|---|---:|---:|---:|---:|---:|---:|"]
    for key, row in rows.items():
        if not row.ran():
            lines.append(f"| {row.name} | {row.trouble or 'not run'} | | | | | |")
            continue
        ours = rows["hdbench zip" if key.endswith("zip") else "hdbench"]
        ratio = f"{row.median('wall') / ours.median('wall'):.1f}x" if ours.ran() else ""
        inside = statistics.median(said(done)[2] for done in row.runs)
        lines.append(f"| {row.name} | {len(row.runs)} | {row.median('wall'):.3f} | {inside:.3f} | "
                     f"{row.median('cpu'):.3f} | {row.peak_mb():.0f} | {ratio} |")
    return "\n".join(lines) + "\n\nMedian of the runs; the peak is the largest of them.\n"


def agreement(rows):
    results = {row.name: said(row.runs[0])[:2] for row in rows.values() if row.ran()}
    if len({json.dumps(result) for result in results.values()}) == 1:
        shape, total = next(iter(results.values()))
        return f"All read {shape} voxels, [z, y, x], whose sum is {total:.0f}."
    listed = "\n".join(f"  {name}: {result}" for name, result in results.items())
    sys.exit(f"error: the readers disagree\n{listed}")


if __name__ == "__main__":
    main()
