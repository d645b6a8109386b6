"""Scores segmentations against references, and compares scores: what the command computes, from Python.

>>> import hdbench
>>> scores = hdbench.score(pred=a, ref=b, spacing=(z, y, x), structures={"liver": [1, 2], "lesion": [2]},
...                        metrics=["dice", "hd95", "nsd@2mm"])
>>> scores["lesion"]["hd95"]           # mm
>>> scores.instances("lesion")         # a dict an instance
>>> table = hdbench.evaluate(pred="predictions", ref="labelsTr")
>>> table.to_pandas(); table.plot("dice")
>>> hdbench.compare(before, table, metric="dice"); hdbench.rank(before, table); hdbench.regress(baseline=before, current=table)

Arguments are keyword-only, because the calls of other packages contradict each other in which label map comes first.
``hdbench.compat`` has the functions of MedPy, surface-distance, MONAI and nnU-Net with their own signatures.
Exceptions are in ``hdbench.errors``.
"""

from __future__ import annotations

import operator
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _defined, _hdbench, errors
from ._analysis import (
    Comparison,
    Difference,
    GateLine,
    Judgement,
    Place,
    Ranking,
    compare,
    rank,
    read,
    regress,
)
from ._hdbench import Chart, __version__
from ._label_map import is_path, pair, with_transposed_hint
from ._scores import Scores, StructureScores, metric_names
from ._structures import checked_text, toml
from ._table import Summary, SummaryTable, Table
from .errors import HdbenchError, InputError, MissingFileError, PartialResultWarning, UsageError

if TYPE_CHECKING:
    from ._hdbench import Asked, Wanted

__all__ = [
    "Chart",
    "Comparison",
    "Difference",
    "GateLine",
    "HdbenchError",
    "Judgement",
    "Place",
    "Ranking",
    "Scores",
    "StructureScores",
    "Summary",
    "SummaryTable",
    "Table",
    "__version__",
    "compare",
    "errors",
    "evaluate",
    "metrics",
    "rank",
    "read",
    "regress",
    "score",
    "structure_sets",
]

# As the lesions of profile strict: components by faces, matched in groups by overlap.
_OVERLAP_GROUPS = {"by": "components", "neighbours": 6, "match": "overlap-groups"}


def score(
    *,
    pred: Any,
    ref: Any,
    spacing: float | Sequence[float] | None = None,
    structures: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    metrics: str | Sequence[str] | None = None,
    instances: bool | Mapping[str, Any] = True,
    ignore: int | str | Sequence[int | str] | None = None,
    ignore_geometry: bool = False,
) -> Scores:
    """Scores a predicted label map against a reference.

    Parameters
    ----------
    pred, ref
        Each a path (``.nii``, ``.nii.gz``, ``.mha``, ``.mhd``, ``.nrrd``, ``.nhdr``), an image of nibabel or SimpleITK,
        whose affine is taken along, or an array of shape ``[z, y, x]`` (``[y, x]`` for a picture): of numpy, torch, or
        whatever has ``__array__``. Labels are whole numbers from 0 (background) to 65,535 in any integer, bool or
        float type; any order in memory, negative strides and read-only arrays are fine. Arrays are looked at where
        they lie if the labels of a row lie side by side in 8 or 16 bits; of others the box around the labels is copied.
    spacing
        Of plain arrays, mm along each axis **in the order of the array's axes**: ``(z, y, x)`` for ``[z, y, x]``.
        One number holds for all axes. Without it distances are in voxels, and ``notes`` says so. The array of a
        nibabel image is ``[x, y, z]``: give the image itself, or ``image.header.get_zooms()`` with its array. Images
        and files have a spacing of their own, so that it is left out beside one. A plain array takes its place from
        the other side, and ``notes`` says so: beside an image of nibabel its axes are read as ``[x, y, z]``, beside
        one of SimpleITK or a path as ``[z, y, x]``.
    structures
        What is scored: a dict from a name to label values (``2``, ``[1, 2]``, ``"1-26"``, ``"1-"`` for 1 or more) or to
        a table with ``labels``, ``metrics``, ``instances``, ``empty``; a built-in name (:func:`structure_sets`); or the
        path of a set, of a ``dataset.json``, of a panoptica or MIST configuration. Default: every value that is found,
        named by its number.
    metrics
        A name or several, such as ``"dice"``, ``"hd95"``, ``"assd"``, ``"nsd@2mm"``, ``"hd95_6n"`` (:func:`metrics`
        lists them). Default: all of profile strict.
    instances
        Of structures in a dict that say nothing of it: True splits them into components by faces, matched in groups by
        overlap as LiTS does; False scores them as a whole; a table is another rule.
    ignore
        Beside structures in a dict, label values (``255``, ``[4, 5]``, ``"4-5"``): where the reference has one of them,
        neither map counts. A structure that holds one keeps the predictions of it elsewhere, as false positives, and
        ``notes`` says so.
    ignore_geometry
        Compare voxels by index though affines place them elsewhere.

    Returns
    -------
    Scores
        ``scores[structure][metric]``: fractions in 0..1, distances in mm, volumes in mL, NaN where undefined. The bits
        are those of the command. ``notes`` has what was assumed.

    What numbers mean
    -----------------
    Fractions are in 0..1, never in percent; ``rvd`` is signed, (prediction - reference) / reference, and has no upper
    bound.

    Distances are those between surface voxels, which have background among their 18 neighbours (``hd95_6n``: among 6).
    ``hd95`` is the 95th percentile of both directions pooled, ``assd`` their pooled mean, ``masd_18n`` the mean of the
    two directed means. ``msd`` is the MAXIMUM, the Hausdorff distance. ``nsd`` is a share of both surfaces' area.

    Where one mask is empty or both are, distances are NaN, and ``rvd`` is where the reference is empty; ``dice``,
    ``jaccard``, ``precision``, ``recall`` and ``nsd`` are 1 where both are empty, 0 where one is. ``policies`` of a structure
    says which rule made each value. NaN enters no mean of ``Table.summary()``: its ``count`` (N) tells how many did.

    Labels of a float type are rounded where they are whole but for noise below 1e-3, and refused otherwise.

    Raises
    ------
    hdbench.errors.HdbenchError
        Of its classes: ``ShapeError``, ``InputError`` and ``UsageError`` are also ``ValueError``, ``DtypeError`` is
        also ``TypeError``, ``MissingFileError`` also ``FileNotFoundError``.
    """
    for name, side in (("pred", pred), ("ref", ref)):
        if is_path(side) and not os.path.exists(side):
            raise MissingFileError(f"{name}: {os.fspath(side)}: no such file")
    by_index = _truth(ignore_geometry, "ignore_geometry")
    wanted = _wanted(structures, metrics, instances, ignore)
    prediction, reference, notes = pair(pred, ref, spacing)
    try:
        found = _hdbench.score(prediction, reference, wanted, by_index)
    except InputError as error:
        if is_path(prediction) == is_path(reference):
            raise
        raise with_transposed_hint(error) from None
    found["notes"][:0] = notes
    return Scores(found, wanted["metrics"])


def evaluate(
    *,
    pred: str | os.PathLike[str],
    ref: str | os.PathLike[str],
    structures: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    metrics: str | Sequence[str] | None = None,
    instances: bool | Mapping[str, Any] = False,
    ignore: int | str | Sequence[int | str] | None = None,
    jobs: int | None = None,
    label_map: str | None = None,
    pred_label_map: str | None = None,
    ref_label_map: str | None = None,
    allow_missing: bool = False,
    ignore_geometry: bool = False,
    task: str | None = None,
    algorithm: str | None = None,
    profile: str = "strict",
    definitions: str | Sequence[str] | None = None,
    border: int | Sequence[int] | None = None,
    nsd_tolerance: float | Sequence[float] | None = None,
    one_to_one: bool = False,
    out: str | os.PathLike[str] | None = None,
    volume_bins: float | Sequence[float] | None = None,
) -> Table:
    """Scores all predictions of a folder against their references, as ``hdbench evaluate`` does.

    What numbers mean is told by :func:`score`. Other than there ``instances`` is False by default.

    Parameters
    ----------
    pred, ref
        Each a folder of any depth, a zip archive or a single label map. Cases are paired by name.
    structures, metrics, instances, ignore
        As of :func:`score`, but structures in a dict are scored as a whole unless ``instances`` says otherwise. By default
        the structures of a ``dataset.json`` beside the files, else liver and lesion. Where metrics are named, the table
        has these alone, without what is pooled over the cases.
    jobs
        Cases at a time (default: up to 4). Results do not depend on it.
    label_map, pred_label_map, ref_label_map
        What the numbers mean where no structures are named: ``"auto"``, ``"lits"``, ``"nnunet"``, ``"msd"`` or
        ``"1=liver,2=tumour"``.
    allow_missing
        What becomes of a reference without a prediction. False: its case is one of ``failures``, and a warning is given.
        True: it is in ``notes`` alone. It has no row and enters no mean either way.
    ignore_geometry
        Compare voxels by index though files place them elsewhere.
    task, algorithm
        Names in the table (default: those of the folders).
    profile
        ``"strict"``, or ``"lits"``: the metrics of the official LiTS scorer, oddities included, of liver and lesion
        alone.
    definitions
        Tools, such as ``"medpy"`` or ``["monai", "panoptica"]``, whose distances and surface overlaps are metrics as
        well, by names that say the definition; ``"all"`` for all of them.
    border
        Which neighbours make a surface voxel, for the distances: 6, 18, 26 or several (default: ``[18, 6]``).
    nsd_tolerance
        Tolerances of the normalised surface Dice in mm (default: ``[1, 2, 3, 5]``).
    one_to_one
        Match lesions one to one as well, at an IoU of 0.5 or more as panoptica does.
    out
        A folder for the command's files: ``metrics_long.csv`` and ``.parquet``, ``cases.csv``, ``metrics.json``,
        ``lesions.csv``, ``instances.csv``, ``summary.json``, ``scores.txt``, ``failures.csv``, each where the command writes
        it. Files of an earlier start are replaced, those that hdbench did not write are never. They hold all rows, also where metrics are named.
    volume_bins
        With ``out``, limits of the bins of ``detection_by_volume.csv`` in mL (default: quartiles).

    Returns
    -------
    Table
        A row a case, structure and metric. Where cases have failed, ``failures`` names them and a
        ``PartialResultWarning`` is given.
    """
    for name, path in (("pred", pred), ("ref", ref)):
        if not is_path(path):
            raise UsageError(f"{name}: {type(path).__name__} is no path", "hdbench.score takes arrays")
        if not os.path.exists(path):
            raise MissingFileError(f"{name}: {os.fspath(path)}: no such file or folder")
    for name, text in (
        ("label_map", label_map), ("pred_label_map", pred_label_map), ("ref_label_map", ref_label_map), ("task", task),
        ("algorithm", algorithm),
    ):
        if text is not None:
            checked_text(text, name)
    maps = (pred_label_map or label_map, ref_label_map or label_map)
    if structures is not None and any(maps):
        raise UsageError("structures and label maps exclude each other", "leave the label map out")
    is_lits = _defined.is_lits(profile)
    if is_lits:
        _defined.only_of_strict({
            "structures": structures, "metrics": metrics, "ignore": ignore, "definitions": definitions, "border": border,
            "nsd_tolerance": nsd_tolerance, "one_to_one": one_to_one, "volume_bins": volume_bins,
        })
    asked: Asked = {
        "pred": os.fsdecode(pred),
        "ref": os.fsdecode(ref),
        "wanted": _wanted(structures, metrics, instances, ignore),
        "defined": _defined.defined(
            definitions, border, nsd_tolerance, _truth(one_to_one, "one_to_one"), metrics
        ),
        "is_lits": is_lits,
        "label_maps": list(maps),
        "jobs": _jobs(jobs),
        "allow_missing": _truth(allow_missing, "allow_missing"),
        "ignore_geometry": _truth(ignore_geometry, "ignore_geometry"),
        "task": task,
        "algorithm": algorithm,
        "out": _defined.checked_out(out, pred, ref),
        "volume_bins": _defined.bins(volume_bins, out),
    }
    table = Table(_hdbench.evaluate(asked), asked["wanted"]["metrics"])
    if table.failures:
        case, reason = table.failures[0]
        text = f"{len(table.failures)} of {table.cases + len(table.failures)} cases have no scores, the first {case}: {reason}"
        warnings.warn(text, PartialResultWarning, stacklevel=2)
    return table


def metrics() -> list[str]:
    """The names of all metrics; those with a tolerance, such as ``nsd@2mm``, take any."""
    return [*_hdbench.metric_names(), "nsd@2mm"]


def structure_sets() -> list[str]:
    """The names of the sets of structures that are built in."""
    return list(_hdbench.structure_sets())


def _truth(given: Any, name: str) -> bool:
    if type(given).__name__ not in ("bool", "bool_"):
        raise UsageError(f"{name}: {given!r} is neither True nor False")
    return bool(given)


def _jobs(jobs: Any) -> int | None:
    if jobs is None:
        return None
    try:
        number = 0 if isinstance(jobs, bool) else operator.index(jobs)
    except TypeError:
        number = 0
    if not 0 < number <= sys.maxsize:
        raise UsageError(f"jobs: is {jobs!r}, expected a whole number, 1 or more")
    return number


def _wanted(structures: Any, metrics: Any, instances: Any, ignore: Any) -> Wanted:
    names = None if metrics is None else [checked_text(name, "metrics") for name in metric_names(metrics)]
    if names is not None and not names:
        raise UsageError("metrics: names none", 'such as ["dice", "hd95"]; leave it out for all')
    if ignore is not None and not isinstance(structures, Mapping):
        raise UsageError("ignore: goes with structures in a dict", "a file says what it ignores itself")
    if structures is None or is_path(structures):
        name = None if structures is None else checked_text(os.fsdecode(structures), "structures")
        return {"name": name, "toml": None, "metrics": names}
    if not isinstance(structures, Mapping):
        raise UsageError(f"structures: {structures!r} is neither a dict nor a name", 'such as {"liver": [1, 2]}')
    rule = _OVERLAP_GROUPS if instances is True else instances
    return {"name": None, "toml": toml(structures, rule, names, ignore), "metrics": names}
