"""As ``nnunetv2.evaluation.evaluate_predictions`` of nnU-Net 2: the reference comes first.

Voxels are compared by index, whatever the files say of their place. Files are read by hdbench, so that
``image_reader_writer`` may be None; work is done in threads of this process, so that nothing is spawned.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from .. import _hdbench
from .._structures import toml
from ..errors import MissingFileError

if TYPE_CHECKING:
    from .._hdbench import Wanted

__all__ = [
    "compute_metrics",
    "compute_metrics_on_folder",
    "compute_metrics_on_folder_simple",
    "key_to_label_or_region",
    "label_or_region_to_key",
    "load_summary_json",
    "save_summary_json",
]

_Path = Union[str, "PathLike[str]"]
_Region = Union[int, "tuple[int, ...]"]

DEFAULT_PROCESSES = 8
LARGEST_LABEL = 65535


def compute_metrics(
    reference_file: _Path,
    prediction_file: _Path,
    image_reader_writer: object,
    labels_or_regions: Sequence[_Region],
    ignore_label: int | None = None,
) -> dict[str, Any]:
    """Dice, IoU and counts of one case, for each label (an int) or region (a tuple of them).

    Dice and IoU are NaN where neither file has the label.
    """
    for path in (reference_file, prediction_file):
        if not os.path.exists(path):
            raise MissingFileError(f"{path}: no such file")
    regions = {f"r{place}": _values(own) for place, own in enumerate(labels_or_regions)}
    structures = {name: _complement(values) if 0 in values else sorted(values) for name, values in regions.items()}
    found = _scored(prediction_file, reference_file, structures, ignore_label)
    voxels = found["voxels"]
    if ignore_label is not None:
        apart = _scored(prediction_file, reference_file, {"ignored": ignore_label}, None)
        voxels -= apart["structures"]["ignored"]["counts"][2]
    metrics = {}
    for own, (name, values) in zip(labels_or_regions, regions.items()):
        counts = found["structures"][name]["counts"]
        metrics[own] = _metrics(counts, voxels, is_complement=0 in values)
    return {"reference_file": reference_file, "prediction_file": prediction_file, "metrics": metrics}


def _values(label_or_region: Any) -> set[int]:
    is_label = bool(np.isscalar(label_or_region))
    return {int(label_or_region)} if is_label else {int(value) for value in label_or_region}


def _complement(values: set[int]) -> list[str]:
    """All labels but these, as ranges."""
    ends = sorted(values | {LARGEST_LABEL + 1})
    runs = [(before + 1, after - 1) for before, after in zip(ends, ends[1:])]
    return [f"{first}-{last}" for first, last in runs if first <= last]


def _scored(
    prediction_file: _Path, reference_file: _Path, structures: dict[str, Any], ignore_label: int | None
) -> dict[str, Any]:
    ignore = None if ignore_label is None else [ignore_label]
    text = toml(structures, None, ["dice"], ignore)
    wanted: Wanted = {"name": None, "toml": text, "metrics": None}
    return _hdbench.score(os.fspath(prediction_file), os.fspath(reference_file), wanted, True)


def _metrics(counts: tuple[int, int, int], voxels: int, is_complement: bool) -> dict[str, float]:
    shared, pred, ref = counts
    tp, fp, fn = shared, pred - shared, ref - shared
    tn = voxels - tp - fp - fn
    if is_complement:
        # What is not in the one is in the other.
        tp, fp, fn, tn = tn, fn, fp, tp
    is_there = tp + fp + fn > 0
    return {
        "Dice": 2 * tp / (2 * tp + fp + fn) if is_there else float("nan"),
        "IoU": tp / (tp + fp + fn) if is_there else float("nan"),
        "FP": fp,
        "TP": tp,
        "FN": fn,
        "TN": tn,
        "n_pred": fp + tp,
        "n_ref": fn + tp,
    }


def compute_metrics_on_folder(
    folder_ref: _Path,
    folder_pred: _Path,
    output_file: _Path | None,
    image_reader_writer: object,
    file_ending: str,
    regions_or_labels: Sequence[_Region],
    ignore_label: int | None = None,
    num_processes: int = DEFAULT_PROCESSES,
    chill: bool = True,
) -> dict[str, Any]:
    """Scores every file of ``folder_pred`` against that of the same name in ``folder_ref``; writes ``output_file``, a
    path that ends in ``.json``, unless it is None.

    Returns ``metric_per_case``, ``mean`` (by label or region) and ``foreground_mean``.
    """
    if output_file is not None:
        assert str(output_file).endswith(".json"), "output_file should end with .json"
    names = _files(folder_pred, file_ending)
    if not chill:
        present = [os.path.isfile(os.path.join(folder_pred, name)) for name in _files(folder_ref, file_ending)]
        assert all(present), "Not all files in folder_ref exist in folder_pred"

    def of_case(name: str) -> dict[str, Any]:
        ref, pred = (os.path.join(folder, name) for folder in (folder_ref, folder_pred))
        return compute_metrics(ref, pred, image_reader_writer, regions_or_labels, ignore_label)

    with ThreadPoolExecutor(max(1, num_processes)) as pool:
        results = list(pool.map(of_case, names))
    names_of_metrics = list(results[0]["metrics"][regions_or_labels[0]])
    mean = {}
    for own in regions_or_labels:
        of = {name: [case["metrics"][own][name] for case in results] for name in names_of_metrics}
        mean[own] = {name: float(np.nanmean(values)) for name, values in of.items()}
    foreground = [values for own, values in mean.items() if own not in (0, "0")]
    foreground_mean = {name: float(np.mean([own[name] for own in foreground])) for name in names_of_metrics}
    result = {"metric_per_case": results, "mean": mean, "foreground_mean": foreground_mean}
    if output_file is not None:
        save_summary_json(result, output_file)
    return result


def compute_metrics_on_folder_simple(
    folder_ref: _Path,
    folder_pred: _Path,
    labels: Sequence[int],
    output_file: _Path | None = None,
    num_processes: int = DEFAULT_PROCESSES,
    ignore_label: int | None = None,
    chill: bool = False,
) -> None:
    """:func:`compute_metrics_on_folder` for files that end as the first one of ``folder_ref`` does; writes
    ``summary.json`` beside the predictions unless another file is named."""
    first = _files(folder_ref, "")[0]
    ending = ".nii.gz" if first.endswith(".nii.gz") else os.path.splitext(first)[-1]
    output_file = os.path.join(folder_pred, "summary.json") if output_file is None else output_file
    compute_metrics_on_folder(
        folder_ref, folder_pred, output_file, None, ending, labels, ignore_label, num_processes, chill=chill
    )


def _files(folder: _Path, ending: str) -> list[str]:
    files = (name for name in os.listdir(os.fspath(folder)) if name.endswith(ending))
    return sorted(name for name in files if os.path.isfile(os.path.join(folder, name)))


def label_or_region_to_key(label_or_region: _Region) -> str:
    """Its key in ``summary.json``."""
    return str(label_or_region)


def key_to_label_or_region(key: str) -> _Region:
    """What a key of ``summary.json`` stands for."""
    try:
        return int(key)
    except ValueError:
        parts = key.replace("(", "").replace(")", "").split(",")
        return tuple(int(part) for part in parts if part)


def _with_keys(results: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    cases = [
        {**case, "metrics": {change(own): values for own, values in case["metrics"].items()}}
        for case in results["metric_per_case"]
    ]
    return {**results, "mean": {change(own): v for own, v in results["mean"].items()}, "metric_per_case": cases}


def save_summary_json(results: dict[str, Any], output_file: _Path) -> None:
    """Writes what :func:`compute_metrics_on_folder` gives."""
    with open(output_file, "w") as file:
        json.dump(_with_keys(results, label_or_region_to_key), file, sort_keys=True, indent=4)


def load_summary_json(filename: _Path) -> dict[str, Any]:
    """Reads what :func:`save_summary_json` or nnU-Net has written."""
    with open(filename) as file:
        return _with_keys(json.load(file), key_to_label_or_region)
