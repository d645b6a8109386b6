#!/usr/bin/env python3
"""What the harness costs over the bare training loop: a cell is run by `hdbench cell run` in a process of its own, and its
wall time is held against the seconds of its iterations alone, as losses.csv has them. What is left, in percent: start of the
process, reading and checking the inputs, random weights, checkpoints, saving the model, records, leases.

    python3 scripts/bench_harness.py HDBENCH [iterations]

HDBENCH is the binary. Two networks of scale demo, one after the other, at one thread.
"""

import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary = str(Path(sys.argv[1]).resolve())
    iterations = sys.argv[2] if len(sys.argv) > 2 else "2000"
    with tempfile.TemporaryDirectory(prefix="hdbench-overhead-") as folder:
        run = Path(folder) / "run"
        data = Path(folder) / "phantoms"
        quiet = {"check": True, "capture_output": True}
        subprocess.run([binary, "datasets", "synth", "--layout", "lits", "--cases", "36", "--seed", "1", "--out", str(data)], **quiet)
        start = [binary, "ablation", "--data", str(data), "--set", f"iterations={iterations}", "--out", str(run),
                 "--variant", "unet", "--variant", "denseunet2d-scratch"]
        # The cells that others need, and the cache.
        subprocess.run([*start, "--only", "_coarse/*"], **quiet)
        print("| network | iterations | wall s | iterations alone s | predictions and scores s | overhead |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |")
        for variant in ("unet", "denseunet2d-scratch"):
            began = time.monotonic()
            subprocess.run([binary, "cell", "run", str(run), f"{variant}/fold_0/seed_0"], **quiet)
            wall = time.monotonic() - began
            cell = run / variant / "fold_0" / "seed_0"
            with open(cell / "losses.csv") as file:
                rows = [float(row["seconds"]) for row in csv.DictReader(file)]
            stages = json.loads((cell / "state.json").read_text())["stages"]
            rest = stages["predict"]["seconds"] + stages["score"]["seconds"]
            over = wall - sum(rows) - rest
            print(f"| {variant} | {len(rows)} | {wall:.2f} | {sum(rows):.2f} | {rest:.2f} | {100 * over / sum(rows):.2f} % |")


if __name__ == "__main__":
    main()
