#!/usr/bin/env python3
"""Training steps and answers of hdbench's networks against PyTorch's on the same cores, side by side in one run:
seconds, and the highest resident memory of the process. Both run the same network on noise of the same shape, with the
same loss and optimiser, in a process of their own, one after the other, in turn. Of the two networks that predict a
case of 512 x 512 x 300 voxels answers alone, and from these, for each side, how long the case's slices and windows would
take: their numbers are those of `hdbench model cost`.

    python3 scripts/bench_training.py                      every setting, one and two threads
    python3 scripts/bench_training.py --only full --threads 2 --rounds 1
    python3 scripts/bench_training.py --only unet-demo

Needs Python 3.11 or later and pip; installs PyTorch from PyPI into an environment of its own (some 7 GB). The tables go to
standard output, as Markdown. Nothing else should run on the machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import environment

# Those of verify_against_pytorch.py: one environment serves both.
PACKAGES = ["torch==2.9.0", "torchvision==0.24.0", "timm==1.0.31", "safetensors==0.8.0", "numpy==2.4.6"]
ROOT = Path(__file__).resolve().parent.parent
# Name, part, scale, batch and plane where they are not the scale's, how many of them a case of 512 x 512 x 300 has where
# answers alone are timed.
SETTINGS = [
    ("denseunet2d-full", "denseunet2d", "full", 1, 224),
    ("denseunet3d-full", "denseunet3d", "full", 1, 224),
    ("unet-demo", "unet", "demo", None, None),
    ("resnet-demo", "resnet", "demo", None, None),
    ("denseunet2d-demo", "denseunet2d", "demo", None, None),
    ("denseunet3d-demo", "denseunet3d", "demo", None, None),
    ("hdenseunet-demo", "hdenseunet", "demo", None, None),
    ("coarse-full", "_coarse", "full", 1, None),
    ("coarse-slice-full", "_coarse", "full", 1, 592, 570),
    ("hdenseunet-full", "hdenseunet", "full", 1, 224, 228),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hdbench", type=Path, help="the binary (default: built by cargo)")
    parser.add_argument("--device", default="flex", help="hdbench's (default: flex)")
    parser.add_argument("--only", metavar="WORD", help="settings with this word in their names: "
                        + ", ".join(name for name, *_ in SETTINGS))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3, help="turns of both (default: 3)")
    parser.add_argument("--repeats", type=int, help="steps a turn (default: 3 at scale full, 20 at demo, 1 of a case's pieces)")
    parser.add_argument("--venv", type=Path, metavar="DIR", help="where PyTorch is installed")
    chosen = parser.parse_args()
    python = environment.python("pytorch", PACKAGES, chosen.venv)
    binary = str((chosen.hdbench or build()).resolve())
    rows = []
    case = {}
    for name, *setting in SETTINGS:
        if chosen.only is None or chosen.only in name:
            for threads in chosen.threads:
                shape, *sides = measure(binary, python, chosen, setting, threads)
                rows.append((name, threads, shape, *sides))
                for pieces in setting[4:]:
                    case.setdefault(threads, []).append(
                        [pieces * statistics.median(side["answer_seconds"]) for side in sides])
                done = [f"{kind} {' and '.join(f'{statistics.median(side[kind]):.4f} s' for side in sides)}"
                        for kind in ("step_seconds", "answer_seconds") if sides[0][kind]]
                print(f"{name}, {threads} threads: {', '.join(done)}", file=sys.stderr)
    for kind, title in (("step", "Training step, optimiser included"), ("answer", "Answer, without gradients")):
        print(f"\n{title}\n\n| network | patch | threads | hdbench ms | PyTorch ms | ratio |", end="")
        print(" hdbench MB | PyTorch MB | ratio |" if kind == "step" else "")
        print("|---|---|---:|---:|---:|---:|" + ("---:|---:|---:|" if kind == "step" else ""))
        for name, threads, shape, ours, theirs in rows:
            if not ours[f"{kind}_seconds"]:
                continue
            mine, peer = (1000 * statistics.median(side[f"{kind}_seconds"]) for side in (ours, theirs))
            line = f"| {name} | {shape} | {threads} | {mine:.1f} | {peer:.1f} | {mine / peer:.2f} |"
            if kind == "step":
                a, b = ours["step_memory_mb"], theirs["step_memory_mb"]
                line += f" {a:.0f} | {b:.0f} | {a / b:.2f} |"
            print(line)
    for threads, stages in case.items():
        if len(stages) == 2:
            mine, peer = (sum(stage[side] for stage in stages) for side in (0, 1))
            print(f"\nA case of 512 x 512 x 300, reckoned, {threads} threads: hdbench {mine:.0f} s, PyTorch {peer:.0f} s, "
                  f"ratio {mine / peer:.2f}")
    print(f"\nLoad at the end: {os.getloadavg()[0]:.1f}.")


def build():
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], check=True, cwd=ROOT)
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--locked"]
    told = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    return Path(json.loads(told.stdout)["target_directory"]) / "release" / "hdbench"


def measure(binary, python, chosen, setting, threads):
    part, scale, batch, plane, *pieces = setting
    repeats = chosen.repeats or (20 if scale == "demo" else 1 if pieces else 3)
    command = [binary, "model", "measure", part, "--scale", scale, "--threads", str(threads), "--repeats", str(repeats),
               "--device", chosen.device, "--json"]
    command += ["--forward-only"] if pieces else []
    for flag, value in (("--batch", batch), ("--plane", plane)):
        command += [flag, str(value)] if value else []
    sides = ({"step_seconds": [], "answer_seconds": []}, {"step_seconds": [], "answer_seconds": []})
    with tempfile.TemporaryDirectory(prefix="hdbench-steps-") as folder:
        model = Path(folder) / "model"
        init = [binary, "model", "init", part, "--scale", scale, "--out", str(model)]
        subprocess.run(init, check=True, capture_output=True)
        for _ in range(chosen.rounds):
            ours = json.loads(run(command))["measured"]
            asked = {"part": part, "model": str(model / "model.toml"), "input": ours["input"], "threads": threads,
                     "repeats": repeats, "steps": not pieces}
            theirs = json.loads(run([str(python), "-m", "pytorch.steps"], json.dumps(asked)))
            for side, found in zip(sides, (ours, theirs)):
                for kind in ("step_seconds", "answer_seconds"):
                    side[kind] += found[kind]
                side["step_memory_mb"] = max(side.get("step_memory_mb", 0), found["step_memory_mb"] or 0)
    n, _, *size = ours["input"]
    return f"{n} x {' x '.join(map(str, size))}", *sides


def run(command, given=None):
    done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=ROOT / "scripts")
    if done.returncode:
        sys.exit(f"error: {' '.join(command)}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
