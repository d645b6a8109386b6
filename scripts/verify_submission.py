#!/usr/bin/env python3
"""Whether an archive is what the LiTS challenge takes, by its submission guide: checked with Python's zipfile
and nibabel alone, so that no line of hdbench has a say in it.

    python3 scripts/verify_submission.py ARCHIVE TEST_DIR

The guide (PatrickChrist/LITS-CHALLENGE): a zip archive without folders, in it test-segmentation-X.nii for every
test-volume-X.nii and nothing else, not compressed once more, with the dimensions and the voxel spacing of the
volume, labels 0, 1 and 2. Prints what is wrong, a line an entry; exits with 1 where anything is. nibabel comes
from PyPI into an environment of its own.
"""

import io
import re
import stat
import sys
import zipfile
import zlib
from pathlib import Path

PACKAGES = ["nibabel==5.3.2", "numpy==2.4.6"]
VOLUME = re.compile(r"test-volume-(\d+)\.nii(\.gz)?")


def problems(archive, test_dir):
    import nibabel

    volumes = {}
    for path in sorted(Path(test_dir).rglob("*")):
        if found := VOLUME.fullmatch(path.name):
            volumes[f"test-segmentation-{int(found[1])}.nii"] = path
    if not volumes:
        yield f"{test_dir}: no test-volume-X.nii"
        return
    try:
        packed = zipfile.ZipFile(archive)
        bad = packed.testzip()
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        yield f"{archive}: cannot be read: {error}"
        return
    if bad:
        yield f"{bad}: its checksum is wrong"
        return
    names = packed.namelist()
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name}: is there {names.count(name)} times"
    for entry in packed.infolist():
        if stat.S_ISLNK(entry.external_attr >> 16):
            yield f"{entry.filename}: is a link"
    for name in sorted(set(names) - set(volumes)):
        yield f"{name}: is no segmentation of a test volume at the top level"
    for name in sorted(set(volumes) - set(names)):
        yield f"{name}: is missing"
    for name in sorted(set(volumes) & set(names)):
        yield from differences(nibabel, name, packed.read(name), volumes[name])


def differences(nibabel, name, content, volume):
    import numpy

    try:
        image = nibabel.Nifti1Image.from_bytes(content)
        voxels = numpy.asarray(image.dataobj)
    except Exception as error:  # Whatever nibabel makes of it, the challenge's scorer stops there too.
        yield f"{name}: cannot be read as NIfTI: {error}"
        return
    expected = nibabel.load(volume)
    if image.ndim != 3:
        yield f"{name}: has {image.ndim} axes"
    if image.shape != expected.shape[:3]:
        yield f"{name}: has {image.shape} voxels, the volume {expected.shape}"
        return
    ours, theirs = image.header.get_zooms()[:3], expected.header.get_zooms()[:3]
    if not numpy.allclose(ours, theirs, rtol=1e-5, atol=0):
        yield f"{name}: has voxels of {ours} mm, the volume {theirs}"
    if not numpy.allclose(image.affine, expected.affine, rtol=1e-5, atol=1e-3):
        yield f"{name}: lies elsewhere than the volume"
    labels = numpy.unique(voxels)
    if not set(labels.tolist()) <= {0, 1, 2}:
        yield f"{name}: has other labels than 0, 1 and 2: {labels[:8].tolist()}"
    if voxels.dtype.kind not in "iu":
        yield f"{name}: stores {voxels.dtype}, no whole numbers"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        import nibabel  # noqa: F401
    except ImportError:
        import os

        import environment

        python = str(environment.python("submission", PACKAGES))
        os.execv(python, [python, *sys.argv])
    found = list(problems(*sys.argv[1:]))
    for line in found:
        print(line)
    if not found:
        print(f"{sys.argv[1]}: as the challenge wants it")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
