"""How the time of `hdbench evaluate --profile strict` grows: with voxels, lesions, the distance
between the two masks, and cores."""

import json
import sys
from pathlib import Path

import measure
from measure import Row

HERE = Path(__file__).resolve().parent

SIZES = [(128, 128, 75), (256, 256, 150), (512, 512, 300), (512, 512, 600)]
LESIONS = [1, 10, 100, 1000]
SHIFTS_MM = [0, 3, 10, 30, 100]
LITS = (512, 512, 300)


def plans():
    """What varies, its value, and the arguments of pair.py."""
    for shape in SIZES:
        yield "voxels", " x ".join(map(str, shape)), ["--shape", *map(str, shape)]
    for lesions in LESIONS:
        yield "lesions", str(lesions), ["--lesions", str(lesions)]
    for shift in SHIFTS_MM:
        yield "prediction moved by", f"{shift} mm", ["--shift-mm", str(shift)]


def show(hdbench, python, folder, repeats):
    print(measure.machine(measure.usable_cores(2)) + ".\n")
    print("Profile `strict`, median wall of", repeats, "runs, start and reading included. What does not "
          "vary: 512 x 512 x 300 voxels, 12 lesions, prediction in place.\n")
    print("| varies | value | M voxels | lesions ref / pred | liver Dice | s on 1 core | s on 2 cores | MB |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for number, (what, value, arguments) in enumerate(plans()):
        pair = folder / str(number)
        made = measure.run([python, HERE / "pair.py", pair, *arguments])
        if made.code:
            sys.exit(f"error: the pair was not made\n{made.errors}")
        facts = json.loads(made.output)
        rows = [row(hdbench, pair, folder / "out", cores, repeats) for cores in (1, 2)]
        measure.interleave(rows)
        x, y, z = facts["shape"]
        cells = [f"{r.median('wall'):.3f}" if r.ran() else r.trouble for r in rows]
        peak = f"{rows[1].peak_mb():.0f}" if rows[1].ran() else ""
        print(f"| {what} | {value} | {x * y * z / 1e6:.1f} | {facts['reference_lesions']} / "
              f"{facts['predicted_lesions']} | {facts['liver_dice']} | {cells[0]} | {cells[1]} | {peak} |",
              flush=True)


def row(hdbench, pair, out, cores, repeats):
    command = [hdbench, "evaluate", "--pred", pair / "pred.nii.gz", "--ref", pair / "ref.nii.gz",
               "--out", out, "--threads", cores]
    return Row(f"{pair.name}, {cores} cores", command, repeats, cores=measure.usable_cores(cores))
