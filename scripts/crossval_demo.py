#!/usr/bin/env python3
"""The cross-validation without data, timed and held against what it promises.

`scripts/crossval_demo.py [SEED ...]` (default 1): for each seed a fresh `hdbench crossval` and a second
start of it. Prints both tables and the promises; exits with 1 where one is broken. Needs Python's
standard library alone. Ten minutes a seed, at most, on two idle cores.
"""

import pathlib
import shutil
import sys
import tempfile

from demo import built, earned, report_table, start, told

FIRST_START_S, SECOND_START_S = 600, 20
PATIENTS, TUMOUR_PATIENTS = 20, 15


def check(binary, seed, folder):
    run = folder / f"seed-{seed}"
    first = start(binary, "crossval", seed, run)
    before = earned(run)
    second = start(binary, "crossval", seed, run)
    promises = [
        (f"first start {first:.0f} s, at most {FIRST_START_S}", first <= FIRST_START_S),
        (f"second start {second:.1f} s, at most {SECOND_START_S}", second <= SECOND_START_S),
        ("a second start leaves weights, losses, predictions and scores alone", earned(run) == before),
    ]
    dice = {}
    for table, metric in [("tumour", "lesion_dice_with_lesions"), ("liver", "liver_dice_per_case")]:
        print(f"\n{table}, seed {seed}")
        keys, rows = report_table(run, table)
        own = [row for row in rows if "published" not in str(row["cells"][1])]
        for row in own:
            cells = dict(zip(keys, row["cells"]))
            number = cells[metric]["number"]
            name = cells["network"]["text"]["text"]
            dice[table, name] = number["value"]
            spread = f"{100 * number['value']:.1f} ± {100 * number['sd']:.1f}"
            print(f"  {name:35} Dice {spread:>12} %, N = {number['n']}")
            promises.append((f"{table}: {name} is over {TUMOUR_PATIENTS} patients", number["n"] == TUMOUR_PATIENTS))
        promises.append((f"{table}: published rows stand beside", len(rows) > len(own)))
    _, leaks = report_table(run, "leakage")
    promises.append((f"the audit finds {PATIENTS} patients in LiTS, {TUMOUR_PATIENTS} of them tested", len(leaks) == PATIENTS + TUMOUR_PATIENTS))
    return told(promises)


def main():
    seeds = [int(seed) for seed in sys.argv[1:]] or [1]
    binary = built()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hdbench-crossval-"))
    try:
        kept = [check(binary, seed, folder) for seed in seeds]
    finally:
        shutil.rmtree(folder)
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
