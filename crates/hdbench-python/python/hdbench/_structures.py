"""Structures as the text of a set, so that they are read and checked as one of a file is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ._scores import metric_name, metric_names
from .errors import UsageError

_LARGEST_LABEL = 65_535
_RANGE = re.compile(r"\s*([0-9]+)\s*(-?)\s*([0-9]*)\s*")


def toml(structures: Mapping[str, Any], instances: Any, metrics: Sequence[str] | None, ignore: Any = None) -> str:
    """The text of a set of structures."""
    lines = []
    ignored = ignored_values(ignore)
    if ignored:
        lines.append(f"ignore = {_value(ignored)}")
    if metrics is not None:
        lines.append(f"metrics = {_value(list(metrics))}")
    try:
        if instances:
            lines.append(f"instances = {_value(instances)}")
        lines.append("[structures]")
        for name, values in structures.items():
            if not isinstance(name, str):
                raise UsageError(f"structures: the name {name!r} is no text", 'such as {"liver": [1, 2]}')
            lines.append(f"{_text(name)} = {_value(_with_names(values))}")
    except RecursionError:
        raise UsageError("structures: a list or a dict holds itself", 'such as {"liver": [1, 2]}') from None
    return "\n".join(lines) + "\n"


def ignored_values(ignore: Any) -> list[str]:
    """Label values to be ignored, as ranges: of a number, of text such as ``2-3``, or of a list of both."""
    if ignore is None:
        return []
    if isinstance(ignore, np.ndarray):
        ignore = ignore.ravel().tolist()
    if isinstance(ignore, (str, int, np.integer)):
        ignore = [ignore]
    if isinstance(ignore, (Mapping, bytes, bytearray)) or not isinstance(ignore, Iterable):
        raise UsageError(f"ignore: {ignore!r} is no label value and no list of any", 'such as 255, [4, 5] or "4-5"')
    values: set[int] = set()
    for given in ignore:
        first, last = _ends(given)
        values.update(range(first, last + 1))
    return _ranges(values)


def _ends(given: Any) -> tuple[int, int]:
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
        first = last = int(given)
    elif isinstance(given, str) and (found := _RANGE.fullmatch(given)):
        first = int(found[1])
        last = int(found[3]) if found[3] else _LARGEST_LABEL if found[2] else first
    else:
        first = last = 0
    if not 0 < first <= last <= _LARGEST_LABEL:
        raise UsageError(
            f"ignore: {given!r} is no label value, which are whole numbers from 1 to {_LARGEST_LABEL}",
            'such as 255, [4, 5] or "4-5"',
        )
    return first, last


def _ranges(values: set[int]) -> list[str]:
    starts = sorted(value for value in values if value - 1 not in values)
    ends = sorted(value for value in values if value + 1 not in values)
    return [f"{first}-{last}" for first, last in zip(starts, ends)]


def _with_names(values: Any) -> Any:
    """A structure's table with its metrics by the names of the tables."""
    if not isinstance(values, Mapping):
        return values
    own = dict(values)
    if own.get("metrics") is not None:
        own["metrics"] = metric_names(own["metrics"])
    if isinstance(own.get("empty"), Mapping):
        own["empty"] = {metric_name(key): rule for key, rule in own["empty"].items()}
    return own


def checked_text(text: Any, name: str) -> str:
    """Text that can be handed over: half a character, as undecodable bytes leave it, is none."""
    if not isinstance(text, str):
        raise UsageError(f"{name}: {text!r} is no text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{name}: {text!r} holds what is no character") from None
    return text


def _text(text: str) -> str:
    checked_text(text, "structures")
    escaped = "".join(f"\\u{ord(c):04x}" if c in '"\\' or ord(c) < 32 or ord(c) == 127 else c for c in text)
    return f'"{escaped}"'


def _value(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(key))} = {_value(own)}" for key, own in value.items()) + "}"
    if isinstance(value, np.ndarray):
        # An array without axes is one value.
        return _value(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset, range)):
        own = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return "[" + ", ".join(_value(item) for item in own) + "]"
    raise UsageError(f"structures: {value!r} is neither label values nor a table", 'such as {"liver": [1, 2]}')
