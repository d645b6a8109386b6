#!/usr/bin/env python3
"""Builds what is published: a wheel with the command and the Python module, the source distribution, and an archive for
`curl | tar` (for Windows a .zip); then installs each into an empty place and tries it.

    python3 scripts/packages.py                         for this machine, checked
    python3 scripts/packages.py --target TRIPLE         for another machine, not checked
    python3 scripts/packages.py --binary HDBENCH        with a command that is built already
    python3 scripts/packages.py --no-command            the module alone

Needs Rust and Python 3.10 or later with pip; maturin and zig (the linker, which knows the symbols of old glibc versions)
come from PyPI into an environment of their own. On Linux the command and the module need glibc 2.28 or later (RHEL 8,
Debian 10, Ubuntu 20.04); their versioned symbols are read to say so. Everything lies in dist/ in the end.
"""

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

import environment
from environment import EXE

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ["maturin==1.16.0", "ziglang==0.17.1", "cargo-zigbuild==0.24.1", "wheel==0.48.0"]
GLIBC = (2, 28)
WHEEL_MB = 40
SHELLS = ["bash", "zsh", "fish"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--target", help="a Rust target triple (default: this machine's)")
    arguments.add_argument("--out", type=Path, default=ROOT / "dist")
    arguments.add_argument("--binary", type=Path, help="the command, built before")
    arguments.add_argument("--no-command", action="store_true", help="the Python module alone")
    arguments.add_argument("--no-sdist", action="store_true")
    options = arguments.parse_args()
    host = host_target()
    target = options.target or host
    tools = environment.python("packages", TOOLS).parent
    out = options.out.resolve()
    environment.empty(out)
    command = None
    if not options.no_command:
        command = options.binary.resolve() if options.binary else build_command(target, tools)
    wheel = build_wheel(target, tools, command, out)
    made = [wheel]
    if command:
        made.append(archive(target, command, out, runs_here=target == host))
    if not options.no_sdist:
        run([tools / f"maturin{EXE}", "sdist", "-o", out])
        made.append(newest(out, "*.tar.gz", but=made))
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in made]
    write(out / "SHA256SUMS", "\n".join(sums) + "\n")
    for path in made:
        print(f"{path.stat().st_size / 1e6:6.1f} MB  {path.name}")
    if wheel.stat().st_size > WHEEL_MB * 1e6:
        sys.exit(f"error: the wheel is larger than {WHEEL_MB} MB")
    if target == host:
        check(out, made, has_command=command is not None)


def run(command, **more):
    subprocess.run([str(part) for part in command], check=True, cwd=more.pop("cwd", ROOT), **more)


def said(command, **more):
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, encoding="utf-8", **more)
    return done.stdout


def write(path, text):
    """The same bytes on every system."""
    path.write_bytes(text.encode())


def host_target():
    return re.search(r"^host: (.*)$", said(["rustc", "-vV"]), re.MULTILINE)[1]


def with_floor(target):
    """The target as zig takes it: with the oldest glibc that has to do."""
    return f"{target}.{GLIBC[0]}.{GLIBC[1]}" if target.endswith("linux-gnu") else target


def target_folder():
    return Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")


def is_linux(target):
    return "-linux-" in target


def is_windows(target):
    return "-windows-" in target


def build_command(target, tools):
    """With GPUs by Vulkan, Metal or DirectX 12. On Linux by zig, elsewhere by the machine's own linker."""
    arguments = ["--release", "--locked", "--bin", "hdbench"]
    # A static program cannot load a driver.
    if "musl" not in target:
        arguments += ["--features", "wgpu"]
    arguments.append("--target")
    if is_linux(target):
        path = f"{tools}{os.pathsep}{os.environ['PATH']}"
        run([tools / f"cargo-zigbuild{EXE}", "zigbuild", *arguments, with_floor(target)], env=os.environ | {"PATH": path})
    else:
        run(["cargo", "build", *arguments, target])
    name = "hdbench.exe" if is_windows(target) else "hdbench"
    return target_folder() / target / "release" / name


def build_wheel(target, tools, command, out):
    """maturin builds the module; the command is laid where pip puts scripts."""
    arguments = ["build", "--release", "--locked", "--target", target, "-o", out]
    if is_linux(target):
        arguments += ["--zig", "--compatibility"]
        arguments += ["musllinux_1_2"] if "musl" in target else [f"manylinux_{GLIBC[0]}_{GLIBC[1]}"]
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    run([tools / f"maturin{EXE}", *arguments], env=os.environ | {"PATH": path})
    wheel = newest(out, "*.whl")
    if command is None:
        return wheel
    with tempfile.TemporaryDirectory() as folder:
        unpack = [tools / f"python{EXE}", "-m", "wheel"]
        said([*unpack, "unpack", "-d", folder, wheel])
        inside = next(Path(folder).iterdir())
        scripts = inside / f"{inside.name}.data" / "scripts"
        scripts.mkdir(parents=True)
        placed = shutil.copy(command, scripts / command.name)
        os.chmod(placed, 0o755)
        wheel.unlink()
        said([*unpack, "pack", "-d", out, inside])
    return newest(out, "*.whl")


def newest(folder, pattern, but=()):
    return max((path for path in folder.glob(pattern) if path not in but), key=lambda path: path.stat().st_mtime)


def version():
    return tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))["workspace"]["package"]["version"]


def archive_name(target):
    return f"hdbench-{version()}-{target}"


def archive(target, command, out, runs_here):
    """The command, its licences, and where it can be asked, its manual and its shells' completions."""
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / archive_name(target)
        inside.mkdir()
        os.chmod(shutil.copy(command, inside / command.name), 0o755)
        for file in ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"]:
            shutil.copy(ROOT / file, inside / file)
        if runs_here:
            (inside / "completions").mkdir()
            for shell in [*SHELLS, *(["powershell"] if is_windows(target) else [])]:
                write(inside / "completions" / shell, said([command, "completions", shell]))
            said([command, "man", "--out", inside / "man"])
        if is_windows(target):
            return zipped(inside, out)
        return tarred(inside, out)


def tarred(folder, out):
    """The folder under its own name, and nothing of who packs it."""
    path = out / f"{folder.name}.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=9) as packed:
        for file in sorted(folder.rglob("*")):
            facts = packed.gettarinfo(file, arcname=file.relative_to(folder.parent).as_posix())
            facts.mtime, facts.uid, facts.gid, facts.uname, facts.gname = 0, 0, 0, "", ""
            packed.addfile(facts, io.BytesIO(file.read_bytes()) if file.is_file() else None)
    return path


def zipped(folder, out):
    """As `tarred`, in what Windows opens by itself."""
    path = out / f"{folder.name}.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            facts = zipfile.ZipInfo(file.relative_to(folder.parent).as_posix())
            packed.writestr(facts, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return path


def glibc_of(binary):
    """The newest glibc that a binary asks for, by its versioned symbols; none where it is static."""
    if "dynamic" not in said(["objdump", "-p", binary]).lower():
        return None
    versions = re.findall(r"GLIBC_(\d+)\.(\d+)", said(["objdump", "-T", binary]))
    return max((int(major), int(minor)) for major, minor in versions)


# Two ellipsoids, one moved: scored from a shell, from Python by paths, and from Python by arrays.
PAIR = """
import numpy, pathlib, struct, sys
def write(path, voxels):
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, *voxels.shape, 1, 1, 1, 1)
    struct.pack_into("<hh", head, 70, 2, 8)
    struct.pack_into("<8f", head, 76, 1, 0.7, 0.8, 1.5, 0, 0, 0, 0)
    struct.pack_into("<f", head, 108, 352)
    struct.pack_into("<hh", head, 252, 0, 1)
    struct.pack_into("<12f", head, 280, 0.7, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 1.5, 0)
    head[344:348] = b"n+1\\0"
    pathlib.Path(path).write_bytes(bytes(head) + voxels.tobytes(order="F"))
x, y, z = numpy.indices((40, 36, 20))
def blob(at):
    liver = ((x - at) / 14) ** 2 + ((y - 18) / 12) ** 2 + ((z - 10) / 8) ** 2 <= 1
    lesion = ((x - at) / 4) ** 2 + ((y - 18) / 4) ** 2 + ((z - 10) / 3) ** 2 <= 1
    return (liver.astype("u1") + lesion.astype("u1"))
for folder, at in [("pred", 21), ("ref", 19)]:
    pathlib.Path(folder).mkdir()
    write(f"{folder}/case_1.nii", blob(at))
"""

BY_PYTHON = """
import json, hdbench
scores = hdbench.score(pred="pred/case_1.nii", ref="ref/case_1.nii", structures={"liver": [1, 2], "lesion": [2]},
                       metrics=["dice", "hd95", "assd"])
print(json.dumps({name: dict(scores[name]) for name in ["liver", "lesion"]}))
"""


def check(out, made, has_command):
    wheel = next(path for path in made if path.suffix == ".whl")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        environment.create(folder / "venv")
        python = environment.program(folder / "venv", "python")
        run([python, "-m", "pip", "install", "-q", wheel])
        run([python, "-c", PAIR], cwd=folder)
        by_python = json.loads(said([python, "-c", BY_PYTHON], cwd=folder))
        print(f"module: lesion Dice {by_python['lesion']['dice']}")
        module = said([python, "-c", "import hdbench._hdbench as module; print(module.__file__)"]).strip()
        binaries = {"module": Path(module)}
        if has_command:
            command = environment.program(folder / "venv", "hdbench")
            binaries["command"] = command
            by_shell = scores_of(command, folder)
            for structure, metrics in by_python.items():
                for metric, value in metrics.items():
                    if by_shell.get((structure, metric)) != value:
                        sys.exit(f"error: {structure} {metric}: {value!r} from Python, "
                                 f"{by_shell.get((structure, metric))!r} from the shell")
            print("command: the same scores to the last bit")
            demo(command, folder)
            unpacked(next(path for path in made if path.name.startswith(f"{archive_name(host_target())}.")), folder)
        if sys.platform == "linux":
            for what, path in binaries.items():
                found = glibc_of(path)
                if found is None:
                    print(f"{what}: static, needs no glibc")
                    continue
                print(f"{what}: needs glibc {found[0]}.{found[1]}")
                if found > GLIBC:
                    sys.exit(f"error: the {what} does not start where glibc is {GLIBC[0]}.{GLIBC[1]}")
        sdist = [path for path in made if path.name == f"hdbench-{version()}.tar.gz"]
        for path in sdist:
            environment.create(folder / "source")
            python = environment.program(folder / "source", "python")
            run([python, "-m", "pip", "install", "-q", path], env=os.environ | {"CARGO_TARGET_DIR": str(target_folder())})
            if json.loads(said([python, "-c", BY_PYTHON], cwd=folder)) != by_python:
                sys.exit("error: what the source distribution builds scores otherwise")
            print("source distribution: installed by pip, scores alike")


def scores_of(command, folder):
    """What the command says of the same pair, by structure and metric."""
    said([command, "evaluate", "--pred", "pred", "--ref", "ref", "--structure", "liver=1,2", "--structure", "lesion=2",
          "--out", "scores"], cwd=folder)
    lines = (folder / "scores" / "metrics_long.csv").read_text().splitlines()
    head = lines[0].split(",")
    rows = [dict(zip(head, line.split(","))) for line in lines[1:]]
    rows = [row for row in rows if row["case"] == "case_1"]
    return {(row["label"], row["metric"]): float(row["value"]) for row in rows if row["value"]}


def demo(command, folder):
    """The first part of the demo: phantoms, and one of its networks planned on them."""
    said([command, "datasets", "synth", "--out", "phantoms"], cwd=folder)
    planned = said([command, "ablation", "--data", "phantoms", "--variant", "unet", "--out", "run", "--dry-run"],
                   cwd=folder)
    if "unet/fold_0/seed_0" not in planned:
        sys.exit("error: the demo is not planned as it should be")
    print("demo: phantoms made, cells planned")


def unpacked(path, folder):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as packed:
            packed.extractall(folder)
    else:
        with tarfile.open(path) as packed:
            packed.extractall(folder, filter="data")
    inside = folder / archive_name(host_target())
    text = said([inside / f"hdbench{EXE}", "--version"]).strip()
    shells = {shell.name: shell.read_text("utf-8") for shell in (inside / "completions").iterdir()}
    pages = list((inside / "man").glob("*.1"))
    if version() not in text or "complete" not in shells["bash"] or not pages:
        sys.exit(f"error: {path.name} lacks its command, completions or manual")
    print(f"archive: {text}, {len(pages)} manual pages, completions of {len(shells)} shells")


if __name__ == "__main__":
    main()
