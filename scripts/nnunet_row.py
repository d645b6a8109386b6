#!/usr/bin/env python3
"""nnU-Net as a row beside networks of ours, on the demo's phantoms: trained, run, checked, measured and scored.

    python3 scripts/nnunet_row.py                      a U-Net and a 2D DenseUNet beside it
    python3 scripts/nnunet_row.py --hdbench FILE       by a binary that is built already
    python3 scripts/nnunet_row.py --variant hdenseunet --seed 2 --out runs/nnunet-row/seed-2

The row is examples/nnunet/nnunet.toml. Prints Dice, times and memory of every row, where the page is, and what was
promised; exits with 1 where that is broken. Half an hour on two idle cores; what was stopped goes on with the same
command, nnU-Net's training from its beginning. Installs nnU-Net and PyTorch from PyPI into runs/nnunet-row/venv, once: some
2.5 GB to download and 6.3 GB on disk, since PyPI's PyTorch for x86_64 Linux does not load without CUDA's libraries.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

import environment
from demo import built, earned, told

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "runs" / "nnunet-row"
ALGORITHMS = ROOT / "examples" / "nnunet" / "nnunet.toml"
# The last two decide what the network and its augmentation are.
PACKAGES = ["nnunetv2==2.8.1", "torch==2.15.0", "dynamic-network-architectures==0.4.4", "batchgeneratorsv2==0.3.6"]
ROW = "nnunet"
LIVER, SECOND_START_S = 0.80, 15


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hdbench", type=pathlib.Path, metavar="FILE", help="the binary (default: built by cargo)")
    parser.add_argument("--out", type=pathlib.Path, metavar="RUN", default=FOLDER / "study", help="the study's folder")
    parser.add_argument("--venv", type=pathlib.Path, metavar="DIR", default=FOLDER / "venv", help="where nnU-Net is installed")
    parser.add_argument("--seed", type=int, default=1, help="of the phantoms and of our networks (default: 1)")
    parser.add_argument("--variant", action="append", metavar="NAME",
                        help="a network of ours beside it (default: unet and denseunet2d)")
    return parser.parse_args()


def start(binary, python, chosen):
    """The study, or what is left of it: one cell at a time, each on two threads. How long it took, s."""
    command = [binary, "ablation", "--out", chosen.out, "--seed", chosen.seed, "--threads", 2, "--jobs", 1]
    command += ["--algorithms", ALGORITHMS]
    for variant in chosen.variant or ["unet", "denseunet2d"]:
        command += ["--variant", variant]
    # The row's commands are those of its environment.
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    began = time.monotonic()
    done = subprocess.run([str(word) for word in command], env={**os.environ, "PATH": path})
    if done.returncode:
        sys.exit(done.returncode)
    return time.monotonic() - began


def training_seconds(run, row):
    """From nothing to the end: of ours with what they start from, as the report has it; of nnU-Net by its cell."""
    if row["variant"] != ROW:
        return 3600 * row["cost"]["hours_to_end"]
    stages = json.loads((run / ROW / "fold_0" / "seed_0" / "state.json").read_text())["stages"]
    return stages["train"]["seconds"]


def print_table(run, rows):
    print("| network | liver Dice per case | lesion Dice per case | lesion Dice global | training, s | prediction of a case, s "
          "| peak memory, MB |\n| :--- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        liver, lesion, pooled = (row["scores"][name] for name in
                                 ("liver_dice_per_case", "lesion_dice_with_lesions", "lesion_dice_global"))
        cost = row["cost"]
        print(f"| {row['title']} | {spread(liver)} | {spread(lesion)} | {pooled['mean']:.3f} | {training_seconds(run, row):.0f} "
              f"| {cost['prediction_seconds']:.2f} | {cost['peak_memory_mb']:.0f} |")


def spread(score):
    return f"{score['mean']:.3f} ± {score['sd']:.3f} (N = {score['n']})"


def main():
    chosen = options()
    binary = chosen.hdbench.resolve() if chosen.hdbench else built()
    python = environment.python("nnunet-row", PACKAGES, chosen.venv.absolute())
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    first = start(binary, python, chosen)
    before = earned(chosen.out)
    second = start(binary, python, chosen)
    report = chosen.out / "report"
    rows = json.loads((report / "report.json").read_text())["content"]["rows"]
    print_table(chosen.out, rows)
    print(f"\nThis start took {first:.0f} s. The page: {report / 'index.html'}")
    by_name = {row["variant"]: row["scores"]["liver_dice_per_case"] for row in rows}
    tested = {score["n"] for score in by_name.values()}
    sys.exit(0 if told([
        (f"every row is over the same number of cases: {', '.join(map(str, sorted(tested)))}", len(tested) == 1),
        (f"nnU-Net's liver Dice {by_name[ROW]['mean']:.3f}, at least {LIVER}", by_name[ROW]["mean"] >= LIVER),
        (f"a second start redoes nothing, in {second:.1f} s, at most {SECOND_START_S}",
         before == earned(chosen.out) and len(before) > 0 and second <= SECOND_START_S),
    ]) else 1)


if __name__ == "__main__":
    main()
