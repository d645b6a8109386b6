"""Numbers as the compiled part takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DtypeError, InputError


def as_array(given: Any, name: str) -> NDArray[Any]:
    """By ``__array__`` or the buffer; tensors leave their graph and device first."""
    for step in ("detach", "cpu", "resolve_conj"):
        if step == "resolve_conj" or not callable(getattr(given, step, None)):
            continue
        given = getattr(given, step)()
    try:
        return np.asarray(unmasked(given, name))
    except (TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise DtypeError(f"{name}: cannot be read as an array: {error}") from error


def unmasked(array: Any, name: str) -> Any:
    """The data of a masked array that hides none of them; whatever else is given, as it is."""
    if not isinstance(array, np.ma.MaskedArray):
        return array
    hidden = np.count_nonzero(array.mask)
    if hidden:
        raise InputError(
            f"{name}: {hidden} of {array.size} voxels are masked, which says no label of them",
            "fill it: array.filled(0)",
        )
    return array.data


def numbers(array: NDArray[Any], name: str) -> NDArray[Any]:
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
