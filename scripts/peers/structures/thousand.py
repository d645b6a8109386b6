"""13 organs of a hundred and of a thousand cases in one call each: time, and that memory does not grow with them."""

import os
from pathlib import Path

import measure
from agreement import Agreement, read_metrics

from . import organs, tables

HERE = Path(__file__).resolve().parent
SHAPE, DISTINCT = (128, 128, 64), 8
FEW, MANY, SMALL_FEW, SMALL_MANY = 100, 1000, 10, 100
# The larger call may take so much more, relative.
GROWTH_GOAL = 0.25


def show(chosen, python, folder):
    """Prints the table; whether every Dice is that of counting."""
    counts = (SMALL_FEW, SMALL_MANY) if chosen.small else (FEW, MANY)
    facts = tables.made(python, HERE / "ellipsoids.py", folder, "--shape", *SHAPE, "--cases", DISTINCT)
    print(f"Cases: {facts['organs']} organs, {' x '.join(map(str, SHAPE))} voxels of "
          f"{' x '.join(f'{mm:g}' for mm in facts['spacing_mm'])} mm, uint8 .nii.gz; {DISTINCT} distinct ones, linked "
          "under as many names as a call scores.\n")
    structures = organs.structures(folder / "organs.toml", organs.METRICS)
    rows = [make_row(chosen, folder, structures, count) for count in counts]
    tables.run(rows)
    few, many = rows
    tables.show(rows, few, f"{counts[0]} cases")
    agreed = Agreement()
    for count, row in zip(counts, rows):
        if not row.ran():
            agreed.absent(row.name, row.trouble)
            continue
        found = read_metrics(folder / f"{count} cases" / "out" / "metrics_long.csv")
        for number in range(count):
            for value, dice in facts["dice"][f"case_{number % DISTINCT}"].items():
                ours = found[name(number)][f"organ_{value}"].get("dice")
                agreed.hold("counting", f"{name(number)} organ_{value} dice", ours, dice, 1e-12)
    if few.ran() and many.ran():
        growth = many.peak_mb() / few.peak_mb() - 1
        print(f"{counts[1]} cases take {growth:+.0%} of memory against {counts[0]}, goal under "
              f"{GROWTH_GOAL:+.0%}: {'met' if growth < GROWTH_GOAL else 'missed'}; "
              f"{1000 * many.median('wall') / counts[1]:.1f} ms a case.\n")
    print(agreed.summary())
    print(f"Load at the end {measure.os.getloadavg()[0]:.1f}.")
    return agreed.holds()


def name(number):
    return f"abdomen_{number:04}"


def make_row(chosen, folder, structures, count):
    links = folder / f"{count} cases"
    for side in ("ref", "pred"):
        (links / side).mkdir(parents=True)
        for number in range(count):
            os.link(folder / side / f"case_{number % DISTINCT}.nii.gz", links / side / f"{name(number)}.nii.gz")
    return tables.hdbench_row(f"`hdbench evaluate`, {count} cases: {', '.join(organs.METRICS)}", chosen.hdbench,
                              structures, links / "pred", links / "ref", links / "out", chosen.repeats)
