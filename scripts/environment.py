"""The scripts' own virtual environments, made once and kept in the user's cache folder."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "hdbench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def python(name, packages, folder=None):
    """The interpreter of an environment with these packages, installed first where it is missing:
    in `folder`, or else in the cache under `name`."""
    pins = "\n".join([*packages, f"python {sys.version_info[0]}.{sys.version_info[1]}"])
    name = f"{name}-{hashlib.sha256(pins.encode()).hexdigest()[:12]}"
    folder = Path(folder) if folder else cache_folder() / name
    interpreter, done = folder / "bin" / "python", folder / "installed.txt"
    if not done.is_file() or done.read_text() != pins:
        print(f"installing {', '.join(packages)} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, symlinks=True, clear=True)
        subprocess.run([interpreter, "-m", "pip", "install", "-q", *packages], check=True)
        done.write_text(pins)
    return interpreter
