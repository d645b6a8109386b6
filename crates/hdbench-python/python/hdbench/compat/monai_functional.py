"""As the functions of ``monai.metrics``, version 1.5 and 1.6: the prediction comes first.

``y_pred`` and ``y`` are one-hot and batch-first, ``[B, C, H, W]`` or ``[B, C, H, W, D]``, as tensors of torch or
arrays; a voxel belongs to a class where its value is 1. The result is a tensor ``[B, C]`` of 32 bits, without the first
channel unless ``include_background``. ``spacing`` is a number, one for each spatial axis in their order, or a sequence of
these for each image of the batch; without it distances are in voxels. Only Euclidean distances are measured here.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray

from .. import _hdbench
from ..errors import UsageError
from ._masks import mask

if TYPE_CHECKING:
    import torch

    from .._hdbench import PlacedArray

__all__ = ["compute_average_surface_distance", "compute_dice", "compute_hausdorff_distance", "compute_surface_dice"]

_Numbers = Union["NDArray[Any]", "torch.Tensor"]
# A number, one for each axis, or these for each image of the batch.
_Spacing = Union[int, float, "NDArray[Any]", Sequence[Union[int, float, "NDArray[Any]", Sequence[Union[int, float]]]], None]


def compute_dice(
    y_pred: torch.Tensor,
    y: torch.Tensor,
    include_background: bool = True,
    ignore_empty: bool = True,
    num_classes: int | None = None,
    per_component: bool = False,
    ignore_index: int | None = None,
) -> torch.Tensor:
    """Dice coefficient of each class, 0..1, with the background unless ``include_background`` is False.

    Either may be a label map ``[B, 1, ...]``; that needs ``num_classes``. What is not 0 in ``y_pred`` belongs to the class; ``y``
    may be soft. Where the reference is empty NaN; with ``ignore_empty=False`` 1 if the prediction is empty too, else 0.
    """
    import torch

    if per_component:
        raise UsageError("per_component: Dice by component is measured by MONAI alone", "use monai.metrics for it")
    y_pred, y = (torch.as_tensor(one) for one in (y_pred, y))
    classes = y_pred.shape[1] if num_classes is None else num_classes
    keep = None if ignore_index is None else _ignore_mask(y, ignore_index)[:, 0]

    def of_class(image: int, channel: int) -> torch.Tensor:
        pred = y_pred[image, 0] == channel if y_pred.shape[1] == 1 else y_pred[image, channel].bool()
        ref = y[image, 0] == channel if y.shape[1] == 1 else y[image, channel]
        if keep is not None:
            pred, ref = pred * keep[image].to(pred.dtype), ref * keep[image]
        return _dice(pred, ref, ignore_empty)

    # A single channel is a label map of one class.
    channels = range(0 if include_background else 1, classes) if classes > 1 else [1]
    rows = [torch.stack([of_class(image, channel) for channel in channels]) for image in range(y_pred.shape[0])]
    return torch.stack(rows)


def _dice(pred: torch.Tensor, ref: torch.Tensor, ignore_empty: bool) -> torch.Tensor:
    import torch

    size = ref.sum()
    if size > 0:
        return 2.0 * torch.masked_select(ref, pred).sum() / (size + pred.sum())
    if ignore_empty:
        return torch.tensor(math.nan, device=size.device)
    return torch.tensor(0.0 if size + pred.sum() > 0 else 1.0, device=size.device)


def compute_hausdorff_distance(
    y_pred: _Numbers,
    y: _Numbers,
    include_background: bool = False,
    distance_metric: str = "euclidean",
    percentile: float | None = None,
    directed: bool = False,
    spacing: _Spacing = None,
    ignore_index: int | None = None,
) -> torch.Tensor:
    """Hausdorff distance of each class: the largest surface distance, or a percentile of it in each direction.

    ``directed`` measures from the prediction alone. NaN where both masks are empty, infinite (with a percentile NaN)
    where one is.
    """
    if percentile is not None and not 0 <= percentile <= 100:
        raise ValueError(f"percentile should be a value between 0 and 100, get {percentile}.")

    # MONAI takes 0 for none.
    at = percentile / 100 if percentile else 1.0

    def measure(pred: PlacedArray, ref: PlacedArray) -> float:
        there, back = _hdbench.mask_quantiles(pred, ref, at)
        if math.isnan(there):
            # Between two that are infinite torch has no value.
            return math.nan if percentile or _are_empty(pred, ref) else math.inf
        return there if directed else max(there, back)

    return _of_classes(y_pred, y, include_background, distance_metric, spacing, ignore_index, measure, skips=True)


def _are_empty(pred: PlacedArray, ref: PlacedArray) -> bool:
    return not (pred[0].any() or ref[0].any())


def _distances(pred: PlacedArray, ref: PlacedArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Those of the prediction's surface voxels and those of the reference's; infinite where one mask is empty."""
    there, back = _hdbench.mask_distances(pred, ref)
    if len(there) == 0 and not _are_empty(pred, ref):
        there = back = np.array([np.inf])
    return there, back


def compute_average_surface_distance(
    y_pred: _Numbers,
    y: _Numbers,
    include_background: bool = False,
    symmetric: bool = False,
    distance_metric: str = "euclidean",
    spacing: _Spacing = None,
    ignore_index: int | None = None,
) -> torch.Tensor:
    """Mean distance of the prediction's surface voxels from the reference's surface; of both together if ``symmetric``.

    NaN where both masks are empty, infinite where one is.
    """

    def measure(pred: PlacedArray, ref: PlacedArray) -> float:
        sides = _distances(pred, ref)
        distances = np.concatenate(sides) if symmetric else sides[0]
        return float(distances.mean()) if len(distances) else math.nan

    return _of_classes(y_pred, y, include_background, distance_metric, spacing, ignore_index, measure)


def compute_surface_dice(
    y_pred: torch.Tensor,
    y: torch.Tensor,
    class_thresholds: Sequence[float],
    include_background: bool = False,
    distance_metric: str = "euclidean",
    spacing: _Spacing = None,
    use_subvoxels: bool = False,
    ignore_index: int | None = None,
) -> torch.Tensor:
    """Share of both surfaces that lies within the class's threshold of the other, 0..1.

    Surface voxels are counted; with ``use_subvoxels`` areas are summed. NaN where both masks are empty, 0 where one is.
    """
    import torch

    if ignore_index is not None:
        keep = _ignore_mask(y, ignore_index)
        y_pred, y = y_pred * keep, y * keep
    if not include_background:
        y_pred, y = _without_background(y_pred), _without_background(y)
    if not isinstance(y_pred, torch.Tensor) or not isinstance(y, torch.Tensor):
        raise ValueError("y_pred and y must be PyTorch Tensor.")
    if y_pred.ndim not in (4, 5) or y.ndim not in (4, 5):
        raise ValueError("y_pred and y should be one-hot encoded: [B,C,H,W] or [B,C,H,W,D].")
    if y_pred.shape != y.shape:
        raise ValueError(
            f"y_pred and y should have same shape, but instead, shapes are {y_pred.shape} (y_pred) and {y.shape} (y)."
        )
    if y_pred.shape[1] != len(class_thresholds):
        raise ValueError(
            f"number of classes ({y_pred.shape[1]}) does not match number of class thresholds ({len(class_thresholds)})."
        )
    if any(~np.isfinite(class_thresholds)):
        raise ValueError("All class thresholds need to be finite.")
    if any(np.array(class_thresholds) < 0):
        raise ValueError("All class thresholds need to be >= 0.")

    if use_subvoxels and isinstance(spacing, (int, float)):
        # MONAI asks it for its length.
        raise TypeError(f"object of type {type(spacing).__name__!r} has no len()")

    def measure(pred: PlacedArray, ref: PlacedArray, threshold: float) -> float:
        if not use_subvoxels:
            share = _hdbench.mask_share_near(pred, ref, threshold)
            return 0.0 if math.isnan(share) and not _are_empty(pred, ref) else share
        *sides, areas_pred, areas_ref = _hdbench.mask_surfels(pred, ref)
        areas = [areas_pred, areas_ref]
        # Held against the threshold as numbers of 32 bits, as MONAI has them.
        near = [own[distances.astype(np.float32) <= np.float32(threshold)].sum() for distances, own in zip(sides, areas)]
        whole = sum(own.sum() for own in areas)
        return sum(near) / whole if whole else math.nan

    return _of_classes(
        y_pred, y, True, distance_metric, spacing, None, measure, thresholds=class_thresholds,
        first_class=0 if include_background else 1, quiet=ignore_index,
    )


def _of_classes(
    y_pred: Any, y: Any, include_background: bool, distance_metric: str, spacing: _Spacing, ignore_index: int | None,
    measure: Callable[..., float], *, skips: bool = False, thresholds: Sequence[float] | None = None,
    first_class: int | None = None, quiet: int | None = None,
) -> torch.Tensor:
    """A value for each image and class, as a tensor ``[B, C]``."""
    import torch

    if distance_metric != "euclidean":
        if distance_metric not in ("chessboard", "taxicab"):
            raise ValueError(f"distance_metric {distance_metric} is not implemented.")
        raise UsageError(f"distance_metric: {distance_metric!r} is measured by MONAI alone", "use monai.metrics for it")
    if first_class is None:
        first_class = 0 if include_background else 1
        quiet = ignore_index
    if not include_background:
        y_pred, y = _without_background(y_pred), _without_background(y)
    device = getattr(y_pred, "device", "cpu") if isinstance(y_pred, torch.Tensor) else "cpu"
    pred, ref = _array(y_pred), _array(y)
    if pred.shape != ref.shape:
        raise ValueError(f"y_pred and y should have same shapes, got {y_pred.shape} and {y.shape}.")
    batch, classes = pred.shape[:2]
    steps = _spacings(spacing, batch, pred.ndim - 2)
    values = np.empty((batch, classes), dtype=np.float32)
    for b, c in np.ndindex(batch, classes):
        if skips and ignore_index is not None and c + first_class == ignore_index:
            values[b, c] = math.nan
            continue
        sides = [mask(one[b, c], steps[b], name) for one, name in ((pred, "y_pred"), (ref, "y"))]
        if quiet is None or c + first_class != quiet:
            _warn_of_empty(ref[b, c], pred[b, c], c + first_class)
        values[b, c] = measure(*sides) if thresholds is None else measure(*sides, thresholds[c])
    return torch.from_numpy(values).to(device)


def _warn_of_empty(ref: NDArray[Any], pred: NDArray[Any], index: int) -> None:
    for name, one in (("ground truth", ref), ("prediction", pred)):
        if not one.any():
            warnings.warn(f"the {name} of class {index} is all 0, this may result in nan/inf distance.", stacklevel=4)


def _without_background(one_hot: Any) -> Any:
    return one_hot[:, 1:] if one_hot.shape[1] > 1 else one_hot


def _array(one_hot: Any) -> NDArray[np.bool_]:
    """The voxels of each class: those that are 1."""
    for step in ("detach", "cpu"):
        if callable(getattr(one_hot, step, None)):
            one_hot = getattr(one_hot, step)()
    array = np.asarray(one_hot)
    return array if array.dtype == np.bool_ else array == 1


def _ignore_mask(y: Any, ignore_index: int) -> Any:
    if y.shape[1] == 1:
        return (y != ignore_index).float()
    if 0 <= ignore_index < y.shape[1]:
        return 1.0 - y[:, ignore_index : ignore_index + 1]
    return (y.sum(dim=1, keepdim=True) > 0).float()


def _spacings(spacing: Any, batch: int, axes: int) -> list[Any]:
    """mm along each axis for every image of the batch."""
    if spacing is None or isinstance(spacing, (int, float)):
        return [spacing] * batch
    if not isinstance(spacing, (Sequence, np.ndarray)):
        raise ValueError(f"`spacing` should either be a number, a sequence of numbers or a sequence of sequences, got {spacing}.")
    if any(not isinstance(own, type(spacing[0])) for own in spacing):
        raise ValueError(f"if `spacing` is a sequence, its elements should be of same type, got {spacing}.")
    if isinstance(spacing[0], (Sequence, np.ndarray)):
        if len(spacing) != batch:
            raise ValueError(
                "if `spacing` is a sequence of sequences, "
                f"the outer sequence should have same length as batch size ({batch}), got {spacing}."
            )
        if any(len(own) != axes for own in spacing):
            raise ValueError(
                f"each element of `spacing` list should either have same length asimage dim ({axes}), got {spacing}."
            )
        return list(spacing)
    if len(spacing) != axes:
        raise ValueError(
            f"if `spacing` is a sequence of numbers, it should have same length as image dim ({axes}), got {spacing}."
        )
    return [spacing] * batch
