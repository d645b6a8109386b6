#!/usr/bin/env python3
"""Writes tests/data/volume_formats: tiny MetaImage and NRRD files by SimpleITK (ITK) and pynrrd, or by hand where
neither writes such a file; the same maps as NIfTI; and expected.json with what SimpleITK reads from each.

    python3 scripts/make_volume_fixtures.py

Makes its own virtual environment in a temporary folder (needs pip), so nothing is installed.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import venv
import zlib
from pathlib import Path

PACKAGES = ["numpy==2.4.6", "pynrrd==1.1.3", "SimpleITK==2.5.7"]
FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "data" / "volume_formats"


def in_own_environment():
    if os.environ.get("HDBENCH_FIXTURE_ENVIRONMENT"):
        return
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "-q", "install", *PACKAGES], check=True)
        environment = dict(os.environ, HDBENCH_FIXTURE_ENVIRONMENT="1")
        sys.exit(subprocess.run([python, __file__], env=environment).returncode)


in_own_environment()

import nrrd  # noqa: E402
import numpy as np  # noqa: E402
import SimpleITK as sitk  # noqa: E402

SHAPE = (4, 3, 5)  # x, y, z
# Sums of powers of two: the f32 of a NIfTI header holds them.
ORIGIN = (-20.5, 13.25, 100.125)
ANISOTROPIC = (0.6875, 0.8125, 2.5)


def rotation(axis, degrees):
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    a = np.radians(degrees)
    return np.eye(3) + np.sin(a) * k + (1 - np.cos(a)) * k @ k


# Columns are the directions of the axes in LPS, as ITK has them.
PLACES = {
    "upright": np.eye(3),
    "ras": np.diag([-1.0, -1.0, 1.0]),
    "sagittal": np.array([[0.0, 0, 1], [1, 0, 0], [0, -1, 0]]),
    "oblique": rotation((1, 2, 3), 25),
    "left_handed": rotation((3, -1, 2), 160) @ np.diag([1, 1, -1]),
}
TYPES = "uint8 int8 int16 uint16 int32 uint32 int64 uint64 float32 float64".split()
EXPECTED = {}


def ramp(dtype):
    """Values z, y, x that use the type's range and would betray a wrong byte order or sign."""
    count = int(np.prod(SHAPE))
    n = np.arange(count)
    if np.issubdtype(dtype, np.floating):
        values = n * 37.5 - 1000.25
    else:
        info = np.iinfo(dtype)
        values = n * 4 + info.min if info.bits == 8 else n * 23 + (-1000 if info.min < 0 else 0)
        values[-1] = info.max if info.bits <= 32 else 2**40
    return values.astype(dtype).reshape(SHAPE[::-1])


def labels():
    return (np.arange(np.prod(SHAPE)) * 7 % 4).astype(np.uint8).reshape(SHAPE[::-1])


def image(values, direction=np.eye(3), spacing=ANISOTROPIC, origin=ORIGIN):
    out = sitk.GetImageFromArray(values)
    out.SetSpacing(spacing)
    out.SetOrigin(origin)
    out.SetDirection(np.asarray(direction, float).ravel().tolist())
    return out


def record(name, twin=None, **more):
    """What SimpleITK reads; `twin` is the same map as NIfTI, `more` what it reads otherwise or not at all."""
    read = sitk.ReadImage(str(FIXTURES / more.pop("by", name)))
    size = list(read.GetSize())
    rank = min(len(size), 3)
    direction = np.asarray(read.GetDirection()).reshape(len(size), len(size))
    lps = np.eye(4)
    lps[:rank, :rank] = direction[:rank, :rank] @ np.diag(read.GetSpacing()[:rank])
    lps[:rank, 3] = read.GetOrigin()[:rank]
    affine = np.diag([-1.0, -1, 1, 1]) @ lps + 0.0
    EXPECTED[name] = {
        "shape_xyz": size[:3] + [1] * (3 - rank),
        "is_planar": rank == 2,
        "affine": affine.tolist(),
        "datatype": sitk.GetArrayFromImage(read).dtype.name,
        # x fastest, the order of the file.
        "values": sitk.GetArrayFromImage(read).astype(float).ravel().tolist(),
        "twin": twin,
        "notes": more.pop("notes", []),
    }


def by_itk():
    for dtype in TYPES:
        for ending in ("mha", "nrrd"):
            name = f"{dtype}.{ending}"
            sitk.WriteImage(image(ramp(np.dtype(dtype))), str(FIXTURES / name))
            record(name)
    for place, direction in PLACES.items():
        twin = f"{place}.nii.gz"
        sitk.WriteImage(image(labels(), direction), str(FIXTURES / twin))
        for ending in ("mha", "mhd", "nrrd", "nhdr"):
            name = f"{place}_{ending}.{ending}"
            packed = ending in ("mha", "nhdr")
            sitk.WriteImage(image(labels(), direction), str(FIXTURES / name), useCompression=packed)
            record(name, twin)
    for ending in ("mhd", "nrrd"):
        name = f"packed.{ending}"
        sitk.WriteImage(image(ramp(np.dtype("int16"))), str(FIXTURES / name), useCompression=True)
        record(name)
    flat = image(labels()[0], [[0, -1], [1, 0]], (0.5, 0.75), (3.25, 4.5))
    sitk.WriteImage(flat, str(FIXTURES / "planar.nii.gz"))
    for ending, notes in (("mha", []), ("nrrd", ["names no space"])):
        sitk.WriteImage(flat, str(FIXTURES / f"planar.{ending}"))
        record(f"planar.{ending}", "planar.nii.gz", notes=notes)
    slab = image(labels()[:1])
    sitk.WriteImage(slab, str(FIXTURES / "one_slice.mha"))
    record("one_slice.mha", notes=["volume of one slice"])


def by_pynrrd():
    lps = PLACES["oblique"] @ np.diag(ANISOTROPIC)
    for space, signs in {"right-anterior-superior": (-1, -1, 1), "LAS": (1, -1, 1)}.items():
        signs = np.diag(signs)
        for encoding in ("raw", "gzip", "ascii"):
            name = f"pynrrd_{space[:3].lower()}_{encoding}.nrrd"
            header = {
                "space": space,
                "space directions": (signs @ lps).T,
                "space origin": signs @ np.array(ORIGIN),
                "kinds": ["domain"] * 3,
                "encoding": encoding,
            }
            nrrd.write(str(FIXTURES / name), labels().transpose(2, 1, 0), header)
            without_time(FIXTURES / name)
            record(name, "oblique.nii.gz")
    header = {"space": "LPS", "space directions": lps.T, "space origin": ORIGIN, "encoding": "gzip"}
    name = "pynrrd_detached.nhdr"
    nrrd.write(str(FIXTURES / name), labels().transpose(2, 1, 0), header, detached_header=True)
    without_time(FIXTURES / name)
    record(name, "oblique.nii.gz")


def without_time(path):
    """Whoever runs this again gets the same bytes."""
    content = path.read_bytes()
    end = content.find(b"\n\n") % len(content)
    kept = [line for line in content[:end].split(b"\n") if not line.startswith(b"# on ")]
    path.write_bytes(b"\n".join(kept) + content[end:])


def metaimage(*lines, dims="4 3 5", kind="MET_SHORT", file="LOCAL"):
    keys = ["ObjectType = Image", "NDims = 3", *lines, f"DimSize = {dims}", f"ElementType = {kind}",
            f"ElementDataFile = {file}"]
    return ("\n".join(keys) + "\n").encode()


def nrrd_header(*lines, kind="short", encoding="raw", endian="little", sizes="4 3 5"):
    fields = ["NRRD0004", f"type: {kind}", f"dimension: {len(sizes.split())}", f"sizes: {sizes}",
              f"encoding: {encoding}"]
    fields += [f"endian: {endian}"] if endian else []
    return ("\n".join([*fields, *lines]) + "\n\n").encode()


def by_hand():
    values = ramp(np.dtype("int16"))
    little, big = values.astype("<i2").tobytes(), values.astype(">i2").tobytes()
    words = " ".join(map(str, values.ravel())).encode() + b"\n"
    placed = ("TransformMatrix = 0 1 0 -1 0 0 0 0 1", "Offset = 1 2 3", "ElementSpacing = 0.5 0.75 2")
    no_order, no_place = "byte order", "stores no orientation"
    quirks = {
        "big_endian": (metaimage("BinaryDataByteOrderMSB = True", *placed) + big, []),
        "element_order": (metaimage("ElementByteOrderMSB = True", *placed) + big, []),
        "no_keys": (metaimage() + little, [no_order, "no ElementSpacing", no_place]),
        "element_size": (metaimage("ElementSize = 1 2 3") + little, [no_order, no_place]),
        "aliases": (metaimage("Origin: 1 2 3", "Rotation: 0 1 0 -1 0 0 0 0 1", placed[2]) + little, [no_order]),
        "crlf": (metaimage(*placed).replace(b"\n", b"\r\n") + little, [no_order]),
        "words": (metaimage("BinaryData = False", *placed) + words, []),
        "header_size": (metaimage("HeaderSize = 300", *placed).ljust(300, b"x") + little, [no_order]),
        "header_size_last": (metaimage("HeaderSize = -1", *placed) + b"something else" + little, [no_order]),
        "long": (metaimage(*placed, kind="MET_LONG") + values.astype("<i4").tobytes(), [no_order]),
        "negative_spacing": (metaimage("ElementSpacing = 1 -2 3") + little, [no_order, no_place, "the other way"]),
        "turned_about": (metaimage("CenterOfRotation = 5 6 7", *placed) + little, [no_order, "CenterOfRotation"]),
        "slope": (metaimage("ElementToIntensityFunctionSlope = 2", *placed) + little, [no_order, "does not apply"]),
        "letters": (metaimage("AnatomicalOrientation = LPS", *placed) + little, [no_order, "LPS where the matrix means ALI"]),
        "micrometres": (metaimage("DistanceUnits = um", *placed) + little, [no_order, "DistanceUnits is um"]),
        "long_direction": (metaimage("TransformMatrix = 2 0 0 0 1 0 0 0 1") + little,
                           [no_order, "no ElementSpacing", "the TransformMatrix counts"]),
        "four_axes": (b"NDims = 4\nOffset = 1 2 3 0\nTransformMatrix = 0 1 0 0 -1 0 0 0 0 0 1 0 0 0 0 1\n"
                      b"ElementSpacing = 1 2 3 1\nDimSize = 4 3 5 1\nElementType = MET_SHORT\n"
                      b"ElementDataFile = LOCAL\n" + little, [no_order, "4 dimensions of which 1"]),
    }
    for name, (content, notes) in quirks.items():
        (FIXTURES / f"{name}.mha").write_bytes(content)
        record(f"{name}.mha", notes=notes)
    (FIXTURES / "beside.raw").write_bytes(little)
    (FIXTURES / "beside.mhd").write_bytes(metaimage(*placed, file="beside.raw").rstrip(b"\n"))
    record("beside.mhd", notes=[no_order])
    (FIXTURES / "behind.raw").write_bytes(b"a scanner's own header" + little)
    (FIXTURES / "behind.mhd").write_bytes(metaimage("HeaderSize = 22", *placed, file="behind.raw"))
    record("behind.mhd", notes=[no_order])
    # Raw voxels that begin as gzip does are no gzip.
    trap = values.copy()
    trap[0, 0, 0] = 0x8B1F - 0x10000
    (FIXTURES / "magic.raw").write_bytes(trap.astype("<i2").tobytes())
    (FIXTURES / "magic.mhd").write_bytes(metaimage(*placed, file="magic.raw"))
    record("magic.mhd", notes=[no_order])

    vectors = "space directions: (0,0.5,0) (0.75,0,0) (0,0,2)"
    origin = "space origin: (1,2,3)"
    no_side, bare = "names no side", "names no space"
    quirks = {
        "big_endian": (nrrd_header("space: LPS", vectors, origin, endian="big") + big, []),
        "scanner": (nrrd_header("space: scanner-xyz", vectors, origin) + little, [no_side]),
        "space_dimension": (nrrd_header("space dimension: 3", vectors, origin) + little, [bare]),
        "spaced": (nrrd_header("space: RAS", "space directions: (0, 0.5, 0)  (0.75, 0, 0) (0,0, 2)",
                               "space origin: (1, 2, 3)") + little, []),
        "no_origin": (nrrd_header("space: LPS", vectors) + little, []),
        "minima": (nrrd_header("spacings: 1 2 3", "axis mins: 10 20 30") + little, [bare]),
        "minima_node": (nrrd_header("spacings: 1 2 3", "axismins: 10 20 30", "centers: node node node") + little, [bare]),
        "nothing": (nrrd_header() + little, ["neither space directions nor spacings", bare]),
        "unknown_spacing": (nrrd_header("spacings: 1 nan 3") + little, [bare]),
        "negative_spacing": (nrrd_header("spacings: 1 -2 3") + little, [bare, "the other way"]),
        "skips": (nrrd_header("space: LPS", vectors, origin, "line skip: 1", "byte skip: 4") + b"a line\nabcd" + little, []),
        "skip_to_last": (nrrd_header("space: LPS", vectors, origin, "byteskip: -1") + b"something else" + little, []),
        "packed_skip": (nrrd_header("space: LPS", vectors, origin, "byte skip: 4", encoding="gz")
                        + gzip.compress(b"abcd" + little, mtime=0), []),
        "crlf": (nrrd_header("space: LPS", vectors, origin).replace(b"\n", b"\r\n") + little, []),
        "words": (nrrd_header("space: LPS", vectors, origin, encoding="text", endian=None) + words, []),
        "own_keys": (nrrd_header("space: LPS", vectors, origin, "# a comment", "Segment0_Name:=liver: all of it",
                                 'space units: "mm" "mm" "mm"', "content: CT") + little, []),
        "micrometres": (nrrd_header("space: LPS", vectors, origin, 'space units: "um" "um" "um"') + little,
                        ["does not convert"]),
        "channel": (nrrd_header("space: LPS", "space directions: none (0,0.5,0) (0.75,0,0) (0,0,2)", origin,
                                "kinds: list domain domain domain", sizes="1 4 3 5") + little, ["4 dimensions of which 1"]),
    }
    for name, (content, notes) in quirks.items():
        (FIXTURES / f"{name}.nrrd").write_bytes(content)
        record(f"{name}.nrrd", notes=notes)
    (FIXTURES / "beside.nhdr").write_bytes(nrrd_header("space: LPS", vectors, origin, "datafile: ./beside.raw")[:-1])
    record("beside.nhdr")


def by_hand_alone():
    """What ITK refuses, or reads without its sense, and what is meant by it."""
    values = ramp(np.dtype("int16")).astype("<i2").tobytes()
    vectors = "space directions: (0,0.5,0) (0.75,0,0) (0,0,2)"
    origin = "space origin: (1,2,3)"
    cases = {
        "spacings_too": (nrrd_header("space: LPS", vectors, origin, "spacings: 0.5 0.75 9"),
                         ["the matrix of space directions counts"]),
        "unknown_field": (nrrd_header("space: LPS", vectors, origin, "colour: grey"), ["colour is no field"]),
    }
    plain = nrrd_header("space: LPS", vectors, origin)
    (FIXTURES / "plain.nrrd").write_bytes(plain + values)
    record("plain.nrrd")
    for name, (header, notes) in cases.items():
        (FIXTURES / f"{name}.nrrd").write_bytes(header + values)
        record(f"{name}.nrrd", by="plain.nrrd", notes=notes)
    # RAS along the axes: ITK takes spacings in no space.
    (FIXTURES / "space_and_spacings.nrrd").write_bytes(
        nrrd_header("space: RAS", "spacings: 0.5 0.75 2", origin) + values)
    turned = nrrd_header("space: RAS", "space directions: (0.5,0,0) (0,0.75,0) (0,0,2)", origin)
    (FIXTURES / "space_along.nrrd").write_bytes(turned + values)
    record("space_along.nrrd")
    record("space_and_spacings.nrrd", by="space_along.nrrd", notes=["no directions in it"])


def refused():
    """Files whose refusal is tested; expected.json does not list them."""
    vector = sitk.JoinSeries(image(labels()), image(labels()))
    sitk.WriteImage(vector, str(FIXTURES / "refused_two_volumes.mha"))
    channels = sitk.GetImageFromArray(np.stack([labels()] * 2, axis=-1), isVector=True)
    for ending in ("mha", "nrrd"):
        sitk.WriteImage(channels, str(FIXTURES / f"refused_two_channels.{ending}"))
    holes = ramp(np.dtype("float32"))
    holes[3, 2, 1] = np.nan
    holes[4, 0, 2] = np.inf
    for ending in ("mha", "nrrd"):
        sitk.WriteImage(image(holes), str(FIXTURES / f"refused_not_finite.{ending}"))
    nrrd.write(str(FIXTURES / "refused_bzip2.nrrd"), labels(), {"encoding": "bzip2"})
    without_time(FIXTURES / "refused_bzip2.nrrd")
    packed = zlib.compress(labels().tobytes())
    (FIXTURES / "refused_cut.mha").write_bytes(
        metaimage("CompressedData = True", f"CompressedDataSize = {len(packed)}", kind="MET_UCHAR") + packed[:-9])


def main():
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for old in FIXTURES.iterdir():
        old.unlink()
    by_itk()
    by_pynrrd()
    by_hand()
    by_hand_alone()
    refused()
    text = json.dumps(EXPECTED, separators=(",", ":"))
    (FIXTURES / "expected.json").write_text(text.replace('},"', '},\n"') + "\n")
    total = sum(f.stat().st_size for f in FIXTURES.iterdir())
    print(f"{len(EXPECTED)} readable files, {total} bytes in all")


main()
