"""The pairs of label maps. Integers only, so that every machine draws the same voxels."""

import gzip
import io
import json
from dataclasses import dataclass, field

import nibabel as nib
import numpy as np

SEED = 20261129
STEP = 4  # voxels between the nodes of the roughness
UNIT = 1 << 20  # the surface of a smooth ellipsoid


class Canvas:
    """One label map; a later shape covers an earlier one. Lengths are in voxels, in sixteenths where a shape is
    round, and rounded down to them."""

    def __init__(self, shape, rng, dtype=np.uint8):
        self.labels = np.zeros(shape, dtype)
        self.rng = rng

    def blob(self, label, centre, radii, rough=3, shift=(0, 0, 0), cut=None):
        """An ellipsoid with a rough surface. `cut` keeps what is on one side: (axis, from, to)."""
        form = np.zeros(self.labels.shape, np.int64)
        for axis, (c, r, s) in enumerate(zip(centre, radii, shift)):
            line = np.arange(self.labels.shape[axis], dtype=np.int64) * 16 - int(c * 16) - int(s * 16)
            part = line * line * UNIT // int(r * 16) ** 2
            form += part.reshape([-1 if a == axis else 1 for a in range(3)])
        inside = form <= UNIT + self.roughness(rough)
        if cut is not None:
            axis, start, end = cut
            keep = np.zeros(self.labels.shape, bool)
            keep[tuple(slice(start, end) if a == axis else slice(None) for a in range(3))] = True
            inside &= keep
        self.labels[inside] = label
        return self

    def box(self, label, low, high):
        """Corners included at `low`, left out at `high`."""
        self.labels[tuple(slice(a, b) for a, b in zip(low, high))] = label
        return self

    def points(self, label, *voxels):
        for voxel in voxels:
            self.labels[voxel] = label
        return self

    def roughness(self, rough):
        """Between the nodes of a random grid, in steps of a quarter: trilinear, in integers."""
        nodes = [n // STEP + 2 for n in self.labels.shape]
        field_ = self.rng.integers(-rough, rough + 1, nodes, dtype=np.int64) * (UNIT // 16)
        for axis, n in enumerate(self.labels.shape):
            at = np.arange(n)
            low, part = at // STEP, (at % STEP).reshape([-1 if a == axis else 1 for a in range(3)])
            field_ = (field_.take(low, axis) * (STEP - part) + field_.take(low + 1, axis) * part) // STEP
        return field_


@dataclass
class Case:
    name: str
    why: str
    ref: np.ndarray
    pred: np.ndarray
    spacing: tuple = (1.0, 1.0, 1.0)
    axes: str = "LPS"
    origin: tuple = (0.0, 0.0, 0.0)
    tasks: tuple = field(default_factory=tuple)

    def affine(self):
        signs = {"RAS": (1, 1, 1), "LPS": (-1, -1, 1)}[self.axes]
        affine = np.diag([*(s * d for s, d in zip(signs, self.spacing)), 1.0])
        affine[:3, 3] = self.origin
        return affine


def two(name, shape, dtype=np.uint8):
    """Canvases of reference and prediction, each with a stream of its own."""
    seeds = [SEED, *name.encode()]
    return (Canvas(shape, np.random.default_rng([*seeds, 0]), dtype),
            Canvas(shape, np.random.default_rng([*seeds, 1]), dtype))


ORGANS = {  # label: centre, radii
    1: ((50, 30, 27), (15, 17, 14)), 2: ((10, 40, 26), (6, 6, 8)), 3: ((22, 14, 12), (6, 7, 9)),
    4: ((40, 10, 8), (5, 5, 6)), 5: ((58, 22, 34), (4, 6, 4)), 6: ((18, 28, 30), (7, 5, 6)),
    7: ((30, 50, 20), (3, 3, 16)), 8: ((24, 44, 10), (3, 4, 7)), 9: ((6, 10, 34), (2, 2, 2)),
    10: ((50, 50, 6), (4, 3, 3)), 11: ((30, 26, 36), (5, 5, 4)),
}


def organs():
    ref, pred = two("organs", (64, 56, 40))
    moved = {1: (1, 0, 0), 2: (0, 1, 1), 3: (0, 0, 0), 5: (-1, 0, 0), 6: (2, 0, 0), 7: (0, 0, 2), 8: (1, 1, 0),
             9: (6, 6, 0), 11: (0, -1, 0)}
    for label, (centre, radii) in ORGANS.items():
        ref.blob(label, centre, radii)
        if label in moved:
            pred.blob(label, centre, radii, shift=moved[label])
    ref.box(6, (0, 0, 0), (5, 4, 3))
    pred.box(6, (0, 0, 0), (4, 5, 3)).blob(12, (52, 8, 30), (4, 4, 4))
    return Case("organs", "13 organs: 4 and 10 are missed, 12 is only predicted, 13 is in neither, 9 is beside its "
                "reference; 6 has a second part in the corner and 1 touches the faces of the volume",
                ref.labels, pred.labels, (0.9, 0.9, 2.5), "LPS", (28.3, 25.1, -50.0), ("organs",))


def lesions():
    ref, pred = two("brats_lesions", (56, 56, 44))
    # A tumour with a rim, its halo, and a core.
    for canvas, shift in ((ref, (0, 0, 0)), (pred, (1, 0, 1))):
        canvas.blob(2, (15, 15, 15), (11, 10, 9), shift=shift).blob(3, (15, 15, 15), (7, 6, 6), shift=shift)
        canvas.blob(1, (15, 15, 15), (4, 4, 3), shift=shift)
    # Split: one lesion, two parts predicted.
    ref.blob(3, (40, 14, 12), (7, 4, 4))
    pred.blob(3, (40, 14, 12), (7, 4, 4), cut=(0, 0, 39)).blob(3, (40, 14, 12), (7, 4, 4), cut=(0, 42, 56))
    # Merge: two lesions under one prediction; they are 3 voxels apart.
    ref.blob(3, (12, 40, 12), (4, 4, 4), rough=0).blob(3, (23, 40, 12), (4, 4, 4), rough=0)
    pred.blob(3, (17, 40, 12), (10, 4, 4))
    # Neighbours that dilation joins; only one is found.
    ref.blob(3, (40, 40, 10), (3, 3, 3), rough=0).blob(3, (40, 40, 19), (3, 3, 3), rough=0)
    pred.blob(3, (40, 40, 10), (3, 3, 3), rough=1)
    # Found whole, missed, and small ones of 2, 8, 12 and 20 voxels, found or missed.
    ref.blob(1, (14, 14, 36), (4, 5, 3)).blob(3, (30, 28, 36), (4, 4, 4))
    pred.blob(1, (14, 14, 36), (4, 5, 3), shift=(1, 1, 0))
    ref.box(3, (50, 50, 40), (52, 51, 41)).box(3, (46, 30, 30), (48, 32, 32)).box(3, (50, 20, 30), (53, 22, 32))
    ref.box(3, (6, 50, 30), (11, 52, 32)).box(3, (24, 50, 38), (26, 52, 40))
    pred.box(3, (46, 30, 30), (48, 32, 31)).box(3, (50, 21, 30), (53, 23, 32)).box(3, (6, 50, 30), (11, 52, 33))
    pred.box(3, (27, 50, 38), (29, 52, 40))  # beside its reference, within three dilations
    # Only predicted: large, and a single voxel.
    pred.blob(3, (48, 46, 34), (4, 4, 4)).points(3, (2, 2, 40)).blob(2, (30, 8, 38), (3, 3, 3))
    return Case("brats_lesions", "metastases: a split, a merge, neighbours that dilation joins, small ones of 2, 8, "
                "12 and 20 voxels, missed and false ones", ref.labels, pred.labels, (1.0, 1.0, 1.0), "LPS",
                (0.0, 239.0, 0.0), ("brats", "lesions"))


def glioma():
    ref, pred = two("brats_gli", (48, 44, 30))
    for canvas, shift in ((ref, (0, 0, 0)), (pred, (-1, 1, 0))):
        canvas.blob(2, (20, 20, 13), (14, 12, 8), shift=shift).blob(3, (20, 20, 13), (9, 8, 5), shift=shift)
        canvas.blob(1, (21, 20, 13), (5, 4, 3), shift=shift).blob(4, (14, 18, 15), (4, 4, 3), shift=shift)
    ref.blob(3, (40, 36, 22), (4, 4, 2)).blob(4, (38, 8, 22), (4, 4, 3)).blob(2, (8, 36, 24), (4, 5, 3))
    pred.blob(3, (40, 36, 22), (4, 4, 2), shift=(1, 1, 0)).blob(2, (8, 36, 24), (4, 5, 3)).blob(4, (40, 20, 5), (3, 3, 2))
    return Case("brats_gli", "four labels on a grid with three different spacings: the order of the spacing matters",
                ref.labels, pred.labels, (0.9, 1.1, 2.5), "RAS", (-20.5, -30.25, 10.0), ("brats", "lesions"))


def empty(name, why, in_ref, in_pred):
    ref, pred = two(name, (32, 28, 24))
    for canvas, wanted in ((ref, in_ref), (pred, in_pred)):
        if wanted:
            canvas.blob(2, (12, 12, 12), (7, 7, 6)).blob(3, (12, 12, 12), (4, 4, 3)).blob(1, (12, 12, 12), (2, 2, 2))
            canvas.box(3, (24, 20, 18), (27, 23, 20))
    return Case(name, why, ref.labels, pred.labels, (1.0, 1.0, 1.0), "LPS", (0.0, 239.0, 0.0), ("brats", "lesions"))


def disjoint():
    ref, pred = two("brats_disjoint", (32, 28, 24))
    ref.blob(3, (8, 8, 8), (4, 4, 4)).blob(1, (8, 20, 8), (3, 3, 3)).box(2, (0, 0, 20), (4, 4, 23))
    pred.blob(3, (22, 8, 8), (4, 4, 4)).blob(1, (22, 20, 14), (3, 3, 3)).box(2, (12, 10, 20), (16, 13, 23))
    return Case("brats_disjoint", "reference and prediction have lesions, and no voxel in common", ref.labels,
                pred.labels, (1.0, 1.0, 1.0), "LPS", (0.0, 239.0, 0.0), ("brats", "lesions"))


def target():
    ref, pred = two("brats_gtv", (36, 36, 24))
    ref.blob(1, (12, 12, 10), (6, 5, 5)).blob(1, (26, 26, 14), (4, 4, 4))
    pred.blob(1, (12, 12, 10), (6, 5, 5), shift=(1, 0, 1)).blob(1, (26, 24, 14), (3, 4, 4)).box(1, (30, 4, 4), (32, 7, 6))
    return Case("brats_gtv", "one label, as the radiotherapy task has it", ref.labels, pred.labels, (1.0, 1.0, 1.0),
                "LPS", (0.0, 239.0, 0.0), ("brats", "lesions"))


def kidneys():
    ref, pred = two("kits_usual", (52, 44, 22))
    for canvas, shift in ((ref, (0, 0, 0)), (pred, (1, 1, 0))):
        canvas.blob(1, (14, 20, 10), (9, 8, 8), shift=shift).blob(1, (38, 20, 10), (9, 8, 8), shift=shift)
        canvas.blob(2, (10, 20, 12), (5, 5, 4), shift=shift)
    ref.blob(3, (42, 16, 8), (3, 3, 2)).blob(3, (34, 26, 14), (2, 3, 2))
    pred.blob(3, (42, 16, 8), (3, 3, 2), shift=(1, 0, 0)).blob(2, (34, 26, 14), (2, 3, 2))
    return Case("kits_usual", "kidneys with a tumour and cysts; one cyst is taken for a tumour", ref.labels,
                pred.labels, (0.78125, 0.8, 3.0), "RAS", (5.5, -7.25, 100.0), ("kits",))


def no_tumour():
    ref, pred = two("kits_no_tumour", (40, 36, 16))
    ref.blob(1, (12, 16, 8), (8, 7, 6)).blob(3, (16, 16, 8), (3, 3, 2))
    pred.blob(1, (12, 16, 8), (8, 7, 6), shift=(0, 1, 0)).blob(2, (16, 16, 8), (3, 3, 2))
    return Case("kits_no_tumour", "the tumour is only predicted", ref.labels, pred.labels, (0.78125, 0.8, 3.0), "RAS",
                (5.5, -7.25, 100.0), ("kits",))


def healthy():
    ref, pred = two("kits_healthy", (40, 36, 16))
    ref.blob(1, (12, 16, 8), (8, 7, 6))
    pred.blob(1, (12, 16, 8), (8, 7, 6), shift=(1, 0, 0))
    return Case("kits_healthy", "neither tumour nor cyst in either", ref.labels, pred.labels, (0.78125, 0.8, 3.0),
                "LPS", (5.5, -7.25, 100.0), ("kits",))


def touching():
    ref, pred = two("instances_touching", (48, 40, 20))
    # A row of bricks that touch; each value is an instance.
    for value, start in enumerate(range(2, 42, 8), 1):
        ref.box(value, (start, 4, 4), (start + 8, 20, 14))
    ref.blob(6, (12, 30, 10), (6, 5, 5)).blob(7, (34, 30, 10), (5, 5, 6)).box(7, (44, 36, 16), (47, 39, 19))
    for value, start in zip((11, 3, 9, 4), (3, 10, 19, 26)):
        pred.box(value, (start, 5, 4), (start + 7, 20, 14))
    pred.box(20, (34, 4, 4), (38, 20, 14)).box(21, (38, 4, 4), (42, 20, 14))
    pred.blob(6, (12, 30, 10), (6, 5, 5), shift=(2, 1, 0)).blob(40, (34, 30, 10), (5, 5, 6)).box(41, (2, 34, 2), (6, 38, 6))
    return Case("instances_touching", "every value is an instance: bricks that touch, one in two halves of equal IoU, "
                "an instance in two parts, values that differ between reference and prediction", ref.labels,
                pred.labels, (0.7, 0.8, 1.5), "RAS", (1.0, 2.0, 3.0), ("instances",))


def connectivity():
    ref, pred = two("instances_connectivity", (32, 28, 16))
    # Joined by a face, an edge and a corner.
    for z in (2, 9):
        ref.box(1, (3, 3, z), (6, 6, z + 3)).box(1, (6, 3, z), (9, 6, z + 3))
        ref.box(1, (14, 3, z), (17, 6, z + 3)).box(1, (17, 6, z), (20, 9, z + 3))
        ref.box(1, (3, 14, z), (6, 17, z + 2)).box(1, (6, 17, z + 2), (9, 20, z + 4))
    ref.box(1, (22, 18, 4), (28, 24, 10)).points(1, (21, 17, 3), (28, 24, 10))
    pred.box(1, (3, 3, 2), (9, 6, 5)).box(1, (14, 3, 2), (17, 6, 5)).box(1, (17, 6, 2), (20, 9, 4))
    pred.box(1, (3, 14, 2), (6, 17, 4)).box(1, (6, 17, 4), (9, 20, 6)).box(1, (15, 4, 9), (20, 9, 12))
    pred.box(1, (22, 18, 4), (28, 24, 9)).points(1, (29, 25, 10), (30, 26, 11), (31, 27, 12))
    return Case("instances_connectivity", "components by 6, 18 and 26 neighbours differ in number", ref.labels,
                pred.labels, (1.0, 1.0, 2.0), "LPS", (0.0, 0.0, 0.0), ("instances", "components"))


def ties():
    ref, pred = two("instances_ties", (48, 32, 12))
    # One reference under two predictions of equal IoU; two references under one prediction of equal IoU.
    ref.box(1, (2, 2, 2), (10, 8, 8))
    pred.box(1, (2, 2, 2), (6, 8, 8)).box(2, (6, 2, 2), (10, 8, 8))
    ref.box(2, (14, 2, 2), (18, 8, 8)).box(3, (18, 2, 2), (22, 8, 8))
    pred.box(3, (14, 2, 2), (22, 8, 8))
    # Two by two: every pair has the same overlap.
    ref.box(4, (26, 2, 2), (30, 10, 8)).box(5, (30, 2, 2), (34, 10, 8))
    pred.box(4, (26, 2, 2), (34, 6, 8)).box(5, (26, 6, 2), (34, 10, 8))
    # Greedy takes the pair of 0.5 and loses one; the best assignment keeps two.
    ref.box(6, (2, 14, 2), (14, 22, 6)).box(7, (14, 14, 2), (20, 22, 6))
    pred.box(6, (8, 14, 2), (18, 22, 6)).box(7, (2, 14, 2), (5, 22, 6))
    # Three parts in one reference, of which two lift its IoU and one lowers it.
    ref.box(8, (24, 14, 2), (40, 22, 8))
    pred.box(8, (24, 14, 2), (34, 22, 8)).box(9, (34, 14, 2), (38, 22, 8)).box(10, (39, 14, 0), (47, 30, 8))
    return Case("instances_ties", "ties in IoU, many predictions on one reference, and a case in which the greedy and "
                "the best assignment differ", ref.labels, pred.labels, (1.0, 1.0, 1.0), "RAS", (0.0, 0.0, 0.0),
                ("instances",))


def ignored(letter, shape, spacing, middle, labels):
    ref, pred = two(f"ignore_{letter}", shape)
    radii = tuple(n // 4 for n in shape)
    for canvas, shift in ((ref, (0, 0, 0)), (pred, (1, -1, 0))):
        canvas.blob(1, middle, radii, shift=shift)
        if 2 in labels:
            canvas.blob(2, middle, tuple(r * 2 // 3 for r in radii), shift=shift)
        if 3 in labels:
            canvas.blob(3, middle, tuple(r // 3 for r in radii), shift=shift)
    ref.box(4, (0, 0, 0), (shape[0] // 2, shape[1] // 3, shape[2]))
    if letter == "b":
        pred.labels[pred.labels == 3] = 2
    return Case(f"ignore_{letter}", "labels 1 to 3 in nested regions, and 4 is to be ignored; labels "
                f"{', '.join(map(str, labels))} are here", ref.labels, pred.labels, spacing, "RAS", (0.0, 0.0, 0.0),
                ("ignore",))


def wide():
    ref, pred = two("wide", (44, 36, 36), np.uint16)
    # 300 is 44 in eight bits, 65535 is 255, 512 is 0.
    objects = {44: ((8, 8, 8), (5, 5, 5)), 300: ((22, 8, 8), (5, 5, 5)), 512: ((36, 8, 8), (4, 5, 5)),
               255: ((8, 26, 8), (5, 6, 4)), 65535: ((22, 26, 8), (5, 6, 5)), 1020: ((36, 26, 8), (5, 5, 5)),
               118: ((8, 8, 26), (5, 5, 5)), 119: ((22, 10, 26), (6, 6, 6)), 120: ((36, 10, 26), (4, 5, 6)),
               256: ((12, 26, 26), (6, 5, 5))}
    for k, (label, (centre, radii)) in enumerate(objects.items()):
        ref.blob(label, centre, radii)
        if label not in (1020, 119):
            pred.blob(label, centre, radii, shift=(k % 3 - 1, k % 2, 0))
    pred.blob(301, (22, 10, 26), (6, 6, 6)).blob(2000, (34, 28, 28), (4, 4, 4))
    return Case("wide", "labels above 255, some equal to another in eight bits", ref.labels, pred.labels,
                (0.8, 0.8, 0.8), "LPS", (0.0, 0.0, 0.0), ("wide", "organs"))


def bytes_wrap():
    ref, pred = two("wide_bytes", (32, 16, 12))
    ref.box(128, (4, 4, 3), (24, 10, 9)).box(200, (4, 12, 3), (12, 15, 6))
    pred.box(128, (4, 4, 3), (18, 10, 9)).box(56, (4, 12, 3), (12, 15, 6))
    return Case("wide_bytes", "values of eight bits whose sum is 256 where both are", ref.labels, pred.labels,
                (1.0, 1.0, 1.0), "RAS", (0.0, 0.0, 0.0), ("wide",))


def top_of_bytes():
    ref, pred = two("instances_255", (24, 16, 12))
    ref.box(3, (2, 2, 2), (8, 8, 8)).box(255, (12, 2, 2), (18, 8, 8))
    pred.box(7, (3, 2, 2), (9, 8, 8)).box(255, (12, 2, 2), (18, 8, 7))
    return Case("instances_255", "the highest value of eight bits is an instance", ref.labels, pred.labels,
                (1.0, 1.0, 1.0), "RAS", (0.0, 0.0, 0.0), ("top",))


def cases():
    return [
        organs(), lesions(), glioma(),
        empty("brats_empty_pred", "nothing is predicted", True, False),
        empty("brats_empty_ref", "nothing is in the reference", False, True),
        empty("brats_both_empty", "nothing in either", False, False),
        disjoint(), target(), kidneys(), no_tumour(), healthy(), touching(), connectivity(), ties(),
        ignored("a", (40, 36, 20), (1.0, 1.0, 3.0), (20, 16, 10), (1, 2, 3)),
        ignored("b", (36, 40, 20), (1.5, 1.5, 1.5), (16, 20, 10), (1, 2, 3)),
        ignored("c", (32, 32, 16), (1.0, 1.0, 1.0), (16, 16, 8), (1,)),
        wide(), bytes_wrap(), top_of_bytes(),
    ]


def nifti(labels, case):
    """The bytes of the `.nii.gz`, without name or time in it."""
    image = nib.Nifti1Image(labels, case.affine(), dtype=labels.dtype)
    image.header.set_xyzt_units("mm")
    image.set_qform(case.affine(), 1)
    image.set_sform(case.affine(), 1)
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        file.write(image.to_bytes())
    return packed.getvalue()


def write(folder):
    """Writes pairs that are missing or differ; compressed bytes may depend on zlib, so only voxels and header count."""
    listed = []
    for case in cases():
        for name, labels in (("ref", case.ref), ("pred", case.pred)):
            path = folder / case.name / f"{name}.nii.gz"
            made = nifti(labels, case)
            if not path.is_file() or gzip.decompress(path.read_bytes()) != gzip.decompress(made):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(made)
                print(f"{path.relative_to(folder)}: {len(made)} bytes")
        values = {name: [int(v) for v in np.unique(labels) if v] for name, labels in
                  (("ref", case.ref), ("pred", case.pred))}
        listed.append({"name": case.name, "why": case.why, "tasks": list(case.tasks), "shape": list(case.ref.shape),
                       "spacing_mm": list(case.spacing), "axes": case.axes, "dtype": str(case.ref.dtype),
                       "values": values})
    lines = ",\n".join(json.dumps(entry) for entry in listed)
    (folder / "cases.json").write_text(f'{{"seed": {SEED}, "cases": [\n{lines}\n]}}\n')
