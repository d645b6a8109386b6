"""What scores show: differences between algorithms, their order, regressions."""

from __future__ import annotations

import json
import math
import operator
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, overload

from . import _hdbench
from ._label_map import is_path
from ._scores import metric_name, metric_names
from ._structures import checked_text
from ._table import Table, package
from .errors import MissingFileError, UsageError

if TYPE_CHECKING:
    import pandas

Line = TypeVar("Line", bound=tuple[Any, ...])

_MAX_RESAMPLES = 1_000_000
_MIN_RESAMPLES = 100


class Result(Sequence[Line], Generic[Line]):
    """Lines of numbers with the tables and the chart that show them.

    A sequence of named tuples. Notebooks show the tables; ``print(result)`` shows them as text.

    Attributes
    ----------
    notes
        What is odd about the scores, a sentence each.
    """

    _lines: list[Line]
    _fields: tuple[str, ...]

    def __init__(self, found: dict[str, Any]) -> None:
        self._sheets: list[dict[str, str]] = found["sheets"]
        self._charts: list[_hdbench.Chart] = found["charts"]
        #: What is odd about the scores, a sentence each.
        self.notes: list[str] = found["notes"]

    @overload
    def __getitem__(self, place: int) -> Line: ...
    @overload
    def __getitem__(self, place: slice) -> list[Line]: ...
    def __getitem__(self, place: int | slice) -> Line | list[Line]:
        return self._lines[place]

    def __len__(self) -> int:
        return len(self._lines)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Result) and self._lines == other._lines

    __hash__ = None  # type: ignore[assignment]

    def plot(self) -> _hdbench.Chart:
        """The chart, which notebooks show and ``save`` writes as SVG or PNG."""
        return self._charts[0]

    def to_dict(self) -> list[dict[str, Any]]:
        """The lines, a dict each."""
        return [dict(zip(self._fields, line)) for line in self._lines]

    def to_pandas(self) -> pandas.DataFrame:
        """The lines as a ``pandas.DataFrame``."""
        frame: pandas.DataFrame = package("pandas").DataFrame(self.to_dict(), columns=list(self._fields))
        return frame

    def to_latex(self) -> str:
        """The tables for ``booktabs``."""
        return self._rendered("latex")

    def to_markdown(self) -> str:
        """The tables as Markdown."""
        return self._rendered("markdown")

    def _rendered(self, form: str) -> str:
        return "\n".join(sheet[form] for sheet in self._sheets)

    def __str__(self) -> str:
        return self._rendered("text")

    def _repr_html_(self) -> str:
        return self._rendered("html")


class Difference(NamedTuple):
    """An algorithm against a baseline in a metric of a structure, over the ``n`` cases that both have a value for.

    ``difference`` is the mean of algorithm - baseline (of absolute values where the size counts: ``rvd``,
    ``tumour_burden_error``), ``low`` and ``high`` its 95 % BCa bootstrap interval, None where there is none. ``p`` is
    Wilcoxon's signed-rank test, two-sided; ``p_holm`` is corrected over the pairs of algorithms in this metric and
    structure, and over nothing else: over many structures some are found by chance. Both are None without a case in
    common. ``false_claim`` is the probability that the claim which the difference suggests is false, by Student's t
    (arXiv 2505.04720), ``cases_needed`` the cases with this difference and this spread for it to be 0.05; ``remark`` says
    why something is not comparable, or what is to be known of it. ``finding``: ``"better"``, ``"worse"``, ``"different"``, ``"no-evidence"`` or ``"not-comparable"``.
    """

    label: str | None
    metric: str
    algorithm: str
    baseline: str
    n: int
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    false_claim: float | None
    cases_needed: int | None
    finding: str
    remark: str | None


class Comparison(Result[Difference]):
    """Paired tests of two results: a sequence of :class:`Difference`."""

    _fields = Difference._fields

    def __init__(self, found: dict[str, Any]) -> None:
        super().__init__(found)
        self._lines = [_difference(line) for line in found["lines"]["comparisons"]]

    def of(self, label: str | None, metric: str) -> Difference:
        """The line of a metric of a structure.

        Raises ``KeyError`` where there is none, or several algorithms have one.
        """
        name = metric_name(metric)
        found = [line for line in self._lines if line.label == label and line.metric == name]
        if len(found) != 1:
            known = ", ".join(dict.fromkeys(f"{line.label!r}, {line.metric!r}" for line in self._lines))
            raise KeyError(f"{label!r} has {len(found)} comparisons of {metric!r}; there are {known}")
        return found[0]

    def __repr__(self) -> str:
        return f"<hdbench.Comparison: {', '.join(map(_difference_in_words, self._lines)) or 'nothing'}>"


def _difference(line: dict[str, Any]) -> Difference:
    low, high = line.pop("interval") or (None, None)
    own = {name: line[name] for name in Difference._fields if name in line}
    return Difference(**own, low=low, high=high)


def _difference_in_words(line: Difference) -> str:
    name = f"{line.label} {line.metric}" if line.label else line.metric
    size = "" if line.difference is None else f" {line.difference:+.4g}"
    return f"{name}{size} ({line.finding})"


class Place(NamedTuple):
    """The place of an algorithm by a metric and a method.

    ``low``, ``median`` and ``high`` are 2.5 %, 50 % and 97.5 % of its places over bootstrap draws of the cases,
    ``first`` the share of the draws in which it is first.
    """

    metric: str
    method: str
    algorithm: str
    place: int
    low: float
    median: float
    high: float
    first: float


class Ranking(Result[Place]):
    """Orders of algorithms: a sequence of :class:`Place`, by metric, method and place.

    Attributes
    ----------
    tau
        Kendall's tau of the draws' orders with the order over all cases, by ``(metric, method)``: mean, 2.5 %, 50 % and
        97.5 %; None where all share a place.
    """

    _fields = Place._fields

    def __init__(self, found: dict[str, Any]) -> None:
        super().__init__(found)
        self._lines = [place for order in found["lines"] for place in _places(order)]
        self._orders = [(order["metric"], order["method"]) for order in found["lines"]]
        #: Kendall's tau of the draws' orders with the order over all cases, by metric and method.
        self.tau: dict[tuple[str, str], list[float] | None] = {
            (order["metric"], order["method"]): order["tau"] for order in found["lines"]
        }

    def order(self, metric: str | None = None, method: str | None = None) -> list[str]:
        """The algorithms from the first place to the last, by the first metric and method unless others are named:
        ``"dice"`` where one structure was ranked by it, ``"lesion:dice"``."""
        wanted = self._orders[self._at(metric, method)]
        return [line.algorithm for line in self._lines if (line.metric, line.method) == wanted]

    def plot(self, metric: str | None = None, method: str | None = None) -> _hdbench.Chart:
        """How often each algorithm has each place in bootstrap draws of the cases, by the first metric and method unless
        others are named."""
        return self._charts[self._at(metric, method)]

    def plot_choices(self) -> _hdbench.Chart:
        """The places by every other choice of rules, of a ranking by ``rules``.

        Raises ``ValueError`` for any other.
        """
        if len(self._charts) == len(self._orders):
            raise ValueError("a ranking by one metric has no choices of rules: rank(..., rules=...)")
        return self._charts[-1]

    def _at(self, metric: str | None, method: str | None) -> int:
        name = None if metric is None else metric_name(metric).replace(":", " ")

        def is_asked(order: tuple[str, str]) -> bool:
            is_metric = name is None or name in (order[0], order[0].rpartition(" ")[2])
            return is_metric and method in (None, order[1])

        asked = [at for at, order in enumerate(self._orders) if is_asked(order)]
        metrics = dict.fromkeys(self._orders[at][0] for at in asked)
        if not asked or (metric is not None and len(metrics) > 1):
            known = ", ".join(dict.fromkeys(order[0].replace(" ", ":") for order in self._orders))
            raise KeyError(f"{metric!r} and {method!r} name {len(metrics)} rankings; metrics are {known}")
        return asked[0]

    def __repr__(self) -> str:
        return f"<hdbench.Ranking: {self[0].metric}, {self[0].method}: {', '.join(self.order())}>"


def _places(order: dict[str, Any]) -> Iterator[Place]:
    for at in sorted(range(len(order["algorithms"])), key=lambda at: order["places"][at]):
        low, median, high = order["spread"][at]
        drawn = order["drawn"][at]
        yield Place(
            order["metric"], order["method"], order["algorithms"][at], order["places"][at], low, median, high,
            drawn[0] / max(sum(drawn), 1),
        )


class GateLine(NamedTuple):
    """A metric of an algorithm against the baseline.

    ``change`` is the mean of current - baseline over the ``n`` cases, ``low`` and ``high`` its 95 % interval,
    ``margin`` the loss that is accepted, ``p_holm`` the chance of such a loss by the draw of the cases alone, corrected
    over all lines. ``verdict``: ``"regressed"``, ``"not-comparable"`` (``reason`` says why), ``"no-evidence"`` or
    ``"improved"``. ``worst`` lists the cases that lost most.
    """

    algorithm: str
    metric: str
    n: int
    baseline: float | None
    current: float | None
    change: float | None
    low: float | None
    high: float | None
    margin: float
    p: float | None
    p_holm: float | None
    verdict: str
    reason: str | None
    required: bool
    worst: list[dict[str, Any]]


class Judgement(Result[GateLine]):
    """Whether results are worse than a baseline: a sequence of :class:`GateLine`.

    Attributes
    ----------
    passed
        True where nothing regressed and everything required was compared.
    outcome
        ``"passed"``, ``"regressed"`` or ``"not-comparable"``.
    headline
        The same in a sentence.
    """

    _fields = GateLine._fields

    def __init__(self, found: dict[str, Any]) -> None:
        super().__init__(found)
        #: True where nothing regressed and everything required was compared.
        self.passed: bool = found["passed"]
        #: ``"passed"``, ``"regressed"`` or ``"not-comparable"``.
        self.outcome: str = found["lines"]["outcome"]
        #: The same in a sentence.
        self.headline: str = found["headline"]
        self._texts: tuple[str, str] = (found["comment"], found["junit"])
        self._lines = [_gate_line(line) for line in found["lines"]["lines"]]

    def __bool__(self) -> bool:
        return self.passed

    def to_comment(self) -> str:
        """A pull request's comment in Markdown; its first line marks it."""
        return self._texts[0]

    def to_junit(self) -> str:
        """JUnit's XML, a test case a line."""
        return self._texts[1]

    def __repr__(self) -> str:
        return f"<hdbench.Judgement: {self.headline}>"


def _gate_line(line: dict[str, Any]) -> GateLine:
    low, high = line.pop("interval") or (None, None)
    own = {name: line[name] for name in GateLine._fields if name in line}
    return GateLine(**own, low=low, high=high)


def read(path: str | os.PathLike[str]) -> Table:
    """Scores that were computed before: a folder of ``hdbench evaluate``, a ``metrics_long.csv``, nnU-Net's
    ``summary.json``, or the folder above ``fold_0``, ``fold_1``, ... that hold one of these."""
    return Table(_hdbench.read_scores(_path(path, "path")))


def compare(
    baseline: Any,
    candidate: Any,
    *,
    metric: str | Sequence[str] | None = None,
    names: tuple[str, str] | None = None,
    resamples: int = 2_000,
    seed: int = 1,
) -> Comparison:
    """Whether one result is better than another on the same cases, as ``hdbench compare`` says it.

    Parameters
    ----------
    baseline, candidate
        Each a :class:`Table`, a DataFrame with its columns, or a path as :func:`read` takes it. Algorithms of the same
        name are compared, or the only ones of both sides. A case without a value by both is in no comparison, and
        ``notes`` says so; several seeds of a case count as their mean.
    metric
        A name or several: ``"dice"`` of every structure, ``"lesion:dice"`` of one; ``"all"``. Default: of Dice, HD95,
        ASSD, NSD at 2 mm, recall and precision of instances those that are there (of liver and lesions the paper's: Dice,
        VOE, RVD, ASSD, recall and precision, tumour burden); all, where none is.
    names
        What the two are called (default: their algorithms, or the names of their files).
    resamples, seed
        Of the bootstrap.

    Raises
    ------
    hdbench.errors.NotComparableError
        Where they have no case in common.
    """
    sources = _sources([baseline, candidate], names)
    return Comparison(_hdbench.compare(sources, _metrics(metric), _draws(resamples, seed)))


def rank(
    *scores: Any,
    metric: str | None = None,
    method: str | Sequence[str] | None = None,
    rules: str | os.PathLike[str] | None = None,
    names: Sequence[str] | None = None,
    resamples: int = 2_000,
    seed: int = 1,
) -> Ranking:
    """The order of algorithms, and how sure it is over bootstrap draws of the cases, as ``hdbench analyze`` says it.

    Parameters
    ----------
    scores
        Tables, DataFrames or paths as :func:`compare` takes them, or one dict from names to them. A missing value
        counts as the worst.
    metric
        What is ranked (default: ``lesion:dice``, without lesions the Dice of every structure).
    method
        One or several of ``"mean-then-rank"``, ``"median-then-rank"``, ``"rank-then-mean"``, ``"rank-then-median"``,
        ``"test-then-rank"`` (default: all; the first of more than four structures).
    rules
        In the place of both: the rules of a challenge over several metrics, ``"lits"``, ``"msd"``, ``"brats"``, ``"kits"``,
        ``"autopet"``, ``"flare22"``, or a TOML file (``hdbench explain ranking``); ``plot_choices`` then shows what other
        rules would have made of it.
    names
        What they are called.
    resamples, seed
        Of the bootstrap; more than 1,000 resamples are not drawn.
    """
    is_named = names is not None
    if len(scores) == 1 and isinstance(scores[0], Mapping) and not _is_frame(scores[0]):
        if names is not None:
            raise UsageError("names: the dict has them already")
        is_named, names, scores = True, list(scores[0]), tuple(scores[0].values())
    if rules is not None and (metric is not None or method is not None):
        raise UsageError("rules and metric or method exclude each other")
    methods = [] if method is None else [method] if isinstance(method, str) else list(method)
    named = None if metric is None else metric_name(checked_text(metric, "metric"))
    methods = [checked_text(name, "method") for name in methods]
    asked = None if rules is None else checked_text(os.fspath(rules), "rules")
    sources = _sources(list(scores), names)
    return Ranking(_hdbench.rank(sources, named, methods, asked, is_named, _draws(resamples, seed)))


def regress(
    *,
    baseline: Any,
    current: Any,
    policy: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    margins: Mapping[str, float] | None = None,
) -> Judgement:
    """Whether results are worse than a baseline, as ``hdbench regress`` judges it: ``assert hdbench.regress(...)``.

    Parameters
    ----------
    baseline, current
        Each a :class:`Table`, a DataFrame with its columns, a baseline's file, or a path as :func:`read` takes it.
    policy
        What is gated on: a file, or a dict with its keys (``hdbench explain gate``). Default: that of liver and
        lesions, or of any structures.
    margins
        In the place of a policy: the mean loss that is accepted by metric, such as ``{"lesion:dice": 0.01, "hd95": 2}``,
        in the metric's unit; a metric without a structure is that of every one.

    Returns
    -------
    Judgement
        True where nothing regressed and everything required was compared. That a loss was not shown is no proof that
        there is none: with few cases even a large one is ``"no-evidence"`` (``hdbench regress --power`` says what is seen).
    """
    if policy is not None and margins is not None:
        raise UsageError("policy and margins exclude each other")
    before, after = _sources([baseline, current], ["baseline", "current"])
    return Judgement(_hdbench.regress(before, after, _policy(policy, margins)))


def _margin(name: Any, margin: Any) -> float:
    try:
        number = float(margin)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"margins: {name}: {margin!r} is no number")
    return number


def _policy(policy: Any, margins: Any) -> _hdbench.Policy:
    if margins is not None:
        if not isinstance(margins, Mapping):
            raise UsageError(f"margins: {margins!r} is no dict", 'such as {"lesion:dice": 0.01}')
        given = [(metric_name(name), _margin(name, margin)) for name, margin in margins.items()]
        return {"path": None, "json": None, "margins": given}
    if isinstance(policy, Mapping):
        rules = policy.get("accuracy", [])
        known = [_rule(rule) for rule in rules] if isinstance(rules, list) else rules
        try:
            text = json.dumps({"format": 1, "level": 0.05, **policy, "accuracy": known}, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UsageError(f"policy: {error}") from None
        return {"path": None, "json": text, "margins": None}
    return {"path": None if policy is None else _path(policy, "policy"), "json": None, "margins": None}


def _rule(rule: Any) -> Any:
    """With the metric's name as the tables write it."""
    if isinstance(rule, Mapping) and isinstance(rule.get("metric"), str):
        return {**rule, "metric": metric_name(rule["metric"])}
    return rule


def _metrics(metric: Any) -> list[str]:
    return [] if metric is None else [checked_text(name, "metric") for name in metric_names(metric)]


def _draws(resamples: Any, seed: Any) -> _hdbench.Draws:
    return {
        "resamples": _whole(resamples, "resamples", _MIN_RESAMPLES, _MAX_RESAMPLES),
        "seed": _whole(seed, "seed", 0, 2**64 - 1),
    }


def _whole(given: Any, name: str, least: int, most: int) -> int:
    try:
        number = -1 if isinstance(given, bool) else operator.index(given)
    except TypeError:
        number = -1
    if not least <= number <= most:
        raise UsageError(f"{name}: is {given!r}, expected a whole number, {least} to {most}")
    return number


def _path(path: Any, name: str) -> str:
    if not is_path(path):
        raise UsageError(f"{name}: {type(path).__name__} is no path")
    if not os.path.exists(path):
        raise MissingFileError(f"{name}: {os.fspath(path)}: no such file or folder")
    return os.fsdecode(path)


def _is_frame(given: Any) -> bool:
    return hasattr(given, "columns") or (isinstance(given, Mapping) and "metric" in given and "value" in given)


def _sources(given: list[Any], names: Sequence[str] | None) -> list[_hdbench.Source]:
    """Scores with their names, which tell them apart."""
    tables = [side if isinstance(side, Table) or is_path(side) else Table.from_frame(side) for side in given]
    if not tables:
        raise UsageError("there are no scores", "give a Table or a path")
    if names is None:
        names = _names(tables)
    if isinstance(names, (str, Mapping)) or not isinstance(names, Sequence):
        raise UsageError(f"names: {names!r} is no list of names")
    if len(names) != len(tables):
        raise UsageError(f"names: {len(names)} names for {len(tables)} results")
    if len(set(names)) != len(names):
        raise UsageError(f"names: one of {list(names)} is there twice")
    return [_source(table, checked_text(name, "names")) for table, name in zip(tables, names)]


def _source(table: Any, name: str) -> _hdbench.Source:
    if is_path(table):
        return {"name": name, "path": _path(table, name), "columns": None, "failed": []}
    held: Table = table
    return held.as_source(name)


def _names(tables: list[Any]) -> list[str]:
    if all(map(is_path, tables)):
        return _hdbench.short_names([_path(table, "scores") for table in tables])
    names = [_own_name(table) for table in tables]
    if len(set(names)) == len(names):
        return names
    return [f"{name} ({place})" for place, name in enumerate(names, 1)]


def _own_name(table: Any) -> str:
    if is_path(table):
        return _hdbench.short_names([_path(table, "scores")])[0]
    algorithms = table.algorithms
    return algorithms[0] if len(algorithms) == 1 and algorithms[0] else "scores"
