"""What a scorer says, as JSON: one line a call, case and structure."""

import importlib.metadata
import json
import math
from pathlib import Path

import numpy as np


def plain(value):
    """A number at full precision; what JSON has no number for, as a string."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        value = float(value)
        if math.isnan(value):
            return "nan"
        return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"no JSON for {type(value)}")


def versions(*packages):
    return {name: importlib.metadata.version(name) for name in packages}


def attempt(call, *arguments, **named):
    """The result, or what the scorer raised: the beginning of its words."""
    try:
        return call(*arguments, **named)
    except Exception as error:  # noqa: BLE001
        message = str(error).splitlines()[0][:40] if str(error) else ""
        return {"error": type(error).__name__, "message": message}


class Record:
    def __init__(self, tool, packages, source, licence):
        self.head = {"tool": tool, "versions": versions(*packages), "source": source, "licence": licence}
        self.calls = {}
        self.rows = []

    def call(self, name, call, **parameters):
        self.calls[name] = {"call": call, "parameters": plain(parameters)}

    def row(self, call, case, structure, values, **more):
        assert call in self.calls, call
        self.rows.append({"call": call, "case": case, "structure": structure, **plain(more), "values": plain(values)})

    def write(self, folder):
        head = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in self.head.items())
        calls = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in self.calls.items())
        rows = ",\n".join(json.dumps(row, allow_nan=False) for row in self.rows)
        path = Path(folder) / f"{self.head['tool']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{{head},\n"calls": {{\n{calls}\n}},\n"rows": [\n{rows}\n]}}\n')
        print(f"{path.name}: {len(self.rows)} rows, {path.stat().st_size} bytes")
