#!/usr/bin/env python3
"""Writes tests/data/structures: small pairs of label maps with many structures, and what the official scorers say of
them, at full precision. The definitions behind the numbers are in tests/data/structures/README.md.

    python3 scripts/make_structures_golden.py                  pairs, and every scorer
    python3 scripts/make_structures_golden.py --only panoptica brats
    python3 scripts/make_structures_golden.py --check          the definitions, written anew, against the numbers

Needs Python 3.11 and pip; installs the scorers from PyPI into an environment of their own (some 7 GB, most of it
PyTorch), once. MetricsReloaded and BraTS-2023-Metrics are not on PyPI: they are cloned from GitHub, or from a clone
named with --metrics-reloaded and --brats-2023. `--check` exits with 1 where a number differs by more than 1e-9.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import environment

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "data" / "structures"
PACKAGES = [
    "panoptica==2.1.7",
    "brats-evaluation==0.0.10",
    "nnunetv2==2.8.1",
    "monai==1.6.1",
    "torch==2.15.0",
    "medpy==0.5.2",
    "SimpleITK==2.5.7",
    "surface-distance==0.1",
    "mist-medical==2.3.0",
    "picai-eval==1.4.13",
    "connected-components-3d==3.29.0",
    "nibabel==5.4.2",
    "numpy==2.2.6",
    "scipy==1.17.1",
    "scikit-image==0.26.0",
    "scikit-learn==1.9.1",
    "pandas==2.3.3",
]
# Distances before the KD tree of 1.6. Laid before the newer one, so that PyTorch is installed once.
OLD_MONAI = "monai==1.5.2"
# Not on PyPI: repository, commit, files.
CLONES = {
    "metrics_reloaded": ("https://github.com/Project-MONAI/MetricsReloaded", "cb38dfc0a5ed4fa3bdc559e4960b6e2b93c3b967",
                         "MetricsReloaded"),
    "brats_2023": ("https://github.com/rachitsaluja/BraTS-2023-Metrics", "43c905242b2eecf421d4ab2da7af8ece9777d322",
                   "metrics.py", "surface_distance"),
}
SCORERS = ["panoptica", "brats", "nnunet", "monai", "medpy", "surface_distance", "simpleitk", "metrics_reloaded",
           "mist", "picai", "kits", "autopet", "brats_2023"]


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare the definitions with the numbers, write nothing")
    parser.add_argument("--only", nargs="+", choices=["pairs", *SCORERS], help="these steps only")
    parser.add_argument("--venv", type=Path, metavar="DIR",
                        help="where the scorers are installed (default: the user's cache folder)")
    for name, (repository, *_) in CLONES.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="REPOSITORY", default=repository, dest=name,
                            help="a clone of it, instead of GitHub")
    return parser.parse_args()


def old_monai(interpreter):
    folder = environment.cache_folder() / OLD_MONAI.replace("==", "-")
    if not (folder / "monai").is_dir():
        subprocess.run([interpreter, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, OLD_MONAI],
                       check=True)
    return folder


def clone(name, repository):
    """The scorer's files at its commit, without the rest of the repository."""
    _, commit, *files = CLONES[name]
    folder = environment.cache_folder() / f"{name}-{commit[:12]}"
    if not (folder / ".git").is_dir():
        subprocess.run(["git", "clone", "-q", "--no-checkout", repository, folder], check=True)
    subprocess.run(["git", "-C", folder, "checkout", "-q", commit, "--", *files], check=True)
    return folder


def step(interpreter, name, *first):
    """One process a step; `first` are folders whose packages come before the environment's."""
    search = os.pathsep.join(map(str, [*first, Path(__file__).resolve().parent]))
    made = subprocess.run([interpreter, "-m", "structures_golden", name, FOLDER],
                          env={**os.environ, "PYTHONPATH": search})
    if made.returncode != 0:
        sys.exit(f"{name} failed")


def main():
    chosen = options()
    interpreter = environment.python("structures-golden", PACKAGES, chosen.venv)
    if chosen.check:
        step(interpreter, "check")
        return
    for name in chosen.only or ["pairs", *SCORERS]:
        if name == "monai":
            step(interpreter, "monai")
            step(interpreter, "monai", old_monai(interpreter))
        elif name in CLONES:
            step(interpreter, name, clone(name, getattr(chosen, name)))
        else:
            step(interpreter, name)


if __name__ == "__main__":
    main()
