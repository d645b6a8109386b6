"""Label maps for `scripts/bench_packing.py`, and what Python's zipfile makes of them.

    python packing.py make DIR COUNT DISTINCT
    python packing.py zip DIR OUT
    python packing.py check DIR ARCHIVE

`make` writes `test-segmentation-N.nii`, `uint8`, 512 x 512 x 300: a liver with a wobbly, ragged
surface in about 40 % of the slices and up to twelve lesions in it. The same N gives the same bytes.
Files from DISTINCT on are links to the first ones. `check` compares every entry with its file.
"""

import os
import struct
import sys
import zipfile
from pathlib import Path

SHAPE = 300, 512, 512
SPACING_MM = 1.5, 0.75, 0.75
ANGLES = 720


def header():
    """Of NIfTI-1 with the extension flag, little endian."""
    z, y, x = SHAPE
    dz, dy, dx = SPACING_MM
    fields = bytearray(352)
    struct.pack_into("<i", fields, 0, 348)
    struct.pack_into("<8h", fields, 40, 3, x, y, z, 1, 1, 1, 1)
    struct.pack_into("<2h", fields, 70, 2, 8)
    struct.pack_into("<8f", fields, 76, 1, dx, dy, dz, 0, 0, 0, 0)
    struct.pack_into("<3f", fields, 108, 352, 1, 0)
    struct.pack_into("<2h", fields, 252, 0, 1)
    struct.pack_into("<12f", fields, 280, dx, 0, 0, 0, 0, dy, 0, 0, 0, 0, dz, 0)
    fields[344:348] = b"n+1\0"
    return bytes(fields)


def smooth(field, axis, width):
    """Mean over `width` neighbours, around the edges."""
    import numpy as np

    return sum(np.roll(field, shift - width // 2, axis) for shift in range(width)) / width


def paint(voxels, rng, centre, radii, value, inside):
    """A body that is star-shaped in every slice: an ellipsoid that long waves deform and short ones
    roughen. Only voxels of value `inside` are painted."""
    import numpy as np

    (cz, cy, cx), (rz, ry, rx) = centre, radii
    first, last = max(0, int(cz - rz) + 1), min(SHAPE[0], int(cz + rz) + 1)
    angle = np.arange(ANGLES) * 2 * np.pi / ANGLES
    height = np.arange(first, last)[:, None]
    wave = np.zeros((last - first, ANGLES))
    for k in range(1, 7):
        turn = rng.uniform(-3, 3) * (height - cz) / rz + rng.uniform(0, 2 * np.pi)
        wave += rng.uniform(0, 0.25 / k) * np.sin(k * angle + turn)
    coarse = smooth(smooth(rng.standard_normal(wave.shape), 1, 25), 0, 5)
    fine = smooth(rng.standard_normal(wave.shape), 1, 3)
    slice_scale = np.sqrt(np.clip(1 - ((height - cz) / rz) ** 2, 0, 1))
    flat = rx * ry / np.hypot(ry * np.cos(angle), rx * np.sin(angle))
    radius = flat * slice_scale * (1 + wave) + 8 * coarse * slice_scale + 0.8 * fine

    reach = int(max(rx, ry) * 1.9) + 12
    y0, y1 = max(0, int(cy) - reach), min(SHAPE[1], int(cy) + reach)
    x0, x1 = max(0, int(cx) - reach), min(SHAPE[2], int(cx) + reach)
    dy, dx = np.mgrid[y0:y1, x0:x1] - np.array([cy, cx])[:, None, None]
    bins = (np.arctan2(dy, dx) * ANGLES / (2 * np.pi)).astype(int) % ANGLES
    distance = np.hypot(dy, dx)
    for row, z in enumerate(range(first, last)):
        box = voxels[z, y0:y1, x0:x1]
        box[(distance < radius[row][bins]) & (box == inside)] = value


def label_map(number):
    import numpy as np

    rng = np.random.default_rng(number)
    voxels = np.zeros(SHAPE, np.uint8)
    centre = rng.uniform((120, 210, 170), (180, 290, 250))
    radii = rng.uniform((45, 70, 85), (75, 95, 125))
    paint(voxels, rng, centre, radii, 1, 0)
    for _ in range(rng.integers(0, 13)):
        place = centre + rng.uniform(-0.6, 0.6, 3) * radii
        size = rng.lognormal(2.2, 0.6)
        paint(voxels, rng, place, (0.6 * size + 1, size, size), 2, 1)
    return voxels


def make(folder, count, distinct):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with_liver = 0
    for number in range(count):
        path = folder / f"test-segmentation-{number}.nii"
        if number >= distinct:
            os.link(folder / f"test-segmentation-{number % distinct}.nii", path)
            continue
        voxels = label_map(number)
        with_liver += int(voxels.any((1, 2)).sum())
        with open(path, "wb") as out:
            out.write(header())
            out.write(voxels)
    share = with_liver / (distinct * SHAPE[0])
    print(f"{count} label maps of 512 x 512 x 300, {distinct} distinct, liver in {100 * share:.0f} % of the slices")


def pack(folder, path):
    """What a participant does: every file, in the default way."""
    names = sorted(file.name for file in Path(folder).iterdir())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(Path(folder) / name, name)


def check(folder, path):
    files = {file.name: file for file in Path(folder).iterdir()}
    with zipfile.ZipFile(path) as archive:
        if sorted(archive.namelist()) != sorted(files):
            sys.exit(f"error: {path}: other entries than files")
        if (bad := archive.testzip()) is not None:
            sys.exit(f"error: {path}: testzip names {bad}")
        for name, file in files.items():
            with archive.open(name) as packed, open(file, "rb") as plain:
                pieces = iter(lambda: (packed.read(1 << 22), plain.read(1 << 22)), (b"", b""))
                if any(one != other for one, other in pieces):
                    sys.exit(f"error: {path}: {name} differs from its file")
    print(f"{len(files)} entries, testzip clean, every content equal to its file")


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "make":
        make(rest[0], int(rest[1]), int(rest[2]))
    else:
        {"zip": pack, "check": check}[verb](*rest)
