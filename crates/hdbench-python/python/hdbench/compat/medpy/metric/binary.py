"""As ``medpy.metric.binary`` of MedPy 0.5.2: the prediction comes first, what is not 0 belongs to a mask.

``voxelspacing`` is in the order of the arrays' axes; without it distances are in voxels. ``connectivity`` says which
neighbours make a surface voxel: 1 those by faces, 2 by edges as well, 3 by corners as well. Both masks have two or
three axes and one shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Union

import numpy
from numpy.typing import ArrayLike, NDArray

from .... import _hdbench
from ...._arrays import unmasked
from ..._masks import mask

__all__ = [
    "asd",
    "assd",
    "dc",
    "hd",
    "hd95",
    "jc",
    "positive_predictive_value",
    "precision",
    "ravd",
    "recall",
    "sensitivity",
    "specificity",
    "true_negative_rate",
    "true_positive_rate",
    "volume_change_correlation",
    "volume_correlation",
]

# One for all axes, or one for each.
_Spacing = Union[float, Sequence[float], "NDArray[Any]", None]

# What generate_binary_structure makes of a connectivity, by the number of neighbours in three axes.
_NEIGHBOURS = {1: 6, 2: 18, 3: 26}


# An int up to some version of numpy, and a number of numpy since: what a division by 0 gives follows from it.
_Count = type(numpy.count_nonzero(numpy.zeros(1)))


def _counts(result: ArrayLike, reference: ArrayLike) -> tuple[Any, Any, Any, Any]:
    """Voxels shared, of the result, of the reference, of the whole, of shapes that may be broadcast to each other."""
    result, reference = _array(result, "result"), _array(reference, "reference")
    if result.shape != reference.shape:
        result, reference = numpy.broadcast_arrays(result, reference)
    if result.shape == reference.shape and result.ndim in (2, 3) and result.size:
        counts: Sequence[Any] = _hdbench.mask_counts(mask(result, None, "result"), mask(reference, None, "reference"))
    else:
        result, reference = result.astype(numpy.bool_), reference.astype(numpy.bool_)
        counts = [numpy.count_nonzero(one) for one in (result & reference, result, reference)]
    shared, own, other = map(_Count, counts)
    return shared, own, other, _Count(result.size)


def _array(mask: ArrayLike, name: str) -> NDArray[Any]:
    return numpy.asarray(unmasked(mask, name))


def _share(part: Any, whole: Any, of_nothing: float) -> float:
    try:
        share: float = part / float(whole)
    except ZeroDivisionError:
        return of_nothing
    return share


def dc(result: ArrayLike, reference: ArrayLike) -> float:
    """Dice coefficient, 0..1. Of two empty masks NaN or 1.0, by the version of numpy, as MedPy has it."""
    shared, own, other, _ = _counts(result, reference)
    if numpy.shape(result) != numpy.shape(reference):
        # MedPy counts the masks as they are given.
        own, other = numpy.count_nonzero(result), numpy.count_nonzero(reference)
    return _share(2.0 * shared, own + other, 1.0)


def jc(result: ArrayLike, reference: ArrayLike) -> float:
    """Jaccard coefficient, 0..1; 1.0 if both are empty."""
    shared, own, other, _ = _counts(result, reference)
    return _share(float(shared), own + other - shared, 1.0)


def precision(result: ArrayLike, reference: ArrayLike) -> float:
    """Share of the result that the reference holds, 0..1. Of an empty result NaN or 0.0, by the version of numpy."""
    shared, own, _, _ = _counts(result, reference)
    return _share(shared, own, 0.0)


def recall(result: ArrayLike, reference: ArrayLike) -> float:
    """Share of the reference that the result holds, 0..1. Of an empty reference NaN or 0.0, by the version of numpy."""
    shared, _, other, _ = _counts(result, reference)
    return _share(shared, other, 0.0)


def sensitivity(result: ArrayLike, reference: ArrayLike) -> float:
    """:func:`recall`."""
    return recall(result, reference)


def specificity(result: ArrayLike, reference: ArrayLike) -> float:
    """Share of what is not of the reference that the result leaves out, 0..1. Where there is none NaN or 0.0, by the
    version of numpy."""
    shared, own, other, voxels = _counts(result, reference)
    return _share(voxels - (own + other - shared), voxels - other, 0.0)


def true_negative_rate(result: ArrayLike, reference: ArrayLike) -> float:
    """:func:`specificity`."""
    return specificity(result, reference)


def true_positive_rate(result: ArrayLike, reference: ArrayLike) -> float:
    """:func:`recall`."""
    return recall(result, reference)


def positive_predictive_value(result: ArrayLike, reference: ArrayLike) -> float:
    """:func:`precision`."""
    return precision(result, reference)


def hd(result: ArrayLike, reference: ArrayLike, voxelspacing: _Spacing = None, connectivity: int = 1) -> float:
    """Hausdorff distance: the largest distance of a surface voxel of either from the other's surface."""
    return _distance("msd", result, reference, voxelspacing, connectivity)


def hd95(result: ArrayLike, reference: ArrayLike, voxelspacing: _Spacing = None, connectivity: int = 1) -> float:
    """95th percentile of the surface distances of both directions together."""
    return _distance("hd95", result, reference, voxelspacing, connectivity)


def assd(result: ArrayLike, reference: ArrayLike, voxelspacing: _Spacing = None, connectivity: int = 1) -> float:
    """Mean surface distance of both directions together."""
    return _distance("assd", result, reference, voxelspacing, connectivity)


def asd(result: ArrayLike, reference: ArrayLike, voxelspacing: _Spacing = None, connectivity: int = 1) -> float:
    """Mean distance of the result's surface voxels from the reference's surface."""
    return _distance("asd_pred_to_ref", result, reference, voxelspacing, connectivity)


def _distance(metric: str, result: ArrayLike, reference: ArrayLike, voxelspacing: _Spacing, connectivity: int) -> float:
    result, reference = _array(result, "result"), _array(reference, "reference")
    steps = _spacing(voxelspacing, result.ndim)
    for which, array in (("first", result), ("second", reference)):
        if not array.any():
            raise RuntimeError(f"The {which} supplied array does not contain any binary object.")
    if result.ndim != reference.ndim:
        raise RuntimeError("structure and input must have same dimensionality")
    if result.shape != reference.shape:
        raise IndexError(f"boolean index did not match: the arrays have shapes {result.shape} and {reference.shape}")
    # Neighbours by more axes than there are do not exist; those by none are the voxel itself.
    neighbours = _NEIGHBOURS[max(1, min(int(connectivity), result.ndim))]
    # The defaults of the tables, 18 neighbours, go without a suffix.
    plain = neighbours == 18 and metric in ("msd", "hd95", "assd")
    name = metric if plain else f"{metric}_{neighbours}n"
    [value] = _hdbench.mask_metrics(mask(result, steps, "result"), mask(reference, steps, "reference"), [name])
    return numpy.float64(value)


def _spacing(voxelspacing: Any, axes: int) -> NDArray[numpy.float64] | None:
    if voxelspacing is None:
        return None
    steps = [voxelspacing] * axes if numpy.ndim(voxelspacing) == 0 else list(voxelspacing)
    if len(steps) != axes:
        raise RuntimeError("sequence argument must have length equal to input rank")
    return numpy.asarray(steps, dtype=numpy.float64)


def ravd(result: ArrayLike, reference: ArrayLike) -> float:
    """Relative volume difference (result - reference) / reference."""
    own, other = numpy.count_nonzero(result), numpy.count_nonzero(reference)
    if other == 0:
        raise RuntimeError("The second supplied array does not contain any binary object.")
    return (own - other) / float(other)


def volume_correlation(results: Iterable[ArrayLike], references: Iterable[ArrayLike]) -> tuple[float, float]:
    """Pearson's correlation of the volumes of two lists of masks, with its p value."""
    from scipy.stats import pearsonr

    found: tuple[float, float] = pearsonr(_volumes(results), _volumes(references))
    return found


def volume_change_correlation(results: Iterable[ArrayLike], references: Iterable[ArrayLike]) -> tuple[float, float]:
    """Pearson's correlation of the changes of volume from one mask of a list to the next, with its p value."""
    from scipy.stats import pearsonr

    found: tuple[float, float] = pearsonr(numpy.diff(_volumes(results)), numpy.diff(_volumes(references)))
    return found


def _volumes(masks: Iterable[ArrayLike]) -> list[Any]:
    return [numpy.count_nonzero(one) for one in numpy.atleast_2d(numpy.array(masks))]
