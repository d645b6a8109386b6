"""Scores of one pair, and the tables of many."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping
from typing import Any


def metric_name(name: str) -> str:
    """The name of the tables: ``nsd@2mm`` is ``nsd_2mm``."""
    return name.replace("@", "_")


def shown(value: float) -> str:
    """A number for people."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "—"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def html_table(head: list[str], rows: list[list[Any]]) -> str:
    cells = lambda tag, row: "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in row)  # noqa: E731
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells('th', head)}</tr></thead><tbody>{body}</tbody></table>"


class StructureScores(Mapping):
    """What one structure scored: a mapping from a metric's name to its value.

    Fractions are in 0..1, distances in mm, volumes in mL. Values are those under the policy for empty masks; ``raw``
    has what the formula gave, ``policies`` which rule made the value. A value that is undefined is NaN. It goes through
    the metrics that were asked for; ``detections`` has those of instances in any case.
    """

    def __init__(self, name: str, found: dict[str, Any], asked: list[str] | None) -> None:
        self.name = name
        #: How many of its instances are found, by criterion; empty of a structure that is scored as a whole.
        self.detections: dict[str, float] = found["detections"]
        # Metrics that a structure names itself are asked for as well: those of no criterion.
        listed = {key: own for key, own in self.detections.items() if asked is None or key in asked or "_iou_" not in key}
        self._values = {**found["values"], **listed}
        #: What each formula gave, NaN or infinite where it has no value.
        self.raw: dict[str, float] = found["raw"]
        #: The rule that made each value.
        self.policies: dict[str, str] = found["policies"]
        shared, pred, ref = found["counts"]
        #: Voxels: shared, of the prediction, of the reference.
        self.voxels: dict[str, int] = {"shared": shared, "pred": pred, "ref": ref}
        self._instances = found["instances"]

    def __getitem__(self, metric: str) -> float:
        name = metric_name(metric)
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


class Scores(Mapping):
    """What a pair of label maps scored: a mapping from a structure's name to its scores.

    ``scores["lesion"]["hd95"]`` is a number in mm, ``scores.instances("lesion")`` a list of instances.
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
