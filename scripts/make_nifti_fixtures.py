#!/usr/bin/env python3
"""Writes tests/data/nifti: tiny NIfTI-1 files by nibabel and SimpleITK, and expected.json with what
nibabel reads from them.

    python3 scripts/make_nifti_fixtures.py

Makes its own virtual environment in a temporary folder (needs pip), so nothing is installed.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PACKAGES = ["numpy==2.4.6", "nibabel==5.4.2", "SimpleITK==2.5.7"]
FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "data" / "nifti"


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

import nibabel as nib  # noqa: E402
import numpy as np  # noqa: E402
import SimpleITK as sitk  # noqa: E402

SHAPE = (4, 3, 5)  # x, y, z
AXIS_ALIGNED = np.array([[0.7, 0, 0, -20.5], [0, 0.8, 0, 13.25], [0, 0, 2.5, 100.0], [0, 0, 0, 1]])


def rotation(axis, degrees):
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    a = np.radians(degrees)
    return np.eye(3) + np.sin(a) * k + (1 - np.cos(a)) * k @ k


def affine(linear, zooms=(0.7, 0.8, 2.5), origin=(-20.5, 13.25, 100.0)):
    out = np.eye(4)
    out[:3, :3] = np.asarray(linear, float) @ np.diag(zooms)
    out[:3, 3] = origin
    return out


OBLIQUE = affine(rotation((1, 2, 3), 25))
LEFT_HANDED = affine(rotation((3, -1, 2), 160) @ np.diag([1, 1, -1]))
LPS = affine(np.diag([-1, -1, 1]))
# A sagittal acquisition: the file's axes run to anterior, inferior and left.
AIL = affine(np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]]))
# The gantry tilt leaves the slices sheared against their stack.
SHEARED = affine(np.array([[1, 0, 0], [0, 1, 0.35], [0, 0, 0.94]]))


def ramp(dtype):
    """Values that use the type's range and would betray a wrong byte order or sign."""
    info = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else None
    n = np.arange(np.prod(SHAPE)).reshape(SHAPE, order="F")
    if info is None:
        return (n * 37.5 - 1000.25).astype(dtype)
    values = n * 23 + (info.min if info.bits == 8 else -1000 if info.min < 0 else 0)
    if info.bits == 8:
        values = np.minimum(n * 4 + info.min, info.max)
    values.flat[-1] = info.max if info.bits <= 32 else 2**40
    return values.astype(dtype)


EXPECTED = {}


def record(name, image=None):
    image = nib.load(FIXTURES / name) if image is None else image
    data = np.asarray(image.dataobj, dtype=np.float64)
    data = data.reshape(data.shape[:3]) if data.ndim > 3 else data
    data = data.reshape(data.shape + (1,) * (3 - data.ndim))
    canonical = nib.as_closest_canonical(nib.Nifti1Image(data, image.affine))
    EXPECTED[name] = {
        "shape_xyz": list(data.shape),
        "zooms_xyz": image.header["pixdim"][1:4].tolist(),
        "affine": image.affine.tolist(),
        "orientation": "".join(nib.aff2axcodes(image.affine)),
        # x fastest, the order of the file.
        "values": data.ravel(order="F").tolist(),
        "canonical": {
            "shape_xyz": list(canonical.shape),
            "affine": canonical.affine.tolist(),
            "values": np.asarray(canonical.dataobj).ravel(order="F").tolist(),
        },
    }


def save(name, data, sform=AXIS_ALIGNED, sform_code=1, qform="same", qform_code=1, endian="<", slope=None, edit=None):
    header = nib.Nifti1Header(endianness=endian)
    header.set_data_dtype(data.dtype.newbyteorder(endian))
    header.set_data_shape(data.shape)
    header.set_xyzt_units("mm")
    if slope is not None:
        header.set_slope_inter(*slope)
    # set_qform also sets the voxel sizes.
    header.set_qform(sform if isinstance(qform, str) else qform, qform_code)
    header.set_sform(sform, sform_code)
    if edit:
        edit(header)
    write(FIXTURES / name, header_and_voxels(header, data))


def header_and_voxels(header, data):
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    order = header.endianness
    return header.binaryblock + b"\0\0\0\0" + data.astype(data.dtype.newbyteorder(order)).tobytes(order="F")


def write(path, content):
    if path.suffix == ".gz":
        import gzip

        content = gzip.compress(content, mtime=0)
    path.write_bytes(content)


def types():
    for dtype in "uint8 int8 int16 uint16 int32 uint32 int64 uint64 float32 float64".split():
        for endian, name in (("<", "le"), (">", "be")):
            file = f"{dtype}_{name}.nii"
            save(file, ramp(np.dtype(dtype)), endian=endian)
            record(file)


def scalings():
    for name, slope in {"slope": (0.5, -1024.0), "slope_zero": (0.0, 7.0), "slope_nan": (np.nan, np.nan), "slope_be": (2.0, 3.0)}.items():

        def edit(header, slope=slope):
            header["scl_slope"], header["scl_inter"] = slope

        save(f"{name}.nii", ramp(np.dtype("int16")), edit=edit, endian=">" if name.endswith("be") else "<")
        record(f"{name}.nii")


def placements():
    data = ramp(np.dtype("int16"))
    elsewhere = affine(np.diag([-1, 1, 1]), origin=(1, 2, 3))
    cases = {
        "sform_only": dict(sform=OBLIQUE, sform_code=2, qform=AXIS_ALIGNED, qform_code=0),
        "sform_wins": dict(sform=LPS, sform_code=1, qform=elsewhere, qform_code=1),
        "qform_only": dict(sform=AXIS_ALIGNED, sform_code=0, qform=OBLIQUE, qform_code=1),
        "qform_left_handed": dict(sform=AXIS_ALIGNED, sform_code=0, qform=LEFT_HANDED, qform_code=1),
        "left_handed": dict(sform=LEFT_HANDED),
        "lps": dict(sform=LPS),
        "ail": dict(sform=AIL),
        "sheared": dict(sform=SHEARED, qform=AXIS_ALIGNED, qform_code=0),
    }
    for name, case in cases.items():
        save(f"{name}.nii", data, **case)
        record(f"{name}.nii")
    # nibabel guesses LAS and centres the grid; the standard (method 1) only scales, which is what
    # hdbench follows, so the expectation is made by hand.
    save("neither.nii", data, sform_code=0, qform=AXIS_ALIGNED, qform_code=0)
    record("neither.nii", nib.Nifti1Image(data, np.diag([*np.float32([0.7, 0.8, 2.5]), 1.0]).astype(float)))


def shapes_and_envelopes():
    data = ramp(np.dtype("int16"))
    save("four_d.nii", data[..., None])
    record("four_d.nii")
    save("seven_d.nii", data[..., None, None, None, None])
    record("seven_d.nii")
    save("two_d.nii", data[:, :, 0])
    record("two_d.nii")
    save("packed.nii.gz", data, sform=OBLIQUE)
    record("packed.nii.gz")

    image = nib.Nifti1Image(data, OBLIQUE)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"an extension before the voxels"))
    nib.save(image, FIXTURES / "extension.nii")
    record("extension.nii")

    # nibabel ignores the unit; the expectation is the same grid in millimetres.
    metres = OBLIQUE.copy()
    metres[:3] /= 1000
    save("metres.nii", data, sform=metres, edit=lambda header: header.set_xyzt_units("meter"))
    image = nib.load(FIXTURES / "metres.nii")
    in_mm = image.affine.copy()
    in_mm[:3] *= 1000
    record("metres.nii", nib.Nifti1Image(data, in_mm))


def by_itk():
    data = ramp(np.dtype("int16"))
    for name, matrix in {"itk.nii.gz": AIL, "itk_oblique.nii": OBLIQUE}.items():
        image = sitk.GetImageFromArray(data.transpose(2, 1, 0))
        lps = np.diag([-1.0, -1, 1]) @ matrix[:3, :3]
        zooms = np.linalg.norm(lps, axis=0)
        image.SetSpacing(zooms.tolist())
        image.SetDirection((lps / zooms).ravel().tolist())
        image.SetOrigin((np.diag([-1.0, -1, 1]) @ matrix[:3, 3]).tolist())
        sitk.WriteImage(image, str(FIXTURES / name))
        record(name)


def refused():
    """Files whose refusal is tested; expected.json does not list them."""
    data = ramp(np.dtype("int16"))
    save("refused_two_volumes.nii", np.stack([data] * 2, axis=-1))
    save("refused_complex64.nii", data.astype(np.complex64))
    rgb = np.zeros(SHAPE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(rgb, AXIS_ALIGNED), FIXTURES / "refused_rgb24.nii")
    nib.save(nib.Nifti2Image(data, AXIS_ALIGNED), FIXTURES / "refused_nifti2.nii")
    nib.save(nib.Nifti1Pair(data, AXIS_ALIGNED), FIXTURES / "refused_pair.hdr")
    (FIXTURES / "refused_pair.img").unlink()
    analyze = nib.AnalyzeImage(data, np.diag([0.7, 0.8, 2.5, 1]))
    nib.save(analyze, FIXTURES / "refused_analyze.hdr")
    (FIXTURES / "refused_analyze.img").unlink()
    holes = data.astype(np.float32)
    holes[1, 2, 3] = np.nan
    holes[2, 0, 4] = np.inf
    save("refused_not_finite.nii", holes)


def main():
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for old in FIXTURES.iterdir():
        old.unlink()
    types()
    scalings()
    placements()
    shapes_and_envelopes()
    by_itk()
    refused()
    text = json.dumps(EXPECTED, separators=(",", ":"))
    (FIXTURES / "expected.json").write_text(text.replace('},"', '},\n"') + "\n")
    total = sum(f.stat().st_size for f in FIXTURES.iterdir())
    print(f"{len(EXPECTED)} readable files, {total} bytes in all")


main()
