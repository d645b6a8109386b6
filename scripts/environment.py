"""The scripts' own virtual environments, made once and kept in the user's cache folder."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

# What `installed.txt` says until pip is done, so that an installation that was stopped is begun again.
UNFINISHED = "unfinished"

# How programs' names end.
EXE = ".exe" if os.name == "nt" else ""

# Exits with 1 where a package is missing or of another version; a build's tag (2.9.0+cpu) does not count.
LOOK = """
import sys
from importlib.metadata import PackageNotFoundError, version
for package in sys.argv[1:]:
    name, wanted = package.split("==")
    try:
        found = version(name).split("+")[0]
    except PackageNotFoundError:
        found = "none"
    if found != wanted:
        sys.exit(f"{name} {wanted} is wanted, it has {found}")
"""


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "hdbench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def python(name, packages, folder=None):
    """The interpreter of an environment with these packages, installed first where it is missing:
    in `folder`, or else in the cache under `name`. A `folder` that holds these packages already is
    used as it is, one whose installation was stopped is filled again; one that holds anything else is
    left alone, with an error."""
    pins = "\n".join([*packages, f"python {sys.version_info[0]}.{sys.version_info[1]}"])
    name = f"{name}-{hashlib.sha256(pins.encode()).hexdigest()[:12]}"
    given = Path(folder) if folder else None
    folder = given or cache_folder() / name
    interpreter, done = program(folder, "python"), folder / "installed.txt"
    said = done.read_text() if done.is_file() else ""
    if said == pins:
        return interpreter
    if given and said != UNFINISHED and given.exists() and any(given.iterdir()):
        trouble = missing(interpreter, packages)
        if trouble:
            sys.exit(f"error: {given}: {trouble}\nhint: name an empty folder, or one with exactly these: "
                     f"{' '.join(packages)}")
        return interpreter
    print(f"installing {', '.join(packages)} into {folder}", file=sys.stderr)
    empty(folder)
    done.write_text(UNFINISHED)
    create(folder)
    subprocess.run([interpreter, "-m", "pip", "install", "-q", *packages], check=True)
    done.write_text(pins)
    return interpreter


def create(folder):
    """An environment with nothing but pip; on Windows its interpreter is a copy, since links are for administrators there."""
    venv.create(folder, with_pip=True, symlinks=os.name != "nt")


def program(folder, name):
    """The path of a program in an environment's folder."""
    return folder / ("Scripts" if os.name == "nt" else "bin") / f"{name}{EXE}"


def empty(folder):
    """Makes the folder, or removes what is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def missing(interpreter, packages):
    """Why this interpreter does not do, or nothing."""
    if not interpreter.exists():
        return "this is no virtual environment"
    found = subprocess.run([interpreter, "-c", LOOK, *packages], capture_output=True, text=True)
    return found.stderr.strip() if found.returncode else ""


def has(interpreter, module):
    """Whether it can import this one."""
    look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([interpreter, "-c", look]).returncode == 0
