"""Peak memory of `hdbench evaluate`: one long pair, and many pairs in a row."""

import os
import sys
from pathlib import Path

import measure

HERE = Path(__file__).resolve().parent

LONG = (512, 512, 1000)
GOAL_MB = 1200
# As long as the public part of LiTS; the pairs are links to one another.
SMALL = (256, 256, 150)
FEW, MANY = 20, 131


def show(hdbench, python, folder):
    print(measure.machine(measure.usable_cores(2)) + ".\n")
    print("| cases | profile | wall s | CPU s | peak MB |")
    print("|---|---|---:|---:|---:|")
    long = make(python, folder / "long", LONG)
    peaks = {}
    for profile in ("strict", "lits"):
        pair = long / "pred.nii.gz", long / "ref.nii.gz"
        peaks["long", profile] = line(hdbench, f"one of {' x '.join(map(str, LONG))}", profile, *pair)
    small = make(python, folder / "small", SMALL)
    for profile in ("strict", "lits"):
        for count in (FEW, MANY):
            pair = many(small, folder / f"{count}", count)
            name = f"{count} of {' x '.join(map(str, SMALL))}"
            peaks[count, profile] = line(hdbench, name, profile, *pair)
    print()
    for profile in ("strict", "lits"):
        peak, few, more = (peaks[key, profile] for key in ("long", FEW, MANY))
        if None not in (peak, few, more):
            print(f"`{profile}`: {peak:.0f} MB for the long pair, goal under {GOAL_MB}: "
                  f"{'met' if peak < GOAL_MB else 'missed'}; {MANY} cases take {more / few - 1:+.0%} "
                  f"against {FEW}.")


def make(python, folder, shape):
    made = measure.run([python, HERE / "pair.py", folder, "--shape", *shape])
    if made.code:
        sys.exit(f"error: the pair was not made\n{made.errors}")
    return folder


def many(pair, folder, count):
    """Two folders of `count` hard links each, named as in LiTS."""
    for side in ("pred", "ref"):
        (folder / side).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            link = folder / side / f"segmentation-{number}.nii.gz"
            if not link.exists():
                os.link(pair / f"{side}.nii.gz", link)
    return folder / "pred", folder / "ref"


def line(hdbench, name, profile, pred, ref):
    out = pred.parent / f"out-{profile}"
    done = measure.run([hdbench, "evaluate", "--pred", pred, "--ref", ref, "--out", out,
                        "--profile", profile], measure.usable_cores(2))
    if done.code:
        print(f"| {name} | {profile} | failed with exit code {done.code} | | |", flush=True)
        print(done.errors, file=sys.stderr)
        return None
    print(f"| {name} | {profile} | {done.wall:.2f} | {done.cpu:.2f} | {done.peak_mb:.0f} |", flush=True)
    return done.peak_mb
