"""Parameters and patches on which 32 bits can be compared at all.

Every parameter shall matter, and no rounding shall change a decision: where a value lies within
rounding of a ReLU's zero, or two within rounding of each other in a maximum, two correct programs
differ in a whole value's gradient. So each ReLU's zero is put into a gap between the values that it
sees, and patches are drawn until no maximum is close."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from . import networks

# Of the spread of what is pooled; ten times what f32 rounds away there.
SMALLEST_LEAD = 3e-6
ATTEMPTS = 200
# A ReLU's zero stays between these quantiles of its values. In the middle, each layer would
# multiply what was rounded away by 1.2, and the hybrid has some ninety in a row.
QUANTILES = (0.1, 0.3)


class TooClose(Exception):
    """A maximum that rounding may move."""


def enliven(network, random):
    """Random biases, gammas and betas."""
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=random)
            nn.init.normal_(module.bias, 0, 0.3, generator=random)
        elif getattr(module, "bias", None) is not None:
            nn.init.normal_(module.bias, 0, 0.1, generator=random)


@torch.no_grad()
def calibrate(network, images):
    """Running statistics of what the network sees of these images."""
    for norm in norms_of(network):
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all passes
    network.train()
    for image in images:
        networks.answer(network, image)


def norms_of(network):
    return [m for m in network.modules() if isinstance(m, _BatchNorm)]


@torch.no_grad()
def settle(network, training, draw):
    """Shifts betas and draws an image so that no ReLU and no maximum of this pass is close.
    Statistics stay as they are."""
    network = network.double()
    norms = norms_of(network)
    kept = [(norm.running_mean.clone(), norm.running_var.clone()) for norm in norms]
    betas = [norm.bias.clone() for norm in norms]
    latest = []
    hooks = [norm.register_forward_hook(lambda norm, *_: latest.append(norm)) for norm in norms]
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            hooks.append(module.register_forward_pre_hook(
                lambda _, x: shift_into_gap(latest[-1], x[0])))
        elif isinstance(module, (nn.MaxPool2d, nn.MaxPool3d)):
            hooks.append(module.register_forward_pre_hook(check_leads))
    network.train(training)
    for _ in range(ATTEMPTS):
        image = draw()
        try:
            networks.answer(network, image.double())
            break
        except TooClose:
            for norm, beta in zip(norms, betas):
                norm.bias.copy_(beta)
    else:
        raise RuntimeError(f"no patch of {ATTEMPTS} keeps its maxima apart")
    for hook in hooks:
        hook.remove()
    for norm, (mean, variance) in zip(norms, kept):
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
    network.float()
    return image


def shift_into_gap(norm, x):
    """Moves the norm's beta, and with it each channel of x, so that zero lies in the widest gap
    near the channel's middle."""
    values = x.transpose(0, 1).flatten(1).sort(1).values
    first, last = (int(q * (values.shape[1] - 1)) for q in QUANTILES)
    middle = values[:, first:max(last, first + 1) + 1]
    widest = middle.diff().argmax(1, keepdim=True)
    gap = (middle.gather(1, widest) + middle.gather(1, widest + 1))[:, 0] / 2
    norm.bias -= gap
    return (x - gap.reshape(-1, *[1] * (x.ndim - 2)),)


def check_leads(pool, x):
    """Whether in every window the largest value is ahead of the second; zeros may tie, a ReLU hands
    them no gradient."""
    x = x[0]
    dims = x.ndim - 2
    windows = F.pad(x, [pool.padding] * 2 * dims)
    for axis in range(dims):
        windows = windows.unfold(axis + 2, pool.kernel_size, pool.stride)
    best = windows.flatten(-dims).topk(2).values
    lead = (best[..., 0] - best[..., 1])[best[..., 0] > 0]
    if lead.min() < SMALLEST_LEAD * x.std():
        raise TooClose
