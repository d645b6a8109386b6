#!/usr/bin/env python3
"""What it costs before training begins: finding, hashing, preprocessing and auditing a data set of life
size, on one core and on all, and again when it is cached.

    python3 scripts/bench_preparing.py [CASES ...]     (default: 4 8)

Makes phantoms of 512 x 512 pixels in a temporary folder (about 40 MB a case, and 220 MB of cache).
Needs Python's standard library alone. Three minutes.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from demo import built, example

TOLD = re.compile(r"(\d+) cases in ([\d.]+) s, peak (\d+) MB")


def prepare(program, data, run, threads):
    env = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    told = subprocess.run([program, data, run], env=env, check=True, capture_output=True, text=True)
    cases, seconds, peak = TOLD.search(told.stdout).groups()
    return int(cases), float(seconds), int(peak)


def main():
    counts = [int(count) for count in sys.argv[1:]] or [4, 8]
    cores = os.cpu_count()
    binary = built()
    program = example("prepare")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hdbench-preparing-"))
    try:
        print("| cases | start | s | peak MB |\n| ---: | :--- | ---: | ---: |")
        for count in counts:
            data = folder / f"data-{count}"
            made = [binary, "datasets", "synth", "--matrix", "512", "--cases", str(count), "--out", data]
            subprocess.run(made, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for name, threads, run in [
                ("first, 1 core", 1, "one"),
                (f"first, {cores} cores", cores, "all"),
                ("second", cores, "all"),
            ]:
                cases, seconds, peak = prepare(program, data, folder / f"{run}-{count}", threads)
                print(f"| {cases} | {name} | {seconds:.2f} | {peak} |", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
