"""Masks as the compiled part takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import unmasked
from .._label_map import placed


if TYPE_CHECKING:
    from .._hdbench import PlacedArray


def mask(array: ArrayLike, spacing: float | Sequence[float] | NDArray[Any] | None, name: str) -> PlacedArray:
    """A mask, what is not 0, of two or three axes; ``spacing`` in the order of the axes."""
    voxels = np.asarray(unmasked(array, name))
    if voxels.dtype != np.bool_:
        voxels = voxels.astype(np.bool_)
    return placed(voxels.view(np.uint8), name, None, spacing)
