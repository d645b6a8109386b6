"""Annotations: that there are any, that the stub is the compiled module's, and that a type checker takes a user's script."""

import ast
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hdbench
from hdbench import _hdbench

# Ours, theirs.
PEERS = {
    "hdbench.compat.medpy.metric.binary": "medpy.metric.binary",
    "hdbench.compat.surface_distance.metrics": "surface_distance.metrics",
    "hdbench.compat.monai_functional": "monai.metrics",
    "hdbench.compat.nnunet": "nnunetv2.evaluation.evaluate_predictions",
}

SCRIPT = '''
from pathlib import Path

import numpy as np

import hdbench
import hdbench.compat.surface_distance as surface_distance
from hdbench.compat.medpy import dc, metric
from hdbench.compat.medpy.metric import *
from hdbench.compat.monai_functional import compute_hausdorff_distance
from hdbench.compat.nnunet import compute_metrics_on_folder

masks = np.zeros((2, 3, 4), dtype=bool)
number: float = binary.hd95(masks, masks, voxelspacing=(1, 2, 3), connectivity=2) + dc(masks, masks) + metric.hd(masks, masks)
distances = surface_distance.compute_surface_distances(masks, masks, (1, 1, 1))
gt, pred = surface_distance.compute_average_surface_distance(distances)
number += gt + surface_distance.compute_robust_hausdorff(distances, 95)
tensor = compute_hausdorff_distance(masks, masks, spacing=[1.0, 2.0])
summary = compute_metrics_on_folder("a", Path("b"), None, None, ".nii.gz", [1, (1, 2)], 3)
scores = hdbench.score(pred=masks, ref=Path("b"), structures={"a": [1]}, metrics=["dice"], ignore=2)
number += scores["a"]["dice"] + scores.burdens["tumour_burden_ref"]
table = hdbench.evaluate(pred="a", ref=Path("b"), out=Path("c"), border=[6], nsd_tolerance=2, profile="lits")
number += table.summary().of("liver", "dice").mean
cases: list[str] = [case for case, reason in table.failures]
frame = table.to_pandas()
'''
MISTAKES = '''
import hdbench
from hdbench.compat.medpy.metric import binary

binary.dc([1], [1]).upper()
hdbench.score(pred="a", ref="b", metric="dice")
'''


@pytest.mark.parametrize("module", ["hdbench", *PEERS])
def test_every_function_is_annotated(module):
    module = importlib.import_module(module)
    functions = [own for name in module.__all__ if inspect.isfunction(own := getattr(module, name))]
    assert len(functions) >= 4
    for function in functions:
        signature = inspect.signature(function)
        annotations = [own.annotation for own in signature.parameters.values()] + [signature.return_annotation]
        assert inspect.Signature.empty not in annotations, function


@pytest.mark.parametrize("ours", PEERS)
def test_signatures_are_the_peers(ours):
    theirs = pytest.importorskip(PEERS[ours])
    module = importlib.import_module(ours)
    of = lambda function: [(own.name, own.kind, own.default) for own in inspect.signature(function).parameters.values()]  # noqa: E731
    for name in module.__all__:
        assert of(getattr(module, name)) == of(getattr(theirs, name)), name


def test_the_stub_is_the_compiled_modules():
    stub = ast.parse(Path(hdbench.__file__).with_name("_hdbench.pyi").read_text())
    declared = {node.name: [own.arg for own in node.args.args] for node in stub.body if isinstance(node, ast.FunctionDef)}
    compiled = {name: own for name, own in vars(_hdbench).items() if inspect.isbuiltin(own)}
    assert declared == {name: list(inspect.signature(own).parameters) for name, own in compiled.items()}
    assert Path(hdbench.__file__).with_name("py.typed").exists()


@pytest.mark.parametrize("script, errors", [(SCRIPT, []), (MISTAKES, ["attr-defined", "call-arg"])])
def test_a_type_checker_takes_a_users_script(tmp_path, script, errors):
    pytest.importorskip("mypy")
    (tmp_path / "script.py").write_text(script)
    # Of other packages there may be no types.
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = True\nignore_missing_imports = True\n")
    environment, folder = dict(os.environ), Path(hdbench.__file__).parents[1]
    if folder.name not in ("site-packages", "dist-packages"):
        environment["MYPYPATH"] = str(folder)
    call = [sys.executable, "-m", "mypy", "--no-incremental", "script.py"]
    ran = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    found = [line.rpartition("[")[2].rstrip("]") for line in ran.stdout.splitlines() if ": error: " in line]
    assert found == errors, ran.stdout + ran.stderr
