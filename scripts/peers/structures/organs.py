"""13 organs of one CT: Dice, HD95, mean surface distance and surface Dice of each, by hdbench and its peers."""

from pathlib import Path

import environment
import measure
from agreement import Agreement, read_metrics
from measure import Row

from . import tables

HERE = Path(__file__).resolve().parent
MONAI_PACKAGES = [
    "monai==1.6.1",
    "torch==2.15.0",
    "nibabel==5.4.2",
    "numpy==2.2.6",
    "scipy==1.17.1",
]
ORGANS = 13
SHAPE, SMALL = (512, 512, 150), (256, 256, 75)
CASE = "case_0"
# Border voxels by faces, as MONAI and panoptica have them; the surface Dice by area, as surface-distance has it.
METRICS = ["dice", "hd95_6n", "assd_6n", "nsd_2mm"]
# A peer, its value, hdbench's, and how far apart they may be, relative: MONAI counts in f32, surface-distance
# sums its areas in another order. Surface Dice of MONAI and panoptica count voxels, which is another definition.
EQUAL = [
    ("stack", "dice", "dice", 1e-9),
    ("stack", "hd95", "hd95_surfel", 1e-6),
    ("stack", "asd_from_reference", "asd_ref_to_pred_surfel", 1e-6),
    ("stack", "asd_from_prediction", "asd_pred_to_ref_surfel", 1e-6),
    ("stack", "nsd_2mm", "nsd_2mm", 1e-6),
    ("monai", "dice", "dice", 1e-6),
    ("monai", "hd95", "hd95_max_6n", 1e-6),
    ("monai", "assd", "assd_6n", 1e-5),
    ("panoptica", "dice", "dice", 1e-9),
    ("panoptica", "hd95", "hd95_6n", 1e-9),
    ("panoptica", "assd", "masd_6n", 1e-9),
]
STACK_GOAL, MONAI_GOAL = 30, 50


def show(chosen, python, folder):
    """Prints the table; whether all agree."""
    monai = environment.python("peers-monai", MONAI_PACKAGES, chosen.monai_venv)
    shape = SMALL if chosen.small else SHAPE
    facts = tables.made(python, HERE / "ellipsoids.py", folder, "--organs", ORGANS, "--shape", *shape)
    describe(facts)
    rows = make_rows(chosen, python, monai, folder)
    tables.run(list(rows.values()))
    tables.show(rows.values(), rows["four"], "hdbench")
    tables.show_goals(chosen, [
        tables.speed_goal(STACK_GOAL, rows["stack"], rows["four"]),
        tables.speed_goal(STACK_GOAL, rows["forks"], rows["four"]),
        tables.speed_goal(MONAI_GOAL, rows["monai"], rows["four"]),
    ])
    agreed = compare(rows, folder, facts)
    print(agreed.summary())
    print(f"Load at the end {measure.os.getloadavg()[0]:.1f}.")
    return agreed.holds()


def describe(facts):
    dice = facts["dice"][CASE].values()
    print(f"Pair: {facts['organs']} organs, {' x '.join(map(str, facts['shape']))} voxels of "
          f"{' x '.join(f'{mm:g}' for mm in facts['spacing_mm'])} mm, uint8 .nii.gz; {facts['voxels'][CASE]:,} voxels in "
          f"organs, Dice {min(dice):.3f} to {max(dice):.3f}.\n")


def structures(path, metrics):
    lines = [f"metrics = {metrics}".replace("'", '"')] if metrics else []
    lines += ["[structures]", *(f"organ_{value} = {value}" for value in range(1, ORGANS + 1))]
    path.write_text("\n".join(lines) + "\n")
    return path


def make_rows(chosen, python, monai, folder):
    pred, ref = (folder / side / f"{CASE}.nii.gz" for side in ("pred", "ref"))
    peer = lambda name, *more, python=python: [python, HERE / f"organs_{name}.py", pred, ref, *more]

    def hdbench(key, name, metrics):
        return tables.hdbench_row(f"`hdbench evaluate`: {name}", chosen.hdbench,
                                  structures(folder / f"{key}.toml", metrics), pred, ref, folder / key, chosen.repeats)

    stack = "cc3d + surface-distance + numpy"
    return {
        "stack": Row(f"{stack}: organ by organ, each in its box", peer("stack"), chosen.repeats),
        "forks": Row(f"{stack}: the organs over two processes", peer("stack", 2), chosen.repeats),
        "monai": Row("MONAI: Dice, HD95, ASSD, surface Dice of one-hot channels", peer("monai", ORGANS, python=monai),
                     chosen.slow_repeats),
        "panoptica": Row("panoptica: DSC, HD95, ASSD, NSD", peer("panoptica", ORGANS), chosen.slow_repeats),
        "four": hdbench("four", ', '.join(METRICS), METRICS),
        "all": hdbench("all", "every metric of `strict`", None),
    }


def compare(rows, folder, facts):
    agreed = Agreement()
    asked, every = (read_metrics(folder / key / "metrics_long.csv")[CASE] for key in ("four", "all"))
    for value, dice in facts["dice"][CASE].items():
        organ = f"organ_{value}"
        for metric in METRICS:
            agreed.hold("hdbench's other row", f"{organ} {metric}", asked[organ].get(metric), every[organ].get(metric), 0)
        agreed.hold("counting", f"{organ} dice", asked[organ].get("dice"), dice, 1e-12)
    for key in ("stack", "forks", "monai", "panoptica"):
        if not rows[key].ran():
            agreed.absent(rows[key].name, rows[key].trouble)
            continue
        theirs = tables.last_line(rows[key])
        for peer, their_metric, metric, tolerance in EQUAL:
            if peer == ("stack" if key == "forks" else key):
                for value in range(1, ORGANS + 1):
                    organ = f"organ_{value}"
                    agreed.hold(rows[key].name.split(":")[0], f"{organ} {metric}", every[organ].get(metric),
                                theirs.get(str(value), {}).get(their_metric), tolerance)
    return agreed
