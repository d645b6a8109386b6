"""Masks as the compiled part takes them."""

from __future__ import annotations

import numpy as np

from .._arrays import unmasked
from .._label_map import placed


def mask(array: np.ndarray, spacing, name: str) -> tuple:
    """A mask, what is not 0, of two or three axes; ``spacing`` in the order of the axes."""
    array = np.asarray(unmasked(array, name))
    if array.dtype != np.bool_:
        array = array.astype(np.bool_)
    return placed(array.view(np.uint8), name, None, spacing)
