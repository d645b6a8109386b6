#!/usr/bin/env python3
"""Measures `hdbench analyze` on a table of 10,000 cases, 20 metrics and 10 algorithms: two million rows.

    python3 scripts/bench_analysis.py [CASES]

Writes the table (about 170 MB) into a temporary folder; needs Python's standard library alone. Prints wall time,
CPU time and peak memory, and exits with 1 above 20 s or 2 GB.
"""

import random
import shutil
import sys
import tempfile
from pathlib import Path

from demo import built

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

import measure  # noqa: E402

SECONDS, MEGABYTES = 20, 2000
ALGORITHMS = 10
METRICS = ["dice", "jaccard", "voe", "rvd", "precision", "recall", "specificity", "assd", "masd_18n", "rmsd", "msd",
           "hd95", "hd95_max_18n", "nsd_1mm", "nsd_2mm", "nsd_3mm", "nsd_5mm", "hd95_surfel", "volume_ref_ml",
           "detection_recall_iou_gt_0"]


def write(path, cases):
    drawn = random.Random(1)
    with open(path, "w") as out:
        out.write("task,algorithm,fold,seed,case,label,metric,metric_version,value,raw_value,policy\n")
        for algorithm in range(ALGORITHMS):
            for case in range(cases):
                ease = random.Random(case).random()
                for metric in METRICS:
                    value = round(0.6 * ease + 0.3 * drawn.random() + 0.002 * algorithm, 6)
                    if metric == "volume_ref_ml":
                        value = round(1 + 200 * ease ** 4, 6)
                    out.write(f"lits,net-{algorithm},0,0,volume-{case},lesion,{metric},1,{value},{value},strict\n")


def main():
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    binary = built()
    folder = Path(tempfile.mkdtemp(prefix="hdbench-analysis-"))
    try:
        table = folder / "metrics_long.csv"
        write(table, cases)
        cores = measure.usable_cores(2)
        print(measure.machine(cores) + ".\n")
        command = [binary, "analyze", table, "--metric", "all", "--out", folder / "out"]
        done = measure.run(command, cores)
        if done.code:
            sys.exit(f"error: {done.errors}")
        rows = ALGORITHMS * cases * len(METRICS)
        print("| rows | wall s | CPU s | peak MB |\n| ---: | ---: | ---: | ---: |")
        print(f"| {rows:,} | {done.wall:.1f} | {done.cpu:.1f} | {done.peak_mb:.0f} |")
        sys.exit(0 if done.wall < SECONDS and done.peak_mb < MEGABYTES else 1)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
