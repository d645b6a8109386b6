"""Scores of one pair, and the tables of many."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from .errors import UsageError


# A tolerance at the end of a name.
_TOLERANCE = re.compile(r"(.*_)([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+)(mm|voxels)", re.DOTALL)


def metric_name(name: str) -> str:
    """The name of the tables: ``nsd@2mm`` and ``nsd@2.0mm`` are ``nsd_2mm``."""
    if not isinstance(name, str):
        raise UsageError(f"metrics: {name!r} is no name of a metric", 'such as "dice" or "nsd@2mm"')
    name = name.replace("@", "_")
    found = _TOLERANCE.fullmatch(name)
    if not found:
        return name
    # Without an exponent, as the tables have it.
    tolerance = format(Decimal(repr(float(found[2]))), "f")
    if "." in tolerance:
        tolerance = tolerance.rstrip("0").rstrip(".")
    return f"{found[1]}{tolerance}{found[3]}"


def metric_names(names: Any) -> list[str]:
    """The names of the tables of one name or of several."""
    if isinstance(names, str):
        names = [names]
    if isinstance(names, Mapping) or not isinstance(names, Iterable):
        raise UsageError(f"metrics: {names!r} is no list of names", 'such as ["dice", "hd95"]')
    return [metric_name(name) for name in names]


def is_asked(metric: str, asked: list[str] | None) -> bool:
    """Whether a metric is shown where these are asked for: those that a structure names itself are as well, which are
    of no criterion."""
    return asked is None or metric in asked or "_iou_" not in metric


class ByMetric(dict[str, Any]):
    """A dict by metrics, which are found by any writing of their names."""

    def __missing__(self, metric: str) -> Any:
        name = metric_name(metric) if isinstance(metric, str) else metric
        if name in self:
            return self[name]
        raise KeyError(metric)


def shown(value: Any) -> str:
    """A number for people."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "—"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def html_table(head: list[str], rows: list[list[Any]]) -> str:
    def cells(tag: str, row: list[Any]) -> str:
        return "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in row)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells('th', head)}</tr></thead><tbody>{body}</tbody></table>"


class StructureScores(Mapping[str, float]):
    """What one structure scored: a mapping from a metric's name to its value.

    Fractions are in 0..1, distances in mm, volumes in mL. Values are those under the policy for empty masks. A value that
    is undefined is NaN. It goes through the metrics that were asked for.

    Attributes
    ----------
    name
        The structure's.
    raw
        What each formula gave, NaN or infinite where it has no value; a dict by metric.
    policies
        Which rule made each value: ``"strict"`` as computed, ``"strict:reference_empty"`` and the like by the rule for an
        empty mask; a dict by metric.
    detections
        How many instances are found, by criterion, whatever was asked for; empty of a structure scored as a whole.
    voxels
        Number of voxels: ``"shared"``, ``"pred"``, ``"ref"``.
    """

    def __init__(self, name: str, found: dict[str, Any], asked: list[str] | None) -> None:
        self.name = name
        #: How many of its instances are found, by criterion; empty of a structure that is scored as a whole.
        self.detections: dict[str, float] = found["detections"]
        listed = {key: own for key, own in self.detections.items() if is_asked(key, asked)}
        self._values = {**found["values"], **listed}
        #: What each formula gave, NaN or infinite where it has no value.
        self.raw: dict[str, float] = ByMetric(found["raw"])
        #: The rule that made each value.
        self.policies: dict[str, str] = ByMetric(found["policies"])
        shared, pred, ref = found["counts"]
        #: Voxels: shared, of the prediction, of the reference.
        self.voxels: dict[str, int] = {"shared": shared, "pred": pred, "ref": ref}
        self._instances: list[dict[str, Any]] | None = found["instances"]

    def __getitem__(self, metric: str) -> float:
        name = metric_name(metric) if isinstance(metric, str) else None
        for values in (self._values, self.detections):
            if name in values:
                return values[name]
        raise KeyError(f"{self.name} was not scored by {metric!r}; it has {', '.join(self._values)}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{self.name}: " + ", ".join(f"{name} {shown(value)}" for name, value in self.items())

    def _repr_html_(self) -> str:
        return html_table(["metric", self.name], [[name, shown(value)] for name, value in self.items()])


class Scores(Mapping[str, StructureScores]):
    """What a pair of label maps scored: a mapping from a structure's name to its scores.

    ``scores["lesion"]["hd95"]`` is a number in mm, ``scores.instances("lesion")`` a list of instances.

    Attributes
    ----------
    notes
        What is odd about the label maps or assumed of them, a sentence each: a spacing that is missing, an array that
        takes its place from the other side, units that were converted, values that are in no structure.
    burdens
        Tumour burdens (lesion of liver, 0..1), where ``liver`` and ``lesion`` are structures; else empty.
    """

    def __init__(self, found: dict[str, Any], asked: list[str] | None = None) -> None:
        self._structures = {name: StructureScores(name, own, asked) for name, own in found["structures"].items()}
        #: Tumour burdens, where ``liver`` and ``lesion`` are structures.
        self.burdens: dict[str, float] = found["burdens"]
        #: What is odd about the label maps or the call, a sentence each.
        self.notes: list[str] = found["notes"]

    def __getitem__(self, structure: str) -> StructureScores:
        try:
            return self._structures[str(structure)]
        except KeyError:
            raise KeyError(f"{structure!r} was not scored; there are {', '.join(self._structures)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._structures)

    def __len__(self) -> int:
        return len(self._structures)

    def instances(self, structure: str) -> list[dict[str, Any]]:
        """The instances of a structure, those of the reference first.

        Each is a dict by the columns of ``instances.csv``: ``side`` (``"reference"`` or ``"prediction"``), ``instance``
        (its number from 1), ``voxels``, ``volume_ml``, ``status`` (``"found"``, ``"missed"``, ``"false_alarm"`` or
        ``"left_out"``), ``matched`` (numbers of the other side's instances), and metrics of those that are found.

        Raises ``KeyError`` where the structure was scored as a whole.
        """
        found = self[structure]._instances
        if found is None:
            raise KeyError(
                f"{structure} was scored as a whole; score it with instances=True, or name a metric of instances such as "
                "detection_f1 beside its own rule"
            )
        return found

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Plain dicts: structure, then metric, then value."""
        return {name: dict(own) for name, own in self.items()}

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.values())) or "no structure"

    def _repr_html_(self) -> str:
        metrics = list(dict.fromkeys(metric for own in self.values() for metric in own))
        rows = [[name, *(shown(own.get(metric)) for metric in metrics)] for name, own in self.items()]
        return html_table(["structure", *metrics], rows)
