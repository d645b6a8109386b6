"""Made-up patches that look like CT to a network: smooth organs, fine noise, blobs of labels."""

import torch
import torch.nn.functional as F

HU_RANGE = (-248, 202)  # the recipe's window less its mean
IGNORED = 255


def smooth(shape, cells, random):
    """A smooth random field `[n, z, y, x]` between 0 and 1, its hills a cell wide."""
    n, *size = shape
    grid = [max(2, min(length, cells)) for length in size]
    field = torch.rand([n, 1, *grid], generator=random)
    return F.interpolate(field, size, mode="trilinear", align_corners=True)[:, 0]


def patch(shape, random):
    """Images `[n, 1, s, y, x]`, HU less the mean."""
    field = smooth(shape, 6, random) + 0.5 * smooth(shape, 24, random)
    field += 0.1 * torch.randn(shape, generator=random)
    low, high = field.amin(), field.amax()
    return ((field - low) / (high - low) * (HU_RANGE[1] - HU_RANGE[0]) + HU_RANGE[0])[:, None]


def labels(shape, classes, random):
    """Classes `[n, z, y, x]`: the second in blobs, the third in blobs inside them; a corner takes
    no part."""
    blobs = smooth(shape, 5, random) > 0.45
    found = blobs.to(torch.uint8)
    if classes > 2:
        found += (blobs & (smooth(shape, 12, random) > 0.6)).to(torch.uint8)
    found[:, :, :5, :9] = IGNORED
    return found
