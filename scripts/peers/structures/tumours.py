"""Brain tumours in label maps as BraTS has them: 240 x 240 x 155 voxels of 1 mm, 1 necrotic core, 2 oedema, 3
enhancing tumour; six lesions a case, of which the prediction misses one, invents another, and has the rest a
voxel or two off. Deterministic. Run inside the peers' environment by compare_peers.py.

    python tumours.py OUT [--shape X Y Z] [--cases N]

Writes OUT/ref/case_K.nii.gz and OUT/pred/case_K.nii.gz (uint8) and prints what is in them as JSON.
"""

import argparse
import json
import math
import random
from pathlib import Path

import numpy as np
from ellipsoids import wave
from label_map import dice, save

SPACING_MM = (1.0, 1.0, 1.0)
LESIONS = 6
MISSED = 4
# Of a lesion's radius: the enhancing rim begins inside of the oedema, the necrotic core inside of the rim.
RIM, CORE = 0.62, 0.4
MOVED_MM, SHIFTED_MM = 1.5, 1.0
REGIONS = {"et": [3], "tc": [1, 3], "wt": [1, 2, 3]}


class Lesion:
    def __init__(self, centre, radius, chance):
        self.centre, self.radius = centre, radius
        self.wobble = [chance.uniform(0, 2 * math.pi) for _ in range(6)]
        self.error = [chance.uniform(0, 2 * math.pi) for _ in range(6)]
        self.shift = [chance.uniform(-SHIFTED_MM, SHIFTED_MM) for _ in range(3)]

    def paint(self, labels, predicted):
        centre = [c + s for c, s in zip(self.centre, self.shift)] if predicted else self.centre
        reach = 1.2 * self.radius + MOVED_MM + 1
        box = tuple(slice(max(0, int(c - reach)), min(n, int(c + reach) + 2)) for c, n in zip(centre, labels.shape))
        lines = [((np.arange(b.start, b.stop) - c) / self.radius).astype(np.float32) for b, c in zip(box, centre)]
        u, v, w = lines[0][:, None, None], lines[1][None, :, None], lines[2][None, None, :]
        level = np.sqrt(u * u + v * v + w * w) + 0.1 * wave(u, v, w, 1.0, self.wobble)
        if predicted:
            level += MOVED_MM / self.radius * wave(u, v, w, 1.5, self.error)
        for outer, value in ((1.0, 2), (RIM, 3), (CORE, 1)):
            labels[box][level < outer] = value


def places(shape, count, chance):
    """Places in the brain that lie apart: three coordinates and a radius each."""
    found = []
    half = [0.3 * n for n in shape]
    while len(found) < count:
        place = [n / 2 + chance.uniform(-h, h) for n, h in zip(shape, half)]
        radius = chance.uniform(0.03, 0.09) * min(shape)
        if all(math.dist(place, other) > 1.3 * (radius + other_radius) for other, other_radius in found):
            found.append((place, radius))
    return found


def make_pair(shape, chance):
    reference, prediction = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for number, (place, radius) in enumerate(places(shape, LESIONS + 1, chance)):
        lesion = Lesion(place, radius, chance)
        if number < LESIONS:
            lesion.paint(reference, False)
        if number != MISSED:
            lesion.paint(prediction, True)
    return reference, prediction


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--shape", type=int, nargs=3, default=(240, 240, 155))
    parser.add_argument("--cases", type=int, default=1)
    options = parser.parse_args()
    facts = {"shape": options.shape, "lesions": LESIONS, "voxels": {}, "dice": {}}
    for case in range(options.cases):
        reference, prediction = make_pair(tuple(options.shape), random.Random(2024 + case))
        name = f"case_{case}"
        save(options.out / "ref" / f"{name}.nii.gz", reference, SPACING_MM)
        save(options.out / "pred" / f"{name}.nii.gz", prediction, SPACING_MM)
        facts["voxels"][name] = int(np.count_nonzero(reference))
        facts["dice"][name] = dice(reference, prediction, REGIONS)
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
