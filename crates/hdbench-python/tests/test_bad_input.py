"""Bad input is told by an exception that names it, with a way out."""

import pickle

import numpy as np
import pytest

import hdbench
from hdbench import errors

MASK = np.ones((4, 5, 6), np.uint8)


def refused(error, match, **arguments):
    given = {"pred": MASK, "ref": MASK, **arguments}
    with pytest.raises(error, match=match) as caught:
        hdbench.score(**given)
    assert isinstance(caught.value, errors.HdbenchError)
    assert "hint" not in caught.value.message
    return caught.value


def test_shapes_that_differ():
    found = refused(errors.ShapeError, r"pred has shape \(4, 5, 6\), ref \(4, 5, 7\)", ref=np.ones((4, 5, 7)))
    assert isinstance(found, ValueError) and found.hint
    assert str(found) == f"{found.message}\nhint: {found.hint}"


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4, 5)])
def test_other_numbers_of_axes(shape):
    refused(errors.ShapeError, "axes, expected 3", pred=np.ones(shape), ref=np.ones(shape))


@pytest.mark.parametrize("spacing", [(1, 1), (1, 1, 1, 1), np.ones(2), [1]])
def test_a_spacing_of_other_length(spacing):
    found = refused(errors.UsageError, "spacing: has", spacing=spacing)
    assert "(z, y, x)" in found.hint


@pytest.mark.parametrize("spacing", [0, -1.0, np.nan, np.inf, (1, 0, 1)])
def test_a_spacing_that_is_none(spacing):
    refused(errors.UsageError, "not above 0", spacing=spacing)


def test_a_spacing_out_of_reach():
    refused(errors.UsageError, "a voxel measures", spacing=1e9)
    refused(errors.UsageError, "no number of mm", spacing="one")
    refused(errors.UsageError, "no number of mm", spacing=[[1, 1, 1]])


@pytest.mark.parametrize("array", [np.full((4, 5, 6), "liver"), np.ones((4, 5, 6), complex), np.full((4, 5, 6), None)])
def test_arrays_of_no_numbers(array):
    found = refused(errors.DtypeError, "pred: is an array of", pred=array)
    assert isinstance(found, TypeError)


def test_what_is_no_array():
    refused(errors.DtypeError, "pred", pred=object())
    refused(errors.DtypeError, "pred", pred=[[1, 2], [3]])


@pytest.mark.parametrize("value", [0.5, -1, 70_000, np.nan, np.inf])
def test_values_that_are_no_labels(value):
    array = MASK.astype(np.float64)
    array[1, 2, 3] = value
    refused(errors.InputError, r"pred: 1 of 120 voxels are no labels .* x 3, y 2, z 1", pred=array)


def test_no_voxel():
    empty = np.ones((0, 5, 6), np.uint8)
    refused(errors.ShapeError, "pred: has no voxel", pred=empty, ref=empty)


@pytest.mark.parametrize("shape", [(2048, 1024, 1024), (2**20, 2**20, 2**20)])
def test_more_voxels_than_a_scan_has(shape):
    # Of strides of 0: no memory is behind them.
    vast = np.broadcast_to(np.uint8(1), shape)
    found = refused(errors.ShapeError, "expected fewer than 2147483648", pred=vast, ref=vast)
    assert "box" in found.hint


def test_strides_of_zero_are_fine():
    flat = np.broadcast_to(np.array([0, 1, 1, 0], np.uint8), (4, 5, 4))
    assert hdbench.score(pred=flat, ref=flat.copy(), spacing=1)["1"]["dice"] == 1.0


def test_metrics_and_structures_that_are_none():
    found = refused(errors.UsageError, '"dise" is no metric', metrics=["dise"])
    assert "did you mean dice" in found.hint
    refused(errors.UsageError, "metrics: names none", metrics=[])
    refused(errors.InputError, "0 is the background", structures={"liver": [0, 1]})
    refused(errors.InputError, "70000 is no label value", structures={"liver": 70_000})
    refused(errors.UsageError, "neither label values", structures={"liver": object()})
    refused(errors.UsageError, "neither a dict", structures=7)
    found = refused(errors.UsageError, "neither a built-in set", structures="kits24")
    assert "kits23" in found.hint


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="pred: .*no.nii.gz: no such file"):
        hdbench.score(pred=tmp_path / "no.nii.gz", ref=MASK)
    with pytest.raises(errors.MissingFileError):
        hdbench.evaluate(pred=tmp_path / "none", ref=tmp_path)
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"no image at all")
    with pytest.raises(errors.InputError, match="broken.nii.gz"):
        hdbench.score(pred=broken, ref=broken)


def test_a_spacing_beside_a_file(tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes(b"")
    with pytest.raises(errors.UsageError, match="spacing: pred has its own"):
        hdbench.score(pred=path, ref=MASK, spacing=1.0)
    with pytest.raises(errors.UsageError, match="both label maps are files"):
        hdbench.score(pred=path, ref=path, spacing=1.0)


def test_masked_voxels():
    masked = np.ma.masked_array(MASK, mask=MASK == 0)
    masked[1, 2, 3] = np.ma.masked
    found = refused(errors.InputError, "pred: 1 of 120 voxels are masked", pred=masked)
    assert found.hint == "fill it: array.filled(0)"
    refused(errors.InputError, "ref: 1 of 120", ref=masked)
    hdbench.score(pred=masked.filled(0), ref=MASK)


def test_axes_that_are_reversed():
    found = refused(errors.ShapeError, "pred has shape", ref=MASK.T)
    assert found.hint == "one of them looks transposed; expected [z, y, x]"
    found = refused(errors.ShapeError, "pred has shape", pred=MASK[0], ref=MASK[0].T)
    assert "[y, x]" in found.hint


@pytest.mark.parametrize("ignore", [{2: 1}, 2.0, [2.5], "x", -1, 0, [[2]], True, b"2", "3-2", 70_000, object(), [None], ""])
def test_values_to_ignore_that_are_none(ignore):
    refused(errors.UsageError, "ignore: ", structures={"x": 1}, ignore=ignore)


def test_arguments_of_other_kinds():
    for metrics in ([1], 1, [None], {"dice": 1}, b"dice"):
        refused(errors.UsageError, "metrics: ", metrics=metrics)
    refused(errors.UsageError, "metrics: ", structures={"x": {"labels": 1, "metrics": [1]}})
    refused(errors.UsageError, "ignore_geometry: 'yes' is neither", ignore_geometry="yes")
    for structures in ({"\ud800": 1}, {"x": "\ud800"}, "\ud800"):
        refused(errors.UsageError, "no character", structures=structures)
    refused(errors.UsageError, "no character", metrics=["\ud800"])
    own = [1]
    own.append(own)
    refused(errors.UsageError, "holds itself", structures={"x": own})
    refused(errors.DtypeError, "pred: cannot be read", pred=own)


@pytest.mark.parametrize(
    ("name", "value"),
    [("jobs", 1.5), ("jobs", 2**70), ("jobs", "2"), ("jobs", -1), ("jobs", True), ("label_map", {1: "liver"}),
     ("pred_label_map", 1), ("task", 3), ("algorithm", "\ud800"), ("allow_missing", "yes"), ("ignore_geometry", 1),
     ("metrics", [1])],
)
def test_arguments_of_folders_of_other_kinds(tmp_path, name, value):
    with pytest.raises(errors.UsageError, match=f"{name}: "):
        hdbench.evaluate(pred=tmp_path, ref=tmp_path, **{name: value})


def test_an_image_whose_file_is_gone(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    path = tmp_path / "a.nii"
    nibabel.save(nibabel.Nifti1Image(MASK, np.eye(4)), path)
    images = [nibabel.load(path) for _ in range(2)]
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(errors.HdbenchError, match="pred: the file of the image cannot be read"):
        hdbench.score(pred=images[0], ref=MASK)
    path.unlink()
    with pytest.raises(errors.MissingFileError, match="pred: the file of the image is gone"):
        hdbench.score(pred=images[1], ref=MASK)


def test_exceptions_survive_a_process():
    error = errors.ShapeError("pred has no voxel", "give some")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.message, again.hint) == (errors.ShapeError, "pred has no voxel", "give some")
    for kind, builtin in [
        (errors.ReadError, OSError),
        (errors.MissingFileError, FileNotFoundError),
        (errors.OutOfMemoryError, MemoryError),
        (errors.MissingPackageError, ImportError),
    ]:
        assert issubclass(kind, builtin)
        assert str(kind("a message", "a hint")) == "a message\nhint: a hint"
