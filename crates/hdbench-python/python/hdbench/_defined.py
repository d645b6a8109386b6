"""Definitions as the command's options name them."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._structures import checked_text
from .errors import UsageError

if TYPE_CHECKING:
    from ._hdbench import Defined

_PROFILES = ("strict", "lits")


def is_lits(profile: Any) -> bool:
    """Whether a profile is that of the official scorer."""
    if not isinstance(profile, str) or profile not in _PROFILES:
        raise UsageError(f"profile: {profile!r} is no profile", '"strict" or "lits"')
    return profile == "lits"


def only_of_strict(given: Mapping[str, Any]) -> None:
    """Refuses what profile lits, whose metrics are fixed, has no use for."""
    for name, value in given.items():
        if value is not None and value is not False:
            raise UsageError(f"{name}: profile lits scores liver and lesion by its own metrics alone", "leave one of both out")


def defined(definitions: Any, border: Any, nsd_tolerance: Any, one_to_one: bool, metrics: Any) -> Defined:
    """As the compiled part takes them. Metrics that are named say their border rule and their tolerance themselves."""
    tools = [] if definitions is None else [checked_text(name, "definitions") for name in _several(definitions, "definitions")]
    if border is not None and metrics is not None:
        raise UsageError("border: metrics say their own", 'such as "hd95" of 18 neighbours, "hd95_6n", "hd95_26n"')
    if nsd_tolerance is not None and metrics is not None and not tools:
        raise UsageError("nsd_tolerance: metrics say their own", 'such as "nsd@2mm"')
    return {
        "border": None if border is None else [_neighbours(one) for one in _several(border, "border")],
        "nsd_tolerance": None if nsd_tolerance is None else lengths(nsd_tolerance, "nsd_tolerance", "mm"),
        "definitions": tools,
        "one_to_one": one_to_one,
    }


def bins(volume_bins: Any, out: Any) -> list[float]:
    """Limits of volumes in mL."""
    if volume_bins is None:
        return []
    if out is None:
        raise UsageError("volume_bins: are those of detection_by_volume.csv, and no file is written", "name out as well")
    return lengths(volume_bins, "volume_bins", "mL")


def lengths(given: Any, name: str, unit: str) -> list[float]:
    """One number above 0 or several."""
    numbers = []
    for one in _several(given, name):
        if not isinstance(one, (int, float, np.integer, np.floating)) or isinstance(one, bool) or not 0 < one < math.inf:
            raise UsageError(f"{name}: {one!r} is no number of {unit} above 0", "such as 2 or [0.5, 5]")
        numbers.append(float(one))
    return numbers


def checked_out(out: Any, pred: Any, ref: Any) -> str | None:
    """The folder for the files, which is neither of those that are scored."""
    if out is None:
        return None
    if not isinstance(out, (str, os.PathLike)):
        raise UsageError(f"out: {type(out).__name__} is no path", "name a folder")
    for name, path in (("pred", pred), ("ref", ref)):
        if os.path.exists(out) and os.path.samefile(out, path):
            text = f"out and {name} are both {os.fspath(out)}"
            raise UsageError(text, "results would replace files there: name a folder of its own")
    return checked_text(os.fsdecode(out), "out")


def _neighbours(one: Any) -> int:
    try:
        number = -1 if isinstance(one, bool) else operator.index(one)
    except TypeError:
        number = -1
    if not 0 <= number < 100:
        raise UsageError(f"border: {one!r} is no number of neighbours of a surface voxel", "6, 18 or 26")
    return number


def _several(given: Any, name: str) -> list[Any]:
    """One of them or several, one at least."""
    if isinstance(given, np.ndarray):
        given = given.ravel().tolist()
    if isinstance(given, (Mapping, bytes, bytearray)):
        raise UsageError(f"{name}: {given!r} is no list")
    several = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    if not several:
        raise UsageError(f"{name}: names none", "leave it out for the profile's own")
    return several
