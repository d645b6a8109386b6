"""Organs as wobbled ellipsoids in label maps: a reference, and a prediction whose surfaces are 0 to 4 voxels
off. Deterministic, of any size. Run inside the peers' environment by compare_peers.py.

    python ellipsoids.py OUT [--shape X Y Z] [--organs N] [--cases N]

Writes OUT/ref/case_K.nii.gz and OUT/pred/case_K.nii.gz (uint8) of a field of 416 x 416 x 375 mm, and prints
what is in them as JSON: voxels of the references, and the Dice of every organ by counting. With 13 organs they
have the sizes and places of an abdomen's and the label values of the data set AMOS; any other number of them
fills the field.
"""

import argparse
import json
import math
import random
from pathlib import Path

import numpy as np
from label_map import dice, save

FIELD_MM = (416.0, 416.0, 375.0)
# Label value: centre from the middle of the field, half axes; mm, (x, y, z). After AMOS's names.
ABDOMEN = {
    1: ((110, 40, 60), (28, 38, 50)),  # spleen
    2: ((-65, 50, -10), (28, 30, 55)),  # right kidney
    3: ((65, 50, 0), (28, 30, 55)),  # left kidney
    4: ((-60, -40, 20), (14, 16, 32)),  # gall bladder
    5: ((10, 45, 125), (10, 9, 50)),  # esophagus
    6: ((-70, -10, 70), (95, 70, 65)),  # liver
    7: ((65, -35, 65), (45, 38, 55)),  # stomach
    8: ((12, 66, 10), (11, 11, 150)),  # aorta
    9: ((-18, 60, 10), (12, 11, 120)),  # postcava
    10: ((25, -5, 15), (60, 16, 22)),  # pancreas
    11: ((-38, 45, 62), (9, 13, 18)),  # right adrenal gland
    12: ((40, 40, 66), (9, 13, 18)),  # left adrenal gland
    13: ((-35, 0, -25), (22, 18, 40)),  # duodenum
}
# How far the prediction's surface is moved along its normal and the whole organ along each axis, in voxels of
# the plane; no more than this share of the organ's smallest half axis.
MOVED, SHIFTED, SHARE = 3.0, 1.0, 0.35


class Organ:
    """A wobbled ellipsoid; `wave` gives its wobble and the prediction's error, both of -1 to 1."""

    def __init__(self, centre_mm, half_axes_mm, chance):
        self.centre, self.half_axes = centre_mm, half_axes_mm
        self.wobble = [chance.uniform(0, 2 * math.pi) for _ in range(6)]
        self.error = [chance.uniform(0, 2 * math.pi) for _ in range(6)]
        self.shift = [chance.uniform(-1, 1) for _ in range(3)]

    def inside(self, axes, moved_mm, shift_mm):
        """Whether the voxels of these axes (three 1-D arrays, mm) are in it, [x, y, z]."""
        x, y, z = ((axis - c - s).astype(np.float32) / np.float32(h)
                   for axis, c, s, h in zip(axes, self.centre, shift_mm, self.half_axes))
        u, v, w = x[:, None, None], y[None, :, None], z[None, None, :]
        radius = np.sqrt(u * u + v * v + w * w)
        level = radius + 0.07 * wave(u, v, w, 1.0, self.wobble)
        if moved_mm:
            # Of the radius per mm, so that the surface moves by millimetres whatever the half axes are.
            hx, hy, hz = (np.float32(h) for h in self.half_axes)
            slope = np.sqrt((u / hx) ** 2 + (v / hy) ** 2 + (w / hz) ** 2) / np.maximum(radius, np.float32(1e-3))
            level += moved_mm * slope * wave(u, v, w, 1.7, self.error)
        return level < 1

    def errors_mm(self, voxel_mm):
        """How far the prediction is off: along the normal, and along the axes."""
        most = SHARE * min(self.half_axes)
        return min(MOVED * voxel_mm, most), [s * min(SHIFTED * voxel_mm, most) for s in self.shift]


def wave(u, v, w, times, phase):
    """A smooth field of -1 to 1, made of products of waves along the axes: only those are computed one by one."""
    a, b, c, d, e, f = phase
    return (np.sin(times * 5 * u + a) * np.cos(times * 4 * v + b) + np.sin(times * 6 * w + c) * np.cos(times * 3 * u + d)
            + np.cos(times * 7 * v + e) * np.sin(times * 4 * w + f)) / np.float32(3)


def abdomen(chance):
    """Label value to organ, each a little off its usual place and size."""
    organs = {}
    for value, (centre, half_axes) in ABDOMEN.items():
        place = [f / 2 + c + chance.uniform(-4, 4) for f, c in zip(FIELD_MM, centre)]
        organs[value] = Organ(place, [h * chance.uniform(0.9, 1.1) for h in half_axes], chance)
    return organs


def lattice(count, chance):
    """Label value to organ, one in each cell of a lattice."""
    cells = math.ceil(count ** (1 / 3))
    pitch = [f / cells for f in FIELD_MM]
    places = list(np.ndindex(cells, cells, cells))
    chance.shuffle(places)
    organs = {}
    for value, place in enumerate(places[:count], 1):
        centre = [(i + 0.5 + chance.uniform(-0.08, 0.08)) * p for i, p in zip(place, pitch)]
        size = chance.uniform(0.2, 0.42)
        organs[value] = Organ(centre, [p * size * chance.uniform(0.7, 1.0) for p in pitch], chance)
    return organs


def paint(shape, organs, predicted):
    """The label map, uint8 [x, y, z]. The larger organs come first, so that the smaller lie before them."""
    spacing = [f / n for f, n in zip(FIELD_MM, shape)]
    labels = np.zeros(shape, np.uint8)
    for value, organ in sorted(organs.items(), key=lambda item: -math.prod(item[1].half_axes)):
        moved, shift = organ.errors_mm(spacing[0]) if predicted else (0, (0, 0, 0))
        box = []
        for c, h, mm, n in zip(organ.centre, organ.half_axes, spacing, shape):
            reach = 1.1 * h + 3 * (MOVED + SHIFTED) * spacing[0]
            box.append(slice(max(0, int((c - reach) / mm)), min(n, int((c + reach) / mm) + 2)))
        axes = [np.arange(b.start, b.stop) * mm for b, mm in zip(box, spacing)]
        labels[tuple(box)][organ.inside(axes, moved, shift)] = value
    return labels


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--shape", type=int, nargs=3, default=(512, 512, 150))
    parser.add_argument("--organs", type=int, default=13)
    parser.add_argument("--cases", type=int, default=1)
    options = parser.parse_args()
    shape = tuple(options.shape)
    spacing = [f / n for f, n in zip(FIELD_MM, shape)]
    facts = {"shape": shape, "spacing_mm": spacing, "organs": options.organs, "voxels": {}, "dice": {}}
    for case in range(options.cases):
        chance = random.Random(20221 + case)
        organs = abdomen(chance) if options.organs == len(ABDOMEN) else lattice(options.organs, chance)
        reference, prediction = paint(shape, organs, False), paint(shape, organs, True)
        name = f"case_{case}"
        save(options.out / "ref" / f"{name}.nii.gz", reference, spacing)
        save(options.out / "pred" / f"{name}.nii.gz", prediction, spacing)
        facts["voxels"][name] = int(np.count_nonzero(reference))
        facts["dice"][name] = dice(reference, prediction, {str(value): [value] for value in organs})
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
