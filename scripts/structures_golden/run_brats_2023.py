"""The lesion-wise scorer of BraTS 2023 to 2025 (GLI, SSA, MEN, PED, MET), from a clone: it has no licence."""

import subprocess
import warnings
from pathlib import Path

import numpy as np
import pandas as pd


def replace(self, old, new, inplace=False, _replace=pd.DataFrame.replace):
    """As in pandas 1, where a column of arrays was let be."""
    if inplace:
        return _replace(self, old, new, inplace=True)
    numbers = self.select_dtypes("number").columns
    return self.assign(**_replace(self[numbers], old, new))


# What the scorer asks of NumPy 1 and pandas 1.
np.Inf = np.inf
pd.DataFrame.append = lambda self, other: pd.concat([self, other])
pd.DataFrame.replace = replace

import metrics  # noqa: E402  the clone's
import surface_distance  # noqa: E402  the clone's as well

from .record import Record, attempt  # noqa: E402

COMMIT = "43c905242b2eecf421d4ab2da7af8ece9777d322"
CHALLENGES = ["BraTS-GLI", "BraTS-MEN", "BraTS-MET"]


def run(folder, cases):
    warnings.simplefilter("ignore")
    place = Path(metrics.__file__).parent
    assert Path(surface_distance.__file__).is_relative_to(place)
    subprocess.run(["git", "-C", place, "diff", "--quiet", COMMIT, "--", "metrics.py", "surface_distance"], check=True)
    record = Record("brats_2023", ["connected-components-3d", "numpy", "scipy", "pandas", "nibabel"],
                    "https://github.com/rachitsaluja/BraTS-2023-Metrics", "none: not part of this repository")
    record.head["versions"]["BraTS-2023-Metrics"] = COMMIT
    for challenge in CHALLENGES:
        record.call(challenge, "get_LesionWiseResults(PREDICTION, REFERENCE, CHALLENGE)", challenge_name=challenge,
                    patched="numpy.Inf and pandas.DataFrame.append put back, and replace lets a column of arrays be")
        for case in cases:
            if "brats" not in case["tasks"]:
                continue
            pair = folder / "pairs" / case["name"]
            found = attempt(metrics.get_LesionWiseResults, str(pair / "pred.nii.gz"), str(pair / "ref.nii.gz"), challenge)
            if isinstance(found, dict):
                record.row(challenge, case["name"], None, found)
                continue
            for line in found.to_dict("records"):
                record.row(challenge, case["name"], line.pop("Labels"), line)
    record.write(folder / "expected")
