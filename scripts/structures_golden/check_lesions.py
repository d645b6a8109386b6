"""MIST, BraTS 2023, picai_eval and autoPET against define_lesions."""

import json

import numpy as np

from . import define_lesions as define
from . import structures
from .check import rows


def run(folder, cases, tally):
    pairs = {(case, name): (ref, pred, spacing) for case, name, ref, pred, spacing in structures.pairs(folder, cases)}
    mist(folder, cases, pairs, tally)
    picai(folder, pairs, tally)
    for row in rows(folder, "brats_2023")[1]:
        ref, pred, spacing = structures.read(folder, {"name": row["case"]})
        labels = structures.TUMOUR[row["structure"].lower()]
        tally.compare("brats_2023", (row["call"], row["case"], row["structure"]), row["values"],
                      define.brats_2023(np.isin(ref, labels), np.isin(pred, labels), spacing, row["call"]))
    for row in rows(folder, "autopet")[1]:
        key = row["case"], row["structure"]
        tally.compare("autopet", (row["call"], *key), row["values"],
                      define.autopet(*pairs[key], row["call"] == "autoPETIII"))


def mist(folder, cases, pairs, tally):
    calls, listed = rows(folder, "mist")
    config = json.loads((folder / "formats" / "mist" / "evaluation.json").read_text())
    made = {}
    for row in listed:
        case, name = row["case"], row["structure"]
        if row["call"] != "evaluate":
            tally.compare("mist", (row["call"], case, name), row["values"]["lesions"],
                          define.mist_lesions(*pairs[case, name], **calls[row["call"]]["parameters"])[0])
            continue
        entry = next((c for c in cases if c["name"] == case), None)
        if entry:
            ref, pred, spacing = structures.read(folder, entry)
            found = {f"{kind}_{metric}": define.mist_metric(metric, np.isin(ref, what["labels"]),
                                                            np.isin(pred, what["labels"]), spacing, parameters)
                     for kind, what in config.items() for metric, parameters in what["metrics"].items()}
            made[case] = found
        else:
            found = {k: define.mist_statistics([m[k] for m in made.values()])[case] for k in row["values"]}
        tally.compare("mist", (row["call"], case, name), row["values"], found)


def picai(folder, pairs, tally):
    calls, listed = rows(folder, "picai")
    made = {}
    for row in listed:
        call, case, name = row["call"], row["case"], row["structure"]
        if case is not None:
            ref, pred, _ = pairs[case, name]
            parameters = {k: v for k, v in calls[call]["parameters"].items() if k != "y_det"}
            labels, _ = define.p.components(pred.astype(int), 26)
            det = np.where(labels > 0, (labels * 17 % 23 + 1) / 32, 0.0)
            found = define.picai_case(ref, det, **parameters)
            made.setdefault((call, name), []).append(found)
            found = dict(zip(("lesion_results", "case_pred", "case_target"), found))
            found["lesion_results"] = [list(r) for r in found["lesion_results"]]
        else:
            found = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in define.picai(made[call, name]).items()}
        tally.compare("picai", (call, case, name), row["values"], found)
