#!/usr/bin/env python3
"""Kills a cell at every single rename, removal and flush to disk that it makes, and starts it again.

    python3 scripts/kill_points.py HDBENCH [--every 1 [--from 0]]

HDBENCH is the binary; strace puts a SIGKILL into the cell's process at the N-th of these system calls, for every N. After
each kill: the newest whole checkpoint is as far as after the kill before it, finished predictions are those that the next
start ends with (not made again), and that start ends with the bytes of a cell that was let alone, with nothing left over.
About 2 minutes on two cores. Exit code 77 where strace is not there, or may not trace.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kill_test import contents

CALLS = "rename,renameat,renameat2,unlink,unlinkat,rmdir,fsync,fdatasync"
CELL = "unet/fold_0/seed_0"
SETTINGS = ["--variant", "unet", "--set", "coarse_iterations=4", "--set", "iterations=6", "--checkpoint-iterations", "2"]


def traced(binary, run, options, log):
    return subprocess.run(["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={CALLS}", *options, binary, "cell", "run",
                           str(run), CELL], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def furthest(cell):
    """Iterations of the newest checkpoint that is whole, as its own seal says."""
    found = 0
    for folder in (cell / "checkpoints").glob("[!.]*"):
        try:
            sealed = json.loads((folder / "checkpoint.json").read_text())
            whole = all((folder / name).stat().st_size == file["bytes"] for name, file in sealed["files"].items())
            found = max(found, sealed["checkpoint"]["iteration"] if whole else 0)
        except (OSError, ValueError, KeyError):
            pass
    return found


def record(cell):
    try:
        return json.loads((cell / "state.json").read_text())
    except OSError:
        return {"stages": {}}


def predicted(cell):
    """Finished predictions and when they were written."""
    try:
        made = json.loads((cell / "predictions" / "made.json").read_text())
    except OSError:
        return {}
    return {name: (cell / "predictions" / f"{name}.nii.gz").stat().st_mtime_ns for name in made["files"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--every", type=int, default=1, help="only every Nth of the calls")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of these, modulo N")
    options = parser.parse_args()
    binary = str(Path(options.binary).resolve())
    if shutil.which("strace") is None:
        print("strace is not installed: no kills at single system calls")
        sys.exit(77)
    work = Path(tempfile.mkdtemp(prefix="hdbench-kill-points-"))
    data, base, log = work / "phantoms", work / "base", work / "calls"
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([binary, "datasets", "synth", "--layout", "lits", "--cases", "10", "--seed", "3", "--out", str(data)],
                   **quiet)
    # What the cell needs is finished before.
    subprocess.run([binary, "ablation", "--data", str(data), *SETTINGS, "--only", "_coarse/*", "--out", str(base)], **quiet)
    shutil.rmtree(base / CELL, ignore_errors=True)
    whole = work / "whole"
    shutil.copytree(base, whole)
    alone = traced(binary, whole, [], log)
    if "ptrace" in alone.stderr:
        print(f"strace may not trace here: no kills at single system calls ({alone.stderr.strip()})")
        sys.exit(77)
    if alone.returncode != 0:
        sys.exit(f"the cell that was let alone failed: {alone.stderr}")
    # strace counts every call of every thread for itself.
    counts = {}
    for line in log.read_text().splitlines():
        thread, rest = line.split(maxsplit=1)
        key = (thread, rest.split("(")[0])
        counts[key] = counts.get(key, 0) + 1
    most = {}
    for (_, name), count in counts.items():
        most[name] = max(count, most.get(name, 0))
    points = [(name, number) for name, count in sorted(most.items()) for number in range(1, count + 1)]
    expected = contents(whole)
    began = time.monotonic()

    def tried(number_of_point):
        """What came of a kill: whether it was one, the iteration of the newest checkpoint where the training had not ended, and
        faults."""
        name, number = chosen[number_of_point]
        run, call = work / f"run-{number_of_point}", f"{name} {number}"
        shutil.copytree(base, run)
        cell = run / CELL
        dead = traced(binary, run, ["-e", f"inject={name}:signal=SIGKILL:when={number}"], work / f"calls-{number_of_point}")
        if dead.returncode == 0:
            shutil.rmtree(run)
            return False, None, [f"{call}: was not killed"]
        now = furthest(cell) if "train" not in record(cell)["stages"] else None
        faults = []
        finished = predicted(cell)
        again = subprocess.run([binary, "cell", "run", str(run), CELL], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
        if again.returncode != 0:
            faults.append(f"{call}: the next start ended with {again.returncode}: {again.stderr}")
        else:
            remade = [name for name, written in finished.items() if predicted(cell).get(name) != written]
            found = contents(run)
            different = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
            left = [str(path.relative_to(run)) for path in cell.rglob("*") if ".hdbench-" in path.name]
            for what, names in (("predicted again", remade), ("differ", different), ("left over", left)):
                if names:
                    faults.append(f"{call}: {what}: {', '.join(names)}")
        shutil.rmtree(run)
        return True, now, faults

    chosen = points[options.first % options.every :: options.every]
    # A cell of one thread leaves the other cores alone.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        came = list(pool.map(tried, range(len(chosen))))
    kills, furthest_before, faults = 0, {}, []
    for (name, number), (killed, now, found) in zip(chosen, came):
        kills += killed
        faults += found
        if now is not None:
            # Of the same call, a later one is later in time.
            before = furthest_before.get(name, 0)
            if now < before:
                faults.append(f"{name} {number}: the newest whole checkpoint is of iteration {now}, was {before}")
            furthest_before[name] = max(before, now)
    print(f"{kills} kills at {len(points)} renames, removals and flushes of a cell, {time.monotonic() - began:.0f} s; "
          f"{len(expected)} files compared each time, {len(faults)} faults")
    for fault in faults[:20]:
        print(f"FAULT: {fault}")
    if faults:
        print(f"kept: {work}")
        sys.exit(1)
    shutil.rmtree(work)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    main()
