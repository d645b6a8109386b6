#!/usr/bin/env python3
"""The demo, timed and held against what it promises: `scripts/demo.py [SEED ...]` (default 1 2 3).

For each seed a fresh `hdbench ablation` and a second start of it. Prints every row and the
promises; exits with 1 where one is broken. Needs Python's standard library alone. Six minutes a
seed, at most, on two idle cores.
"""

import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from random import Random

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


def spread(values):
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


def interval(differences, draws=10_000):
    """95 % of the means of resamples of the cases."""
    random = Random(1)
    means = sorted(statistics.mean(random.choices(differences, k=len(differences))) for _ in range(draws))
    return f"{means[draws // 40]:+.1f} to {means[-draws // 40 - 1]:+.1f}"


def together(runs):
    """Every row over the test cases of all seeds, and what fusion gives over the 2-D net."""
    rows = [json.loads((run / "report" / "report.json").read_text())["content"]["rows"] for run in runs]
    cases = sum(len(row["per_case"]) for row in (found[0] for found in rows))
    print(f"\n## {len(runs)} seeds, {cases} test cases, Dice in %\n")
    print("| network | lesion per case | lesion global, by seed | liver per case |\n| :--- | ---: | ---: | ---: |")
    all_of = {}
    for index, row in enumerate(rows[0]):
        per_case = [case for found in rows for case in found[index]["per_case"]]
        lesion, liver = ([100 * case[key] for case in per_case] for key in ("lesion_dice", "liver_dice"))
        pooled = [100 * found[index]["scores"]["lesion_dice_global"]["mean"] for found in rows]
        all_of[row["variant"]] = (lesion, pooled, liver)
        print(f"| {row['title']} | {spread(lesion)} | {', '.join(f'{value:.1f}' for value in pooled)} | {spread(liver)} |")
    differences = [
        [a - b for a, b in zip(*pair)] for pair in zip(all_of["hdenseunet"], all_of["denseunet2d"], strict=True)
    ]
    names = ("lesion per case", "lesion global", "liver per case")
    pooled = ", ".join(f"{value:+.1f}" for value in differences[1])
    shown = [f"{interval(differences[0])}, N = {cases}", f"by seed {pooled}", f"{interval(differences[2])}, N = {cases}"]
    print("\nH-DenseUNet - 2D DenseUNet: " + "; ".join(
        f"{name} {statistics.mean(values):+.1f} ({how})" for name, values, how in zip(names, differences, shown)
    ))
    return told([(f"fusion changes {name} by {statistics.mean(values):+.1f}, above 0", statistics.mean(values) > 0)
                 for name, values in zip(names, differences)])


def main():
    seeds = [int(seed) for seed in sys.argv[1:]] or [1, 2, 3]
    binary = built()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hdbench-demo-"))
    try:
        held = [check(binary, seed, folder) for seed in seeds]
        if len(seeds) > 1:
            held.append(together([folder / f"seed-{seed}" for seed in seeds]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
