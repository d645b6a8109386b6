"""brats-evaluation: its six configurations on every BraTS pair, by its own command line and its own tables."""

import contextlib
import csv
import filecmp
import io
import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

from brats_evaluation import config_path, evaluation, parse_mets_results, parse_seg_results

from .record import Record

CONFIGS = ["mets", "gli", "ped", "MenRT", "MenPre", "GoAT"]
# Table, the configurations whose results it is made of, its parser and parameters.
TABLES = [
    ("seg", ("gli", "mets"), parse_seg_results, {}),
    ("mets", ("mets",), parse_mets_results, {"vol_threshold": 20.0, "overlap_threshold": 0.1}),
    ("mets_strict", ("mets",), parse_mets_results, {"vol_threshold": 50.0, "overlap_threshold": 0.5}),
]


def lay_out(folder, cases, work):
    """Files as the challenge names them, and a reference without a prediction. Gives back the case of a name."""
    names = {}
    for n, case in enumerate(case for case in cases if "brats" in case["tasks"]):
        pair = folder / "pairs" / case["name"]
        ref, pred = f"BraTS-{n:05}-000-seg.nii.gz", f"{n:05}-000.nii.gz"
        shutil.copy(pair / "ref.nii.gz", work / "ref" / ref)
        shutil.copy(pair / "pred.nii.gz", work / "pred" / pred)
        names[ref] = case["name"]
    shutil.copy(folder / "pairs" / "brats_gtv" / "ref.nii.gz", work / "ref" / "BraTS-99999-000-seg.nii.gz")
    names["BraTS-99999-000-seg.nii.gz"] = "without prediction"
    return names


def evaluate(config, work):
    summary = work / "summary.json"
    kept, sys.argv = sys.argv, ["brats-evaluate", "--ref_path", str(work / "ref"), "--pred_path", str(work / "pred"),
                                *config, "--summary_json", str(summary)]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation.main()
    finally:
        sys.argv = kept
    return json.loads(summary.read_text()), summary


def same_as_bundled(folder, work):
    """The configurations beside the pairs are written by hand; they must say what the bundled ones say."""
    for name in CONFIGS:
        ours = folder / "formats" / "panoptica" / f"brats_{name}.yaml"
        first, _ = evaluate(["--config", name], work)
        second, _ = evaluate(["--config_path", str(ours)], work)
        assert json.dumps(first) == json.dumps(second), name
        assert not filecmp.cmp(config_path(name), ours, shallow=False), f"{ours} is a copy"


def run(folder, cases):
    warnings.simplefilter("ignore")
    record = Record("brats_evaluation", ["brats-evaluation", "panoptica", "connected-components-3d", "numpy", "scipy",
                                         "SimpleITK", "pandas"], "https://github.com/BraTS/BraTS_evaluation",
                    "Apache-2.0 by its LICENSE, AGPL-3.0 by its metadata")
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        (work / "ref").mkdir()
        (work / "pred").mkdir()
        names = lay_out(folder, cases, work)
        for config in CONFIGS:
            record.call(config, "brats-evaluate --config CONFIG --ref_path REF --pred_path PRED", config=config,
                        same_as=f"formats/panoptica/brats_{config}.yaml")
            found, summary = evaluate(["--config", config], work)
            if config == "GoAT":
                assert json.dumps(found) == json.dumps(evaluate(["--config", "MenPre"], work)[0])
                record.calls["MenPre"] = {**record.calls["MenPre"], "rows": "those of GoAT"}
            elif config == "MenPre":
                continue
            record.row(config, None, None, {}, missings=[names[m] for m in found["missings"]])
            for subject in found["metrics"]:
                case = names[subject.pop("subject_name")]
                if "error" in subject:
                    # The message repeats the groups.
                    record.row(config, case, None, {"error": subject["error"][:67]})
                    continue
                for group, values in subject.items():
                    record.row(config, case, group, values)
            tables(record, config, summary, names, work)
        same_as_bundled(folder, work)
    record.write(folder / "expected")


def tables(record, config, summary, names, work):
    for table, configs, parse, parameters in TABLES:
        if config not in configs:
            continue
        name = f"{config} table {table}"
        out = work / "table.csv"
        out.unlink(missing_ok=True)
        with contextlib.redirect_stdout(io.StringIO()):
            parse(str(summary), output_csv_path=str(out), **parameters)
        record.call(name, f"brats-parse-metrics {table.removesuffix('_strict')} --json_path …", **parameters)
        with out.open(newline="") as file:
            for line in csv.DictReader(file):
                subject = line.pop("subject_id")
                values = {k: float(v) if v else "" for k, v in line.items()}
                record.row(name, names.get(subject, subject), None, values)
