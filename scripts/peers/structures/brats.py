"""Brain tumours lesion by lesion: hdbench's `brats-goat` and the challenges' own brats-evaluate, one case and many
in one call."""

import json
import os
from pathlib import Path

import measure
from agreement import Agreement, read_metrics
from measure import Row

from . import tables

HERE = Path(__file__).resolve().parent
DISTINCT, FEW, MANY, SMALL_MANY = 5, 10, 100, 20
SHAPE, SMALL = (240, 240, 155), (120, 120, 80)
# Where so many cases would take brats-evaluate longer than this, FEW are compared instead.
PATIENCE_S = 600
GOAL = 30
CONFIG, STRUCTURES = "GoAT", "brats-goat"
# brats-evaluate's values and hdbench's: whole masks are measured in voxels, sq is the mean over the found lesions.
EQUAL = [("global_bin_dsc", "dice"), ("global_bin_hd95", "hd95_6n_voxels"), ("global_bin_nsd", "nsd_panoptica_voxels"),
         ("tp", "detection_tp"), ("fp", "detection_fp"), ("fn", "detection_fn"), ("rq", "recognition_quality"),
         ("pq_dsc", "panoptic_quality_dice"), ("sq_dsc", "instance_dice"), ("sq_nsd", "instance_nsd_panoptica"),
         ("sq_hd95", "instance_hd95_6n")]
REGIONS = ("et", "tc", "wt")
TOLERANCE = 1e-9


def show(chosen, python, folder):
    """Prints the table; whether all agree."""
    shape, many = (SMALL, SMALL_MANY) if chosen.small else (SHAPE, MANY)
    facts = tables.made(python, HERE / "tumours.py", folder, "--cases", DISTINCT, "--shape", *shape)
    voxels = facts["voxels"].values()
    print(f"Cases: {' x '.join(map(str, shape))} voxels of 1 mm, uint8 .nii.gz, {facts['lesions']} lesions each, "
          f"{min(voxels):,} to {max(voxels):,} voxels of tumour; {DISTINCT} distinct ones, linked under as many names "
          "as a call scores.\n")
    one, few = (pair_of_rows(chosen, python, folder, count, repeats)
                for count, repeats in ((1, chosen.repeats), (FEW, chosen.slow_repeats)))
    tables.run([*one, *few])
    whole = pair_of_rows(chosen, python, folder, many, chosen.slow_repeats)
    if few[0].ran() and few[0].median("wall") * many / FEW > PATIENCE_S:
        whole[0].repeats = 0
        whole[0].trouble = f"not measured: longer than {PATIENCE_S / 60:.0f} minutes by the row of {FEW} cases"
    for row in whole:
        row.cores = one[0].cores
    measure.interleave(whole)
    pairs = {1: one, FEW: few, many: whole}
    show_table(pairs.values())
    tables.show_goals(chosen, [tables.speed_goal(GOAL, *pair) for pair in pairs.values()])
    agreed = Agreement()
    for count, (theirs, ours) in pairs.items():
        compare(agreed, folder, count, theirs, ours, facts)
    print(agreed.summary())
    print(f"Load at the end {measure.os.getloadavg()[0]:.1f}.")
    return agreed.holds()


def cases(folder, count):
    """Two folders of links. brats-evaluate pairs by five digits and three, hdbench by equal names."""
    links = folder / f"{count} cases"
    for side in ("ref", "pred"):
        (links / side).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            link = links / side / f"{name(number)}.nii.gz"
            if not link.exists():
                os.link(folder / side / f"case_{number % DISTINCT}.nii.gz", link)
    return links


def name(number):
    return f"BraTS-{number:05}-000"


def pair_of_rows(chosen, python, folder, count, repeats):
    links = cases(folder, count)
    what = "one case" if count == 1 else f"{count} cases"
    theirs = Row(f"`brats-evaluate --config {CONFIG}`, {what}",
                 [python.parent / "brats-evaluate", "--ref_path", links / "ref", "--pred_path", links / "pred",
                  "--config", CONFIG, "--summary_json", links / "summary.json"], repeats)
    ours = tables.hdbench_row(f"`hdbench evaluate --structures {STRUCTURES}`, {what}", chosen.hdbench, STRUCTURES,
                              links / "pred", links / "ref", links / "out", chosen.repeats)
    return theirs, ours


def show_table(pairs):
    print("| what | runs | wall s | CPU s | peak MB | wall / hdbench |\n|---|---:|---:|---:|---:|---:|")
    for pair in pairs:
        for row in pair:
            if not row.ran():
                print(f"| {row.name} | {row.trouble or 'not run'} | | | | |")
            else:
                print(f"| {row.name} | {len(row.runs)} | {row.median('wall'):.3f} | {row.median('cpu'):.3f} | "
                      f"{row.peak_mb():.0f} | {tables.ratio(row, pair[1])} |")
    print("\nMedian of the runs; the peak is the largest of them. A ratio is of the same number of cases.\n")


def compare(agreed, folder, count, theirs, ours, facts):
    links = folder / f"{count} cases"
    for row in (theirs, ours):
        if not row.ran() and row.repeats:
            agreed.absent(row.name, row.trouble)
            return
    found = read_metrics(links / "out" / "metrics_long.csv")
    summary = {}
    if theirs.ran():
        metrics = json.loads((links / "summary.json").read_text())["metrics"]
        summary = {subject["subject_name"].removesuffix(".nii.gz"): subject for subject in metrics}
    for number in range(count):
        case = name(number)
        for region in REGIONS:
            values = found[case][region]
            agreed.hold("counting", f"{case} {region} dice", values.get("dice"),
                        facts["dice"][f"case_{number % DISTINCT}"][region], 1e-12)
            for their_metric, metric in EQUAL if theirs.ran() else []:
                agreed.hold("brats-evaluate", f"{case} {region} {metric}", values.get(metric),
                            summary.get(case, {}).get(region, {}).get(their_metric), TOLERANCE)
