"""DenseNet-161 as torchvision and timm have it, into the encoder."""

import re
import shutil

import timm
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import load_file, save_file

from . import networks, patches
from .deviations import distance
from .verify import BATCH, SIZE_2D, hdbench

HEAD = """
| DenseNet-161 | file | features / f32 | features / f64 |
|---|---|---:|---:|"""


def verify(program, folder, seed):
    """A record for each library and kind of file."""
    random = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    shape = [BATCH, 3, SIZE_2D, SIZE_2D]
    image = patches.patch(shape, random)
    # Which organs a slice shows; the features that are compared do not depend on it.
    labels = torch.zeros([BATCH, networks.ORGANS, 1, 1], dtype=torch.uint8)
    given = folder / "input.safetensors"
    save_file({"input": image.contiguous(), "labels": labels}, given)
    for library, net, features in models():
        calibrate(net, [patches.patch(shape, random)[:, 0] for _ in range(4)])
        with torch.no_grad():
            single = features(net, image[:, 0])
            double = features(net.double(), image[:, 0].double())
        for kind, file in files(net.float().state_dict(), folder):
            model, answer = folder / "densenet161", folder / "output.safetensors"
            shutil.rmtree(model, ignore_errors=True)
            hdbench(program, "model", "import", file, "--part", "_encoder", "--scale", "full",
                    "--out", model)
            hdbench(program, "model", "probe", model, "--input", given, "--out", answer)
            ours = load_file(answer)["features"]
            found = {"f32": distance(ours, single), "f64": distance(ours, double)}
            yield {"network": f"{library} densenet161", "recipe": kind, "mode": "evaluation",
                   "seed": seed, "patch": shape, "deviations": {"features": found},
                   "worst": max(found.values())}


def models():
    yield ("torchvision", torchvision.models.densenet161(weights=None),
           lambda net, x: F.relu(net.features(x)))
    yield ("timm", timm.create_model("densenet161", pretrained=False),
           lambda net, x: net.forward_features(x))


@torch.no_grad()
def calibrate(net, images):
    """Random affines and running statistics, as training leaves them."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.3)
            module.momentum = None  # the mean over all passes
    net.train()
    for image in images:
        net(image)
    net.eval()


def files(state, folder):
    """The published file of 2017 is of the old format, with names such as `norm.1` and without
    counters of batches."""
    published = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", name): value
                 for name, value in state.items() if not name.endswith("num_batches_tracked")}
    old, new = folder / "old.pth", folder / "new.pth"
    torch.save(published, old, _use_new_zipfile_serialization=False)
    yield "old .pth, old names", old
    torch.save(state, old, _use_new_zipfile_serialization=False)
    yield "old .pth", old
    torch.save(state, new)
    yield "new .pth", new
    save_file({name: value.contiguous() for name, value in state.items()},
              folder / "densenet161.safetensors")
    yield ".safetensors", folder / "densenet161.safetensors"


def row(record):
    found = record["deviations"]["features"]
    return f"| {record['network'].split()[0]} | {record['recipe']} | {found['f32']:.1e} | {found['f64']:.1e} |"
