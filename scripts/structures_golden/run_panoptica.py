"""panoptica: every configuration below formats/panoptica on the pairs of its task."""

import warnings

import nibabel as nib
import numpy as np
from panoptica import Panoptica_Evaluator

from .record import Record, attempt

# Configuration, tasks or names of the pairs, how the pair is handed over.
RUNS = [
    ("panoptica_evaluator_default", ("components", "brats_lesions"), ("path",)),
    ("panoptica_evaluator_VERSE", ("instances",), ("path",)),
    ("components26_iou", ("lesions", "components", "kits"), ("path",)),
    ("components6_iou", ("brats_lesions", "components"), ("path",)),
    ("components26_bipartite", ("brats_lesions", "brats_gli", "components"), ("path",)),
    ("components26_bipartite", ("brats_gli", "components"), ("nibabel", "array")),
    ("components26_merge", ("brats_lesions", "brats_gli", "components"), ("path",)),
    ("components26_many_to_one", ("brats_lesions", "brats_gli", "components"), ("path",)),
    ("values_iou", ("instances", "instances_255"), ("path",)),
    ("values_iou", ("instances_touching",), ("nibabel", "array")),
    ("values_bipartite", ("instances",), ("path",)),
    ("values_merge", ("instances",), ("path",)),
    ("values_many_to_one", ("instances",), ("path",)),
    ("values_iou_strict", ("instances",), ("path",)),
    ("values_assd", ("instances",), ("path",)),
    ("values_decision", ("instances", "organs"), ("path",)),
    ("matched_decision", ("instances", "organs"), ("path",)),
    ("organs_single", ("organs",), ("path",)),
    ("regions_voronoi", ("components", "brats_lesions", "brats_empty_pred", "brats_disjoint"), ("path",)),
    ("bytes", ("wide",), ("path",)),
]
HANDED = {
    "path": "Panoptica_Evaluator.load_from_config(FILE).evaluate(PREDICTION_PATH, REFERENCE_PATH), SimpleITK installed",
    "nibabel": "evaluate(nibabel.load(PREDICTION), nibabel.load(REFERENCE))",
    "array": "evaluate(numpy.asanyarray(nibabel.load(PREDICTION).dataobj), …REFERENCE…), no voxelspacing",
}


def load(how, path):
    if how == "path":
        return str(path)
    image = nib.load(path)
    return image if how == "nibabel" else np.asanyarray(image.dataobj)


def run(folder, cases):
    warnings.simplefilter("ignore")
    record = Record("panoptica", ["panoptica", "connected-components-3d", "numpy", "scipy", "SimpleITK", "nibabel"],
                    "https://github.com/BrainLesion/panoptica", "Apache-2.0")
    for config, tasks, hands in RUNS:
        file = folder / "formats" / "panoptica" / f"{config}.yaml"
        evaluator = Panoptica_Evaluator.load_from_config(str(file))
        for how in hands:
            name = config if how == "path" else f"{config} {how}"
            record.call(name, HANDED[how], config=f"formats/panoptica/{config}.yaml", result_all=True)
            for case in cases:
                if not set(tasks) & {*case["tasks"], case["name"]}:
                    continue
                pair = folder / "pairs" / case["name"]
                found = attempt(evaluator.evaluate, load(how, pair / "pred.nii.gz"), load(how, pair / "ref.nii.gz"),
                                verbose=False)
                if "error" in found:
                    record.row(name, case["name"], None, found)
                    continue
                for group, result in found.items():
                    values = attempt(result.to_dict, True)
                    # Means over regions are members of the result that its dictionary leaves out.
                    averages = {k: getattr(result, k) for k in ("region_avg_dsc", "region_avg_hd95")} \
                        if config == "regions_voronoi" else {}
                    record.row(name, case["name"], group, {**values, **averages})
    thresholds(record, folder, cases)
    record.write(folder / "expected")


def thresholds(record, folder, cases):
    config = "values_iou"
    evaluator = Panoptica_Evaluator.load_from_config(str(folder / "formats" / "panoptica" / f"{config}.yaml"))
    record.call("autc", "evaluate_autc(PREDICTION_PATH, REFERENCE_PATH, threshold_step_size=0.25)",
                config=f"formats/panoptica/{config}.yaml", threshold_step_size=0.25, decision_threshold_mode="step")
    for case in cases:
        if case["name"] == "instances_ties":
            pair = folder / "pairs" / case["name"]
            found = evaluator.evaluate_autc(str(pair / "pred.nii.gz"), str(pair / "ref.nii.gz"),
                                            threshold_step_size=0.25, verbose=False)
            for group, result in found.items():
                record.row("autc", case["name"], group, result.to_dict())
