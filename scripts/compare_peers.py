#!/usr/bin/env python3
"""Measures `hdbench evaluate` against the tools people score segmentations with today.

    python3 scripts/compare_peers.py                        one LiTS-size pair, every peer, one table
    python3 scripts/compare_peers.py --official-scorer DIR  with the LiTS challenge's own scorer
    python3 scripts/compare_peers.py --growth               hdbench's time by size, lesions, distance, cores
    python3 scripts/compare_peers.py --memory               hdbench's peak memory

Tasks with many structures:

    python3 scripts/compare_peers.py --organs               13 organs of a CT: cc3d and surface-distance, MONAI, panoptica
    python3 scripts/compare_peers.py --brats                brain tumours by lesions: brats-evaluate; 1, 10 and 100 cases
    python3 scripts/compare_peers.py --many                 117 structures of a CT: hdbench's time and peak memory
    python3 scripts/compare_peers.py --thousand             13 organs of 100 and of 1,000 cases: the same

Needs Python 3.10 to 3.12, pip and `cargo build --release`; installs the peers it names from PyPI
into environments of their own: half a GB for the first three, 1 GB for the next four, and for MONAI in
--organs 6 GB, since PyPI has PyTorch for Linux only with its CUDA libraries. --venv and --monai-venv name
environments that have them already (PyTorch's smaller build for CPUs will do), or empty folders for them.
Every row is a process, from its start to its end, reading of both files included, on the same two cores.
The table goes to standard output, as Markdown. Ends with 1 where a peer's value differs from hdbench's of
the same definition: then the table compares nothing.

The official scorer is not on PyPI and carries no licence, so it is not part of this repository:

    git clone https://github.com/PatrickChrist/lits-challenge-scoring
    python3 scripts/compare_peers.py --official-scorer lits-challenge-scoring
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import environment

PROGRAMS = Path(__file__).resolve().parent / "peers"
sys.path.insert(0, str(PROGRAMS))

import growth  # noqa: E402
import measure  # noqa: E402
import memory  # noqa: E402
import official  # noqa: E402
from measure import Row  # noqa: E402
from structures import brats, many, organs, thousand  # noqa: E402
from verdict import agreement, goals, same_scores  # noqa: E402

CORES = 2
TASKS = {"organs": organs, "brats": brats, "many": many, "thousand": thousand}

# As in the golden files' table of versions. surface-distance 0.1 fails on empty masks under
# numpy 2; no mask is empty here.
PACKAGES = [
    "medpy==0.5.2",
    "surface-distance==0.1",
    "connected-components-3d==3.29.0",
    "nibabel==5.4.2",
    "numpy==2.2.6",
    "scipy==1.17.1",
    # No scorer: the fastest inflater we know, for the floor.
    "zlib-ng==1.1.0",
]

# Without PyTorch, which panoptica imports wherever it finds it: a second of each process.
STRUCTURES_PACKAGES = [
    "brats-evaluation==0.0.10",
    "panoptica==2.1.7",
    "surface-distance==0.1",
    "connected-components-3d==3.29.0",
    "SimpleITK==2.5.7",
    "nibabel==5.4.2",
    "numpy==2.2.6",
    "scipy==1.17.1",
    "pandas==2.3.3",
]


def options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--hdbench", type=Path, default=root / "target" / "release" / "hdbench",
                        help="the binary (default: target/release/hdbench)")
    parser.add_argument("--official-scorer", type=Path, metavar="DIR",
                        help="checkout of PatrickChrist/lits-challenge-scoring with its branch miccai")
    parser.add_argument("--case", type=Path, nargs=2, metavar=("PRED", "REF"),
                        help="your own pair instead of the made-up one")
    parser.add_argument("--venv", type=Path, metavar="DIR", help="where the peers are installed, or will be "
                        "(default: the user's cache folder)")
    parser.add_argument("--monai-venv", type=Path, metavar="DIR", help="the same for MONAI and PyTorch")
    parser.add_argument("--repeats", type=int, default=5, help="runs a row; the median counts (default: 5)")
    parser.add_argument("--slow-repeats", type=int, default=1,
                        help="the same for peers that take minutes (default: 1)")
    parser.add_argument("--small", action="store_true",
                        help="fewer voxels and cases in the tasks with many structures, to try them")
    tables = parser.add_mutually_exclusive_group()
    tables.add_argument("--growth", action="store_true", help="how hdbench's time grows")
    tables.add_argument("--memory", action="store_true", help="how much memory hdbench takes")
    for name, task in TASKS.items():
        tables.add_argument(f"--{name}", action="store_const", dest="task", const=task,
                            help=task.__doc__.splitlines()[0])
    return parser.parse_args()


def main():
    chosen = options()
    if not chosen.hdbench.is_file():
        sys.exit(f"error: {chosen.hdbench} is not there\nhint: run `cargo build --release`, or name "
                 "the binary with --hdbench")
    if chosen.task:
        python = environment.python("peers-structures", STRUCTURES_PACKAGES, chosen.venv)
        if chosen.task in (organs, brats) and environment.has(python, "torch"):
            print("note: this environment has PyTorch, which panoptica imports wherever it finds it: a second of "
                  "each of its processes", file=sys.stderr)
    else:
        python = environment.python("peers", PACKAGES, chosen.venv)
    with tempfile.TemporaryDirectory(prefix="hdbench-peers-") as folder:
        folder = Path(folder)
        if chosen.growth:
            growth.show(chosen.hdbench, python, folder, chosen.repeats)
        elif chosen.memory:
            memory.show(chosen.hdbench, python, folder)
        elif not (chosen.task.show if chosen.task else compare)(chosen, python, folder):
            sys.exit(1)


def compare(chosen, python, folder):
    """The table of one pair; whether every peer that ran agrees."""
    if chosen.case:
        pred, ref = chosen.case
        print(f"Case: {pred} against {ref}.\n")
    else:
        made = measure.run([python, PROGRAMS / "pair.py", folder / "pair"])
        if made.code:
            sys.exit(f"error: the pair was not made\n{made.errors}")
        pred, ref = folder / "pair" / "pred.nii.gz", folder / "pair" / "ref.nii.gz"
        print(describe(json.loads(made.output)))
    cores = measure.usable_cores(CORES)
    print(measure.machine(cores) + ".\n")
    rows = make_rows(chosen, python, folder, pred, ref)
    for row in rows.values():
        row.cores = cores
    measure.interleave(list(rows.values()))
    print(table(rows))
    print(goals(rows))
    agreed = agreement(rows, folder / "strict" / "metrics_long.csv")
    print(agreed.summary())
    print(same_scores(rows, folder / "official" / "output" / "scores.txt", folder / "lits" / "scores.txt"))
    print(f"\nLoad at the end {measure.os.getloadavg()[0]:.1f}.")
    return agreed.holds()


def describe(pair):
    x, y, z = pair["shape"]
    return (f"Pair: {x} x {y} x {z} voxels of {' x '.join(map(str, pair['spacing_mm']))} mm, uint8 "
            f".nii.gz; liver of {pair['liver_voxels']:,} voxels, Dice {pair['liver_dice']}, "
            f"{pair['reference_lesions']} reference and {pair['predicted_lesions']} predicted lesions.\n")


def make_rows(chosen, python, folder, pred, ref):
    """Key to row, in the table's order."""
    peer = lambda name, *arguments: [python, PROGRAMS / f"{name}.py", *arguments, pred, ref]

    def hdbench(profile):
        out = folder / profile
        command = [chosen.hdbench, "evaluate", "--pred", pred, "--ref", ref, "--out", out,
                   "--profile", profile]
        return Row(f"`hdbench evaluate --profile {profile}`", command, chosen.repeats,
                   before=lambda: shutil.rmtree(out, ignore_errors=True))

    return {
        "official": official_row(chosen, python, folder, pred, ref),
        "medpy": Row("MedPy: ASSD and HD95 of liver and lesion", peer("medpy_distances"),
                     chosen.slow_repeats),
        "assembled": Row("nibabel + cc3d + surface-distance + numpy: overlap, ASD, HD95, NSD, lesions",
                         peer("assembled"), chosen.repeats),
        "lits": hdbench("lits"),
        "strict": hdbench("strict"),
        "gzip": Row("floor: `gzip -dc` of both files, side by side",
                    ["sh", "-c", 'gzip -dc "$1" >/dev/null & gzip -dc "$2" >/dev/null; wait',
                     "sh", pred, ref], chosen.repeats),
        "zlib": Row("floor: zlib in Python, side by side", peer("inflate", "zlib"), chosen.repeats),
        "zlib-ng": Row("floor: zlib-ng in Python, side by side", peer("inflate", "zlib-ng"),
                       chosen.repeats),
    }


def official_row(chosen, python, folder, pred, ref):
    name = "official LiTS scorer (miccai), uncompressed files"
    row = Row(name, [], chosen.repeats)
    if not chosen.official_scorer:
        row.trouble = "not run: it is not on PyPI, give a checkout with `--official-scorer`"
        return row
    work = folder / "official"
    try:
        program = official.prepare(chosen.official_scorer, work, environment.cache_folder())
    except official.Unusable as problem:
        row.trouble = f"not run: {problem}"
        return row
    row.command = [python, program, official.lay_out(pred, ref, work), work / "output"]
    # Its MedPy is the one beside it, not the environment's.
    row.environment = {"PYTHONPATH": str(program.parent)}
    return row


def table(rows):
    lines = ["| what | runs | wall s | CPU s | peak MB | wall / lits | wall / strict |",
             "|---|---:|---:|---:|---:|---:|---:|"]
    for row in rows.values():
        if not row.ran():
            lines.append(f"| {row.name} | {row.trouble or 'not run'} | | | | | |")
            continue
        ratio = lambda key: (f"{row.median('wall') / rows[key].median('wall'):.1f}x"
                             if rows[key].ran() else "")
        lines.append(f"| {row.name} | {len(row.runs)} | {row.median('wall'):.3f} | "
                     f"{row.median('cpu'):.3f} | {row.peak_mb():.0f} | {ratio('lits')} | {ratio('strict')} |")
    return "\n".join(lines) + "\n\nMedian of the runs; the peak is the largest of them.\n"


if __name__ == "__main__":
    main()
