"""117 structures of one whole-body CT: time and peak memory of hdbench."""

import re
from pathlib import Path

import measure
from agreement import Agreement, read_metrics

from . import tables

HERE = Path(__file__).resolve().parent
STRUCTURES, COUNT = "totalsegmentator", 117
SHAPE, SMALL = (512, 512, 400), (256, 256, 100)
CASE = "case_0"
GOAL_S, GOAL_MB = 6, 1500


def show(chosen, python, folder):
    """Prints the table; whether every Dice is that of counting."""
    shape = SMALL if chosen.small else SHAPE
    facts = tables.made(python, HERE / "ellipsoids.py", folder, "--organs", COUNT, "--shape", *shape)
    print(f"Pair: {COUNT} structures, {' x '.join(map(str, shape))} voxels of "
          f"{' x '.join(f'{mm:g}' for mm in facts['spacing_mm'])} mm, uint8 .nii.gz; {facts['voxels'][CASE]:,} voxels in "
          f"structures, Dice {min(facts['dice'][CASE].values()):.3f} to {max(facts['dice'][CASE].values()):.3f}.\n")
    pred, ref = (folder / side / f"{CASE}.nii.gz" for side in ("pred", "ref"))
    row = tables.hdbench_row(f"`hdbench evaluate --structures {STRUCTURES}`", chosen.hdbench, STRUCTURES, pred, ref,
                             folder / "out", chosen.repeats)
    tables.run([row])
    tables.show([row], row, "hdbench")
    agreed = Agreement()
    if not row.ran():
        agreed.absent("hdbench", row.trouble)
    else:
        tables.show_goals(chosen, [
            tables.limit_goal(f"{COUNT} structures", row.median("wall"), GOAL_S, "s"),
            tables.limit_goal(f"{COUNT} structures", row.peak_mb(), GOAL_MB, "MB"),
        ])
        found = read_metrics(folder / "out" / "metrics_long.csv")[CASE]
        names = names_by_value(chosen.hdbench)
        for value, dice in facts["dice"][CASE].items():
            structure = names.get(value, f"value {value}")
            agreed.hold("counting", f"{structure} dice", found[structure].get("dice"), dice, 1e-12)
    print(agreed.summary())
    print(f"Load at the end {measure.os.getloadavg()[0]:.1f}.")
    return agreed.holds()


def names_by_value(hdbench):
    """Of the structures in the set, as hdbench prints it: `spleen = 1`."""
    printed = measure.run([hdbench, "structures", "show", STRUCTURES]).output
    return {value: name for name, value in re.findall(r'^"?([^"\n]+?)"? = (\d+)$', printed, re.MULTILINE)}
