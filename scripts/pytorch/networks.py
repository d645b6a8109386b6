"""The networks in PyTorch, written from their description; the names of their parameters are those
of `hdbench model export`. Tensors are `[n, c, y, x]` in 2-D and `[n, c, z, y, x]` in 3-D."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import nn


def conv(dims, channels, out, size, stride=1, bias=True):
    layer = {2: nn.Conv2d, 3: nn.Conv3d}[dims]
    return layer(channels, out, size, stride, padding=size // 2, bias=bias)


def norm_layer(dims, epsilon, momentum):
    layer = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[dims]
    return partial(layer, eps=epsilon, momentum=momentum)


class Block(nn.Module):
    """With a ReLU."""

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()


class MicroBlock(Block):
    def __init__(self, dims, channels, growth, norm):
        super().__init__()
        self.norm1 = norm(channels)
        self.conv1 = conv(dims, channels, 4 * growth, 1, bias=False)
        self.norm2 = norm(4 * growth)
        self.conv2 = conv(dims, 4 * growth, growth, 3, bias=False)

    def forward(self, x):
        new = self.conv1(self.relu(self.norm1(x)))
        new = self.conv2(self.relu(self.norm2(new)))
        return torch.cat([x, new], 1)


class DenseBlock(nn.Module):
    def __init__(self, dims, channels, repeats, growth, norm):
        super().__init__()
        self.layers = nn.Sequential(
            *(MicroBlock(dims, channels + i * growth, growth, norm) for i in range(repeats)))

    def forward(self, x):
        return self.layers(x)


class Transition(Block):
    """Halves channels and plane; z is left alone."""

    def __init__(self, dims, channels, norm):
        super().__init__()
        self.norm = norm(channels)
        self.conv = conv(dims, channels, channels // 2, 1, bias=False)
        self.pool = nn.AvgPool2d(2) if dims == 2 else nn.AvgPool3d((1, 2, 2))

    def forward(self, x):
        return self.pool(self.conv(self.relu(self.norm(x))))


class DenseEncoder(Block):
    """DenseNet up to its last BN and ReLU; answers with all that the decoder sums."""

    def __init__(self, dims, channels, widths, final_norm, norm):
        super().__init__()
        current, growth = widths["stem"], widths["growth"]
        self.conv0 = conv(dims, channels, current, 7, stride=2, bias=False)
        self.norm0 = norm(current)
        self.pool = {2: nn.MaxPool2d, 3: nn.MaxPool3d}[dims](3, stride=2, padding=1)
        self.blocks, self.transitions = nn.ModuleList(), nn.ModuleList()
        self.outputs = []
        for index, repeats in enumerate(widths["blocks"]):
            self.blocks.append(DenseBlock(dims, current, repeats, growth, norm))
            current += repeats * growth
            self.outputs.append(current)
            if index < 3:
                self.transitions.append(Transition(dims, current, norm))
                current //= 2
        self.norm5 = norm(current) if final_norm else None

    def forward(self, x):
        stem = self.relu(self.norm0(self.conv0(x)))
        first = self.blocks[0](self.pool(stem))
        second = self.blocks[1](self.transitions[0](first))
        third = self.blocks[2](self.transitions[1](second))
        fourth = self.blocks[3](self.transitions[2](third))
        deepest = self.relu(self.norm5(fourth)) if self.norm5 else fourth
        return stem, first, second, third, deepest


# What a pre-trained encoder is asked of a slice.
ORGANS = 14


class SliceClassifier(nn.Module):
    def __init__(self, recipe, scale):
        super().__init__()
        norm = norm_layer(2, recipe["encoder_norm_epsilon"], momentum_of(recipe, scale))
        self.encoder = DenseEncoder(2, 3, scale["dense_2d"], recipe["encoder_final_norm"], norm)
        self.head = nn.Linear(self.encoder.outputs[3], ORGANS)

    def forward(self, x):
        """Logits, and the encoder's features."""
        features = self.encoder(x)[-1]
        return self.head(features.mean((2, 3))), features


class Level(Block):
    """A decoder level after its upsampling: BN, ReLU, convolution, or convolution, BN, ReLU."""

    def __init__(self, dims, channels, out, norm_first, norm):
        super().__init__()
        self.norm_first = norm_first
        self.conv = conv(dims, channels, out, 3)
        self.norm = norm(channels if norm_first else out)

    def forward(self, x):
        if self.norm_first:
            return self.conv(self.relu(self.norm(x)))
        return self.relu(self.norm(self.conv(x)))


class Classifier(Block):
    def __init__(self, dims, channels, normed, norm):
        super().__init__()
        self.norm = norm(channels) if normed else None
        self.conv = conv(dims, channels, 3, 1)

    def forward(self, x):
        return self.conv(self.relu(self.norm(x)) if self.norm else x)


class DenseUNet(nn.Module):
    """Answers with its last features and its logits (none without a classifier)."""

    def __init__(self, dims, channels, recipe, scale, skips=True, classifier=True):
        super().__init__()
        widths = scale[f"dense_{dims}d"]
        momentum = momentum_of(recipe, scale)
        encoder_norm = norm_layer(dims, recipe["encoder_norm_epsilon"], momentum)
        norm = norm_layer(dims, recipe["decoder_norm_epsilon"], momentum)
        norm_first = recipe["decoder_order"] == "norm-first"
        self.dims, self.linear = dims, recipe["upsampling"] == "linear"
        self.encoder = DenseEncoder(dims, channels, widths, recipe["encoder_final_norm"],
                                    encoder_norm)
        third, current = self.encoder.outputs[2:]
        # The 2-D net sums before a level's convolution, the 3-D net after it.
        self.lineup = None
        if skips:
            self.lineup = conv(dims, third, current if dims == 2 else widths["decoder"][0], 1)
        self.levels = nn.ModuleList()
        for out in widths["decoder"]:
            self.levels.append(Level(dims, current, out, norm_first, norm))
            current = out
        self.classifier = None
        if classifier:
            self.classifier = Classifier(dims, current, recipe["classifier_norm"], norm)

    def forward(self, x):
        stem, first, second, third, x = self.encoder(x)
        skips = [0, 0, 0, 0, 0]
        if self.lineup:
            skips = [self.lineup(third), second, first, stem, 0]
        for index, (level, skip) in enumerate(zip(self.levels, skips)):
            x = self.upsample(x, along_z=index >= 3)
            x = level(x + skip) if self.dims == 2 else level(x) + skip
        return x, self.classifier(x) if self.classifier else None

    def upsample(self, x, along_z):
        factor = (2, 2) if self.dims == 2 else (2 if along_z else 1, 2, 2)
        if not self.linear:
            return F.interpolate(x, scale_factor=factor, mode="nearest")
        mode = "bilinear" if self.dims == 2 else "trilinear"
        return F.interpolate(x, scale_factor=factor, mode=mode, align_corners=False)


class DenseUNet3d(nn.Module):
    """The 3-D net alone, with the hybrid's scaling of the image."""

    def __init__(self, recipe, scale):
        super().__init__()
        self.net = DenseUNet(3, 1, recipe, scale)
        given = recipe["hybrid_input"]
        self.divisor = given["factor"] if given["kind"] == "probabilities" else 1

    def forward(self, x):
        return self.net(x / self.divisor)[1]


class Fusion(Block):
    def __init__(self, recipe, scale):
        super().__init__()
        features = scale["dense_3d"]["decoder"][4]
        norm = norm_layer(3, recipe["decoder_norm_epsilon"], momentum_of(recipe, scale))
        self.norm_in = norm(features) if recipe["fusion_order"] == "norm-first" else None
        self.conv = conv(3, features, features, 3)
        self.norm_out = norm(features)
        self.classifier = conv(3, features, 3, 1)

    def forward(self, x):
        if self.norm_in:
            x = self.relu(self.norm_in(x))
        return self.classifier(self.relu(self.norm_out(self.conv(x))))


class HDenseUNet(nn.Module):
    """Answers with the logits of the fusion and of the 2-D net; one patch at a time."""

    def __init__(self, recipe, scale):
        super().__init__()
        skips = recipe["hybrid_skips"]
        self.slices = DenseUNet(2, 3, recipe, scale, skips)
        self.volume = DenseUNet(3, 4, recipe, scale, skips, classifier=False)
        self.fusion = Fusion(recipe, scale)
        self.given = recipe["hybrid_input"]
        self.border = {"replicated": "replicate", "zero": "constant"}[recipe["slice_border"]]

    def forward(self, patch):
        # [1, 1, z, y, x] to [z, 3, y, x]: each slice between its neighbours.
        padded = F.pad(patch, (0, 0, 0, 0, 1, 1), mode=self.border)[0, 0]
        groups = torch.stack([padded[:-2], padded[1:-1], padded[2:]], 1)
        features, logits = (x.transpose(0, 1)[None] for x in self.slices(groups))
        if self.given["kind"] == "probabilities":
            seen = [patch / self.given["factor"], logits.softmax(1)]
        else:
            seen = [patch, logits * self.given["factor"]]
        volume, _ = self.volume(torch.cat(seen, 1))
        return self.fusion(features + volume), logits


class ConvNorm(nn.Module):
    def __init__(self, channels, out, norm):
        super().__init__()
        self.conv = conv(2, channels, out, 3)
        self.norm = norm(out)

    def forward(self, x):
        return self.norm(self.conv(x))


class Pair(nn.Sequential):
    def __init__(self, channels, out, norm):
        super().__init__(ConvNorm(channels, out, norm), ConvNorm(out, out, norm))
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self[1](self.relu(self[0](x))))


class UNet(nn.Module):
    def __init__(self, recipe, scale):
        super().__init__()
        norm = norm_layer(2, recipe["decoder_norm_epsilon"], momentum_of(recipe, scale))
        levels = scale["unet"]
        steps = list(zip(levels, levels[1:]))[::-1]
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(
            Pair(channels, out, norm) for channels, out in zip([3, *levels], levels))
        self.rise = nn.ModuleList(
            nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in steps)
        self.up = nn.ModuleList(Pair(2 * fine, fine, norm) for fine, _ in steps)
        self.classifier = conv(2, levels[0], 3, 1)

    def forward(self, x):
        skips = []
        for level in self.down:
            x = level(self.pool(x) if skips else x)
            skips.append(x)
        skips.pop()
        for rise, level in zip(self.rise, self.up):
            x = level(torch.cat([skips.pop(), rise(x)], 1))
        return self.classifier(x)


class Group(Block):
    def __init__(self, channels, out, layers, residual, norm):
        super().__init__()
        self.residual = residual
        self.layers = nn.ModuleList(
            ConvNorm(out if i else channels, out, norm) for i in range(layers))
        self.projection = conv(2, channels, out, 1) if residual and channels != out else None

    def forward(self, x):
        y = self.layers[0](x)
        for layer in self.layers[1:]:
            y = layer(self.relu(y))
        if self.residual:
            y = y + (self.projection(x) if self.projection else x)
        return self.relu(y)


class ResidualNet(nn.Module):
    """Han's net."""

    CONVOLUTIONS = [2, 2, 3, 3, 3]

    def __init__(self, classes, levels, recipe, scale):
        super().__init__()
        norm = norm_layer(2, recipe["decoder_norm_epsilon"], momentum_of(recipe, scale))
        inputs = [5, *levels]
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(
            Group(inputs[i], levels[i], self.CONVOLUTIONS[i], i > 0, norm) for i in range(5))
        self.up = nn.ModuleList(
            Group(levels[i] + levels[i + 1], levels[i], self.CONVOLUTIONS[i], True, norm)
            for i in (3, 2, 1, 0))
        self.classifier = conv(2, levels[0], classes, 1)

    def forward(self, x):
        skips = []
        for group in self.down:
            x = group(self.pool(x) if skips else x)
            skips.append(x)
        skips.pop()
        for group in self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = group(torch.cat([skips.pop(), x], 1))
        return self.classifier(x)


def momentum_of(recipe, scale):
    return scale.get("norm_momentum", recipe["norm_momentum"])


def build(part, recipe, scale):
    """The network of a part; `recipe` and `scale` are the tables of its `model.toml`."""
    match part:
        case "_encoder":
            return SliceClassifier(recipe, scale)
        case "_coarse":
            return ResidualNet(2, scale["coarse"], recipe, scale)
        case "resnet":
            return ResidualNet(3, scale["residual"], recipe, scale)
        case "unet":
            return UNet(recipe, scale)
        case "densenet2d":
            return DenseUNet(2, 3, recipe, scale, skips=False)
        case "denseunet2d":
            return DenseUNet(2, 3, recipe, scale, skips=recipe["skips_2d"])
        case "denseunet3d":
            return DenseUNet3d(recipe, scale)
        case "hdenseunet":
            return HDenseUNet(recipe, scale)


def answer(network, x):
    """What `hdbench model probe` gives of patches `[n, 1, s, y, x]`: logits `[n, classes, z, y, x]`,
    those of the hybrid's 2-D part and the features of an encoder beside them."""
    match network:
        case HDenseUNet():
            logits, logits_2d = network(x)
            return {"logits": logits, "logits_2d": logits_2d}
        case DenseUNet3d():
            return {"logits": network(x)}
        case DenseUNet():
            return {"logits": network(x[:, 0])[1].unsqueeze(2)}
        case SliceClassifier():
            logits, features = network(x[:, 0])
            return {"logits": logits[:, :, None, None, None], "features": features}
        case _:
            return {"logits": network(x[:, 0]).unsqueeze(2)}
