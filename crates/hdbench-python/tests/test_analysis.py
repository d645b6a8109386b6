"""Comparing, ranking and gating scores, and their charts: that they are the command's."""

import json
import math
import os
import pickle
import subprocess
import xml.etree.ElementTree as xml

import numpy as np
import pytest

import hdbench

METRICS = ("dice", "hd95")


def frame(algorithm, seed, gain=0.0, cases=20, structures=("liver", "lesion")):
    """A tidy table as a dict of columns."""
    rng = np.random.default_rng(seed)
    rows = []
    for structure in structures:
        for case in range(cases):
            hard = np.random.default_rng(case).uniform(0.4, 0.8)
            rows.append((structure, f"case_{case:02}", "dice", min(hard + gain + rng.normal(0, 0.03), 1.0)))
            rows.append((structure, f"case_{case:02}", "hd95", max(10.0 * (1 - hard - gain) + rng.normal(0, 1), 0.0)))
    columns = dict(zip(("label", "case", "metric", "value"), map(list, zip(*rows))))
    return {**columns, "algorithm": [algorithm] * len(rows), "task": ["lits"] * len(rows)}


@pytest.fixture
def tables():
    """Two algorithms on the same cases, the second one better."""
    return hdbench.Table.from_frame(frame("unet", 1)), hdbench.Table.from_frame(frame("hdenseunet", 2, 0.1))


@pytest.fixture
def command():
    """The built command."""
    built = os.environ.get("HDBENCH_COMMAND")
    if not built:
        pytest.skip("no HDBENCH_COMMAND, the path of a built hdbench")
    return lambda *arguments: subprocess.run([built, *map(str, arguments)], capture_output=True, text=True)


@pytest.fixture
def folders(tables, tmp_path):
    """The same as files."""
    pandas = pytest.importorskip("pandas")
    for table in tables:
        folder = tmp_path / table.algorithms[0]
        folder.mkdir()
        columns = ["task", "algorithm", "fold", "seed", "case", "label", "metric", "metric_version", "value", "raw_value"]
        pandas.DataFrame(table.to_dict())[[*columns, "policy"]].to_csv(folder / "metrics_long.csv", index=False)
    return [tmp_path / table.algorithms[0] for table in tables]


def test_a_comparison_says_what_differs(tables):
    found = hdbench.compare(*tables, metric=["dice", "hd95"])
    assert {(line.label, line.metric) for line in found} == {(s, m) for s in ("liver", "lesion") for m in METRICS}
    line = found.of("lesion", "dice")
    assert (line.algorithm, line.baseline, line.n, line.finding) == ("hdenseunet", "unet", 20, "better")
    values = [
        {row["case"]: row["value"] for row in table.rows if (row["label"], row["metric"]) == ("lesion", "dice")}
        for table in tables
    ]
    differences = np.array([values[1][case] - values[0][case] for case in values[0]])
    assert math.isclose(line.difference, differences.mean(), rel_tol=1e-12)
    assert line.low < line.difference < line.high
    scipy = pytest.importorskip("scipy.stats")
    assert math.isclose(line.p, scipy.wilcoxon(differences, method="exact").pvalue, rel_tol=1e-9)
    assert found.of("lesion", "hd95").difference < 0
    with pytest.raises(KeyError, match="'lesion', 'dice'"):
        found.of("spleen", "dice")


def test_a_comparison_is_that_of_the_command(tables, folders, command):
    ran = command("compare", *folders, "--metric", "all", "--json")
    told = json.loads(ran.stdout)["comparisons"]
    for found in (hdbench.compare(*folders, metric="all"), hdbench.compare(*tables, metric="all")):
        assert len(found) == len(told) == 4
        for line, own in zip(found, told):
            assert (line.label, line.metric, line.n, line.p) == (own["label"], own["metric"], own["n"], own["p"])
            assert [line.low, line.high] == own["interval"]
            assert (line.algorithm, line.baseline) == ("hdenseunet", "unet")


def test_an_order_is_that_of_the_command(tables, folders, command):
    ran = command("analyze", *folders, "--rank", "lesion:dice", "--json")
    told = json.loads(ran.stdout)["rankings"]
    found = hdbench.rank(*tables, metric="lesion:dice")
    by_path = hdbench.rank(*folders, metric="lesion:dice")
    assert list(found) == list(by_path)
    assert len(told) == 5
    for own in told:
        assert own["metric"] == "lesion dice"
        assert found.tau[own["metric"], own["ranking"]["method"]] == own["ranking"]["tau"]
        for name, place in zip(own["ranking"]["algorithms"], own["ranking"]["places"]):
            lines = [line for line in found if (line.algorithm, line.method) == (name, own["ranking"]["method"])]
            assert [line.place for line in lines] == [place]
    assert found.order() == ["hdenseunet", "unet"]
    assert found[0].first > 0.99


def test_a_judgement_is_that_of_the_command(tables, folders, command):
    policy = folders[0].parent / "policy.toml"
    policy.write_text('format = 1\nlevel = 0.05\n[[accuracy]]\nmetric = "lesion:dice"\nmargin = 0.01\n')
    # The gate compares one algorithm with itself.
    ran = command("regress", "--baseline", folders[0], "--current", folders[0], "--policy", policy, "--json")
    told = json.loads(ran.stdout)["judgement"]
    for given in (policy, {"accuracy": [{"metric": "lesion:dice", "margin": 0.01}]}):
        found = hdbench.regress(baseline=folders[0], current=tables[0], policy=given)
        assert found.passed and found
        assert found.outcome == told["outcome"] == "passed"
        assert [line.verdict for line in found] == [line["verdict"] for line in told["lines"]]
    assert ran.returncode == 0


def test_a_loss_regresses_and_is_told():
    before = hdbench.Table.from_frame(frame("unet", 1, 0.2))
    after = hdbench.Table.from_frame(frame("unet", 2))
    judgement = hdbench.regress(baseline=before, current=after, margins={"lesion:dice": 0.01})
    assert not judgement
    assert (judgement.outcome, judgement[0].verdict) == ("regressed", "regressed")
    assert judgement[0].change < -0.1 and judgement[0].p_holm < 0.05
    assert len(judgement[0].worst) > 0
    assert "regressed" in judgement.headline.lower()
    assert "lesion" in judgement.to_comment() and judgement.to_comment().startswith("<!--")
    suite = xml.fromstring(judgement.to_junit())
    assert suite.tag == "testsuites" and "failure" in judgement.to_junit()
    assert "<svg" in judgement.plot().svg
    missing = hdbench.regress(baseline=before, current=after, margins={"lesion:assd": 1})
    assert (missing.outcome, bool(missing)) == ("not-comparable", False)


def test_a_dict_names_what_is_ranked(tables):
    found = hdbench.rank({"ours": tables[1], "theirs": tables[0]}, metric="liver:dice", method="mean-then-rank")
    assert found.order() == ["ours", "theirs"]
    assert [line.place for line in found] == [1, 2]
    assert "ours" in repr(found)
    both = hdbench.rank(*tables, metric="dice")
    assert both.order("lesion:dice", "rank-then-mean") == ["hdenseunet", "unet"]
    # A distance is better the smaller it is.
    assert hdbench.rank(*tables, metric="lesion:hd95").order() == ["hdenseunet", "unet"]


def test_results_are_tables_for_readers(tables):
    found = hdbench.compare(*tables, metric="dice")
    assert "<button" not in found._repr_html_() and "<table" in found._repr_html_()
    assert "\\begin{tabular" in found.to_latex() and "\\toprule" in found.to_latex()
    assert found.to_markdown().count("| hdenseunet |") >= 2
    assert "hdenseunet" in str(found) and "better" in repr(found)
    assert [line["n"] for line in found.to_dict()] == [20, 20]
    pandas = pytest.importorskip("pandas")
    assert isinstance(found.to_pandas(), pandas.DataFrame)


def test_charts_are_shown_and_saved(tables, tmp_path):
    chart = tables[0].plot("dice")
    assert chart._repr_svg_() == chart.svg and chart.svg.startswith("<svg") and "lesion dice, %" in chart.svg
    assert chart.svg.count("<circle") == 40
    assert "Dice" in repr(tables[0].plot("dice")) or "dice" in repr(chart)
    chart.save(tmp_path / "dots.svg")
    chart.save(tmp_path / "dots.png")
    assert (tmp_path / "dots.svg").read_text() == chart.svg
    assert (tmp_path / "dots.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(hdbench.UsageError, match=".svg or .png"):
        chart.save(tmp_path / "dots.pdf")
    xml.fromstring(chart.svg)
    compared = hdbench.compare(*tables, metric="lesion:dice").plot()
    assert compared.svg.count("<circle") == 40
    with pytest.raises(hdbench.UsageError, match="tumour burdens"):
        tables[0].plot_tumour_burden()
    with pytest.raises(hdbench.UsageError, match="volume_ref_ml"):
        tables[0].plot_tumour_volumes()


def test_burdens_and_volumes_of_tumours_are_drawn():
    rows = [("liver", 30.0), ("lesion", 2.0)]
    cases = [(f"c{n}", n + 1) for n in range(6)]
    columns = {"case": [], "label": [], "metric": [], "value": []}
    for case, factor in cases:
        for label, volume in rows:
            for key, value in (("case", case), ("label", label), ("metric", "volume_ref_ml"), ("value", volume * factor**2)):
                columns[key].append(value)
        for metric, value in (("tumour_burden_ref", 0.02 * factor), ("tumour_burden_pred", 0.021 * factor)):
            for key, own in (("case", case), ("label", None), ("metric", metric), ("value", value)):
                columns[key].append(own)
    table = hdbench.Table.from_frame(columns)
    assert table.plot_tumour_burden().svg.count("<circle") == len(cases)
    assert "large from 20.00 mL (given)" in table.plot_tumour_volumes(boundary_ml=20.0).svg


def test_scores_are_read_and_taken_from_frames(tables, folders):
    read = hdbench.read(folders[0])
    assert read.to_dict() == tables[0].to_dict()
    assert (read.cases, read.algorithms) == (20, ["unet"])
    pandas, polars, arrow = map(pytest.importorskip, ("pandas", "polars", "pyarrow"))
    for package in (pandas.DataFrame, polars.DataFrame, arrow.table):
        assert hdbench.Table.from_frame(package(tables[0].to_dict())).to_dict() == tables[0].to_dict()
    found = hdbench.compare(tables[0].to_pandas(), tables[1].to_polars(), metric="dice")
    assert found.of("lesion", "dice") == hdbench.compare(*tables, metric="dice").of("lesion", "dice")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda a, b: hdbench.compare(a, {"case": ["c"], "value": [1.0]}), hdbench.UsageError, "no column 'metric'"),
        (lambda a, b: hdbench.compare(a, "nowhere"), hdbench.MissingFileError, "nowhere"),
        (lambda a, b: hdbench.compare(a, b, metric="dize"), hdbench.UsageError, "no metric \"dize\""),
        (lambda a, b: hdbench.compare(a, b, resamples=3), hdbench.UsageError, "resamples: is 3"),
        (lambda a, b: hdbench.compare(a, b, names=("x", "x")), hdbench.UsageError, "twice"),
        (lambda a, b: hdbench.compare(a, b, names=("x",)), hdbench.UsageError, "1 names for 2"),
        (lambda a, b: hdbench.rank(a), hdbench.UsageError, "nothing to rank"),
        (lambda a, b: hdbench.rank(a, b, method="best"), hdbench.UsageError, "no way to rank"),
        (lambda a, b: hdbench.regress(baseline=a, current=b, margins={"x": "y"}), hdbench.UsageError, "no number"),
        (lambda a, b: hdbench.regress(baseline=a, current=b, policy={"levle": 1}), hdbench.InputError, "levle"),
        (lambda a, b: hdbench.regress(baseline=a, current=b, policy={}), hdbench.InputError, "gates nothing"),
        (
            lambda a, b: hdbench.regress(baseline=a, current=b, policy={}, margins={}),
            hdbench.UsageError,
            "exclude each other",
        ),
        (lambda a, b: a.plot("dize"), hdbench.UsageError, "no metric"),
        (
            lambda a, b: hdbench.compare(a, hdbench.Table.from_frame({"case": ["z"], "label": ["lesion"], "metric": ["dice"],
                                                                      "value": [0.5]})),
            hdbench.errors.NotComparableError,
            "no case in common",
        ),
        (
            lambda a, b: hdbench.Table.from_frame({"case": ["c", "c"], "metric": ["dice"] * 2, "value": [1.0, 0.5]}),
            hdbench.InputError,
            "twice",
        ),
        (
            lambda a, b: hdbench.Table.from_frame({"case": ["c"], "metric": ["dice"], "value": ["high"]}),
            hdbench.UsageError,
            "value of row 0: 'high' is a text",
        ),
        (
            lambda a, b: hdbench.Table.from_frame({"case": ["c", None], "metric": ["dice"] * 2, "value": [1.0, 0.5]}),
            hdbench.UsageError,
            "case of row 1: None is no text",
        ),
        (
            lambda a, b: hdbench.Table.from_frame({"case": ["c"], "metric": ["dice"], "value": [83.0]}),
            hdbench.UsageError,
            "dice of c is 83, outside 0 to 1",
        ),
        (lambda a, b: hdbench.compare(a, b, names="ab"), hdbench.UsageError, "no list of names"),
        (
            lambda a, b: hdbench.regress(baseline=a, current=b, margins={"lesion:dice": math.nan}),
            hdbench.UsageError,
            "nan is no number",
        ),
        (lambda a, b: hdbench.regress(baseline=a, current=b, margins=0.01), hdbench.UsageError, "no dict"),
        (lambda a, b: a.plot_tumour_volumes(boundary_ml=math.nan), hdbench.UsageError, "expected mL"),
        (
            lambda a, b: hdbench.Table.from_frame({"case": ["c"], "metric": ["dice"], "value": [1.0, 2.0]}),
            hdbench.UsageError,
            "one length",
        ),
    ],
)
def test_what_is_wrong_is_named(tables, call, error, words):
    with pytest.raises(error, match=words):
        call(*tables)


def test_a_study_is_the_commands_alone(tables, tmp_path):
    (tmp_path / "study.toml").write_text("format = 1\n")
    for call in (lambda: hdbench.read(tmp_path), lambda: hdbench.regress(baseline=tmp_path, current=tables[0])):
        with pytest.raises(hdbench.InputError, match="study's folder") as told:
            call()
        assert "hdbench baseline save --name" in told.value.hint


def two_algorithms():
    """One table with those of two."""
    both = [frame(name, seed) for name, seed in (("unet", 1), ("resnet", 5))]
    return {column: both[0][column] + both[1][column] for column in both[0]}


def test_algorithms_of_one_table_stay_apart(tables):
    both = hdbench.Table.from_frame(two_algorithms())
    assert hdbench.compare(tables[0], both, metric="dice").of("lesion", "dice").difference == 0
    assert {(line.algorithm, line.count) for line in both.summary()} == {("unet", 20), ("resnet", 20)}
    assert both.summary().of("lesion", "dice", "unet").mean == tables[0].summary().of("lesion", "dice").mean
    assert both.to_latex().count("lesion, ") == 2 and "algorithm" in both._repr_html_()
    with pytest.raises(hdbench.UsageError, match="two algorithms are called 'a: unet'".replace("'", '"')):
        hdbench.rank({"a": both, "a: unet": tables[1]}, metric="lesion:dice")


def test_tests_are_corrected_over_the_algorithms_of_a_metric():
    better = two_algorithms()
    better["value"] = [min(value + 0.01, 1.0) for value in better["value"]]
    found = hdbench.compare(two_algorithms(), better, metric="lesion:dice")
    assert [line.p_holm for line in found] == [2 * line.p for line in found]


def test_what_is_missing_is_told(tables):
    few = hdbench.Table.from_frame(frame("hdenseunet", 2, 0.1, cases=14))
    notes = hdbench.compare(tables[0], few, metric="lesion:dice").notes
    assert notes == ["6 of 20 cases of unet are not in hdenseunet and in no comparison: case_14 ..."]
    notes = hdbench.rank(tables[0], few, metric="lesion:dice").notes
    assert notes == ["lesion dice: 6 of 20 cases have no value by hdenseunet and count as the worst"]


def test_a_frame_without_structures_is_compared_by_all_it_has():
    plain = {"case": [f"c{n}" for n in range(12)], "metric": ["smoothness"] * 12, "value": [n / 20 for n in range(12)]}
    other = {**plain, "value": [value + 0.1 for value in plain["value"]]}
    line = hdbench.compare(plain, other)[0]
    assert (line.label, line.metric, line.n, line.finding) == (None, "smoothness", 12, "different")


def test_names_that_are_numbers_become_texts():
    columns = {"case": [1, 2], "label": [1.0, 1.0], "metric": ["dice"] * 2, "value": [0.5, None]}
    table = hdbench.Table.from_frame(columns)
    assert [(row["case"], row["label"]) for row in table] == [("1", "1"), ("2", "1")]
    pandas = pytest.importorskip("pandas")
    held = pandas.DataFrame({**columns, "label": pandas.array([1, None], dtype="Int64")})
    assert [row["label"] for row in hdbench.Table.from_frame(held)] == ["1", None]


def test_a_table_that_pandas_wrote_is_read(tables, tmp_path):
    pytest.importorskip("pandas")
    frame = tables[0].to_pandas()
    frame.loc[0, "value"] = math.nan
    frame.to_csv(tmp_path / "empty.csv", index=False)
    with pytest.raises(hdbench.InputError, match="empty string") as told:
        hdbench.read(tmp_path / "empty.csv")
    assert "NaN where there is none" in told.value.hint
    frame.to_csv(tmp_path / "metrics_long.csv", index=False, na_rep="NaN")
    read = hdbench.read(tmp_path / "metrics_long.csv")
    assert math.isnan(read.rows[0]["value"]) and read.rows[1] == tables[0].rows[1]


def test_results_are_equal_by_content_and_pickled(tables):
    found = hdbench.compare(*tables, metric="dice")
    assert found == hdbench.compare(*tables, metric="dice") != hdbench.compare(*tables, metric="hd95")
    for result in (found, hdbench.rank(*tables, metric="dice"), hdbench.regress(baseline=tables[0], current=tables[0])):
        copy = pickle.loads(pickle.dumps(result))
        assert copy == result and copy.to_latex() == result.to_latex() and copy.plot().svg == result.plot().svg


def test_every_order_has_its_chart(tables):
    found = hdbench.rank(*tables, metric="dice")
    assert "liver dice, mean-then-rank" in found.plot("liver:dice", "mean-then-rank").svg
    assert "lesion dice, test-then-rank" in found.plot("lesion:dice", "test-then-rank").svg
    with pytest.raises(KeyError, match="liver:dice"):
        found.order("dice")
    many = {f"network {n:02}": {**frame("x", n), "algorithm": ["x"] * 80} for n in range(40)}
    assert len(hdbench.rank(many, metric="lesion:dice", method="mean-then-rank")) == 40


def test_a_margin_without_a_structure_is_that_of_every_one(tables):
    found = hdbench.regress(baseline=tables[0], current=tables[0], margins={"dice": 0.01})
    assert found.passed and {line.metric for line in found} == {"liver dice", "lesion dice"}
    plain = {"case": ["a", "b", "c", "d", "e", "f"], "metric": ["dice"] * 6, "value": [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]}
    assert hdbench.regress(baseline=plain, current=plain, margins={"dice": 0.01})[0].metric == "dice"


def test_the_rules_of_a_challenge_are_those_of_the_command(tmp_path):
    header = "task,algorithm,fold,seed,case,label,metric,metric_version,value,raw_value,policy\n"
    for name, dice, hd95 in (("a", 0.9, 9.0), ("b", 0.8, 3.0), ("c", 0.7, 6.0)):
        rows = [
            f"t,{name},0,0,case_{case},wt,{metric},1,{value},{value},strict\n"
            for case in range(6)
            for metric, value in (("dice", dice - 0.01 * case), ("hd95", hd95))
        ]
        (tmp_path / f"{name}.csv").write_text(header + "".join(rows))
    paths = [tmp_path / f"{name}.csv" for name in "abc"]
    found = hdbench.rank(*paths, rules="brats")
    # By Dice 1, 2, 3; by HD95 3, 1, 2.
    assert found.order() == ["b", "a", "c"]
    assert "What other rules would have made of it" in str(found)
    found.plot_choices().save(tmp_path / "choices.svg")
    assert "brats" not in (tmp_path / "choices.svg").read_text() and "rank-then-mean" in (tmp_path / "choices.svg").read_text()
    with pytest.raises(ValueError, match="no choices of rules"):
        hdbench.rank(*paths, metric="dice").plot_choices()
    with pytest.raises(hdbench.UsageError, match="exclude each other"):
        hdbench.rank(*paths, metric="dice", rules="brats")
    with pytest.raises(hdbench.UsageError, match="flare22"):
        hdbench.rank(*paths, rules="flare23")


def test_a_difference_says_how_likely_its_claim_is_false(tmp_path):
    header = "task,algorithm,fold,seed,case,label,metric,metric_version,value,raw_value,policy\n"
    # The example file of claims-reloaded.dkfz.de; scipy's numbers.
    for name, version, values in (("a", 1, (0.8712, 0.7330, 0.7991, 0.8450)), ("b", 1, (0.9254, 0.6753, 0.8120, 0.9012)),
                                  ("c", 2, (0.9254, 0.6753, 0.8120, 0.9012))):
        rows = [f"t,x,0,0,case_{case},wt,dice,{version},{value},{value},strict\n" for case, value in enumerate(values)]
        (tmp_path / f"{name}.csv").write_text(header + "".join(rows))
    line = hdbench.compare(tmp_path / "a.csv", tmp_path / "b.csv")[0]
    assert (round(line.false_claim, 9), line.cases_needed, line.remark) == (0.290847147, 31, None)
    with pytest.raises(hdbench.errors.NotComparableError, match="version 1"):
        hdbench.compare(tmp_path / "a.csv", tmp_path / "c.csv")
