"""As ``surface_distance`` 0.1 of DeepMind: the reference comes first.

``compute_surface_distances`` measures; the four others sum up what it gives. Masks are bool, of two axes or three;
``spacing_mm`` is in the order of the axes.
"""

from __future__ import annotations

import numpy as np

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


def compute_surface_distances(mask_gt, mask_pred, spacing_mm):
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


def _sides(surface_distances):
    """Distances and areas of the reference's surface, and of the prediction's."""
    return (
        (surface_distances["distances_gt_to_pred"], surface_distances["surfel_areas_gt"]),
        (surface_distances["distances_pred_to_gt"], surface_distances["surfel_areas_pred"]),
    )


def _near(distances, areas, tolerance_mm):
    """Area within a tolerance. Distances of several cases put together are not ascending."""
    return np.sum(areas[distances <= tolerance_mm])


def compute_average_surface_distance(surface_distances):
    """Mean distance by area in mm: from the reference's surface to the prediction's, and back."""
    return tuple(np.sum(distances * areas) / np.sum(areas) for distances, areas in _sides(surface_distances))


def compute_robust_hausdorff(surface_distances, percent):
    """The larger of the two directed percentiles by area, mm; ``percent`` in 0..100. Infinite if a mask is empty."""
    return max(_percentile(distances, areas, percent) for distances, areas in _sides(surface_distances))


def _percentile(distances, areas, percent):
    if len(distances) == 0:
        return np.inf
    at = np.searchsorted(np.cumsum(areas) / np.sum(areas), percent / 100.0)
    return distances[min(at, len(distances) - 1)]


def compute_surface_overlap_at_tolerance(surface_distances, tolerance_mm):
    """Share by area of each surface that lies within a tolerance of the other: the reference's, the prediction's."""
    return tuple(
        _near(distances, areas, tolerance_mm) / np.sum(areas) for distances, areas in _sides(surface_distances)
    )


def compute_surface_dice_at_tolerance(surface_distances, tolerance_mm):
    """Share by area of both surfaces that lies within a tolerance of the other, 0..1."""
    sides = _sides(surface_distances)
    return sum(_near(*side, tolerance_mm) for side in sides) / sum(np.sum(areas) for _, areas in sides)


def compute_dice_coefficient(mask_gt, mask_pred):
    """Dice coefficient of two bool masks, 0..1; NaN if both are empty."""
    are_masks = mask_gt.dtype == mask_pred.dtype == np.bool_
    if are_masks and mask_gt.shape == mask_pred.shape and mask_gt.ndim in (2, 3) and mask_gt.size:
        shared, gt, pred = _hdbench.mask_counts(mask(mask_gt, None, "mask_gt"), mask(mask_pred, None, "mask_pred"))
    else:
        shared, gt, pred = (mask_gt & mask_pred).sum(), mask_gt.sum(), mask_pred.sum()
    return 2 * shared / (gt + pred) if gt + pred else np.nan
