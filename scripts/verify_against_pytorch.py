#!/usr/bin/env python3
"""Proves that our networks compute what PyTorch's do: builds each of them in PyTorch from its
description and from our saved weights, runs the same patch through both, and compares logits, loss,
every parameter's gradient, and all tensors after one step.

    scripts/verify_against_pytorch.py [--only denseunet2d] [--scale demo] [--json figures.json]

A figure is max|ours - theirs| / max|theirs|. Goal: below 1e-4 in f32, against PyTorch in f32 and in
f64; exit code 1 where one is not. Where a gradient vanishes (a bias before a batch norm in
training), it is compared with the largest gradient of its layer. Running variances are compared
with the batch's biased variance, as Burn keeps it; PyTorch's own is n / (n - 1) times that.

DenseNet-161: torchvision's and timm's own models with random weights, through files of the old and
the new pickle format and safetensors, against the features of our encoder.

Makes its own virtual environment in the user's cache folder (PyTorch: several GB).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import environment

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = [
    "torch==2.9.0",
    "torchvision==0.24.0",
    "timm==1.0.31",
    "safetensors==0.8.0",
    "numpy==2.4.6",
]
GOAL = 1e-4

PAPER = ["denseunet2d", "densenet2d", "denseunet3d", "hdenseunet", "unet", "resnet", "_coarse",
         "_encoder"]
RELEASED = ["denseunet2d", "densenet2d", "denseunet3d", "hdenseunet"]
# [n, slices, y, x] of a patch.
SLICES = {"resnet": 5, "_coarse": 5}
VOLUMES = {"denseunet3d", "hdenseunet"}


def options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hdbench", type=Path, help="the binary (default: built here)")
    parser.add_argument("--scale", choices=["demo", "quick", "full"], default="full")
    parser.add_argument("--only", metavar="PART", action="append",
                        help="a network, or densenet161; may be repeated")
    parser.add_argument("--device", default="flex", help="where hdbench computes")
    parser.add_argument("--plane", type=int, default=96, help="in-plane size, a multiple of 32")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="every figure of every parameter")
    return parser.parse_args()


def main():
    chosen = options()
    if not chosen.hdbench:
        subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        chosen.hdbench = target / "release" / "hdbench"
    if os.environ.get("HDBENCH_PYTORCH") != "1":
        python = environment.python("pytorch", PACKAGES)
        again = [python, __file__, *sys.argv[1:], "--hdbench", chosen.hdbench.resolve()]
        sys.exit(subprocess.run(again, env=os.environ | {"HDBENCH_PYTORCH": "1"}).returncode)
    from pytorch import verify

    wanted = [("paper", part) for part in PAPER] + [("released", part) for part in RELEASED]
    wanted = [(r, p) for r, p in wanted if not chosen.only or p in chosen.only]
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        program = verify.Program(chosen.hdbench, Path(folder), chosen.device)
        print(verify.HEAD)
        for recipe, part in wanted:
            depth = 8 if chosen.scale == "demo" or recipe == "released" else 12
            slices = depth if part in VOLUMES else SLICES.get(part, 3)
            shape = [1 if part in VOLUMES else 2, slices, chosen.plane, chosen.plane]
            for training in False, True:
                found = verify.network(program, part, recipe, chosen.scale, shape, training,
                                       chosen.seed)
                print(found.line(), flush=True)
                figures.append(found)
        if not chosen.only or "densenet161" in chosen.only:
            for found in verify.densenet161(program, chosen.plane, chosen.seed):
                print(found.line(), flush=True)
                figures.append(found)
    if chosen.json:
        chosen.json.write_text(json.dumps([found.record() for found in figures], indent=1) + "\n")
    worst = max(found.worst() for found in figures)
    print(f"\nworst figure {worst:.1e}, goal below {GOAL:.0e}")
    if not worst < GOAL:
        sys.exit(1)


if __name__ == "__main__":
    main()
