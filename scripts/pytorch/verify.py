"""One network, both ways: in evaluation and in training mode."""

import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from . import conditions, deviations, networks, patches, reference

LIMIT = 1e-4
# In-plane size of the patches and how many at once; deep enough layers must see several values
# for their batch statistics to mean something.
SIZE_2D, SIZE_3D = 96, 64
BATCH = 2

COLUMNS = ["network", "recipe", "norms", "patch", "logits", "2-D logits", "features", "loss",
           "gradients / f32", "gradients / f64", "PyTorch's own f32 / f64", "statistics", "after step",
           "step's length", "worst gradient"]
HEAD = f"| {' | '.join(COLUMNS)} |\n|---|---|---|---|{'---:|' * 10}---|"
LEGEND = f"""
Deviations are max|a - b| / max|b|, of gradients, statistics and parameters the worst tensor's. Answers
and loss: the worse of PyTorch in f32 and in f64; statistics and parameters after the step: f64.
"PyTorch's own" is its gradients in f32 against its gradients in f64. "Step's length": against the
first step of SGD, as the recipe sets it, along the f64 gradient.
A gradient below {deviations.NEGLIGIBLE:g} of the largest of its layer's weight (a bias that the batch norm
after it takes away) is compared relative to that weight's.
Running variances: hdbench keeps the batch's biased variance, PyTorch the unbiased one; compared is
PyTorch's with its factor n / (n - 1) taken out.
Every ReLU's zero lies in a gap between its values, and no maximum is close (scripts/pytorch/conditions.py).
"""


@dataclass
class Setup:
    hdbench: Path
    part: str
    recipe: str
    scale: str
    seed: int
    # Changes of the recipe, KEY=VALUE.
    changes: tuple = ()


def hdbench(program, *arguments):
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: hdbench {' '.join(map(str, arguments))}\n{done.stderr}")


def network(setup, folder):
    """A record for each mode."""
    random = torch.Generator().manual_seed(setup.seed)
    which = ["--recipe", setup.recipe, "--scale", setup.scale]
    for change in setup.changes:
        which += ["--set", change]
    model, file = folder / "model", folder / "weights.safetensors"
    hdbench(setup.hdbench, "model", "init", setup.part, *which, "--seed", setup.seed, "--out", model)
    hdbench(setup.hdbench, "model", "export", model, "--out", file)
    described = tomllib.loads((model / "model.toml").read_text())
    recipe, scale = described["recipe"], described["scale"]
    net = networks.build(setup.part, recipe, scale)
    load_strictly(net, load_file(file))
    shape = patch_shape(setup.part, recipe, scale)
    labels = make_labels(setup.part, shape, random)
    conditions.enliven(net, random)
    # Training first: the statistics that evaluation uses are those of the shifted betas.
    for mode in ("training", "evaluation"):
        training = mode == "training"
        draw = lambda: patches.patch(shape, random)
        if not training:
            conditions.calibrate(net, [draw() for _ in range(4)])
        image = conditions.settle(net, training, draw)
        state = {name: value.clone() for name, value in net.state_dict().items()}
        ours = probe(setup, which, state, image, labels, training, folder)
        single, double = (
            reference.run(setup.part, recipe, scale, state, image, labels, training, dtype)
            for dtype in (torch.float32, torch.float64))
        yield record(setup, mode, shape, recipe, state, ours, single, double)


def load_strictly(net, exported):
    """PyTorch's state dict without its counters of batches, name for name."""
    counters = {name: value for name, value in net.state_dict().items()
                if name.endswith("num_batches_tracked")}
    net.load_state_dict({**exported, **counters}, strict=True)


def patch_shape(part, recipe, scale):
    if part in ("denseunet3d", "hdenseunet"):
        return [1, scale.get("depth", recipe["patch_depth"]), SIZE_3D, SIZE_3D]
    slices = 5 if part in ("resnet", "_coarse") else 3
    return [BATCH, slices, SIZE_2D, SIZE_2D]


def make_labels(part, shape, random):
    if part == "_encoder":
        return torch.randint(2, [shape[0], networks.ORGANS, 1, 1], generator=random, dtype=torch.uint8)
    depth = shape[1] if part in ("denseunet3d", "hdenseunet") else 1
    return patches.labels([shape[0], depth, *shape[2:]], 2 if part == "_coarse" else 3, random)


def probe(setup, which, state, image, labels, training, folder):
    weights, model = folder / "lively.safetensors", folder / "lively"
    given, answer = folder / "input.safetensors", folder / "output.safetensors"
    save_file({name: value.contiguous() for name, value in state.items()}, weights)
    save_file({"input": image.contiguous(), "labels": labels.contiguous()}, given)
    shutil.rmtree(model, ignore_errors=True)
    hdbench(setup.hdbench, "model", "import", weights, "--part", setup.part, *which, "--out", model)
    hdbench(setup.hdbench, "model", "export", model, "--out", weights)
    for name, value in load_file(weights).items():
        assert torch.equal(value, state[name]), f"{name} did not survive import and export"
    hdbench(setup.hdbench, "model", "probe", model, "--input", given, "--out", answer,
            *["--training"] * training)
    return load_file(answer)


def record(setup, mode, shape, recipe, state, ours, single, double):
    different = deviations.names(ours, double)
    assert not different, f"only one side has {different}"
    found = deviations.of_pass(ours, single, double)
    found["step"] = deviations.step_factor(ours, state, double, recipe,
                                        reference.LEARNING_RATE)
    answers = {name: max(found[name]["f32"], found[name]["f64"]) for name in double.answers}
    summary = {
        **answers,
        "gradients_f32": deviations.worst(found["gradients"], "f32")[0],
        "gradients_f64": deviations.worst(found["gradients"], "f64")[0],
        "statistics": deviations.worst(found["statistics"])[0],
        "after": deviations.worst(found["after"])[0],
        "step": found["step"],
    }
    return {
        "network": setup.part,
        "recipe": setup.recipe,
        "mode": mode,
        "scale": setup.scale,
        "seed": setup.seed,
        "patch": shape,
        "summary": summary,
        "pytorch_gradients": deviations.worst(found["gradients"], "pytorch")[0],
        "worst_gradient": deviations.worst(found["gradients"], "f64")[1],
        # A NaN is the worst of all.
        "worst": max(summary.values(), key=lambda value: (value != value, value)),
        "deviations": found,
    }


def row(record):
    number = lambda name: f"{record['summary'][name]:.1e}" if name in record["summary"] else ""
    cells = [record["network"], record["recipe"], record["mode"],
             " x ".join(map(str, record["patch"])),
             *map(number, ["logits", "logits_2d", "features", "loss", "gradients_f32",
                           "gradients_f64"]),
             f"{record['pytorch_gradients']:.1e}",
             *map(number, ["statistics", "after", "step"]), record["worst_gradient"]]
    return f"| {' | '.join(cells)} |"
