"""The official LiTS scorer on a current stack: a patched copy of the user's own checkout, made at
run time. None of its code is part of this repository (it carries no licence of its own).

The patches change no number: what NumPy, SciPy and nibabel have removed since 2017 is replaced by
what took its place, and MedPy is the release that the scorer pins (0.2.2), taken from PyPI, because
later ones turn the sign of RVD.
"""

import gzip
import hashlib
import io
import re
import shutil
import subprocess
import tarfile
import urllib.request

REPOSITORY = "https://github.com/PatrickChrist/lits-challenge-scoring"
COMMIT = "b9d13be59d17f1af0f13dca3ce92d3e9234b17c5"
MEDPY_URL = (
    "https://files.pythonhosted.org/packages/5f/a1/"
    "68212f8c27610458796fd886a58f67715773071dfaa77dd4ccf4527ded42/MedPy-0.2.2.tar.gz"
)
MEDPY_SHA256 = "99786e370440dd3d09b3b01181cffb06eb4509a66d7448197995f5dc84205728"
MEDPY_FILE = "medpy/metric/binary.py"

# File, pattern, replacement, how often the pattern must be found.
PATCHES = [
    ("evaluate.py", r"(\w+)\.get_data\(\)", r"np.asanyarray(\1.dataobj)", 2),
    ("evaluate.py", r"scipy\.ndimage\.measurements", "scipy.ndimage", 1),
    ("helpers/calc_metric.py", r"(x|mask|x_ret)\[(\w+_slices)\]", r"\1[tuple(\2)]", 3),
    ("helpers/calc_metric.py", r"np\.bool\b", "bool", 1),
    ("helpers/surface.py", r"scipy\.array\(", "__import__('numpy').array(", 3),
    ("helpers/surface.py", r"scipy\.ndimage\.morphology", "scipy.ndimage", 3),
]
MEDPY_PATCHES = [
    (r"scipy\.ndimage\.\w+(?= import)", "scipy.ndimage"),
    (r"numpy\.bool\b", "bool"),
]


class Unusable(Exception):
    """Why the scorer cannot be run."""


def prepare(checkout, folder, cache):
    """A patched copy of the scorer in `folder`; returns its `evaluate.py`. `cache` keeps MedPy."""
    program = folder / "program"
    take(checkout, program)
    for name, pattern, replacement, expected in PATCHES:
        path = program / name
        text, found = re.subn(pattern, replacement, path.read_text())
        if found != expected:
            raise Unusable(f"{name}: expected {expected} times {pattern}, found {found}")
        path.write_text(text)
    metric = program / "medpy" / "metric"
    metric.mkdir(parents=True)
    text = medpy(cache)
    for pattern, replacement in MEDPY_PATCHES:
        text = re.sub(pattern, replacement, text)
    (metric / "binary.py").write_text(text)
    (metric.parent / "__init__.py").write_text("")
    (metric / "__init__.py").write_text("from .binary import dc, ravd\n")
    return program / "evaluate.py"


def take(checkout, program):
    """The folder `program` of the commit, from a clone with or without a work tree at it."""
    shown = subprocess.run(["git", "-C", checkout, "archive", COMMIT, "program"], capture_output=True)
    if shown.returncode == 0:
        with tarfile.open(fileobj=io.BytesIO(shown.stdout)) as archive:
            for member in archive.getmembers():
                if member.isfile():
                    path = program.parent / member.name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(archive.extractfile(member).read())
    elif (checkout / "program" / "evaluate.py").is_file():
        shutil.copytree(checkout / "program", program)
    else:
        raise Unusable(f"{checkout} is no checkout of {REPOSITORY} with commit {COMMIT[:7]} "
                       "(branch miccai)")


def medpy(cache):
    """MedPy 0.2.2's metrics."""
    path = cache / "MedPy-0.2.2.tar.gz"
    if not path.is_file():
        try:
            with urllib.request.urlopen(MEDPY_URL, timeout=60) as answer:
                content = answer.read()
        except OSError as error:
            raise Unusable(f"MedPy 0.2.2 cannot be fetched from PyPI: {error}") from error
        path.write_bytes(content)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != MEDPY_SHA256:
        path.unlink()
        raise Unusable("what PyPI gave as MedPy 0.2.2 has another SHA-256 than expected")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = next(m for m in archive.getmembers() if m.name.endswith("/" + MEDPY_FILE))
        return archive.extractfile(member).read().decode()


def lay_out(pred, ref, folder):
    """The input folder the scorer wants. It takes uncompressed files alone, and is given them
    uncompressed: it is spared the inflating, to its advantage."""
    for source, part in ((ref, "ref"), (pred, "res")):
        target = folder / "input" / part / "segmentation-0.nii"
        target.parent.mkdir(parents=True, exist_ok=True)
        content = source.read_bytes()
        target.write_bytes(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    return folder / "input"
