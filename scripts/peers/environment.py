"""The peers' own virtual environment, made once and kept in the user's cache folder."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

# As in the golden files' table of versions. surface-distance 0.1 fails on empty masks under
# numpy 2; no mask is empty here.
PACKAGES = [
    "medpy==0.5.2",
    "surface-distance==0.1",
    "connected-components-3d==3.29.0",
    "nibabel==5.4.2",
    "numpy==2.2.6",
    "scipy==1.17.1",
    # No scorer: the fastest inflater we know, for the floor.
    "zlib-ng==1.1.0",
]


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "hdbench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def python(folder=None):
    """The interpreter of the environment in `folder`, installed first where it is missing."""
    pins = "\n".join([*PACKAGES, f"python {sys.version_info[0]}.{sys.version_info[1]}"])
    name = "peers-" + hashlib.sha256(pins.encode()).hexdigest()[:12]
    folder = Path(folder) if folder else cache_folder() / name
    interpreter, done = folder / "bin" / "python", folder / "installed.txt"
    if not done.is_file() or done.read_text() != pins:
        print(f"installing {', '.join(PACKAGES)} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, symlinks=True, clear=True)
        subprocess.run([interpreter, "-m", "pip", "install", "-q", *PACKAGES], check=True)
        done.write_text(pins)
    return interpreter
