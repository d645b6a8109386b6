"""MetricsReloaded: prediction first, reference second; arrays of 64-bit integers."""

import subprocess
import warnings
from pathlib import Path

import MetricsReloaded
import numpy as np
from MetricsReloaded.metrics.pairwise_measures import BinaryPairwiseMeasures

from . import structures
from .record import Record, attempt

COMMIT = "cb38dfc0a5ed4fa3bdc559e4960b6e2b93c3b967"
MEASURES = ["numb_ref", "numb_pred", "numb_tp", "numb_fp", "numb_fn", "accuracy", "ba", "fbeta", "dsc", "iou", "ppv",
            "npv", "sensitivity", "specificity", "mcc", "avdr", "assd", "masd", "hd", "hd_perc", "nsd", "boundary_iou"]
ARGUMENTS = {"nsd": 1.0, "hd_perc": 95, "boundary_dist": 1.5, "beta": 1}


def run(folder, cases):
    warnings.simplefilter("ignore")
    record = Record("metrics_reloaded", ["numpy", "scipy"], "https://github.com/Project-MONAI/MetricsReloaded",
                    "Apache-2.0")
    place = Path(MetricsReloaded.__file__).parent
    # The commit whose tree lies there.
    record.head["versions"]["MetricsReloaded"] = COMMIT
    subprocess.run(["git", "-C", place, "diff", "--quiet", COMMIT, "--", "."], check=True)
    record.call("all", "BinaryPairwiseMeasures(PREDICTION, REFERENCE, measures=[KEY], connectivity_type=1, "
                "pixdim=SPACING, dict_args=ARGUMENTS).to_dict_meas()", pixdim="of the header", dict_args=ARGUMENTS)
    for case, name, ref, pred, spacing in structures.pairs(folder, cases):
        measured = BinaryPairwiseMeasures(pred.astype(np.int64), ref.astype(np.int64), measures=MEASURES,
                                          connectivity_type=1, pixdim=spacing, dict_args=ARGUMENTS)
        record.row("all", case, name, {key: attempt(measured.measures_dict[key][0]) for key in MEASURES})
    record.write(folder / "expected")
