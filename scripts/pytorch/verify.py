"""Ours and PyTorch's side by side."""

import subprocess
import tomllib
from dataclasses import dataclass, field

import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file

from . import conditions, networks, patches, reference

HEAD = f"""\
{'':34}{'logits':>9}{'loss':>9}{'gradients':>19}{'PyTorch':>9}{'step':>9}{'running':>9}
{'network, recipe, batch norms by':34}{'f32':>9}{'f64':>9}{'f32':>9}{'f64':>10}{'f32-f64':>9}{'f32':>9}\
{'stats':>9}"""


class Program:
    """Our binary and a folder for its files."""

    def __init__(self, binary, folder, device):
        self.binary, self.folder, self.device = binary, folder, device

    def run(self, *arguments):
        subprocess.run([self.binary, "model", *map(str, arguments)], check=True,
                       stdout=subprocess.DEVNULL)

    def probe(self, model, image, labels, training):
        batch, step = self.folder / "batch.safetensors", self.folder / "step.safetensors"
        save_file({"input": image.contiguous(), "labels": labels.contiguous()}, batch)
        self.run("probe", model, "--input", batch, "--out", step, "--device", self.device,
                 *(["--training"] if training else []))
        return load_file(step)


@dataclass
class Comparison:
    name: str
    logits: float
    loss: float = 0.0
    gradients: dict = field(default_factory=dict)
    gradients_f64: dict = field(default_factory=dict)
    pytorch: dict = field(default_factory=dict)
    step: dict = field(default_factory=dict)
    running: dict = field(default_factory=dict)

    def line(self):
        if not self.gradients:
            return f"{self.name:34}{self.logits:9.1e}"
        most = [max(figures.values()) for figures in
                (self.gradients, self.gradients_f64, self.pytorch, self.step, self.running)]
        cells = "".join(f"{figure:{10 if i == 1 else 9}.1e}" for i, figure in enumerate(most))
        return f"{self.name:34}{self.logits:9.1e}{self.loss:9.1e}{cells}"

    def worst(self):
        """Without PyTorch's own distance from f64."""
        parts = [self.gradients, self.gradients_f64, self.step, self.running]
        return max([self.logits, self.loss, *(f for part in parts for f in part.values())])

    def record(self):
        return self.__dict__


def distance(ours, theirs, scale=None):
    if ours.shape != theirs.shape:
        raise SystemExit(f"error: shapes {ours.shape} and {theirs.shape}")
    theirs = theirs.double()
    scale = theirs.abs().max() if scale is None else scale
    return ((ours.double() - theirs).abs().max() / scale).item()


def network(program, part, recipe, scale, shape, training, seed):
    random = torch.Generator().manual_seed(seed)
    fresh, weights, model = (program.folder / name for name in ("fresh", "weights.safetensors", "model"))
    program.run("init", part, "--recipe", recipe, "--scale", scale, "--seed", seed, "--out", fresh)
    program.run("export", fresh, "--out", weights)
    description = tomllib.loads((fresh / "model.toml").read_text())
    method, size = description["recipe"], description["scale"]

    ours = networks.build(part, method, size)
    # Names and shapes agree one to one; PyTorch alone counts batches.
    state = load_file(weights)
    counters = {name: v for name, v in ours.state_dict().items() if name.endswith("num_batches_tracked")}
    ours.load_state_dict(state | counters, strict=True)
    conditions.enliven(ours, [patches.patch(shape, random) for _ in range(2)], random)
    image = conditions.settle(ours, training, lambda: patches.patch(shape, random))
    n, slices, y, x = shape
    if part == "_encoder":
        labels = torch.arange(n, dtype=torch.uint8).reshape(n, 1, 1, 1) % 3
    else:
        depth = slices if n == 1 else 1
        labels = patches.labels([n, depth, y, x], 2 if part == "_coarse" else 3, random)
    momentum = size.get("norm_momentum", method["norm_momentum"])
    for norm in reference.norms(ours).values():
        norm.momentum = momentum
    state = ours.state_dict()
    save_file({name: value.contiguous() for name, value in state.items()}, weights)
    program.run("import", weights, "--part", part, "--recipe", recipe, "--scale", scale,
                "--out", model)
    del ours

    found = program.probe(model, image, labels, training)
    theirs, exact = (
        reference.run(part, method, size, state, image, labels, training, dtype)
        for dtype in (torch.float32, torch.float64))
    pick = lambda prefix: {name.removeprefix(prefix): value for name, value in found.items()
                           if name.startswith(prefix)}
    gradients, after = pick("gradient."), pick("after.")
    expect_same(gradients, theirs.gradients)
    expect_same(after, theirs.parameters | theirs.statistics)
    scales = gradient_scales(exact.gradients)
    answers = [name for name in theirs.answers if name != "loss"]
    name = f"{part}, {recipe}, {'batch' if training else 'running'}"
    return Comparison(
        name,
        logits=max(distance(found[a], theirs.answers[a]) for a in answers),
        loss=distance(found["loss"], exact.answers["loss"]),
        gradients={p: distance(gradients[p], g, scales[p]) for p, g in theirs.gradients.items()},
        gradients_f64={p: distance(gradients[p], g, scales[p]) for p, g in exact.gradients.items()},
        pytorch={p: distance(theirs.gradients[p], g, scales[p])
                 for p, g in exact.gradients.items()},
        step={p: distance(after[p], v) for p, v in theirs.parameters.items()},
        running={p: distance(after[p], v) for p, v in theirs.statistics.items()},
    )


def expect_same(ours, theirs):
    if set(ours) != set(theirs):
        raise SystemExit(f"error: only one side has {sorted(set(ours) ^ set(theirs))}")


def gradient_scales(exact):
    """The largest value of each gradient; of its layer's where it vanishes beside that."""
    largest = {name: gradient.abs().max().item() for name, gradient in exact.items()}
    layers = {}
    for name, value in largest.items():
        layer = name.rpartition(".")[0]
        layers[layer] = max(layers.get(layer, 0.0), value)
    return {name: layers[name.rpartition(".")[0]]
            if value < 1e-6 * layers[name.rpartition(".")[0]] else value
            for name, value in largest.items()}


def densenet161(program, plane, seed):
    """torchvision's and timm's own models against our encoder, through their files."""
    shape = [2, 3, plane, plane]
    for source, build in [
        ("torchvision", lambda: torchvision.models.densenet161(weights=None)),
        ("timm", lambda: timm.create_model("densenet161", pretrained=False)),
    ]:
        torch.manual_seed(seed)
        random = torch.Generator().manual_seed(seed)
        model = build()
        images = [patches.patch(shape, random) for _ in range(2)]
        with torch.no_grad():
            model.train()
            for module in model.modules():
                if hasattr(module, "running_mean"):
                    module.weight.uniform_(0.5, 1.5, generator=random)
                    module.bias.normal_(0, 0.3, generator=random)
                    module.momentum = None
            for image in images:
                model(image[:, 0])
            model.eval()
            image = images[0]
            expected = model.features(image[:, 0])
            # torchvision's ReLU stands behind `features`, timm's norm5 has it already.
            expected = torch.relu(expected)
        state = {name: value.contiguous() for name, value in model.state_dict().items()}
        files = {
            "old .pth": lambda path: torch.save(state, path, _use_new_zipfile_serialization=False),
            ".pth": lambda path: torch.save(state, path),
            ".safetensors": lambda path: save_file(state, path),
        }
        for kind, save in files.items():
            path = program.folder / f"{source}{kind.removeprefix('old ')}"
            save(path)
            folder = program.folder / "encoder"
            program.run("import", path, "--part", "_encoder", "--scale", "full", "--out", folder)
            labels = torch.zeros([2, 1, 1, 1], dtype=torch.uint8)
            found = program.probe(folder, image, labels, training=False)["features"]
            yield Comparison(f"densenet161, {source}, {kind}", distance(found, expected))
            path.unlink()
