#!/usr/bin/env python3
"""Kills a tiny study of all seven networks and of two algorithms of a shell script at many random moments and compares
what it ends with, byte by byte, with one that was let alone.

    python3 scripts/kill_test.py HDBENCH [--kills 30] [--seed 1]

HDBENCH is the binary. Kills are SIGKILL: of the whole process group, of the starting process alone, or of one cell's
process. Afterwards: model weights, predictions, score tables, losses but for their seconds, and the report's tables and
plots are equal, and nothing is left over. About 3 minutes on two cores.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETTINGS = ["--set", "iterations=150", "--set", "encoder_iterations=60", "--set", "encoder_cases=3", "--set", "coarse_iterations=60",
            "--checkpoint-iterations", "10"]

SCRIPT = Path(__file__).resolve().parent.parent / "examples" / "threshold.sh"

# One is started once a case, the other once for all of them.
ALGORITHMS = f"""
[algorithm.by-case]
run = ["sh", "{SCRIPT}", "{{input}}/{{case}}.nii.gz", "{{output}}/{{case}}.nii.gz"]
per = "case"
labels = {{ 1 = "liver" }}

[algorithm.by-folder]
run = ["sh", "-c", 'for ct in "$1"/*; do sh "$0" "$ct" "$2/$(basename "$ct")" || exit; sleep 2.5; done', "{SCRIPT}", "{{input}}", "{{output}}"]
labels = {{ 1 = "liver" }}
"""

# What an algorithm's cases cost stands behind their scores.
COSTS = 5


def start(binary, data, out):
    # A group of its own: its cells die with it only where the group is killed.
    algorithms = data.parent / "algorithms.toml"
    algorithms.write_text(ALGORITHMS)
    return subprocess.Popen([binary, "ablation", "--data", str(data), *SETTINGS, "--algorithms", str(algorithms), "--out", str(out)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


def cells_of(parent):
    """Process numbers of a process' children."""
    found = []
    # Every thread has children of its own.
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            found += [int(pid) for pid in children.read_text().split()]
        except OSError:
            pass
    return found


def contents(run):
    """Everything that must be the same, by its name."""
    found = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if not path.is_file() or name.startswith(("cache/", "phantoms/")):
            continue
        if name.startswith("by-") and name.endswith("/cases.csv"):
            found[name] = b"\n".join(line.rsplit(b",", COSTS)[0] for line in path.read_bytes().splitlines())
        elif name.endswith(("model.safetensors", ".nii.gz", "metrics_long.csv", "cases.csv", "lesions.csv")):
            found[name] = path.read_bytes()
        elif name.endswith("losses.csv"):
            found[name] = b"\n".join(line.rsplit(b",", 1)[0] for line in path.read_bytes().splitlines())
        elif name.startswith("report/tables/") and not name.endswith(".tex"):
            # These three tell seconds; a fragment for LaTeX bears the report's fingerprint, and with it seconds too.
            if path.stem not in ("cost", "claims", "training"):
                found[name] = path.read_bytes()
        elif name.startswith("report/plots/") and "cost" not in name:
            found[name] = path.read_bytes()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    binary = str(Path(options.binary).resolve())
    work = Path(tempfile.mkdtemp(prefix="hdbench-kill-"))
    data = work / "phantoms"
    subprocess.run([binary, "datasets", "synth", "--layout", "lits", "--cases", "12", "--seed", "3", "--out", str(data)],
                   check=True, capture_output=True)
    whole = start(binary, data, work / "whole")
    if whole.wait() != 0:
        sys.exit(f"the study that was let alone failed: {whole.stderr.read().decode()}")
    kinds = {"group": 0, "starter": 0, "cell": 0}
    kills = restarts = 0
    began = time.monotonic()
    run = work / "killed"
    while True:
        process = start(binary, data, run)
        restarts += 1
        ended = False
        if kills < options.kills:
            time.sleep(rng.uniform(0.05, 3.0))
            ended = process.poll() is not None
            if not ended:
                kind = rng.choice(["group", "group", "starter", "cell"])
                children = cells_of(process.pid)
                if kind == "cell" and children:
                    os.kill(rng.choice(children), signal.SIGKILL)
                elif kind == "starter":
                    os.kill(process.pid, signal.SIGKILL)
                else:
                    kind = "group"
                    os.killpg(process.pid, signal.SIGKILL)
                kinds[kind] += 1
                kills += 1
        code = process.wait()
        if kind_left := cells_of(process.pid):
            sys.exit(f"children are left: {kind_left}")
        # Cells whose starter died stop by themselves at the next safe place.
        deadline = time.monotonic() + 30
        while subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True).returncode == 0:
            if time.monotonic() > deadline:
                sys.exit("cells outlive their starter")
            time.sleep(0.05)
        if code == 0 and (ended or kills >= options.kills):
            if kills < options.kills:
                # Done before enough kills: everything once more.
                shutil.rmtree(run)
                continue
            break
        if code not in (0, 4, -signal.SIGKILL):
            sys.exit(f"a start ended with {code}: {process.stderr.read().decode()}")
    left, right = contents(work / "whole"), contents(run)
    different = sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))
    rubbish = [path for path in run.rglob("*") if path.name.endswith(".tmp") or path.name.startswith(".tmp")]
    rubbish += [path for path in run.glob("by-*/*/*/*") if path.name in ("scratch", "scans")]
    if subprocess.run(["pgrep", "-f", str(SCRIPT)], capture_output=True).returncode == 0:
        sys.exit("an algorithm outlives its study")
    took = time.monotonic() - began
    print(f"{kills} kills ({', '.join(f'{n} of {kind}' for kind, n in kinds.items())}) in {restarts} starts, {took:.0f} s; "
          f"{len(left)} files compared, {len(different)} differ, {len(rubbish)} left over")
    for name in different[:10]:
        print(f"DIFFERS: {name}")
    for path in rubbish[:10]:
        print(f"LEFT OVER: {path}")
    if different or rubbish:
        print(f"kept: {work}")
        sys.exit(1)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
