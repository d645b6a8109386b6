"""Every number of expected/ against the definitions, which share no code with the scorers."""

import json
import math
import sys

TOLERANCE = 1e-9


def number(value):
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}.get(value, value) if isinstance(value, str) else value


def differences(expected, found, path=""):
    """What differs, as text."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in {**expected, **found}:
            if key not in expected or key not in found:
                yield f"{path}.{key}: only {'found' if key in found else 'expected'}"
            else:
                yield from differences(expected[key], found[key], f"{path}.{key}")
        return
    if isinstance(expected, list) and isinstance(found, (list, tuple)):
        if len(expected) != len(found):
            yield f"{path}: {len(expected)} expected, {len(found)} found"
        for k, (a, b) in enumerate(zip(expected, found)):
            yield from differences(a, b, f"{path}[{k}]")
        return
    a, b = number(expected), number(found)
    if a is None or b is None or isinstance(a, (str, dict)) or isinstance(b, (str, dict)):
        if a != b:
            yield f"{path}: expected {a}, found {b}"
    elif not (math.isnan(a) and math.isnan(b)) and a != b and not abs(a - b) <= TOLERANCE * max(1.0, abs(a)):
        yield f"{path}: expected {a!r}, found {b!r}"


class Tally:
    """Counts what was compared, and keeps what differs."""

    def __init__(self):
        self.compared, self.wrong = {}, []

    def compare(self, tool, where, expected, found):
        self.compared[tool] = self.compared.get(tool, 0) + count(expected)
        self.wrong += [f"{tool} {where}{text}" for text in differences(expected, found)]


def count(value):
    if isinstance(value, dict):
        return sum(map(count, value.values()))
    return sum(map(count, value)) if isinstance(value, list) else 1


def rows(folder, tool):
    text = json.loads((folder / "expected" / f"{tool}.json").read_text())
    return text["calls"], text["rows"]


def run(folder, cases):
    from . import check_instances, check_lesions, check_masks
    tally = Tally()
    for part in (check_instances, check_masks, check_lesions):
        part.run(folder, cases, tally)
    for tool, n in tally.compared.items():
        print(f"{tool}: {n} numbers")
    for text in tally.wrong[:60]:
        print(text, file=sys.stderr)
    if tally.wrong:
        sys.exit(f"{len(tally.wrong)} differ")
