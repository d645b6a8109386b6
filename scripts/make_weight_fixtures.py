#!/usr/bin/env python3
"""Writes tests/data/weights: tiny DenseNets as torchvision and timm save them, and expected.json with
the features torchvision computes.

    python3 scripts/make_weight_fixtures.py

Needs torch 2.9.0, torchvision 0.24.0, timm and safetensors; scripts/verify_against_pytorch.py keeps
an environment that has them.
"""

import json
from pathlib import Path

import timm
import torch
import torchvision
from safetensors.torch import save_file

FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "data" / "weights"
DESIGN = dict(growth_rate=2, block_config=(1, 1, 2, 1))


def randomise(network):
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif value.is_floating_point():
            value.normal_(0.3 if "norm" in name else 0.0, 0.3)


def main():
    FIXTURES.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(161)
    network = torchvision.models.DenseNet(num_init_features=4, num_classes=7, **DESIGN).eval()
    randomise(network)
    state = network.state_dict()

    # torchvision's published file: the pickle of before 2020, and names with a dot before the number.
    old = {}
    for name, value in state.items():
        for kind in "norm", "conv":
            for number in "12":
                name = name.replace(f".{kind}{number}.", f".{kind}.{number}.") if "layer" in name else name
        if "num_batches_tracked" not in name:
            old[name] = value
    torch.save(old, FIXTURES / "torchvision_old.pth", _use_new_zipfile_serialization=False)
    # A training script's checkpoint of a network on several GPUs.
    wrapped = {f"module.{name}": value for name, value in state.items()}
    torch.save({"epoch": 3, "state_dict": wrapped}, FIXTURES / "checkpoint.pth")
    # timm: the same values under its own names.
    other = timm.models.densenet.DenseNet(num_classes=7, **DESIGN)
    other.load_state_dict(state)
    save_file(other.state_dict(), FIXTURES / "timm.safetensors")

    x = torch.arange(3 * 32 * 32, dtype=torch.float32).reshape(1, 3, 32, 32) % 251 - 125
    with torch.no_grad():
        features = torch.relu(network.features(x)).flatten()
    expected = {"input": "(index % 251) - 125, [1, 3, 32, 32]", "features": features.tolist()}
    (FIXTURES / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
