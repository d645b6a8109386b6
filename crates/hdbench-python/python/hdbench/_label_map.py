"""Label maps as the compiled part takes them: paths, or arrays ``[z, y, x]`` with their place."""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _hdbench
from ._images import Grid, Placed, placed_array
from .errors import InputError, ShapeError, UsageError

if TYPE_CHECKING:
    from ._hdbench import PlacedArray


def is_path(given: Any) -> bool:
    return isinstance(given, (str, os.PathLike))


def pair(pred: Any, ref: Any, spacing: Any) -> tuple[str | PlacedArray, str | PlacedArray, list[str]]:
    """Both sides as the compiled part takes them, and what is to be told of them."""
    sides = {"pred": pred, "ref": ref}
    if all(map(is_path, sides.values())):
        if spacing is not None:
            raise UsageError("spacing: both label maps are files, which have their own", "leave spacing out")
        return os.fsdecode(pred), os.fsdecode(ref), []
    found = {
        name: placed_array(given, name, is_spaced=spacing is not None)
        for name, given in sides.items()
        if not is_path(given)
    }
    notes = [note for own in found.values() for note in own.notes]
    with_place = [name for name in sides if name not in found or found[name].grid is not None]
    if spacing is not None and with_place:
        raise UsageError(f"spacing: {with_place[0]} has its own", "leave spacing out, or give both as plain arrays")
    # An array beside an image lies as the image's array does, beside a file as the file does: [z, y, x].
    common = _grid(found.get(with_place[0]), sides[with_place[0]]) if len(with_place) == 1 else None
    out: list[str | PlacedArray] = []
    for name, given in sides.items():
        if name not in found:
            out.append(os.fsdecode(given))
            continue
        array, grid, _ = found[name]
        if grid is None and common is not None:
            notes.append(f"{name}: the array takes its place from {with_place[0]}; its axes are read as {order(array, common)}")
        out.append(placed(array, name, grid or common, spacing))
    # Two images may be turned to each other by their affines.
    if len(with_place) < 2:
        _same_shape([own[0].shape for own in out if not isinstance(own, str)], found, with_place, common)
    if not with_place and spacing is None:
        notes.append("no spacing is given: distances are in voxels, volumes as if of voxels of 1 mm")
    return out[0], out[1], notes


def _grid(own: Placed | None, path: Any) -> Grid:
    """Where an image or a file lies."""
    if own is not None and own.grid is not None:
        return own.grid
    spacing, affine = _hdbench.grid_of(os.fsdecode(path))
    return Grid(is_xyz=False, spacing=spacing, affine=np.array(affine))


def order(array: NDArray[Any], grid: Grid | None) -> str:
    """How the axes of an array are read."""
    is_xyz = grid is not None and grid.is_xyz
    if array.ndim == 2:
        return "[x, y]" if is_xyz else "[y, x]"
    return "[x, y, z]" if is_xyz else "[z, y, x]"


def _same_shape(
    shapes: list[tuple[int, ...]], found: dict[str, Placed], with_place: list[str], common: Grid | None
) -> None:
    if len(set(shapes)) == 1:
        return
    pred, ref = (own.array.shape for own in found.values())
    hint = "give both on one grid, with axes in one order"
    if pred == ref[::-1]:
        plain = [name for name in found if name not in with_place]
        which = plain[0] if len(plain) == 1 else "one of them"
        hint = f"{which} looks transposed; expected {order(found['pred'].array, common)}"
    raise ShapeError(f"pred has shape {pred}, ref {ref}", hint)


_SIZES = re.compile(r"has (\d+) x (\d+) x (\d+) voxels \(x, y, z\)")


def with_transposed_hint(error: InputError) -> InputError:
    """The error of an array that lies otherwise than the file beside it, with the way out where its axes are reversed."""
    sizes = _SIZES.findall(error.message)
    if len(sizes) != 2 or sizes[0] != sizes[1][::-1] or sizes[0] == sizes[1]:
        return error
    return ShapeError(error.message, "the array looks transposed; expected [z, y, x]")


def placed(array: NDArray[Any], name: str, grid: Grid | None, spacing: Any) -> PlacedArray:
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
        steps = grid.spacing
        affine = tuple(map(tuple, np.asarray(grid.affine).tolist()))
        if grid.is_xyz:
            array = array.T
    z, y, x = (*(1.0,) * (3 - len(steps)), *steps)
    return (array[np.newaxis] if axes == 2 else array), (z, y, x), affine, axes == 2


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
