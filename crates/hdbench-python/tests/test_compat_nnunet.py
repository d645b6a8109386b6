"""hdbench.compat.nnunet against nnU-Net's formulas, and nnU-Net itself where it is installed."""

import json
import math

import numpy as np
import pytest
from conftest import liver

from hdbench.compat import nnunet as ours

nibabel = pytest.importorskip("nibabel")


@pytest.fixture
def folders(tmp_path):
    """Three cases; in the last the prediction knows no lesion, and the first has voxels to be ignored.
    The second one's prediction has that label, too."""
    for case in range(3):
        for number, folder in enumerate(("ref", "pred")):
            (tmp_path / folder).mkdir(exist_ok=True)
            array = liver((12, 20, 25), 3 * case + number)
            if case == 2:
                array[array == 2] = 1
            if case == 0 and folder == "ref":
                array[:, :4] = 9
            if case == 1 and folder == "pred":
                array[:3] = 9
            nibabel.save(nibabel.Nifti1Image(array.T, np.diag([0.7, 0.8, 2.5, 1.0])), tmp_path / folder / f"{case}.nii.gz")
    return tmp_path / "ref", tmp_path / "pred"


def expected(ref, pred, label, ignore):
    """What nnU-Net computes of one label or region."""
    ref, pred = (np.asanyarray(nibabel.load(path).dataobj) for path in (ref, pred))
    values = [label] if np.isscalar(label) else label
    r, p, used = np.isin(ref, values), np.isin(pred, values), ref != (-1 if ignore is None else ignore)
    tp, fp, fn, tn = (int((a & b & used).sum()) for a, b in ((r, p), (~r, p), (r, ~p), (~r, ~p)))
    nothing = tp + fp + fn == 0
    return {
        "Dice": math.nan if nothing else 2 * tp / (2 * tp + fp + fn),
        "IoU": math.nan if nothing else tp / (tp + fp + fn),
        "FP": fp, "TP": tp, "FN": fn, "TN": tn, "n_pred": fp + tp, "n_ref": fn + tp,
    }


LABELS = [1, 2, (1, 2), 0, (0, 2), (2, 9)]


@pytest.mark.parametrize("ignore", [None, 9, 2, 1])
def test_the_numbers_are_theirs(folders, tmp_path, ignore):
    ref, pred = folders
    labels = LABELS
    out = tmp_path / "summary.json"
    found = ours.compute_metrics_on_folder(str(ref), str(pred), str(out), None, ".nii.gz", labels, ignore, 2)
    assert [case["reference_file"] for case in found["metric_per_case"]] == [str(ref / f"{n}.nii.gz") for n in range(3)]
    for case in found["metric_per_case"]:
        for label in labels:
            own = expected(case["reference_file"], case["prediction_file"], label, ignore)
            np.testing.assert_equal(case["metrics"][label], own, err_msg=str(label))
    dice = [case["metrics"][2]["Dice"] for case in found["metric_per_case"]]
    assert math.isnan(dice[2])
    np.testing.assert_equal(found["mean"][2]["Dice"], np.nanmean(dice) if ignore != 2 else math.nan)
    foreground = [found["mean"][label]["IoU"] for label in labels if label != 0]
    np.testing.assert_equal(found["foreground_mean"]["IoU"], np.mean(foreground))
    np.testing.assert_equal(ours.load_summary_json(str(out)), found)
    assert list(json.loads(out.read_text())["mean"]) == ["(0, 2)", "(1, 2)", "(2, 9)", "0", "1", "2"]


@pytest.mark.parametrize("ignore", [None, 9, 2, 1])
def test_nnunet_itself(folders, tmp_path, ignore):
    theirs = pytest.importorskip("nnunetv2.evaluation.evaluate_predictions")
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    arguments = [str(folders[0]), str(folders[1])]
    rest = [".nii.gz", LABELS, ignore, 2]
    results = [
        package.compute_metrics_on_folder(*arguments, str(tmp_path / name), SimpleITKIO(), *rest)
        for package, name in ((ours, "ours.json"), (theirs, "theirs.json"))
    ]
    np.testing.assert_equal(*results)
    np.testing.assert_equal(*(json.loads((tmp_path / name).read_text()) for name in ("ours.json", "theirs.json")))


def test_the_simple_call_writes_beside_the_predictions(folders):
    ref, pred = folders
    ours.compute_metrics_on_folder_simple(str(ref), str(pred), [1, 2], num_processes=1)
    assert set(ours.load_summary_json(str(pred / "summary.json"))["mean"]) == {1, 2}


def test_wrong_calls_raise_as_theirs(folders):
    ref, pred = map(str, folders)
    with pytest.raises(AssertionError, match=r"should end with \.json"):
        ours.compute_metrics_on_folder(ref, pred, "summary.txt", None, ".nii.gz", [1])
    (folders[1] / "1.nii.gz").unlink()
    with pytest.raises(AssertionError, match="Not all files"):
        ours.compute_metrics_on_folder(ref, pred, None, None, ".nii.gz", [1], chill=False)
    (folders[0] / "2.nii.gz").unlink()
    with pytest.raises(FileNotFoundError):
        ours.compute_metrics_on_folder(ref, pred, None, None, ".nii.gz", [1])
