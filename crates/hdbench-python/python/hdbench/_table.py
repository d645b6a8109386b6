"""The tidy table of many cases."""

from __future__ import annotations

import importlib
import math
import numbers
from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _hdbench
from ._scores import html_table, is_asked, metric_name, metric_names, shown
from ._structures import checked_text
from .errors import HdbenchError, MissingPackageError, UsageError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

# In the place of a case: what is pooled over all of them.
POOLED = "_all"
# What a table for readers shows unless it is told otherwise.
HEADLINE = ("dice", "hd95", "assd", "nsd_2mm")


class Summary(NamedTuple):
    """A metric of a structure over the cases that have a value: ``count`` of them; those where it is NaN are left out.

    ``sd`` is that of the sample (n - 1); ``label`` is the structure, None for a metric of several. Of several algorithms
    each has lines of its own.
    """

    label: str | None
    metric: str
    count: int  # type: ignore[assignment]  # tuples have a method of this name
    mean: float
    sd: float
    min: float
    q25: float
    median: float
    q75: float
    max: float
    algorithm: str = ""


class SummaryTable(list[Summary]):
    """Lines of :class:`Summary`, shown as a table in notebooks."""

    def of(self, label: str | None, metric: str, algorithm: str | None = None) -> Summary:
        """The line of a metric of a structure, of the first algorithm unless another is named."""
        for line in self:
            is_own = line.label == label and algorithm in (None, line.algorithm)
            if is_own and isinstance(metric, str) and line.metric == metric_name(metric):
                return line
        raise KeyError(f"{label!r} has no {metric!r}")

    def _repr_html_(self) -> str:
        # One algorithm needs no column of its name.
        shown_fields = Summary._fields if len({line.algorithm for line in self}) > 1 else Summary._fields[:-1]
        return html_table(list(shown_fields), [[shown(cell) for cell in line[: len(shown_fields)]] for line in self])


class Table:
    """What ``hdbench evaluate`` writes to ``metrics_long.csv``: a row a case, structure and metric.

    Columns: ``task``, ``algorithm``, ``fold``, ``seed``, ``case`` (``"_all"`` for what is pooled over the cases),
    ``label`` (the structure; None for a metric of several), ``metric``, ``metric_version``, ``value``, ``raw_value``,
    ``policy``. Fractions in 0..1, mm, mL. Where metrics were asked for, what is pooled over the cases or of several
    structures, such as ``dice_global`` and tumour burdens, is left out.

    Attributes
    ----------
    cases
        Number of cases with scores.
    failures
        Cases without scores: pairs of the case and the reason.
    notes
        What is odd about the files or their pairing, a sentence each.
    rows
        The rows, a dict each.
    """

    def __init__(self, found: dict[str, Any], asked: list[str] | None = None) -> None:
        self._columns: dict[str, list[Any]] = found["columns"]
        self._summary = [Summary(*line) for line in found["summary"]]
        if asked is not None:
            self._keep(asked)
        #: Number of cases with scores.
        self.cases: int = found["cases"]
        #: Cases without scores, each with the reason.
        self.failures: list[tuple[str, str]] = found["failures"]
        #: What is odd about the files or their pairing, a sentence each.
        self.notes: list[str] = found["notes"]

    def _keep(self, asked: list[str]) -> None:
        """Keeps the rows of the metrics that were asked for."""
        rows = zip(*(self._columns[name] for name in ("label", "case", "metric")))
        kept = [
            label is not None and (metric in asked or (case != POOLED and is_asked(metric, asked)))
            for label, case, metric in rows
        ]
        self._columns = {name: list(compress(column, kept)) for name, column in self._columns.items()}
        self._summary = [line for line in self._summary if line.label is not None and is_asked(line.metric, asked)]

    @classmethod
    def from_frame(cls, frame: Any) -> Table:
        """Scores from elsewhere: a DataFrame of pandas or polars, a table of pyarrow, or a dict of columns.

        It has the columns ``case``, ``metric`` and ``value``, a row a case and metric, and may have the others of this
        table: ``label`` (the structure), ``algorithm``, ``task``, ``fold``, ``seed``, ``metric_version``,
        ``raw_value``, ``policy``.

        A case or label that is a whole number becomes its text. Raises ``UsageError`` where one of the three is missing, a
        value is not of its column's type, or is one that its metric cannot have, such as a Dice in percent.
        """
        columns = _columns_of(frame)
        source: _hdbench.Source = {"name": "the table", "path": None, "columns": columns, "failed": []}
        try:
            return cls(_hdbench.checked_columns(source))
        except (TypeError, ValueError, OverflowError) as error:
            if isinstance(error, HdbenchError):
                raise
            raise UsageError(f"the table: {error}") from None

    @property
    def algorithms(self) -> list[str]:
        """The names of the algorithms, in the order of their first rows."""
        return list(dict.fromkeys(self._columns["algorithm"]))

    def as_source(self, name: str) -> _hdbench.Source:
        """The table as the analyses take it."""
        failed = [case for case, *_ in self.failures]
        columns: Any = self._columns
        return {"name": name, "path": None, "columns": columns, "failed": failed}

    def plot(self, metric: str | Sequence[str] = "dice") -> _hdbench.Chart:
        """Every case as a dot, with quartiles, median and mean: a panel a structure, a line an algorithm.

        ``metric`` is a name or several, ``"dice"`` of every structure or ``"lesion:dice"`` of one. Notebooks show the
        chart; ``save`` writes it as SVG or PNG.
        """
        return _hdbench.dots(self.as_source("the table"), metric_names(metric))

    def plot_tumour_burden(self) -> _hdbench.Chart:
        """Agreement of the tumour burden (lesion of liver) with the reference (Bland and Altman), by algorithm."""
        return _hdbench.tumour_burdens(self.as_source("the table"))

    def plot_tumour_volumes(self, structure: str = "lesion", boundary_ml: float | None = None) -> _hdbench.Chart:
        """The reference volume of every case, mL, and the line between small and large tumours: ``boundary_ml``, or the
        largest gap."""
        if boundary_ml is not None and not (isinstance(boundary_ml, numbers.Real) and math.isfinite(boundary_ml)):
            raise UsageError(f"boundary_ml: is {boundary_ml!r}, expected mL")
        boundary = None if boundary_ml is None else float(boundary_ml)
        return _hdbench.tumour_volumes(self.as_source("the table"), checked_text(structure, "structure"), boundary)

    def __len__(self) -> int:
        return len(self._columns["value"])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, a dict each."""
        names = list(self._columns)
        return [dict(zip(names, row)) for row in zip(*self._columns.values())]

    def to_dict(self) -> dict[str, list[Any]]:
        """The columns by name, a list each."""
        return {name: list(column) for name, column in self._columns.items()}

    def to_pandas(self) -> pandas.DataFrame:
        """A ``pandas.DataFrame``. ``to_csv(path, index=False, na_rep="NaN")`` makes a file of it that :func:`read` takes."""
        frame: pandas.DataFrame = package("pandas").DataFrame(self._columns)
        return frame

    def to_polars(self) -> polars.DataFrame:
        """A ``polars.DataFrame``."""
        frame: polars.DataFrame = package("polars").DataFrame(self._columns)
        return frame

    def to_arrow(self) -> pyarrow.Table:
        """A ``pyarrow.Table``."""
        table: pyarrow.Table = package("pyarrow").table(self._columns)
        return table

    def summary(self) -> SummaryTable:
        """Each metric of each structure over the cases that have a value: count, mean, sd, min, quartiles, max.

        A value that is NaN, such as a distance where a mask is empty, enters no mean; ``count`` tells.
        """
        return SummaryTable(self._summary)

    def to_latex(
        self,
        metrics: str | Sequence[str] | None = None,
        title: str = "Scores",
        caption: str = "Mean and standard deviation over the cases",
    ) -> str:
        """A LaTeX table for ``booktabs``: a row a structure, a column a metric (default: Dice, HD95, ASSD, NSD at 2 mm,
        as far as they were scored). Fractions are shown in percent."""
        summary = self.summary()
        known = {line.metric for line in summary}
        asked = [name for name in HEADLINE if name in known] if metrics is None else metric_names(metrics)
        for name in asked:
            if name not in known:
                raise UsageError(f"metrics: {name!r} was not scored", f"there are {', '.join(sorted(known))}")
        several = len({line.algorithm for line in summary}) > 1
        keys = dict.fromkeys((line.label, line.algorithm) for line in summary if line.metric in asked)
        found = {(line.label, line.algorithm, line.metric): (line.mean, line.sd, line.count) for line in summary}
        rows = [
            (f"{label or 'all'}, {algorithm}" if several else label or "all",
             [found.get((label, algorithm, metric)) for metric in asked])
            for label, algorithm in keys
        ]
        return _hdbench.latex(checked_text(title, "title"), checked_text(caption, "caption"), asked, rows)

    def __repr__(self) -> str:
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"<hdbench.Table: {self.cases} cases{failed}, {len(self)} rows>"

    def _repr_html_(self) -> str:
        lines = [line for line in self._summary if line.metric in HEADLINE] or self._summary
        return SummaryTable(lines)._repr_html_()


# What a table from elsewhere need not have.
_DEFAULTS = {"task": "", "algorithm": "", "fold": 0, "seed": 0, "label": None, "metric_version": 1, "policy": "strict"}


def _columns_of(frame: Any) -> Any:
    """The columns of the tidy table that a frame has, the others by default."""
    names = getattr(frame, "column_names", None)
    names = list(getattr(frame, "columns", frame)) if names is None else list(names)
    for name in ("case", "metric", "value"):
        if name not in names:
            listed = ", ".join(map(str, names[:12]))
            raise UsageError(f"the table has no column {name!r}", f"it has {listed or 'none'}")
    columns = {name: _listed(frame[name]) for name in ("case", "metric", "value")}
    rows = len(columns["value"])
    for name, value in _DEFAULTS.items():
        columns[name] = _listed(frame[name]) if name in names else [value] * rows
    columns["raw_value"] = _listed(frame["raw_value"]) if "raw_value" in names else columns["value"]
    for name, cells in columns.items():
        kind = _KINDS.get(name, _text)
        columns[name] = [_cell(kind, name, row, cell) for row, cell in enumerate(cells)]
    columns["metric"] = [metric_name(name) for name in columns["metric"]]
    return columns


def _cell(kind: Callable[[Any], Any], name: str, row: int, cell: Any) -> Any:
    try:
        return kind(cell)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the table: {name} of row {row}: {cell!r} {error}") from None


def _is_nothing(cell: Any) -> bool:
    """None, NaN, and what pandas has for them."""
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell)


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    # Numbers are what a CSV's reader makes of names such as 1 and 001.
    number = None if _is_nothing(cell) else _integer(cell)
    if number is None:
        raise TypeError("is no text")
    return str(number)


def _integer(cell: Any) -> int | None:
    """The whole number that it is."""
    if isinstance(cell, numbers.Integral):
        return int(cell)
    if isinstance(cell, numbers.Real) and float(cell).is_integer():
        return int(float(cell))
    return None


def _label(cell: Any) -> str | None:
    return None if _is_nothing(cell) else _text(cell)


def _number(cell: Any) -> float:
    if _is_nothing(cell):
        return math.nan
    if isinstance(cell, str):
        raise TypeError("is a text, expected a number")
    return float(cell)


def _whole(cell: Any) -> int:
    number = _integer(cell)
    if number is None or number < 0:
        raise TypeError("is no whole number")
    return number


_KINDS: dict[str, Callable[[Any], Any]] = {
    "label": _label, "value": _number, "raw_value": _number, "fold": _whole, "seed": _whole, "metric_version": _whole,
}


def _listed(column: Any) -> list[Any]:
    for method in ("to_list", "tolist", "to_pylist"):
        if hasattr(column, method):
            return list(getattr(column, method)())
    return list(column)


def package(name: str) -> Any:
    """A package that is needed for one thing alone."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingPackageError(f"{name} is not installed", f"pip install {name}") from error
