"""Seconds of training steps and of answers of a network in PyTorch, on noise: what `hdbench model
measure` does. Reads one JSON object from standard input, prints another. `device` is cpu or cuda:N; on the
latter `channels_last` and `tf32` say how, and the memory is the card's."""

import json
import sys
import time
import tomllib
from pathlib import Path

import torch

from pytorch import networks, reference


def main():
    asked = json.load(sys.stdin)
    torch.set_num_threads(asked["threads"])
    device = torch.device(asked.get("device", "cpu"))
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = asked.get("tf32", False)
    described = tomllib.loads(Path(asked["model"]).read_text())
    recipe, scale, part = described["recipe"], described["scale"], asked["part"]
    random = torch.Generator().manual_seed(1)
    image = 60 * torch.randn(asked["input"], generator=random)
    n, _, slices, *plane = asked["input"]
    depth = slices if part in ("denseunet3d", "hdenseunet") else 1
    shape = [n, networks.ORGANS, 1, 1] if part == "_encoder" else [n, depth, *plane]
    classes = 2 if part in ("_coarse", "_encoder") else 3
    labels = (torch.arange(torch.tensor(shape).prod()) % classes).reshape(shape).to(torch.uint8)
    image, labels = image.to(device), labels.to(device)
    network = networks.build(part, recipe, scale).train().to(device)
    if asked.get("channels_last"):
        # Weights of two kinds: those of slices, those of volumes.
        for format in (torch.channels_last, torch.channels_last_3d):
            for parameter in network.parameters():
                if parameter.dim() == (4 if format is torch.channels_last else 5):
                    parameter.data = parameter.data.to(memory_format=format)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=recipe["momentum"],
                                dampening=recipe["dampening"], nesterov=recipe["nesterov"])

    def step():
        optimizer.zero_grad()
        loss = reference.total_loss(part, recipe, networks.answer(network, image), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    def answer():
        with torch.inference_mode():
            networks.answer(network, image)["logits"].sum().item()

    steps = timed(step, asked["repeats"]) if asked["steps"] else []
    memory = peak_mb(device)
    network.eval()
    del optimizer
    for parameter in network.parameters():
        parameter.grad = None
    answers = timed(answer, asked["repeats"])
    json.dump({"step_seconds": steps, "step_memory_mb": memory, "answer_seconds": answers}, sys.stdout)


def timed(work, repeats):
    """One more comes first and does not count."""
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds[1:]


def peak_mb(device):
    """Highest memory of this process, MB (10^6 bytes): resident, or what PyTorch reserved on the card."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / 1e6
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None


if __name__ == "__main__":
    main()
