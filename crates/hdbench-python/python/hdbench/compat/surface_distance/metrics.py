"""As ``surface_distance`` 0.1 of DeepMind: the reference comes first.

``compute_surface_distances`` measures; the four others sum up what it gives. Masks are bool, of two axes or three;
``spacing_mm`` is in the order of the axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _hdbench
from .._masks import mask

__all__ = [
    "compute_average_surface_distance",
    "compute_dice_coefficient",
    "compute_robust_hausdorff",
    "compute_surface_dice_at_tolerance",
    "compute_surface_distances",
    "compute_surface_overlap_at_tolerance",
]

_Numbers = NDArray[np.float64]
_Distances = Mapping[str, _Numbers]


def compute_surface_distances(
    mask_gt: NDArray[np.bool_], mask_pred: NDArray[np.bool_], spacing_mm: Sequence[float] | NDArray[Any]
) -> dict[str, NDArray[np.float64]]:
    """Distances in mm between the surface elements of two masks, with their areas in mm2 (lengths in mm of a picture).

    Returns a dict of one-dimensional arrays, ascending by distance: ``distances_gt_to_pred``,
    ``distances_pred_to_gt``, ``surfel_areas_gt``, ``surfel_areas_pred``. Distances to an empty mask are infinite.

    Raises ``ValueError`` for masks that are not bool, and where the numbers of axes differ or are not 2 or 3.
    """
    for name, array in (("mask_gt", mask_gt), ("mask_pred", mask_pred)):
        if not isinstance(array, np.ndarray):
            raise ValueError(f"The argument {name!r} should be a numpy array, not of type {type(array)}")
        if array.dtype != np.bool_:
            raise ValueError(f"The argument {name!r} should be a numpy array of type bool, not {array.dtype}")
    axes = len(spacing_mm)
    if not mask_gt.ndim == mask_pred.ndim == axes:
        raise ValueError(
            "The arguments must be of compatible shape. Got mask_gt with {} dimensions ({}) and mask_pred with {} "
            "dimensions ({}), while the spacing_mm was {} elements.".format(
                mask_gt.ndim, mask_gt.shape, mask_pred.ndim, mask_pred.shape, axes
            )
        )
    if axes not in (2, 3):
        raise ValueError(f"Only 2D and 3D masks are supported, not {axes}D.")
    if mask_gt.shape != mask_pred.shape:
        raise ValueError(
            f"operands could not be broadcast together with shapes {mask_gt.shape} {mask_pred.shape}"
        )
    there, back, areas_gt, areas_pred = _hdbench.mask_surfels(
        mask(mask_gt, spacing_mm, "mask_gt"), mask(mask_pred, spacing_mm, "mask_pred")
    )
    return {
        "distances_gt_to_pred": there,
        "distances_pred_to_gt": back,
        "surfel_areas_gt": areas_gt,
        "surfel_areas_pred": areas_pred,
    }


def _sides(surface_distances: _Distances) -> tuple[tuple[_Numbers, _Numbers], tuple[_Numbers, _Numbers]]:
    """Distances and areas of the reference's surface, and of the prediction's."""
    return (
        (surface_distances["distances_gt_to_pred"], surface_distances["surfel_areas_gt"]),
        (surface_distances["distances_pred_to_gt"], surface_distances["surfel_areas_pred"]),
    )


def _near(distances: _Numbers, areas: _Numbers, tolerance_mm: float) -> np.float64:
    """Area within a tolerance. Distances of several cases put together are not ascending."""
    near: np.float64 = np.sum(areas[distances <= tolerance_mm])
    return near


def compute_average_surface_distance(surface_distances: _Distances) -> tuple[float, float]:
    """Mean distance by area in mm: from the reference's surface to the prediction's, and back."""
    gt, pred = (np.sum(distances * areas) / np.sum(areas) for distances, areas in _sides(surface_distances))
    return gt, pred


def compute_robust_hausdorff(surface_distances: _Distances, percent: float) -> float:
    """The larger of the two directed percentiles by area, mm; ``percent`` in 0..100. Infinite if a mask is empty."""
    gt, pred = (_percentile(distances, areas, percent) for distances, areas in _sides(surface_distances))
    return max(gt, pred)


def _percentile(distances: _Numbers, areas: _Numbers, percent: float) -> float:
    if len(distances) == 0:
        return np.inf
    at = np.searchsorted(np.cumsum(areas) / np.sum(areas), percent / 100.0)
    found: float = distances[min(int(at), len(distances) - 1)]
    return found


def compute_surface_overlap_at_tolerance(surface_distances: _Distances, tolerance_mm: float) -> tuple[float, float]:
    """Share by area of each surface that lies within a tolerance of the other: the reference's, the prediction's."""
    gt, pred = (_near(distances, areas, tolerance_mm) / np.sum(areas) for distances, areas in _sides(surface_distances))
    return gt, pred


def compute_surface_dice_at_tolerance(surface_distances: _Distances, tolerance_mm: float) -> float:
    """Share by area of both surfaces that lies within a tolerance of the other, 0..1."""
    sides = _sides(surface_distances)
    share: float = sum(_near(*side, tolerance_mm) for side in sides) / sum(np.sum(areas) for _, areas in sides)
    return share


def compute_dice_coefficient(mask_gt: NDArray[Any], mask_pred: NDArray[Any]) -> float:
    """Dice coefficient of two bool masks, 0..1; NaN if both are empty."""
    are_masks = mask_gt.dtype == mask_pred.dtype == np.bool_
    if are_masks and mask_gt.shape == mask_pred.shape and mask_gt.ndim in (2, 3) and mask_gt.size:
        shared, gt, pred = _hdbench.mask_counts(mask(mask_gt, None, "mask_gt"), mask(mask_pred, None, "mask_pred"))
    else:
        shared, gt, pred = (mask_gt & mask_pred).sum(), mask_gt.sum(), mask_pred.sum()
    return 2 * shared / (gt + pred) if gt + pred else np.nan
