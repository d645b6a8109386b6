"""picai_eval: detection maps made from the predictions of the BraTS pairs."""

import warnings

import numpy as np
from picai_eval.eval import evaluate
from scipy import ndimage

from . import structures
from .record import Record

SETTINGS = {
    "iou": {},
    "dsc_0.3": {"overlap_func": "DSC", "min_overlap": 0.3},
    "iou_unmatched_count": {"allow_unmatched_candidates_with_minimal_overlap": False},
    "bayesian": {"case_confidence_func": "bayesian"},
}


def detection_map(pred):
    """Each predicted component by 26 neighbours gets a confidence that 32 bits hold."""
    labels, _ = ndimage.label(pred, np.ones((3, 3, 3)))
    return np.where(labels > 0, (labels * 17 % 23 + 1) / np.float32(32), 0).astype(np.float32)


def run(folder, cases):
    warnings.simplefilter("ignore")
    record = Record("picai", ["picai-eval", "numpy", "scipy", "scikit-learn"],
                    "https://github.com/DIAGNijmegen/picai_eval", "Apache-2.0")
    chosen = [c for c in cases if "brats" in c["tasks"] and c["name"] != "brats_gtv"]
    for setting, parameters in SETTINGS.items():
        record.call(setting, "evaluate(y_det, y_true, subject_list=CASES, num_parallel_calls=1, …)", **parameters,
                    y_det="(number of the predicted component * 17 mod 23 + 1) / 32; components by 26 neighbours, "
                    "numbered from 1 by their first voxel, last axis of the file fastest")
        for name in structures.TUMOUR:
            if setting != "iou" and name != "et":
                continue
            pairs = [p for p in structures.pairs(folder, chosen) if p[1] == name]
            metrics = evaluate([detection_map(pred) for _, _, _, pred, _ in pairs],
                               [ref.astype(np.int32) for _, _, ref, _, _ in pairs],
                               subject_list=[case for case, *_ in pairs], num_parallel_calls=1, **parameters)
            found = metrics.full_dict()
            # Of a set of numbers, the order is Python's; confidence and overlap say which is which.
            lesions = {case: sorted(found["lesion_results"][case], key=lambda r: (-r[0], -r[1], -r[2]))
                       for case, *_ in pairs}
            for case in lesions:
                record.row(setting, case, name, {"lesion_results": lesions[case], "case_pred": found["case_pred"][case],
                                                 "case_target": found["case_target"][case]})
            values = {k: found[k] for k in ("auroc", "AP", "num_cases", "num_lesions", "precision", "recall",
                                            "lesion_TPR", "lesion_FPR", "thresholds")}
            record.row(setting, None, name, {**values, "score": metrics.score, "case_TPR": metrics.case_TPR,
                                             "case_FPR": metrics.case_FPR})
    record.write(folder / "expected")
