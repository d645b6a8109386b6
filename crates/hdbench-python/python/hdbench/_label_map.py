"""Label maps as the compiled part takes them: paths, or arrays ``[z, y, x]`` with their place."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import _hdbench
from .errors import DtypeError, ShapeError, UsageError

# From LPS+ of DICOM and ITK to RAS+ of NIfTI.
_RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


class Grid(NamedTuple):
    """Where an array lies: how its axes are brought to [z, y, x], its spacing in that order, its affine."""

    is_xyz: bool
    spacing: tuple[float, ...] | None
    affine: np.ndarray | None


def is_path(given: Any) -> bool:
    return isinstance(given, (str, os.PathLike))


def pair(pred: Any, ref: Any, spacing: Any) -> tuple[Any, Any, list[str]]:
    """Both sides as the compiled part takes them, and what is to be told of them."""
    sides = {"pred": pred, "ref": ref}
    if all(map(is_path, sides.values())):
        if spacing is not None:
            raise UsageError("spacing: both label maps are files, which have their own", "leave spacing out")
        return os.fspath(pred), os.fspath(ref), []
    found = {name: (given, None) if is_path(given) else array_and_grid(given, name) for name, given in sides.items()}
    grids = [grid for _, grid in found.values() if grid is not None]
    if spacing is not None and (grids or any(map(is_path, sides.values()))):
        own = next(name for name, given in sides.items() if is_path(given) or found[name][1] is not None)
        raise UsageError(f"spacing: {own} has its own", "leave spacing out, or give both as plain arrays")
    notes = []
    # A plain array beside an image lies as the image's array does, beside a file as the file does: [z, y, x].
    common = grids[0] if grids else None
    if common is None:
        paths = filter(is_path, sides.values())
        common = next((Grid(False, *_hdbench.grid_of(os.fspath(path))) for path in paths), None)
    out = []
    for name, (given, grid) in found.items():
        if is_path(given):
            out.append(os.fspath(given))
        else:
            out.append(placed(given, name, grid or common, spacing))
    plain = [value for value in out if not isinstance(value, str)]
    if len(plain) == 2:
        _same_shape(plain[0][0], plain[1][0], found, grids)
    if common is None and spacing is None:
        notes.append("no spacing is given: distances are in voxels, volumes as if of voxels of 1 mm")
    return out[0], out[1], notes


def _same_shape(pred: np.ndarray, ref: np.ndarray, found: dict, grids: list) -> None:
    # Two images may be turned to each other by their affines.
    if pred.shape == ref.shape or len(grids) == 2:
        return
    shapes = {name: np.shape(array) for name, (array, _) in found.items()}
    raise ShapeError(
        f"pred has shape {shapes['pred']}, ref {shapes['ref']}", "give both on one grid, with axes in one order"
    )


def array_and_grid(given: Any, name: str) -> tuple[np.ndarray, Grid | None]:
    """The numbers of an object, with its place where it has one."""
    if hasattr(given, "GetDirection") and hasattr(given, "GetSpacing"):
        return _of_simpleitk(given, name)
    if hasattr(given, "dataobj") and hasattr(given, "affine"):
        affine = np.asarray(given.affine, dtype=np.float64)
        return numbers(np.asanyarray(given.dataobj), name), _grid_of_affine(affine)
    affine = getattr(given, "affine", None)
    array = numbers(_as_array(given, name), name)
    if affine is not None and np.shape(affine) == (4, 4):
        return array, _grid_of_affine(np.asarray(affine, dtype=np.float64))
    return array, None


def _grid_of_affine(affine: np.ndarray) -> Grid:
    # Summed as the reader of files does it: the last bit of a spacing is the last bit of every distance.
    steps = [tuple(float(affine[row, column]) for row in range(3)) for column in range(3)]
    lengths = [float(np.sqrt(x * x + y * y + z * z)) for x, y, z in steps]
    return Grid(is_xyz=True, spacing=tuple(lengths[::-1]), affine=affine)


def _of_simpleitk(image: Any, name: str) -> tuple[np.ndarray, Grid]:
    try:
        import SimpleITK as sitk
    except ImportError as error:  # pragma: no cover - an image cannot be made without it
        raise DtypeError(f"{name}: is an image of ITK, and SimpleITK is not installed") from error
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise ShapeError(f"{name}: has {image.GetNumberOfComponentsPerPixel()} values a voxel", "give one label a voxel")
    dimension = image.GetDimension()
    if dimension not in (2, 3):
        raise ShapeError(f"{name}: has {dimension} axes, expected 2 or 3")
    affine = np.eye(4)
    direction = np.reshape(image.GetDirection(), (dimension, dimension))
    affine[:dimension, :dimension] = direction * np.asarray(image.GetSpacing())
    affine[:dimension, 3] = image.GetOrigin()
    spacing = tuple(float(mm) for mm in image.GetSpacing())[::-1]
    array = numbers(sitk.GetArrayViewFromImage(image), name)
    return array, Grid(is_xyz=False, spacing=spacing, affine=_RAS_FROM_LPS @ affine)


def _as_array(given: Any, name: str) -> np.ndarray:
    """By ``__array__`` or the buffer; tensors leave their graph and device first."""
    for step in ("detach", "cpu", "resolve_conj"):
        if step == "resolve_conj" or not callable(getattr(given, step, None)):
            continue
        given = getattr(given, step)()
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DtypeError(f"{name}: cannot be read as an array: {error}") from error


def numbers(array: np.ndarray, name: str) -> np.ndarray:
    """The array in a type and a layout that can be looked at where it lies; a copy only where there is none."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "b":
        array = array.view(np.uint8)
    elif kind not in "iuf":
        raise DtypeError(
            f"{name}: is an array of {array.dtype}, expected whole numbers, truth values, or floats that are whole",
            "give a label map, such as array.astype(numpy.uint8)",
        )
    elif kind == "f" and size != 4 and size != 8:
        array = array.astype(np.float32 if size == 2 else np.float64)
    elif not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not array.flags.aligned or any(stride % array.dtype.itemsize for stride in array.strides):
        array = array.copy()
    return array


def placed(array: np.ndarray, name: str, grid: Grid | None, spacing: Any) -> tuple:
    """An array of two or three axes with its place, as the compiled part takes it."""
    while grid is not None and array.ndim > 3 and array.shape[-1] == 1:
        # Axes of time and of channels that files keep.
        array = array[..., 0]
    axes = array.ndim
    if axes not in (2, 3):
        raise ShapeError(
            f"{name}: has {axes} axes, expected 3, or 2 for a picture",
            "give one case and one channel at a time, such as array[0, 0]",
        )
    if array.size == 0:
        raise ShapeError(f"{name}: has no voxel, its shape is {array.shape}")
    if grid is None:
        steps, affine = spacing_of(spacing, axes), None
    else:
        steps = (*(1.0,) * (3 - len(grid.spacing)), *grid.spacing)
        affine = tuple(map(tuple, np.asarray(grid.affine).tolist()))
        if grid.is_xyz:
            array = array.T
    steps = (*(1.0,) * (3 - len(steps)), *steps)
    return (array[np.newaxis] if axes == 2 else array), steps, affine, axes == 2


def _each(spacing: Any, axes: int) -> Any:
    return [spacing] * axes if np.ndim(spacing) == 0 else spacing


def spacing_of(spacing: Any, axes: int) -> tuple[float, ...]:
    """mm along each axis; one number holds for all, none is 1."""
    if spacing is None:
        return (1.0,) * axes
    try:
        steps = [float(mm) for mm in (spacing if isinstance(spacing, (tuple, list)) else _each(spacing, axes))]
    except (TypeError, ValueError) as error:
        raise UsageError(f"spacing: {spacing!r} is no number of mm for each axis") from error
    if len(steps) != axes:
        raise UsageError(
            f"spacing: has {len(steps)} values, and the arrays have {axes} axes",
            "give a value for each axis, in the order of the array's axes: (z, y, x) of an array [z, y, x]",
        )
    if not all(0 < mm < math.inf for mm in steps):
        raise UsageError(f"spacing: {tuple(steps)} is not above 0 on every axis")
    return tuple(steps)


def toml(
    structures: dict[str, Any], instances: Any, metrics: Sequence[str] | None, ignore: Sequence[int] | None = None
) -> str:
    """Structures as the text of a set, so that they are read and checked as one of a file is."""
    lines = []
    if ignore:
        lines.append(f"ignore = {_toml_value(list(ignore))}")
    if metrics is not None:
        lines.append(f"metrics = {_toml_value(list(metrics))}")
    if instances:
        lines.append(f"instances = {_toml_value(instances)}")
    lines.append("[structures]")
    for name, values in structures.items():
        if not isinstance(name, str):
            raise UsageError(f"structures: the name {name!r} is no text", 'such as {"liver": [1, 2]}')
        lines.append(f"{_toml_text(name)} = {_toml_value(values)}")
    return "\n".join(lines) + "\n"


def _toml_text(text: str) -> str:
    escaped = "".join(f"\\u{ord(c):04x}" if c in '"\\' or ord(c) < 32 or ord(c) == 127 else c for c in text)
    return f'"{escaped}"'


def _toml_value(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, str):
        return _toml_text(value)
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml_text(str(key))} = {_toml_value(own)}" for key, own in value.items()) + "}"
    if isinstance(value, (list, tuple, set, frozenset, range, np.ndarray)):
        own = sorted(value) if isinstance(value, (set, frozenset)) else value
        return "[" + ", ".join(_toml_value(item) for item in own) + "]"
    raise UsageError(f"structures: {value!r} is neither label values nor a table", 'such as {"liver": [1, 2]}')

