"""What several tests share."""

import os
from pathlib import Path

import numpy as np
import pytest


def blob(shape, seed, share=0.35):
    """A few overlapping balls."""
    rng = np.random.default_rng(seed)
    grid = np.indices(shape)
    mask = np.zeros(shape, dtype=bool)
    for _ in range(3):
        centre = [rng.uniform(0.25 * n, 0.75 * n) for n in shape]
        radius = share * min(shape) * rng.uniform(0.5, 1.0)
        mask |= sum((axis - at) ** 2 for axis, at in zip(grid, centre)) < radius**2
    return mask


def liver(shape, seed):
    """Labels 0, 1 and 2."""
    labels = blob(shape, seed).astype(np.uint8)
    labels[blob(shape, seed + 1000, 0.15) & (labels > 0)] = 2
    return labels


@pytest.fixture
def labels():
    """A prediction and a reference, [z, y, x]."""
    return liver((20, 30, 41), 1), liver((20, 30, 41), 2)


@pytest.fixture(scope="session")
def golden():
    """The folder of golden pairs."""
    data = os.environ.get("HDBENCH_TEST_DATA")
    if not data or not (Path(data) / "golden").is_dir():
        pytest.skip("no HDBENCH_TEST_DATA")
    return Path(data) / "golden"


def golden_pairs(golden):
    """Prediction and reference of every case, with its name."""
    for folder in sorted(golden.iterdir()):
        if (folder / "pred.nii.gz").exists():
            yield folder.name, folder / "pred.nii.gz", folder / "ref.nii.gz"


def same(a, b):
    """Equal to the last bit, NaN included."""
    return np.float64(a).tobytes() == np.float64(b).tobytes() or (np.isnan(a) and np.isnan(b))


def assert_same(first, second):
    """The same scores to the last bit."""
    first, second = first.to_dict(), second.to_dict()
    assert list(first) == list(second)
    for name, own in first.items():
        assert list(own) == list(second[name])
        for metric, value in own.items():
            assert same(value, second[name][metric]), (name, metric, value, second[name][metric])
