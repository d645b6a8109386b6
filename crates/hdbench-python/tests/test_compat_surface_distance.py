"""hdbench.compat.surface_distance against the package itself."""

import numpy as np
import pytest
from conftest import blob, golden_pairs

from hdbench.compat import surface_distance as ours


@pytest.fixture
def theirs(monkeypatch):
    """The package, with the names that it takes from older numpy and scipy."""
    pytest.importorskip("surface_distance")
    import scipy.ndimage
    from surface_distance import metrics

    for name, value in (("Inf", np.inf), ("NaN", np.nan)):
        if not hasattr(np, name):
            monkeypatch.setattr(np, name, value, raising=False)
    for name in ("filters", "morphology"):
        monkeypatch.setattr(scipy.ndimage, name, scipy.ndimage, raising=False)
    return metrics


USERS = [
    ("compute_average_surface_distance", []),
    *(("compute_robust_hausdorff", [percent]) for percent in (50, 95, 99.5, 100)),
    *(("compute_surface_overlap_at_tolerance", [mm]) for mm in (0.5, 1, 2.5)),
    *(("compute_surface_dice_at_tolerance", [mm]) for mm in (0.5, 1, 2.5)),
]


def assert_users_as_theirs(theirs, own, other):
    for name, arguments in USERS:
        with np.errstate(invalid="ignore"):
            found = [getattr(package, name)(of, *arguments) for package, of in ((ours, own), (theirs, other))]
        np.testing.assert_allclose(*found, rtol=1e-9, err_msg=f"{name}{arguments}")


def assert_as_theirs(theirs, gt, pred, spacing):
    own, other = (package.compute_surface_distances(gt, pred, spacing) for package in (ours, theirs))
    assert list(own) == list(other)
    for key in own:
        # Areas of equal distances may come in another order where the last bit of the one differs.
        if key.startswith("distances"):
            np.testing.assert_allclose(own[key], other[key], rtol=1e-12)
        else:
            np.testing.assert_allclose(np.sort(own[key]), np.sort(other[key]), rtol=1e-9)
    assert_users_as_theirs(theirs, own, other)
    np.testing.assert_equal(*(package.compute_dice_coefficient(gt, pred) for package in (ours, theirs)))


@pytest.mark.parametrize(("shape", "spacing"), [((17, 23, 30), [2.5, 0.8, 0.7]), ((40, 31), (0.8, 1.3)), ((9, 9, 9), [1, 1, 1])])
def test_random_masks(theirs, shape, spacing):
    rng = np.random.default_rng(7)
    assert_as_theirs(theirs, blob(shape, 5), blob(shape, 6), spacing)
    noise = np.zeros(shape, bool)
    inner = tuple(slice(1, -1) for _ in shape)
    noise[inner] = rng.random(noise[inner].shape) < 0.3
    assert_as_theirs(theirs, noise, blob(shape, 6), spacing)


@pytest.mark.parametrize("shape", [(6, 7, 8), (6, 7)])
def test_empty_masks(theirs, shape):
    empty, mask = np.zeros(shape, bool), np.zeros(shape, bool)
    mask[2:4, 3:5] = True
    for pair in [(empty, mask), (mask, empty), (empty, empty), (mask, mask)]:
        assert_as_theirs(theirs, *pair, [1.5] * len(shape))


def test_surfels_of_several_cases_put_together(theirs):
    found = [ours.compute_surface_distances(blob((12, 14, 16), k), blob((12, 14, 16), k + 9), [2.0, 0.8, 0.7]) for k in range(3)]
    together = {key: np.concatenate([one[key] for one in found]) for key in found[0]}
    assert (np.diff(together["distances_gt_to_pred"]) < 0).any()
    assert_users_as_theirs(theirs, together, together)
    few = {"distances_gt_to_pred": np.array([3.0, 1.0, 2.0, 9.0, 0.0]), "surfel_areas_gt": np.ones(5),
           "distances_pred_to_gt": np.array([5.0, 1.0]), "surfel_areas_pred": np.ones(2)}
    assert ours.compute_surface_overlap_at_tolerance(few, 1.0) == (0.4, 0.5)
    assert ours.compute_surface_dice_at_tolerance(few, np.nan) == theirs.compute_surface_dice_at_tolerance(few, np.nan) == 0


def test_lists_are_taken_or_refused_as_theirs(theirs):
    few = {"distances_gt_to_pred": [0.0, 1.0, 3.0], "surfel_areas_gt": [1.0, 2.0, 1.0],
           "distances_pred_to_gt": [0.5], "surfel_areas_pred": [1.0]}
    for name, arguments in USERS:
        outcomes = []
        for package in (ours, theirs):
            try:
                outcomes.append(getattr(package, name)(few, *arguments))
            except Exception as error:  # noqa: BLE001 - that of the one is that of the other
                outcomes.append(type(error))
        assert outcomes[0] == outcomes[1], name


def test_dice_of_masks_that_are_not_bool(theirs):
    gt, pred = (blob((6, 7, 8), seed).astype(np.uint8) for seed in (1, 2))
    for pair in [(gt, pred), (2 * gt, pred), (3 * gt, 2 * pred)]:
        np.testing.assert_equal(*(package.compute_dice_coefficient(*pair) for package in (ours, theirs)))


def test_the_names_of_the_package(theirs):
    from hdbench.compat.surface_distance import metrics

    assert all(getattr(metrics, name) is getattr(ours, name) for name in metrics.__all__)
    assert all(callable(getattr(theirs, name)) for name in metrics.__all__)


def test_wrong_calls_raise_as_theirs(theirs):
    mask = np.ones((4, 5, 6), bool)
    for arguments in [
        (mask.astype(np.uint8), mask, [1, 1, 1]),
        (mask.tolist(), mask, [1, 1, 1]),
        (mask, mask, [1, 1]),
        (mask, mask[0], [1, 1, 1]),
        (mask[0, 0], mask[0, 0], [1]),
        (mask, mask[:3], [1, 1, 1]),
    ]:
        raised = []
        for package in (ours, theirs):
            with pytest.raises(Exception) as error:  # noqa: PT011 - that of the one is that of the other
                package.compute_surface_distances(*arguments)
            raised.append(error.type)
        assert raised[0] is raised[1]


def test_golden_pairs(theirs, golden):
    nibabel = pytest.importorskip("nibabel")
    for _, pred, ref in golden_pairs(golden):
        images = [nibabel.load(path) for path in (pred, ref)]
        pred, ref = (np.asanyarray(image.dataobj) for image in images)
        if pred.shape != ref.shape:
            continue
        zooms = [float(mm) for mm in images[1].header.get_zooms()]
        for of in (lambda labels: labels >= 1, lambda labels: labels == 2):
            assert_as_theirs(theirs, of(ref), of(pred), zooms)
