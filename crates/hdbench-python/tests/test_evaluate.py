"""hdbench.evaluate: the table of two folders, and that it is the command's."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from conftest import golden_pairs, liver

import hdbench

nibabel = pytest.importorskip("nibabel")


def write(folder, name, array):
    folder.mkdir(exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array.T, np.diag([0.7, 0.8, 2.5, 1.0])), folder / f"{name}.nii.gz")


@pytest.fixture
def folders(tmp_path):
    """Three cases, the third without a prediction."""
    for case in range(3):
        write(tmp_path / "labelsTr", f"case_{case}", liver((12, 20, 25), 20 + case))
        if case < 2:
            write(tmp_path / "unet", f"case_{case}", liver((12, 20, 25), 10 + case))
    return tmp_path / "unet", tmp_path / "labelsTr"


def test_a_table_of_all_cases(folders):
    pred, ref = folders
    table = hdbench.evaluate(pred=pred, ref=ref, allow_missing=True, jobs=2)
    assert (table.cases, table.failures) == (2, [])
    rows = table.rows
    assert {row["label"] for row in rows} == {"liver", "lesion", None}
    assert {(row["task"], row["algorithm"]) for row in rows} == {("labelsTr", "unet")}
    one = hdbench.score(pred=pred / "case_1.nii.gz", ref=ref / "case_1.nii.gz", structures="strict")
    found = {(r["label"], r["metric"]): r["value"] for r in rows if r["case"] == "case_1"}
    for structure in one:
        for metric, value in one[structure].items():
            assert found[structure, metric] == value or math.isnan(value)
    assert len(table) == len(rows) == len(list(table))
    assert "case" in table.to_dict() and "2 cases" in repr(table) and "<table>" in table._repr_html_()


def test_a_missing_prediction_is_told(folders):
    pred, ref = folders
    with pytest.warns(hdbench.PartialResultWarning, match="1 of 3 cases have no scores, the first case_2"):
        table = hdbench.evaluate(pred=pred, ref=ref)
    [(case, reason)] = table.failures
    assert case == "case_2" and "has no prediction" in reason


def test_a_broken_case_stops_no_other(folders):
    pred, ref = folders
    (pred / "case_0.nii.gz").write_bytes(b"broken")
    with pytest.warns(hdbench.PartialResultWarning):
        table = hdbench.evaluate(pred=pred, ref=ref, allow_missing=True)
    assert table.cases == 1 and "case_0" in table.failures[0][0]
    (pred / "case_1.nii.gz").unlink()
    with pytest.raises(hdbench.errors.InputError, match="none of 1 cases could be scored"):
        hdbench.evaluate(pred=pred, ref=ref, allow_missing=True)


def test_structures_and_metrics_are_chosen(folders):
    pred, ref = folders
    arguments = {"pred": pred, "ref": ref, "allow_missing": True}
    table = hdbench.evaluate(**arguments, structures={"tumour": 2}, metrics=["dice", "nsd@2mm"])
    assert {(r["label"], r["metric"]) for r in table if r["case"] != "_all"} == {("tumour", "dice"), ("tumour", "nsd_2mm")}
    (ref.parent / "dataset.json").write_text('{"labels": {"background": 0, "kidney": 1, "cyst": 2}}')
    named = hdbench.evaluate(**arguments)
    assert {row["label"] for row in named} == {"kidney", "cyst"}
    assert any("2 structures of" in note for note in named.notes)
    as_lits = hdbench.evaluate(**arguments, label_map="lits")
    assert {row["label"] for row in as_lits} >= {"liver", "lesion"}
    with pytest.raises(hdbench.UsageError, match="exclude each other"):
        hdbench.evaluate(**arguments, structures="kits23", label_map="lits")
    with pytest.raises(hdbench.UsageError, match="jobs: is 0"):
        hdbench.evaluate(**arguments, jobs=0)


@pytest.mark.parametrize("structures", [None, "strict", {"liver": [1, 2], "lesion": 2}])
@pytest.mark.parametrize("instances", [False, True])
def test_a_table_has_the_metrics_that_were_asked_for(folders, structures, instances):
    pred, ref = folders
    arguments = {"pred": pred, "ref": ref, "allow_missing": True, "structures": structures, "instances": instances}
    whole, table = hdbench.evaluate(**arguments), hdbench.evaluate(**arguments, metrics=["dice", "nsd@2.0mm"])
    asked = {(label, metric) for label in ("liver", "lesion") for metric in ("dice", "nsd_2mm")}
    assert {(row["label"], row["metric"]) for row in table} == asked and len(table) == 2 * len(asked)
    assert {(line.label, line.metric) for line in table.summary()} == asked
    kept = [row for row in whole if (row["label"], row["metric"]) in asked]
    assert table.rows == kept
    assert [whole.summary().of(*key) for key in sorted(asked)] == [table.summary().of(*key) for key in sorted(asked)]
    assert table.summary().of("liver", "nsd@2.00mm").count == 2
    with pytest.raises(KeyError):
        table.summary().of("liver", 1)


def test_a_structures_own_metrics_stay_in_the_table(folders):
    pred, ref = folders
    structures = {"liver": [1, 2], "lesion": {"labels": 2, "metrics": ["hd95", "detection_f1"], "instances": {
        "by": "components", "neighbours": 26, "match": "one-to-one", "score": "iou", "at-least": 0.5}}}
    table = hdbench.evaluate(pred=pred, ref=ref, allow_missing=True, structures=structures, metrics="dice")
    assert {(row["label"], row["metric"]) for row in table} == {
        ("liver", "dice"), ("lesion", "hd95"), ("lesion", "detection_f1")
    }


def test_summaries_are_those_of_pandas(folders):
    pandas = pytest.importorskip("pandas")
    pred, ref = folders
    table = hdbench.evaluate(pred=pred, ref=ref, allow_missing=True)
    frame = table.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and len(frame) == len(table)
    values = frame[(frame.case != "_all") & (frame.label == "liver") & (frame.metric == "hd95")].value
    line = table.summary().of("liver", "hd95")
    expected = values.describe()
    np.testing.assert_allclose(line[2:10], expected.to_numpy(), rtol=1e-12)
    assert "hd95" in table.summary()._repr_html_()
    with pytest.raises(KeyError):
        table.summary().of("liver", "dise")


def test_tables_of_other_packages(folders):
    pred, ref = folders
    table = hdbench.evaluate(pred=pred, ref=ref, allow_missing=True)
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    assert table.to_polars().shape == (len(table), 11)
    arrow = table.to_arrow()
    assert isinstance(arrow, pyarrow.Table) and arrow.column("value").to_pylist()[0] == table.rows[0]["value"]
    assert polars.from_arrow(arrow).columns == list(table.to_dict())


def test_a_package_that_is_not_there_is_named(folders, monkeypatch):
    pred, ref = folders
    table = hdbench.evaluate(pred=pred, ref=ref, allow_missing=True)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pandas is not installed\nhint: pip install pandas"):
        table.to_pandas()


def test_latex(folders):
    pred, ref = folders
    table = hdbench.evaluate(pred=pred, ref=ref, allow_missing=True)
    text = table.to_latex(metrics=["dice", "hd95"], title="Liver & lesions")
    mean = 100 * table.summary().of("liver", "dice").mean
    assert text.count("\\\\\n") >= 3 and "\\toprule" in text and "Liver \\& lesions" in text
    assert f"{mean:.1f}" in text and "hd95" in text.replace("\\_", "_")
    assert table.to_latex(metrics="dice") == table.to_latex(metrics=["dice"])
    assert table.to_latex(metrics="nsd@2.0mm") == table.to_latex(metrics=["nsd_2mm"])
    for wrong in (1, [1], {"dice": 1}):
        with pytest.raises(hdbench.UsageError, match="metrics: "):
            table.to_latex(metrics=wrong)
    with pytest.raises(hdbench.UsageError, match="title: 3 is no text"):
        table.to_latex(title=3)
    with pytest.raises(hdbench.UsageError, match="'hd96' was not scored"):
        table.to_latex(metrics=["hd96"])


def test_jobs_change_no_bit(folders):
    pred, ref = folders
    tables = [hdbench.evaluate(pred=pred, ref=ref, allow_missing=True, jobs=jobs).to_dict() for jobs in (1, 3)]
    assert repr(tables[0]) == repr(tables[1])


COMMANDS = {
    "default": ({}, []),
    "strict": ({"structures": "strict"}, ["--structures", "strict"]),
    "dict": ({"structures": {"liver": "1-", "lesion": 2}}, ["--structure", "liver=1-", "--structure", "lesion=2"]),
    "lits": ({"profile": "lits"}, ["--profile", "lits"]),
    "definitions": (
        {"definitions": "all", "border": [6, 26, 6], "nsd_tolerance": [4, 1.5]},
        ["--definitions", "all", "--border", "6,26,6", "--nsd-tolerance", "4,1.5"],
    ),
    "one": ({"definitions": ["medpy", "mist"], "border": 26}, ["--definitions", "medpy,mist", "--border", "26"]),
    "bins": ({"one_to_one": True, "volume_bins": [5, 0.5]}, ["--one-to-one", "--volume-bins", "5,0.5"]),
}


@pytest.mark.parametrize("options", COMMANDS)
def test_numbers_and_files_are_the_commands(golden, tmp_path, options):
    command = os.environ.get("HDBENCH_COMMAND")
    if not command:
        pytest.skip("no HDBENCH_COMMAND, the path of a built hdbench")
    for name, pred, ref in golden_pairs(golden):
        for folder, path in (("pred", pred), ("ref", ref)):
            (tmp_path / folder).mkdir(exist_ok=True)
            os.symlink(path, tmp_path / folder / f"{name}.nii.gz")
    arguments, words = COMMANDS[options]
    sides = {"pred": tmp_path / "pred", "ref": tmp_path / "ref"}
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    call = [command, "evaluate", "--pred", sides["pred"], "--ref", sides["ref"], "--out", theirs, *words]
    subprocess.run(call, check=False, capture_output=True, timeout=300)
    with warnings.catch_warnings():
        # Profile lits scores no case without a reference's liver.
        warnings.simplefilter("ignore", hdbench.PartialResultWarning)
        table = hdbench.evaluate(**sides, **arguments, out=ours)
    with open(theirs / "metrics_long.csv", newline="") as file:
        expected = list(csv.DictReader(file))
    rows = table.rows
    assert len(rows) == len(expected) > 300
    for own, line in zip(rows, expected):
        assert [own["case"], own["label"] or "", own["metric"]] == [line["case"], line["label"], line["metric"]]
        for column in ("value", "raw_value"):
            number = float(line[column] or "nan")
            assert own[column] == number or (math.isnan(own[column]) and math.isnan(number)), (own, line)
    files = {path.name for path in theirs.iterdir()}
    assert files == {path.name for path in ours.iterdir()} > {"metrics_long.csv", "cases.csv", "metrics.json"}
    for name in files:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def test_files_are_written_where_they_are_asked_for(folders, tmp_path):
    pred, ref = folders
    out = tmp_path / "scores"
    arguments = {"pred": pred, "ref": ref, "out": out}
    with pytest.warns(hdbench.PartialResultWarning):
        table = hdbench.evaluate(**arguments, metrics="dice")
    names = {"metrics_long.csv", "metrics_long.parquet", "cases.csv", "lesions.csv", "summary.json", "metrics.json"}
    assert {path.name for path in out.iterdir()} == names | {"failures.csv"}
    with open(out / "metrics_long.csv", newline="") as file:
        written = [(line["case"], line["label"], line["value"]) for line in csv.DictReader(file) if line["metric"] == "dice"]
    assert [(case, label, float(value)) for case, label, value in written] == [
        (row["case"], row["label"], row["value"]) for row in table
    ]
    assert len(json.loads((out / "summary.json").read_text())["metric_per_case"]) == 2
    # What is no longer so goes.
    table = hdbench.evaluate(**arguments, allow_missing=True, structures={"lesion": 2}, instances=True, volume_bins=0.1)
    assert {path.name for path in out.iterdir()} == names | {"instances.csv", "detection_by_volume.csv"}
    assert len((out / "detection_by_volume.csv").read_text().splitlines()) == 3
    hdbench.evaluate(**arguments, allow_missing=True, profile="lits")
    assert {path.name for path in out.iterdir()} == {
        "metrics_long.csv", "metrics_long.parquet", "cases.csv", "metrics.json", "scores.txt",
    }
    for case in range(2):
        (pred / f"case_{case}.nii.gz").write_bytes(b"broken")
    with pytest.raises(hdbench.errors.InputError, match="none of 2 cases could be scored"):
        hdbench.evaluate(**arguments, allow_missing=True)
    assert [path.name for path in out.iterdir()] == ["failures.csv"]


def test_files_of_others_are_never_replaced(folders, tmp_path):
    pred, ref = folders
    out = tmp_path / "mine"
    out.mkdir()
    (out / "summary.json").write_text("{}")
    with pytest.raises(hdbench.UsageError, match="holds a summary.json that hdbench did not write; nothing was written"):
        hdbench.evaluate(pred=pred, ref=ref, allow_missing=True, out=out)
    assert [path.name for path in out.iterdir()] == ["summary.json"]
    with pytest.raises(hdbench.UsageError, match="out and pred are both"):
        hdbench.evaluate(pred=pred, ref=ref, out=f"{pred}/../{pred.name}")
    with pytest.raises(hdbench.UsageError, match="out: int is no path"):
        hdbench.evaluate(pred=pred, ref=ref, out=3)


def test_definitions_are_chosen(folders):
    pred, ref = folders
    arguments = {"pred": pred, "ref": ref, "allow_missing": True}
    names = lambda **more: {row["metric"] for row in hdbench.evaluate(**arguments, **more)}  # noqa: E731
    usual = names()
    assert {"hd95", "hd95_6n", "nsd_1mm", "nsd_5mm"} <= usual and not {"hd95_26n", "nsd_4mm"} & usual
    chosen = names(border=26, nsd_tolerance=np.array([4.0]))
    assert {"hd95_26n", "nsd_4mm"} <= chosen and not {"hd95", "hd95_6n", "nsd_1mm"} & chosen
    assert names(definitions="medpy") > usual and names(definitions=["medpy"]) == names(definitions=("medpy", "medpy"))
    named = names(metrics="dice", definitions="monai", nsd_tolerance=2)
    assert {"dice", "hd95_max_6n", "nsd_2mm"} <= named and not {"hd95", "nsd_1mm"} & named
    assert names(one_to_one=True) - usual == {name for name in names(one_to_one=True) if "one_to_one" in name}
    lits = hdbench.evaluate(**arguments, profile="lits")
    assert {row["policy"].partition(":")[0] for row in lits} == {"lits"}
    assert lits.summary().of("liver", "dice_per_case").count == 2


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"profile": "brats"}, "profile: 'brats' is no profile\nhint: \"strict\" or \"lits\""),
        ({"profile": "lits", "structures": "strict"}, "structures: profile lits scores liver and lesion by its own metrics"),
        ({"profile": "lits", "border": 6}, "border: profile lits scores"),
        ({"profile": "lits", "one_to_one": True}, "one_to_one: profile lits scores"),
        ({"border": 7}, "border: 7 is no number of neighbours of a surface voxel\nhint: 6, 18 or 26"),
        ({"border": "six"}, "border: 'six' is no number of neighbours"),
        ({"border": True}, "border: True is no number of neighbours"),
        ({"border": []}, "border: names none"),
        ({"border": 6, "metrics": "dice"}, "border: metrics say their own"),
        ({"nsd_tolerance": 2, "metrics": "dice"}, "nsd_tolerance: metrics say their own\nhint: such as \"nsd@2mm\""),
        ({"nsd_tolerance": [1, -2]}, "nsd_tolerance: -2 is no number of mm above 0"),
        ({"nsd_tolerance": 1e9}, "nsd_tolerance: 1000000000 is no tolerance in mm"),
        ({"definitions": "medpi"}, "definitions: \"medpi\" is no tool whose definitions are columns\nhint: one of medpy, "),
        ({"definitions": 3}, "definitions: 3 is no text"),
        ({"one_to_one": 1}, "one_to_one: 1 is neither True nor False"),
        ({"volume_bins": 1}, "volume_bins: are those of detection_by_volume.csv"),
        ({"volume_bins": [0], "out": "scores"}, "volume_bins: 0 is no number of mL above 0"),
    ],
)
def test_wrong_definitions_are_named(folders, wrong, message):
    pred, ref = folders
    with pytest.raises(hdbench.UsageError) as error:
        hdbench.evaluate(pred=pred, ref=ref, allow_missing=True, **wrong)
    assert str(error.value).startswith(message)


@pytest.mark.skipif(os.name != "posix", reason="no signals")
def test_ctrl_c_stops_between_cases(tmp_path):
    rng = np.random.default_rng(0)
    for case in range(40):
        for folder in ("pred", "ref"):
            write(tmp_path / folder, f"case_{case}", (rng.random((40, 120, 120)) < 0.5).astype(np.uint8))
    code = f"import hdbench; print('go', flush=True); hdbench.evaluate(pred={str(tmp_path / 'pred')!r}, ref={str(tmp_path / 'ref')!r}, jobs=1)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()
    time.sleep(0.3)
    assert process.poll() is None, "it was done before it could be stopped"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors and process.returncode != 0
