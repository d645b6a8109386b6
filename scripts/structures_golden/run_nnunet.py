"""nnU-Net: the summary.json of its own evaluation, by the dataset.json files below formats/nnunet."""

import json
import os
import shutil
import tempfile
from pathlib import Path

for _name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(_name, tempfile.gettempdir())

from nnunetv2.evaluation.evaluate_predictions import compute_metrics_on_folder2  # noqa: E402

from .record import Record  # noqa: E402

DATASETS = {"ignore": "regions and an ignore label", "kits": "regions, one of them of a single label", "organs": "labels"}


def run(folder, cases):
    record = Record("nnunet", ["nnunetv2", "torch", "numpy", "SimpleITK"], "https://github.com/MIC-DKFZ/nnUNet",
                    "Apache-2.0")
    formats, kept = (folder / "formats" / "nnunet").resolve(), Path.cwd()
    expected = (folder / "expected").resolve()
    for task, what in DATASETS.items():
        record.call(task, "nnUNetv2_evaluate_folder labelsTr predictions -djfile DATASET -pfile PLANS -np 1",
                    dataset=f"formats/nnunet/{task}/dataset.json", holds=what)
        with tempfile.TemporaryDirectory() as place:
            work = Path(place)
            for name in ("labelsTr", "predictions"):
                (work / name).mkdir()
            for case in cases:
                if task in case["tasks"]:
                    pair = folder / "pairs" / case["name"]
                    shutil.copy(pair / "ref.nii.gz", work / "labelsTr" / f"{case['name']}.nii.gz")
                    shutil.copy(pair / "pred.nii.gz", work / "predictions" / f"{case['name']}.nii.gz")
            # Of the plans, the evaluation reads the label manager only.
            (work / "plans.json").write_text(json.dumps({"label_manager": "LabelManager"}))
            os.chdir(work)
            try:
                compute_metrics_on_folder2("labelsTr", "predictions", str(formats / task / "dataset.json"),
                                           "plans.json", "summary.json", num_processes=1)
            finally:
                os.chdir(kept)
            text = (work / "summary.json").read_text()
        out = expected / "nnunet" / f"{task}_summary.json"
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text)
        rows(record, task, json.loads(text))
    record.write(expected)


def rows(record, task, summary):
    for case in summary["metric_per_case"]:
        name = Path(case["prediction_file"]).name.removesuffix(".nii.gz")
        for key, values in case["metrics"].items():
            record.row(task, name, key, values)
    for key, values in summary["mean"].items():
        record.row(task, "mean", key, values)
    record.row(task, "foreground_mean", None, summary["foreground_mean"])
