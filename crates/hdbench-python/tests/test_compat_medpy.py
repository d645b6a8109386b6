"""hdbench.compat.medpy against MedPy itself."""

import numpy as np
import pytest
from conftest import blob, golden_pairs

from hdbench.compat.medpy import metric as ours
from hdbench.compat.medpy.metric import binary

theirs = pytest.importorskip("medpy.metric")

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered")

OVERLAPS = [
    "dc", "jc", "precision", "recall", "sensitivity", "specificity", "true_negative_rate", "true_positive_rate",
    "positive_predictive_value", "ravd",
]
DISTANCES = ["hd", "hd95", "assd", "asd"]


def outcome(function, *arguments, **named):
    """What a call gives, or the class of what it raises."""
    try:
        return function(*arguments, **named)
    except Exception as error:  # noqa: BLE001 - any that it raises is what is asked
        return type(error), str(error) if isinstance(error, RuntimeError) else None


def assert_as_theirs(name, *arguments, **named):
    own, other = (outcome(getattr(package, name), *arguments, **named) for package in (ours, theirs))
    if isinstance(other, tuple):
        assert own == other, name
    else:
        np.testing.assert_allclose(own, other, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("shape", [(17, 23, 30), (40, 31)])
@pytest.mark.parametrize("connectivity", [1, 2, 3])
@pytest.mark.parametrize("spaced", [None, "one", "each"])
def test_distances(shape, connectivity, spaced):
    pred, ref = blob(shape, 5), blob(shape, 6)
    spacing = {None: None, "one": 1.7, "each": (2.5, 0.8, 0.7)[-len(shape) :]}[spaced]
    for name in DISTANCES:
        assert_as_theirs(name, pred, ref, voxelspacing=spacing, connectivity=connectivity)
        assert_as_theirs(name, ref * 3, pred.astype(float), spacing, connectivity)


@pytest.mark.parametrize("shape", [(17, 23, 30), (40, 31), (50,), (4, 5, 6, 7)])
def test_overlaps(shape):
    rng = np.random.default_rng(1)
    pred, ref = rng.random(shape) < 0.4, rng.random(shape) < 0.6
    for name in OVERLAPS:
        assert_as_theirs(name, pred, ref)
        assert_as_theirs(name, pred.astype(np.int16) * -3, np.asfortranarray(ref))


@pytest.mark.parametrize("shapes", [((4, 5, 6), (4, 5, 1)), ((3, 3, 3), (3, 3)), ((5,), (4, 5)), ((4, 1), (1, 5))])
def test_shapes_that_are_broadcast(shapes):
    rng = np.random.default_rng(4)
    random = [rng.random(shape) < 0.5 for shape in shapes]
    full, empty = [np.ones(shape, bool) for shape in shapes], [np.zeros(shape, bool) for shape in shapes]
    for pred, ref in (random, full, empty, (full[0], empty[1]), (empty[0], full[1])):
        for name in OVERLAPS:
            assert_as_theirs(name, pred, ref)
            assert_as_theirs(name, ref, pred)
        assert 0 <= binary.jc(pred, ref) <= 1
    for name in DISTANCES:
        assert_as_theirs(name, *full)


def test_masked_voxels_are_refused():
    mask = np.ma.masked_array(np.ones((4, 5, 6), bool))
    assert binary.dc(mask, mask) == 1.0
    mask[1, 2, 3] = np.ma.masked
    for name in ("dc", "hd95"):
        with pytest.raises(ValueError, match="voxels are masked"):
            getattr(binary, name)(mask, np.ones((4, 5, 6), bool))


def test_noise_of_random_masks():
    rng = np.random.default_rng(2)
    for share in (0.02, 0.5, 0.97):
        pred, ref = rng.random((9, 12, 70)) < share, rng.random((9, 12, 70)) < share
        for name in OVERLAPS + DISTANCES:
            assert_as_theirs(name, pred, ref)


def test_empty_masks_raise_as_theirs():
    full, empty = np.ones((4, 5, 6), bool), np.zeros((4, 5, 6), bool)
    for pair in [(full, empty), (empty, full), (empty, empty), (full, full)]:
        for name in OVERLAPS + DISTANCES:
            assert_as_theirs(name, *pair)


def test_wrong_calls_raise_as_theirs():
    mask, other = np.ones((4, 5, 6), bool), np.ones((4, 5, 7), bool)
    for name in ["dc", "jc", "precision", *DISTANCES]:
        assert_as_theirs(name, mask, other)
    for spacing in [(1, 1), (1, 1, 1, 1)]:
        assert_as_theirs("hd95", mask, mask, spacing)


def test_correlations_of_volumes():
    masks = [blob((10, 12, 14), seed) for seed in range(8)]
    for name in ("volume_correlation", "volume_change_correlation"):
        own, other = (getattr(package, name)(masks[:4], masks[4:]) for package in (ours, theirs))
        np.testing.assert_allclose(tuple(own), tuple(other))


def test_golden_pairs(golden):
    nibabel = pytest.importorskip("nibabel")
    for _, pred, ref in golden_pairs(golden):
        images = [nibabel.load(path) for path in (pred, ref)]
        # As people call it: [x, y, z] with its zooms.
        pred, ref = (np.asanyarray(image.dataobj) for image in images)
        zooms = images[1].header.get_zooms()
        if pred.shape != ref.shape:
            continue
        for of in (lambda labels: labels >= 1, lambda labels: labels == 2):
            for name in OVERLAPS:
                assert_as_theirs(name, of(pred), of(ref))
            for name in DISTANCES:
                assert_as_theirs(name, of(pred), of(ref), voxelspacing=zooms)


def test_the_names_of_the_package():
    assert ours.dc is binary.dc and ours.binary is binary
    # Objects are told from each other there by an arbitrary choice; the import says that they are not here.
    with pytest.raises(ImportError):
        from hdbench.compat.medpy.metric.binary import obj_assd  # noqa: F401
    missing = [name for name in binary.__all__ if not hasattr(theirs, name)]
    assert missing == []
