#!/usr/bin/env python3
"""Verifies hdbench's networks against PyTorch: each is built a second time from its description,
in PyTorch, and both run the same weights on the same patch.

    python3 scripts/verify_against_pytorch.py                  every network at the paper's size
    python3 scripts/verify_against_pytorch.py --scale demo     the small ones, in minutes
    python3 scripts/verify_against_pytorch.py --only unet      one of them

Needs Python 3.11 or later and pip; installs PyTorch, torchvision and timm from PyPI into an
environment of their own (some 7 GB). Exits with 1 where a deviation is 1e-4 or more. The table goes to
standard output, as Markdown.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import environment

PACKAGES = ["torch==2.9.0", "torchvision==0.24.0", "timm==1.0.31", "safetensors==0.8.0",
            "numpy==2.4.6"]
ROOT = Path(__file__).resolve().parent.parent
PARTS = ["denseunet3d", "unet", "resnet", "denseunet2d", "densenet2d", "hdenseunet", "_encoder",
         "_coarse"]
# The others do not depend on what the recipes differ in.
BOTH_RECIPES = ["denseunet2d", "densenet2d", "denseunet3d", "hdenseunet"]
# Fields on which both recipes agree, or that go together in them, one by one.
CHANGED = [
    ("hdenseunet", "paper", ("slice_border=zero", "encoder_final_norm=false", "upsampling=nearest",
                             'hybrid_input={kind="probabilities",factor=100.0}')),
    ("hdenseunet", "paper", ("fusion_order=conv-first",)),
    ("denseunet2d", "released", ("decoder_order=norm-first", "skips_2d=false")),
    ("denseunet3d", "paper", ("classifier_norm=false", "encoder_norm_epsilon=0.01")),
]


def options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hdbench", type=Path,
                        help="the binary (default: built by cargo, target/release/hdbench)")
    parser.add_argument("--scale", choices=["demo", "quick", "full"], default="full",
                        help="the networks' size (default: full)")
    parser.add_argument("--only", metavar="NAME", choices=[*PARTS, "densenet161"],
                        help=f"one of {', '.join(PARTS)} or densenet161")
    parser.add_argument("--seed", type=int, default=0, help="of weights and patches (default: 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every parameter's deviations")
    parser.add_argument("--venv", type=Path, metavar="DIR", help="where PyTorch is installed "
                        "(default: the user's cache folder)")
    return parser.parse_args()


def main():
    chosen = options()
    python = environment.python("pytorch", PACKAGES, chosen.venv)
    if Path(sys.prefix).resolve() != python.parent.parent.resolve():
        os.execv(python, [str(python), *sys.argv])
    hdbench = chosen.hdbench or build()

    from pytorch import densenet161, verify

    records = []
    with tempfile.TemporaryDirectory(prefix="hdbench-pytorch-") as folder:
        folder = Path(folder)
        print(verify.HEAD, flush=True)
        for part in PARTS if chosen.only is None else [chosen.only]:
            if part == "densenet161":
                continue
            for recipe in ["paper", "released"] if part in BOTH_RECIPES else ["paper"]:
                network = verify.Setup(hdbench, part, recipe, chosen.scale, chosen.seed)
                for record in verify.network(network, folder):
                    records.append(record)
                    print(verify.row(record), flush=True)
        for part, recipe, changes in CHANGED:
            # What a field does, it does at every size.
            if chosen.only in (None, part):
                network = verify.Setup(hdbench, part, recipe, "demo", chosen.seed, changes)
                for record in verify.network(network, folder):
                    record["recipe"] += " with " + ", ".join(changes)
                    records.append(record)
                    print(verify.row(record), flush=True)
        print(verify.LEGEND)
        if chosen.only in (None, "densenet161"):
            print(densenet161.HEAD, flush=True)
            for record in densenet161.verify(hdbench, folder, chosen.seed):
                records.append(record)
                print(densenet161.row(record), flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(records, indent=1) + "\n")
    bad = [f"{r['network']} {r['recipe']} {r['mode']}: {r['worst']:.1e}" for r in records
           if not r["worst"] < verify.LIMIT]
    print(f"\n{len(records)} comparisons, largest deviation {max(r['worst'] for r in records):.1e}.")
    if bad:
        sys.exit("error: not below 1e-4: " + "; ".join(bad))


def build():
    command = ["cargo", "build", "--release", "--message-format=json-render-diagnostics"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("error: cargo did not build hdbench")
    built = [json.loads(line).get("executable") for line in done.stdout.splitlines()]
    return Path([program for program in built if program][-1])


if __name__ == "__main__":
    main()
