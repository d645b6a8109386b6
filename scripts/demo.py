#!/usr/bin/env python3
"""The demo, timed and held against what it promises: `scripts/demo.py [SEED ...]` (default 1 2 3).

For each seed a fresh `hdbench ablation` and a second start of it. Prints every row and the
promises; exits with 1 where one is broken. Needs Python's standard library alone. Six minutes a
seed, at most, on two idle cores.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIRST_START_S, SECOND_START_S = 360, 15
EVERY_LIVER, BEST_LIVER, BEST_LESION, LESION_CASES = 0.70, 0.90, 0.50, 6


def built():
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    metadata = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    told = subprocess.run(metadata, cwd=ROOT, check=True, capture_output=True, text=True)
    return pathlib.Path(json.loads(told.stdout)["target_directory"]) / "release" / "hdbench"


def example(name):
    """An example, built."""
    command = ["cargo", "build", "--release", "--quiet", "--example", name]
    subprocess.run(command, cwd=ROOT, check=True)
    return built().parent / "examples" / name


def start(binary, verb, seed, run):
    began = time.monotonic()
    command = [str(binary), verb, "--seed", str(seed), "--out", str(run)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def earned(run):
    """What a second start must not touch, with the times of its last change."""
    kinds = ("model.safetensors", "losses.csv", "metrics_long.csv", "*.nii.gz")
    return {path: path.stat().st_mtime_ns for kind in kinds for path in run.rglob(kind)}


def report_table(run, name):
    """The column keys and the rows of a table of the report."""
    report = json.loads((run / "report" / "report.json").read_text())
    table = next(table for table in report["tables"] if table["id"] == name)
    return [column["key"] for column in table["columns"]], table["rows"]


def training_ratios(run):
    """Loss of a stage's last tenth over that of its first, as a part of what it may be, of every stage."""
    keys, rows = report_table(run, "training")
    for row in rows:
        cells = dict(zip(keys, row["cells"]))
        name = f"{row['variant']} {cells['stage']['text']['text']}"
        yield name, cells["loss_ratio"]["number"]["value"] / cells["limit"]["number"]["value"]


def told(promises):
    """Prints what was promised; whether all of it holds."""
    print()
    for text, holds in promises:
        print(f"- {'ok' if holds else 'BROKEN'}: {text}", flush=True)
    return all(holds for _, holds in promises)


def check(binary, seed, folder):
    run = folder / f"seed-{seed}"
    first = start(binary, "ablation", seed, run)
    before = earned(run)
    second = start(binary, "ablation", seed, run)
    promises = [
        (f"first start {first:.0f} s, at most {FIRST_START_S}", first <= FIRST_START_S),
        (f"second start {second:.1f} s, at most {SECOND_START_S}", second <= SECOND_START_S),
        ("second start redoes nothing", before == earned(run) and len(before) > 0),
    ]
    rows = json.loads((run / "report" / "report.json").read_text())["content"]["rows"]
    print(f"\n## seed {seed}\n\n| network | liver Dice per case | lesion Dice, cases with lesions |")
    print("| :--- | ---: | ---: |")
    for row in rows:
        liver, lesion = (row["scores"][key] for key in ("liver_dice_per_case", "lesion_dice_with_lesions"))
        print(
            f"| {row['title']} | {liver['mean']:.3f} ± {liver['sd']:.3f} (N = {liver['n']}) "
            f"| {lesion['mean']:.3f} ± {lesion['sd']:.3f} (N = {lesion['n']}) |"
        )
    livers = [row["scores"]["liver_dice_per_case"]["mean"] for row in rows]
    lesions = [row["scores"]["lesion_dice_with_lesions"] for row in rows]
    best = max(lesions, key=lambda score: score["mean"])
    ratios = dict(training_ratios(run))
    worst = max(ratios, key=ratios.get)
    promises += [
        (f"all 7 networks scored: {len(rows)}", len(rows) == 7),
        (f"worst stage {worst}: {ratios[worst]:.2f} of the ratio up to which it learned", ratios[worst] <= 1),
        (f"lowest liver Dice {min(livers):.3f}, at least {EVERY_LIVER}", min(livers) >= EVERY_LIVER),
        (f"best liver Dice {max(livers):.3f}, at least {BEST_LIVER}", max(livers) >= BEST_LIVER),
        (
            f"best lesion Dice {best['mean']:.3f} over {best['n']} cases, "
            f"at least {BEST_LESION} over {LESION_CASES}",
            best["mean"] >= BEST_LESION and best["n"] >= LESION_CASES,
        ),
    ]
    return told(promises)


def main():
    seeds = [int(seed) for seed in sys.argv[1:]] or [1, 2, 3]
    binary = built()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hdbench-demo-"))
    try:
        held = [check(binary, seed, folder) for seed in seeds]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
