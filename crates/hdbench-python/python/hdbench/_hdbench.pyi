"""The compiled part: plain values in and out. An array comes with its place: the array of three axes [z, y, x], the
spacing along them in mm, the affine from index (x, y, z, 1) to RAS+ mm or None, and whether it is a picture."""

from os import PathLike
from typing import Any, TypedDict, type_check_only

import numpy as np
from numpy.typing import NDArray

__version__: str

PlacedArray = tuple[NDArray[Any], tuple[float, float, float], tuple[tuple[float, ...], ...] | None, bool]

@type_check_only
class Wanted(TypedDict):
    """Structures by a name or a path, or as TOML; and metrics for all of them."""

    name: str | None
    toml: str | None
    metrics: list[str] | None

@type_check_only
class Defined(TypedDict):
    """Definitions as the command's options name them; none for those of the profile."""

    border: list[int] | None
    nsd_tolerance: list[float] | None
    definitions: list[str]
    one_to_one: bool

@type_check_only
class Asked(TypedDict):
    """What is asked of two folders."""

    pred: str | PathLike[str]
    ref: str | PathLike[str]
    wanted: Wanted
    defined: Defined
    is_lits: bool
    label_maps: list[str | None]
    jobs: int | None
    allow_missing: bool
    ignore_geometry: bool
    task: str | None
    algorithm: str | None
    out: str | PathLike[str] | None
    volume_bins: list[float]

def score(pred: str | PlacedArray, ref: str | PlacedArray, wanted: Wanted, ignore_geometry: bool) -> dict[str, Any]: ...
def evaluate(asked: Asked) -> dict[str, Any]: ...
def mask_metrics(pred: PlacedArray, ref: PlacedArray, metrics: list[str]) -> list[float]: ...
def mask_counts(pred: PlacedArray, ref: PlacedArray) -> tuple[int, int, int]: ...
def mask_surfels(
    first: PlacedArray, second: PlacedArray
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
def mask_distances(first: PlacedArray, second: PlacedArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def mask_quantiles(first: PlacedArray, second: PlacedArray, at: float) -> tuple[float, float]: ...
def mask_share_near(first: PlacedArray, second: PlacedArray, tolerance_mm: float) -> float: ...
def latex(
    title: str,
    caption: str,
    metrics: list[str],
    rows: list[tuple[str, list[tuple[float, float, int] | None]]],
) -> str: ...
def grid_of(path: str | PathLike[str]) -> tuple[tuple[float, float, float], tuple[tuple[float, ...], ...]]: ...
def metric_names() -> list[str]: ...
def structure_sets() -> list[str]: ...

class Columns(TypedDict):
    """The tidy table."""

    task: list[str]
    algorithm: list[str]
    fold: list[int]
    seed: list[int]
    case: list[str]
    label: list[str | None]
    metric: list[str]
    metric_version: list[int]
    value: list[float]
    raw_value: list[float]
    policy: list[str]

class Source(TypedDict):
    """Scores at a path or in memory; cases that failed when those in memory were scored."""

    name: str
    path: str | PathLike[str] | None
    columns: Columns | None
    failed: list[str]

class Draws(TypedDict):
    """How the bootstrap resamples."""

    resamples: int
    seed: int

class Policy(TypedDict):
    """What is gated on: in a file, as JSON, or margins by metric."""

    path: str | PathLike[str] | None
    json: str | None
    margins: list[tuple[str, float]] | None

class Chart:
    """A chart of scores. Notebooks show it; ``save`` writes it."""

    def __new__(cls, svg: str, png: bytes) -> Chart: ...
    @property
    def svg(self) -> str:
        """The text of the chart as SVG."""

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the chart, as SVG or PNG by the end of the path's name."""

    def _repr_svg_(self) -> str: ...

def read_scores(path: str | PathLike[str]) -> dict[str, Any]: ...
def checked_columns(source: Source) -> dict[str, Any]: ...
def short_names(paths: list[str]) -> list[str]: ...
def compare(sources: list[Source], metrics: list[str], draws: Draws) -> dict[str, Any]: ...
def rank(sources: list[Source], metric: str | None, methods: list[str], rules: str | None, is_named: bool, draws: Draws) -> dict[str, Any]: ...
def regress(baseline: Source, current: Source, policy: Policy) -> dict[str, Any]: ...
def dots(source: Source, metrics: list[str]) -> Chart: ...
def tumour_burdens(source: Source) -> Chart: ...
def tumour_volumes(source: Source, structure: str, boundary_ml: float | None) -> Chart: ...
