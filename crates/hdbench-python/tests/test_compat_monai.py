"""hdbench.compat.monai_functional against MONAI itself."""

import warnings

import numpy as np
import pytest
from conftest import blob

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("monai.metrics")

from hdbench.compat import monai_functional as ours  # noqa: E402


def one_hot(shape, seeds):
    """[B, 3, ...]: background and two classes."""
    images = []
    for seed in seeds:
        first, second = blob(shape, seed), blob(shape, seed + 50, 0.2)
        second &= ~first
        images.append(np.stack([~(first | second), first, second]))
    return torch.tensor(np.stack(images).astype(np.float32))


def assert_as_theirs(name, *arguments, **named):
    outcomes = []
    for package in (ours, theirs):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                found = getattr(package, name)(*arguments, **named)
            except Exception as error:  # noqa: BLE001 - that of the one is that of the other
                found = type(error)
        outcomes.append((found, sorted(str(one.message) for one in told if "is all 0" in str(one.message))))
    (own, own_told), (other, other_told) = outcomes
    if isinstance(other, type):
        assert own is other, name
        return
    assert own.dtype == other.dtype and own.shape == other.shape
    torch.testing.assert_close(own, other, rtol=2e-6, atol=2e-6, equal_nan=True)
    # MONAI counts the classes of its average distance from 0.
    assert len(own_told) == len(other_told)


SHAPES = pytest.mark.parametrize("shape", [(15, 20, 24), (40, 31)])


@SHAPES
@pytest.mark.parametrize("spaced", [None, "one", "axes", "images"])
def test_random_masks(shape, spaced):
    pred, ref = one_hot(shape, (1, 2)), one_hot(shape, (3, 4))
    axes = (2.5, 0.8, 0.7)[-len(shape) :]
    spacing = {None: None, "one": 1.5, "axes": axes, "images": [axes, axes[::-1]]}[spaced]
    for background in (False, True):
        named = {"include_background": background, "spacing": spacing}
        for percentile in (None, 95, 50, 100):
            for directed in (False, True):
                assert_as_theirs(
                    "compute_hausdorff_distance", pred, ref, percentile=percentile, directed=directed, **named
                )
        for symmetric in (False, True):
            assert_as_theirs("compute_average_surface_distance", pred, ref, symmetric=symmetric, **named)
        for subvoxels in (False, True):
            thresholds = [0.9, 1.5, 2.5][0 if background else 1 :]
            assert_as_theirs("compute_surface_dice", pred, ref, thresholds, use_subvoxels=subvoxels, **named)


@SHAPES
def test_empty_masks(shape):
    full = one_hot(shape, (1,))
    empty = full.clone()
    empty[:, 2] = 0
    for pair in [(full, empty), (empty, full), (empty, empty)]:
        for percentile in (None, 95):
            assert_as_theirs("compute_hausdorff_distance", *pair, percentile=percentile)
            assert_as_theirs("compute_hausdorff_distance", *pair, percentile=percentile, directed=True)
        assert_as_theirs("compute_average_surface_distance", *pair)
        assert_as_theirs("compute_average_surface_distance", *pair, symmetric=True)
        for subvoxels in (False, True):
            assert_as_theirs("compute_surface_dice", *pair, [1.0, 1.0], use_subvoxels=subvoxels)


@SHAPES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bool, torch.int64])
def test_dice(shape, dtype):
    pred, ref = (one_hot(shape, seeds).to(dtype) for seeds in ((1, 2), (3, 4)))
    empty = ref.clone()
    empty[0, 2] = 0
    maps = [one.float().argmax(dim=1, keepdim=True) for one in (pred, ref)]
    for background in (False, True):
        for ignore_empty in (False, True):
            named = {"include_background": background, "ignore_empty": ignore_empty}
            for pair in [(pred, ref), (pred, empty), (empty, ref), (empty, empty)]:
                assert_as_theirs("compute_dice", *pair, **named)
            assert_as_theirs("compute_dice", *maps, num_classes=3, **named)
            assert_as_theirs("compute_dice", pred, maps[1], **named)
            assert_as_theirs("compute_dice", maps[0], ref, num_classes=3, **named)
    for index in (0, 2, -1, 255):
        assert_as_theirs("compute_dice", pred.float(), ref.float(), ignore_index=index)
        assert_as_theirs("compute_dice", *maps, num_classes=3, ignore_index=index)
    assert_as_theirs("compute_dice", pred[:, 1:2], ref[:, 1:2])
    assert_as_theirs("compute_dice", pred, ref[..., :-1])
    soft = torch.rand(ref.shape, generator=torch.Generator().manual_seed(1))
    assert_as_theirs("compute_dice", pred, soft)


def test_dice_by_component_is_named():
    pred = one_hot((10, 12, 14), (1,))[:, :2]
    with pytest.raises(ValueError, match="measured by MONAI alone"):
        ours.compute_dice(pred, pred, per_component=True)
    torch.testing.assert_close(ours.compute_dice(pred.numpy(), pred.numpy()), theirs.compute_dice(pred, pred))


def test_an_ignored_class():
    pred, ref = one_hot((15, 20, 24), (1,)), one_hot((15, 20, 24), (3,))
    for index in (0, 2):
        assert_as_theirs("compute_hausdorff_distance", pred, ref, ignore_index=index)
        assert_as_theirs("compute_surface_dice", pred, ref, [1.0, 1.0], ignore_index=index)


def test_wrong_calls_raise_as_theirs():
    pred = one_hot((10, 12, 14), (1,))
    other = one_hot((10, 12, 15), (1,))
    assert_as_theirs("compute_hausdorff_distance", pred, other)
    assert_as_theirs("compute_average_surface_distance", pred, other)
    assert_as_theirs("compute_surface_dice", pred, other, [1.0, 1.0])
    assert_as_theirs("compute_hausdorff_distance", pred, pred, percentile=101)
    assert_as_theirs("compute_hausdorff_distance", pred, pred, spacing=[1.0, 1.0])
    assert_as_theirs("compute_hausdorff_distance", pred, pred, spacing=[[1.0, 1.0, 1.0]] * 2)
    assert_as_theirs("compute_hausdorff_distance", pred, pred, distance_metric="miles")
    for thresholds in ([1.0], [1.0, -1.0], [1.0, np.inf]):
        assert_as_theirs("compute_surface_dice", pred, pred, thresholds)
    assert_as_theirs("compute_surface_dice", pred.numpy(), pred.numpy(), [1.0, 1.0])


def test_arrays_of_numpy_give_tensors():
    pred, ref = one_hot((10, 12, 14), (1,)), one_hot((10, 12, 14), (2,))
    assert_as_theirs("compute_hausdorff_distance", pred.numpy(), ref.numpy(), percentile=95)


def test_other_distances_are_named():
    pred = one_hot((10, 12, 14), (1,))
    with pytest.raises(ValueError, match="measured by MONAI alone"):
        ours.compute_hausdorff_distance(pred, pred, distance_metric="chessboard")
