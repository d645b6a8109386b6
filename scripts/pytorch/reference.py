"""What PyTorch says of a network: answers, loss, gradients and one step of training."""

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from . import networks, patches

LEARNING_RATE = 0.01
SMALLEST_PROBABILITY = 1e-10


@dataclass
class Outcome:
    """Of one pass, with the names of `hdbench model probe`."""

    answers: dict
    gradients: dict = field(default_factory=dict)
    parameters: dict = field(default_factory=dict)
    statistics: dict = field(default_factory=dict)


def run(part, recipe, scale, state, image, labels, training, dtype):
    network = networks.build(part, recipe, scale)
    network.load_state_dict(state)
    network.to(dtype).train(training)
    counts = count_values(network)
    answers = networks.answer(network, image.to(dtype))
    loss = total_loss(part, recipe, answers, labels)
    loss.backward()
    optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE,
                                momentum=recipe["momentum"], dampening=recipe["dampening"],
                                nesterov=recipe["nesterov"])
    gradients = {name: p.grad.clone() for name, p in network.named_parameters()}
    optimizer.step()
    answers["loss"] = loss[None]
    return Outcome(
        {name: value.detach() for name, value in answers.items()},
        gradients,
        {name: p.detach() for name, p in network.named_parameters()},
        statistics(network, state, counts),
    )


def total_loss(part, recipe, answers, labels):
    if part == "_encoder":
        return F.binary_cross_entropy_with_logits(answers["logits"].flatten(1), labels.flatten(1).float())
    weights = [1, 1] if part == "_coarse" else recipe["class_weights"]
    outer = recipe["outer_slices_dropped"] if labels.shape[1] > 1 else 0
    loss = weighted_loss(answers["logits"], labels, weights, outer)
    share = recipe["joint_loss_2d_weight"]
    if "logits_2d" in answers and share > 0:
        loss = loss + share * weighted_loss(answers["logits_2d"], labels, weights, outer)
    return loss


def weighted_loss(logits, labels, weights, outer):
    """-(1/N) sum w[c] ln max(p[c], 1e-10) over the N voxels that take part."""
    inner = slice(outer, labels.shape[1] - outer)
    logits, labels = logits[:, :, inner], labels[:, inner].long()
    log_p = F.log_softmax(logits, 1).clamp_min(math.log(SMALLEST_PROBABILITY))
    weights = torch.tensor(weights, dtype=logits.dtype)
    total = F.nll_loss(log_p, labels, weights, ignore_index=patches.IGNORED, reduction="sum")
    return total / (labels != patches.IGNORED).sum()


def norms(network):
    return {name: m for name, m in network.named_modules() if isinstance(m, _BatchNorm)}


def count_values(network):
    """Values a channel that each norm sees, filled in by the next pass."""
    counts = {}
    for name, norm in norms(network).items():
        norm.register_forward_pre_hook(
            lambda _, x, name=name: counts.update({name: x[0].numel() // x[0].shape[1]}))
    return counts


def statistics(network, before, counts):
    """Running statistics with the batch's biased variance, as Burn keeps it; PyTorch multiplies it
    by n / (n - 1)."""
    found = {}
    for name, norm in norms(network).items():
        found[f"{name}.running_mean"] = norm.running_mean.clone()
        variance = norm.running_var.clone()
        if norm.training:
            n = counts[name]
            old = (1 - norm.momentum) * before[f"{name}.running_var"].to(variance)
            variance = old + (variance - old) * (n - 1) / n
        found[f"{name}.running_var"] = variance
    return found
