"""A predicted and a reference label map of one made-up liver: deterministic, of any size, with any
number of lesions. Run inside the peers' environment by compare_peers.py.

    python pair.py OUT [--shape X Y Z] [--lesions N] [--shift-mm MM]

Writes OUT/pred.nii.gz and OUT/ref.nii.gz (uint8, slope none) and prints what is in them as JSON.
"""

import argparse
import gzip
import json
import math
import random
from pathlib import Path

import nibabel
import numpy as np
from scipy import ndimage

SPACING_MM = (0.75, 0.75, 1.5)
# Half axes of the liver in a field of 384 x 384 x 450 mm; scaled with the field.
FIELD_MM = (384.0, 384.0, 450.0)
HALF_AXES_MM = (104.0, 60.0, 50.0)
# One lesion in twelve is missed, one split in two, and one is invented: 12 become 13.
PERIOD = 12


class Liver:
    """A dented ellipsoid: `inside` is below 1 in it, and smooth."""

    def __init__(self, centre_mm, half_axes_mm, phase):
        self.centre, self.half_axes, self.phase = centre_mm, half_axes_mm, phase

    def inside(self, x, y, z):
        u, v, w = ((p - c) / h for p, c, h in zip((x, y, z), self.centre, self.half_axes))
        waves = np.sin(5 * u + self.phase) * np.cos(4 * v) + 0.6 * np.sin(7 * w + 3 * u - self.phase)
        dent = 0.9 * np.exp(-6 * ((u - 0.3) ** 2 + (v + 1.0) ** 2))
        return u**2 + v**2 + w**2 + 0.08 * waves + dent


def axes_mm(shape):
    """The coordinates of the voxels as three arrays that broadcast to [x, y, z]."""
    lines = [np.arange(n) * mm for n, mm in zip(shape, SPACING_MM)]
    return np.ix_(*lines)


def lesion_places(liver, wanted, chance):
    """At least `wanted` places in the liver on a jittered lattice, and the lattice's pitch in mm."""
    volume = 4 / 3 * math.pi * math.prod(liver.half_axes)
    pitch = (volume / max(wanted, 2)) ** (1 / 3)
    while True:
        steps = [int(h // pitch) + 1 for h in liver.half_axes]
        places = []
        for index in np.ndindex(*(2 * s + 1 for s in steps)):
            jitter = [chance.uniform(-0.1, 0.1) for _ in range(3)]
            place = [c + (i - s + j) * pitch for c, i, s, j in zip(liver.centre, index, steps, jitter)]
            margin = 0.3 * pitch
            corners = [[p + d * margin if a == axis else p for a, p in enumerate(place)]
                       for axis in range(3) for d in (-1, 1)]
            if all(float(liver.inside(*c)) < 0.9 for c in corners):
                places.append(place)
        if len(places) >= wanted:
            chance.shuffle(places)
            return places[:wanted], pitch
        pitch *= 0.95


def ball(mask, centre_mm, radius_mm, cut_mm=None):
    """Sets a ball in `mask` [x, y, z]; `cut_mm` leaves out a slab of that width through its middle."""
    box, lines = [], []
    for axis, (c, mm) in enumerate(zip(centre_mm, SPACING_MM)):
        low = max(int((c - radius_mm) / mm), 0)
        high = min(int((c + radius_mm) / mm) + 2, mask.shape[axis])
        box.append(slice(low, high))
        lines.append(np.arange(low, high) * mm - c)
    x, y, z = np.ix_(*lines)
    inside = x**2 + y**2 + (1.2 * z) ** 2 <= radius_mm**2
    if cut_mm is not None:
        inside &= np.abs(x) > cut_mm / 2
    mask[tuple(box)] |= inside


def make_pair(shape, lesions, shift_mm, seed=20170612):
    """Reference and prediction, uint8 [x, y, z]."""
    chance = random.Random(seed)
    field = [n * mm for n, mm in zip(shape, SPACING_MM)]
    scale = min(f / whole for f, whole in zip(field, FIELD_MM))
    half_axes = [h * scale for h in HALF_AXES_MM]
    liver = Liver([f / 2 for f in field], half_axes, 0.4)
    moved = [c + s for c, s in zip(liver.centre, (shift_mm, 0, 0))]
    found = Liver(moved, [h * 1.01 for h in half_axes], 0.9)

    extra = lesions // PERIOD
    places, pitch = lesion_places(liver, lesions + extra, chance)
    reference, prediction = (np.zeros(shape, bool) for _ in range(2))
    for number, place in enumerate(places):
        radius = pitch * chance.uniform(0.15, 0.3)
        off = [p + chance.uniform(-0.2, 0.2) * radius for p in place]
        off[0] += shift_mm
        grown = radius * chance.uniform(0.85, 1.15)
        if number < lesions:
            ball(reference, place, radius)
            missed = number % PERIOD == 4 and extra
            split = number % PERIOD == 9 and extra
            if not missed:
                ball(prediction, off, grown, cut_mm=2 * SPACING_MM[0] if split else None)
        else:
            ball(prediction, off, grown)
    maps = []
    for shape_of, tumour in ((liver, reference), (found, prediction)):
        labels = (shape_of.inside(*axes_mm(shape)) < 1).astype(np.uint8)
        labels[tumour] = 2
        maps.append(labels)
    return maps


def save(path, labels):
    """One uint8 NIfTI, packed at gzip's usual effort, without a time stamp."""
    image = nibabel.Nifti1Image(labels, np.diag([*SPACING_MM, 1.0]))
    image.header.set_xyzt_units("mm")
    with open(path, "wb") as out, gzip.GzipFile("", "wb", 6, out, mtime=0) as packed:
        packed.write(image.to_bytes())


def describe(reference, prediction):
    count = lambda labels: int(ndimage.label(labels[bounds(labels)] == 2)[1])
    return {
        "shape": list(reference.shape),
        "spacing_mm": SPACING_MM,
        "liver_voxels": int((reference > 0).sum()),
        "reference_lesions": count(reference),
        "predicted_lesions": count(prediction),
        "liver_dice": round(2 * int(((reference > 0) & (prediction > 0)).sum())
                            / (int((reference > 0).sum()) + int((prediction > 0).sum())), 4),
    }


def bounds(labels):
    return ndimage.find_objects((labels > 0).astype(np.uint8))[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--shape", type=int, nargs=3, default=(512, 512, 300))
    parser.add_argument("--lesions", type=int, default=12)
    parser.add_argument("--shift-mm", type=float, default=0.0)
    options = parser.parse_args()
    reference, prediction = make_pair(tuple(options.shape), options.lesions, options.shift_mm)
    options.out.mkdir(parents=True, exist_ok=True)
    save(options.out / "ref.nii.gz", reference)
    save(options.out / "pred.nii.gz", prediction)
    print(json.dumps(describe(reference, prediction)))


if __name__ == "__main__":
    main()
