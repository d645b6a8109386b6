"""hdbench.score: what comes in, what goes out, and that the bits are those of files."""

import math
import subprocess
import threading
import time

import numpy as np
import pytest
from conftest import assert_same, golden_pairs, same

import hdbench

STRUCTURES = {"liver": [1, 2], "lesion": [2]}
SPACING = (2.5, 0.8, 0.7)


def test_the_call_of_the_readme(labels):
    pred, ref = labels
    scores = hdbench.score(
        pred=pred, ref=ref, spacing=SPACING, structures=STRUCTURES, metrics=["dice", "hd95", "nsd@2mm"]
    )
    assert list(scores) == ["liver", "lesion"]
    assert list(scores["liver"]) == ["dice", "hd95", "nsd_2mm"]
    p, r = pred > 0, ref > 0
    assert scores["liver"]["dice"] == 2 * (p & r).sum() / (p.sum() + r.sum())
    assert scores["liver"]["nsd@2mm"] == scores["liver"]["nsd_2mm"]
    assert scores["liver"].voxels == {"shared": (p & r).sum(), "pred": p.sum(), "ref": r.sum()}
    sizes = sum(row["voxels"] for row in scores.instances("lesion") if row["side"] == "reference")
    assert sizes == (ref == 2).sum()
    assert scores.to_dict()["lesion"]["hd95"] == scores["lesion"]["hd95"]
    assert scores.burdens["tumour_burden_ref"] == (ref == 2).sum() / r.sum()
    assert "<td>lesion</td>" in scores._repr_html_() and "hd95" in scores["lesion"]._repr_html_()
    assert scores.notes == []


def test_arguments_are_keywords(labels):
    with pytest.raises(TypeError):
        hdbench.score(*labels)


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", ">i2", ">f8", "longdouble"]
)
def test_any_type_scores_the_same(labels, dtype):
    pred, ref = labels
    expected = hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures=STRUCTURES)
    found = hdbench.score(pred=pred.astype(dtype), ref=ref, spacing=SPACING, structures=STRUCTURES)
    assert_same(found, expected)
    assert found.instances("lesion") == expected.instances("lesion")


def test_truth_values_and_both_of_16_bits(labels):
    pred, ref = labels
    expected = hdbench.score(pred=(pred > 0) * 1, ref=(ref > 0) * 1, spacing=SPACING)
    assert_same(hdbench.score(pred=pred > 0, ref=ref > 0, spacing=SPACING), expected)
    assert list(expected) == ["1"]
    wide = hdbench.score(pred=pred * np.uint16(700), ref=ref * np.uint16(700), spacing=SPACING)
    assert list(wide) == ["700", "1400"]
    assert same(wide["1400"]["hd95"], hdbench.score(pred=pred, ref=ref, spacing=SPACING)["2"]["hd95"])


@pytest.mark.parametrize("order", ["fortran", "negative", "strided", "transposed", "unaligned", "readonly"])
def test_any_order_in_memory_scores_the_same(labels, order):
    def laid_out(array):
        if order == "fortran":
            return np.asfortranarray(array)
        if order == "negative":
            return array[::-1, :, ::-1].copy()[::-1, :, ::-1]
        if order == "strided":
            wide = np.zeros([2 * n for n in array.shape], array.dtype)
            wide[::2, ::2, ::2] = array
            return wide[::2, ::2, ::2]
        if order == "transposed":
            return array.transpose(1, 2, 0).copy().transpose(2, 0, 1)
        if order == "unaligned":
            raw = np.zeros(array.size * 4 + 1, np.uint8)
            own = raw[1:].view(np.int32).reshape(array.shape)
            own[...] = array
            return own
        array = array.copy()
        array.flags.writeable = False
        return array

    pred, ref = labels
    expected = hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures=STRUCTURES)
    for own in [(laid_out(pred), laid_out(ref)), (laid_out(pred), ref)]:
        np.testing.assert_array_equal(own[0], pred)
        assert_same(hdbench.score(pred=own[0], ref=own[1], spacing=SPACING, structures=STRUCTURES), expected)


def test_float_noise_is_rounded_as_in_files(labels):
    pred, ref = labels
    noise = np.random.default_rng(0).uniform(-9e-4, 9e-4, pred.shape)
    expected = hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures=STRUCTURES)
    assert_same(hdbench.score(pred=pred + noise, ref=ref, spacing=SPACING, structures=STRUCTURES), expected)


def test_a_picture_has_two_axes(labels):
    pred, ref = (array[10] for array in labels)
    scores = hdbench.score(pred=pred, ref=ref, spacing=(0.8, 0.7), structures={"liver": "1-"})
    volume = hdbench.score(pred=pred[None], ref=ref[None], spacing=(1, 0.8, 0.7), structures={"liver": "1-"})
    assert scores["liver"]["dice"] == volume["liver"]["dice"]
    # All of a volume of one slice is surface.
    assert scores["liver"]["assd"] > volume["liver"]["assd"]


def test_structures_are_named_in_many_ways(labels, tmp_path):
    pred, ref = labels
    by_dict = hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures={"liver": "1-", "lesion": 2})
    by_name = hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures="strict")
    assert by_name["lesion"] == by_dict["lesion"] and by_name.instances("lesion") == by_dict.instances("lesion")
    whole = hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures={"liver": "1-"}, instances=False)
    assert whole["liver"] == by_name["liver"] and not whole["liver"].detections
    file = tmp_path / "set.toml"
    file.write_text('[structures]\nliver = "1-"\n[structures.lesion]\nlabels = 2\n')
    by_file = hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures=file, metrics=["dice"])
    assert by_file.to_dict() == {name: {"dice": by_dict[name]["dice"]} for name in by_dict}
    with pytest.raises(KeyError, match="scored as a whole"):
        by_file.instances("lesion")
    table = {"lesion": {"labels": [2], "metrics": ["hd95", "detection_f1"], "instances": {"by": "components", "neighbours": 26,
             "match": "one-to-one", "score": "iou", "at-least": 0.5}}}
    own = hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures=table)
    assert list(own["lesion"]) == ["hd95", "detection_f1"] and own.instances("lesion")


def test_ignored_values_count_nowhere(labels):
    pred, ref = labels
    ref = ref.copy()
    ref[:, :15] = 255
    scores = hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures={"liver": [1, 2]}, ignore=[255])
    part = hdbench.score(pred=pred[:, 15:], ref=ref[:, 15:], spacing=SPACING, structures={"liver": [1, 2]})
    assert scores["liver"].voxels == part["liver"].voxels


def test_a_structure_may_hold_an_ignored_value(labels):
    pred, ref = labels
    scores = hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures=STRUCTURES, metrics="dice", ignore=2)
    p, r, used = pred > 0, ref > 0, ref != 2
    assert scores["liver"]["dice"] == 2 * (p & r & used).sum() / ((p & used).sum() + (r & used).sum())
    assert scores["lesion"].voxels == {"shared": 0, "pred": ((pred == 2) & used).sum(), "ref": 0}
    assert scores["lesion"]["dice"] == 0
    assert [note.partition(":")[0] for note in scores.notes] == [
        f'Structure "{name}" holds values that are ignored (2)' for name in ("liver", "lesion")
    ]


def test_what_is_undefined_is_nan_with_its_rule(labels):
    pred, ref = labels
    scores = hdbench.score(pred=pred, ref=np.zeros_like(ref), spacing=SPACING, structures={"liver": [1, 2]})
    assert scores["liver"]["dice"] == 0.0 and math.isnan(scores["liver"]["hd95"])
    assert scores["liver"].policies["hd95"].startswith("strict")


def test_without_a_spacing_that_is_said(labels):
    pred, ref = labels
    scores = hdbench.score(pred=pred, ref=ref, structures={"liver": [1, 2]})
    assert any("distances are in voxels" in note for note in scores.notes)
    one = hdbench.score(pred=pred, ref=ref, spacing=1, structures={"liver": [1, 2]})
    assert_same(scores, one)
    assert hdbench.score(pred=pred, ref=ref, structures={"x": [1]}).notes[1].endswith("values 2 are in no structure")


def test_images_of_nibabel_take_their_affine_along(labels, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    paths = []
    for name, array in zip(("pred", "ref"), labels):
        affine = np.array([[-0.7, 0, 0, 12], [0, 0.8, 0, -3], [0, 0, 2.5, 7], [0, 0, 0, 1.0]])
        paths.append(tmp_path / f"{name}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(array.T, affine), paths[-1])
    by_path = hdbench.score(pred=paths[0], ref=paths[1], structures=STRUCTURES)
    images = [nibabel.load(path) for path in paths]
    assert_same(hdbench.score(pred=images[0], ref=images[1], structures=STRUCTURES), by_path)
    assert_same(hdbench.score(pred=paths[0], ref=images[1], structures=STRUCTURES), by_path)
    # An array beside an image lies as the image's.
    data = images[0].get_fdata()
    beside = hdbench.score(pred=data, ref=images[1], structures=STRUCTURES)
    assert_same(beside, by_path)
    assert beside.notes == ["pred: the array takes its place from ref; its axes are read as [x, y, z]"]
    with pytest.raises(hdbench.errors.ShapeError) as caught:
        hdbench.score(pred=data.T, ref=images[1])
    assert caught.value.hint == "pred looks transposed; expected [x, y, z]"
    # One that runs the other way is turned, and that is said.
    flipped = images[0].as_reoriented(nibabel.io_orientation(np.diag([1, -1, 1, 1])))
    turned = hdbench.score(pred=flipped, ref=images[1], structures=STRUCTURES)
    assert_same(turned, by_path)
    assert any("turned" in note for note in turned.notes)
    moved = nibabel.Nifti1Image(np.asanyarray(images[0].dataobj), images[0].affine + np.eye(4)[:, [3, 3, 3, 0]] * 0)
    moved.affine[0, 3] += 9
    with pytest.raises(hdbench.errors.InputError, match="9.00 mm away"):
        hdbench.score(pred=moved, ref=images[1], structures=STRUCTURES)
    by_index = hdbench.score(pred=moved, ref=images[1], structures=STRUCTURES, ignore_geometry=True)
    assert_same(by_index, by_path)


def test_images_of_simpleitk_take_their_place_along(labels, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    images, paths = [], []
    for name, array in zip(("pred", "ref"), labels):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(SPACING[::-1])
        image.SetOrigin((4.0, -5.0, 6.0))
        image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
        images.append(image)
        paths.append(str(tmp_path / f"{name}.mha"))
        sitk.WriteImage(image, paths[-1])
    by_path = hdbench.score(pred=paths[0], ref=paths[1], structures=STRUCTURES)
    assert_same(hdbench.score(pred=images[0], ref=images[1], structures=STRUCTURES), by_path)
    assert_same(hdbench.score(pred=images[0], ref=paths[1], structures=STRUCTURES), by_path)
    beside = hdbench.score(pred=images[0], ref=labels[1], structures=STRUCTURES)
    assert_same(beside, by_path)
    assert beside.notes == ["ref: the array takes its place from pred; its axes are read as [z, y, x]"]


def test_an_oblique_file_read_by_simpleitk_has_the_voxel_sizes_of_pixdim(labels, tmp_path):
    nibabel, sitk = pytest.importorskip("nibabel"), pytest.importorskip("SimpleITK")
    (c, s), (d, t) = ((math.cos(angle), math.sin(angle)) for angle in (0.3, 0.5))
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ [[d, -t, 0], [t, d, 0], [0, 0, 1]] * SPACING[::-1]
    paths = [str(tmp_path / f"{name}.nii.gz") for name in ("pred", "ref")]
    for path, array in zip(paths, labels):
        nibabel.save(nibabel.Nifti1Image(array.T, affine), path)
    read = lambda reader: [reader(path) for path in paths]  # noqa: E731
    by_path, by_nibabel, by_simpleitk = (
        hdbench.score(pred=pred, ref=ref, structures=STRUCTURES) for pred, ref in (paths, read(nibabel.load), read(sitk.ReadImage))
    )
    assert_same(by_nibabel, by_path)
    for metric in ("hd95", "assd"):
        own, theirs = by_path["liver"][metric], by_simpleitk["liver"][metric]
        # Those of a file are the lengths of the sform's columns; both are numbers of 32 bits.
        assert own != theirs and math.isclose(own, theirs, rel_tol=1e-6)
    assert sitk.ReadImage(paths[0]).GetSpacing() == tuple(np.float64(np.float32(SPACING[::-1])))


def test_runs_of_labels_of_simpleitk_are_refused(labels):
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.GetImageFromArray(labels[0])
    for kind in (sitk.sitkLabelUInt8, sitk.sitkLabelUInt16, sitk.sitkLabelUInt32):
        runs = sitk.Cast(image, kind)
        with pytest.raises(hdbench.errors.DtypeError, match="lie in runs") as caught:
            hdbench.score(pred=runs, ref=image)
        assert caught.value.hint == "sitk.Cast(image, sitk.sitkUInt16)"
        # The way out is one.
        assert_same(hdbench.score(pred=sitk.Cast(runs, sitk.sitkUInt16), ref=image), hdbench.score(pred=image, ref=image))


def test_tensors_of_torch(labels):
    torch = pytest.importorskip("torch")
    pred, ref = labels
    expected = hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures=STRUCTURES)
    tensor = torch.tensor(pred, dtype=torch.float32, requires_grad=True)
    found = hdbench.score(pred=tensor, ref=torch.tensor(ref), spacing=SPACING, structures=STRUCTURES)
    assert_same(found, expected)


def test_golden_pairs_score_as_their_files(golden):
    nibabel = pytest.importorskip("nibabel")
    pairs = list(golden_pairs(golden))
    assert len(pairs) > 10
    for name, pred, ref in pairs:
        by_path = hdbench.score(pred=pred, ref=ref, structures="strict")
        images = [nibabel.load(path) for path in (pred, ref)]
        assert_same(hdbench.score(pred=images[0], ref=images[1], structures="strict"), by_path)
        arrays = [np.asanyarray(image.dataobj).T for image in images]
        spacing = np.linalg.norm(images[1].affine[:3, :3], axis=0)[::-1]
        by_array = hdbench.score(pred=arrays[0], ref=arrays[1], spacing=spacing, structures="strict")
        for structure in by_path:
            for metric, value in by_path[structure].items():
                np.testing.assert_allclose(by_array[structure][metric], value, rtol=1e-12, err_msg=f"{name} {metric}")


def test_other_threads_run_meanwhile():
    rng = np.random.default_rng(3)
    pred, ref = (rng.random((90, 200, 200)) < 0.5 for _ in range(2))
    turns = 0
    done = threading.Event()

    def score():
        hdbench.score(pred=pred, ref=ref, spacing=1.0)
        done.set()

    worker = threading.Thread(target=score)
    worker.start()
    while not done.is_set():
        turns += 1
        time.sleep(0.001)
    worker.join()
    assert turns > 3


def test_a_forked_process_scores_as_well(labels):
    # Threads of a parent do not come along.
    import os

    if not hasattr(os, "fork"):
        pytest.skip("no fork")
    code = """
import os, sys, warnings
warnings.simplefilter("ignore")
import numpy as np, hdbench
# Enough for threads.
a = np.ones((90, 90, 90), np.uint8)
assert hdbench.score(pred=a, ref=a)["1"]["dice"] == 1
child = os.fork()
if child == 0:
    os._exit(0 if hdbench.score(pred=a, ref=a)["1"]["hd95"] == 0 else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    import sys

    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_threads_score_side_by_side(labels):
    pred, ref = labels
    expected = hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures=STRUCTURES).to_dict()
    large = [np.kron(array, np.ones((3, 3, 3), np.uint8)) for array in labels]
    also = hdbench.score(pred=large[0], ref=large[1], spacing=SPACING).to_dict()
    found = []

    def score():
        for _ in range(5):
            found.append(hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures=STRUCTURES).to_dict() == expected)
            found.append(hdbench.score(pred=large[0], ref=large[1], spacing=SPACING).to_dict() == also)

    workers = [threading.Thread(target=score) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == [True] * 60


def test_an_array_beside_a_file_lies_as_the_file_does(labels, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    paths = []
    for name, array in zip(("pred", "ref"), labels):
        paths.append(tmp_path / f"{name}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(array.T, np.diag([0.7, 0.8, 2.5, 1])), paths[-1])
    by_path = hdbench.score(pred=paths[0], ref=paths[1], structures=STRUCTURES)
    assert_same(hdbench.score(pred=labels[0], ref=paths[1], structures=STRUCTURES), by_path)
    assert_same(hdbench.score(pred=paths[0], ref=labels[1], structures=STRUCTURES), by_path)
    with pytest.raises(hdbench.errors.ShapeError, match="voxels") as caught:
        hdbench.score(pred=labels[0].T, ref=paths[1])
    assert caught.value.hint == "the array looks transposed; expected [z, y, x]"
    with pytest.raises(hdbench.errors.InputError, match="voxels") as caught:
        hdbench.score(pred=labels[0][:5], ref=paths[1])
    assert "transposed" not in caught.value.hint


def own_notes(scores):
    """Without the name of the file or of the argument."""
    return sorted(note.split(": ", 1)[1] for note in scores.notes)


@pytest.mark.parametrize(("unit", "mm"), [("meter", 1e3), ("mm", 1), ("micron", 1e-3), ("unknown", 1)])
def test_units_of_images_are_those_of_their_files(labels, tmp_path, unit, mm):
    nibabel = pytest.importorskip("nibabel")
    paths = []
    for name, array in zip(("pred", "ref"), labels):
        image = nibabel.Nifti1Image(array.T, np.diag([0.7 / mm, 0.8 / mm, 2.5 / mm, 1]))
        image.header.set_xyzt_units(unit)
        paths.append(tmp_path / f"{name}.nii")
        nibabel.save(image, paths[-1])
    by_path = hdbench.score(pred=paths[0], ref=paths[1], structures=STRUCTURES)
    images = [nibabel.load(path) for path in paths]
    by_image = hdbench.score(pred=images[0], ref=images[1], structures=STRUCTURES)
    assert_same(by_image, by_path)
    assert_same(hdbench.score(pred=paths[0], ref=images[1], structures=STRUCTURES), by_path)
    assert own_notes(by_image) == own_notes(by_path)
    assert any("converted to millimetres" in note for note in by_image.notes) == (unit in ("meter", "micron"))
    by_array = hdbench.score(pred=labels[0], ref=labels[1], spacing=SPACING, structures=STRUCTURES)
    assert by_image["liver"]["hd95"] == pytest.approx(by_array["liver"]["hd95"], rel=1e-6)


def test_headers_that_contradict_themselves_or_say_nothing(labels, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    sform = nibabel.Nifti1Image(labels[0].T, np.diag([0.75, 0.5, 2.5, 1]))
    sform.header["pixdim"][3] = 5
    bare = nibabel.Nifti1Image(labels[0].T, None)
    bare.header.set_zooms((0.75, 0.5, 2.5))
    for name, image, told in (("sform", sform, "the sform counts"), ("bare", bare, "stores no orientation")):
        nibabel.save(image, tmp_path / f"{name}.nii")
        path, image = tmp_path / f"{name}.nii", nibabel.load(tmp_path / f"{name}.nii")
        by_path = hdbench.score(pred=path, ref=path, structures=STRUCTURES)
        by_image = hdbench.score(pred=image, ref=image, structures=STRUCTURES)
        assert own_notes(by_image) == own_notes(by_path) and told in by_image.notes[0]
        # Neither is turned to the other.
        mixed = hdbench.score(pred=path, ref=image, structures=STRUCTURES)
        assert_same(mixed, by_path)
        assert mixed["liver"]["dice"] == 1 and not any("turned" in note for note in mixed.notes)


def test_an_image_without_an_affine_is_a_plain_array(labels):
    nibabel = pytest.importorskip("nibabel")
    images = [nibabel.Nifti1Image(array, None) for array in labels]
    scores = hdbench.score(pred=images[0], ref=images[1], spacing=SPACING, structures=STRUCTURES)
    assert_same(scores, hdbench.score(pred=labels[0], ref=labels[1], spacing=SPACING, structures=STRUCTURES))
    assert len(scores.notes) == 2 and "pred: the image has no affine" in scores.notes[0]
    assert any("in voxels" in note for note in hdbench.score(pred=images[0], ref=images[1]).notes)


def test_a_tensor_whose_affine_is_the_identity(labels):
    torch = pytest.importorskip("torch")
    data = pytest.importorskip("monai.data")
    pred, ref = (data.MetaTensor(torch.tensor(array)) for array in labels)
    scores = hdbench.score(pred=pred, ref=ref, spacing=SPACING, structures=STRUCTURES)
    assert_same(scores, hdbench.score(pred=labels[0], ref=labels[1], spacing=SPACING, structures=STRUCTURES))
    assert "the spacing counts" in scores.notes[0]
    beside = hdbench.score(pred=pred, ref=labels[1], spacing=SPACING, structures=STRUCTURES)
    assert_same(beside, scores)
    alone = hdbench.score(pred=pred, ref=ref, structures=STRUCTURES)
    assert "voxels are taken as of 1 mm" in alone.notes[0]
    one = hdbench.score(pred=labels[0].T, ref=labels[1].T, spacing=1, structures=STRUCTURES)
    assert_same(alone, one)
    placed = [data.MetaTensor(torch.tensor(array.T.copy()), affine=np.diag([*SPACING[::-1], 1])) for array in labels]
    assert_same(hdbench.score(pred=placed[0], ref=placed[1], structures=STRUCTURES), scores)
    with pytest.raises(hdbench.UsageError, match="spacing: pred has its own"):
        hdbench.score(pred=placed[0], ref=ref, spacing=SPACING)


def test_arrays_with_nothing_masked_are_their_data(labels):
    pred, ref = labels
    masked = [np.ma.masked_array(pred), np.ma.masked_array(pred, mask=np.zeros(pred.shape, bool))]
    expected = hdbench.score(pred=pred, ref=ref, spacing=SPACING)
    for own in masked:
        assert_same(hdbench.score(pred=own, ref=ref, spacing=SPACING), expected)


@pytest.mark.parametrize(
    ("written", "name"),
    [("nsd@2.50mm", "nsd_2.5mm"), ("nsd@2.0mm", "nsd_2mm"), ("nsd@1e3mm", "nsd_1000mm"), ("nsd@1e-3mm", "nsd_0.001mm"),
     ("nsd_2.000mm", "nsd_2mm"), ("nsd_6n@1.0mm", "nsd_6n_1mm"), ("nsd@.5mm", "nsd_0.5mm"), ("nsd@10mm", "nsd_10mm")],
)
def test_a_metric_is_found_as_it_was_asked_for(labels, written, name):
    pred, ref = labels
    for structures, metrics in (({"x": 1}, written), ({"x": {"labels": 1, "metrics": [written]}}, None)):
        found = hdbench.score(
            pred=pred, ref=ref, spacing=SPACING, structures=structures, metrics=metrics, instances=False
        )["x"]
        assert list(found) == [name]
        assert found[written] == found[name] == found.raw[written] == found.get(written) and written in found
        assert found.policies[written] == found.policies[name]


def test_one_name_of_a_metric_is_a_list_of_it(labels):
    pred, ref = labels
    structures = {"x": {"labels": 1, "metrics": "hd95"}, "y": 2}
    scores = hdbench.score(pred=pred, ref=ref, spacing=1, structures=structures, metrics="dice", instances=False)
    assert [list(own) for own in scores.values()] == [["hd95"], ["dice"]]


def test_what_is_no_metric_is_not_found(labels):
    own = hdbench.score(pred=labels[0], ref=labels[1], spacing=1)["1"]
    assert 1 not in own and None not in own and own.get(None) is None
    for key in (1, None, "dise"):
        with pytest.raises(KeyError):
            own[key]
        with pytest.raises(KeyError):
            own.raw[key]


@pytest.mark.parametrize("ignore", [255, np.uint8(255), "255", [255], {255}, np.array([255]), np.array(255), "255-255"])
def test_one_value_is_ignored_in_any_writing(labels, ignore):
    pred, ref = labels[0], labels[1].copy()
    ref[:, :15] = 255
    found = hdbench.score(pred=pred, ref=ref, spacing=1, structures={"liver": [1, 2]}, ignore=ignore)
    part = hdbench.score(pred=pred[:, 15:], ref=ref[:, 15:], spacing=1, structures={"liver": [1, 2]})
    assert found["liver"].voxels == part["liver"].voxels


def test_ranges_are_ignored_and_nothing_is(labels):
    pred, ref = labels
    scored = lambda **own: hdbench.score(pred=pred, ref=ref, spacing=1, structures={"x": 1}, **own)  # noqa: E731
    for ignore in ("2-3", ["2-"], [7, 2, 2], range(2, 5)):
        assert_same(scored(ignore=ignore), scored(ignore=[2]))
    assert scored(ignore=2)["x"].voxels["pred"] < scored()["x"].voxels["pred"]
    for ignore in ([], (), np.array([]), set()):
        assert_same(scored(ignore=ignore), scored())


def test_help_says_shapes_and_units():
    for text in (hdbench.__doc__, hdbench.score.__doc__, hdbench.evaluate.__doc__):
        assert text
    assert "[z, y, x]" in hdbench.score.__doc__ and "mm" in hdbench.score.__doc__
    for word in ("What numbers mean", "signed", "pooled", "MAXIMUM", "NaN", "policies", "1e-3", "notes"):
        assert word in hdbench.score.__doc__
    assert "``instances`` is False by default" in hdbench.evaluate.__doc__
    for kind, names in (
        (hdbench.Scores, ["notes", "burdens"]),
        (hdbench.StructureScores, ["raw", "policies", "detections", "voxels"]),
        (hdbench.Table, ["cases", "failures", "notes"]),
    ):
        assert all(f"\n    {name}\n" in kind.__doc__ for name in names)
    assert "hd95_6n" in hdbench.metrics() and "kits23" in hdbench.structure_sets()
