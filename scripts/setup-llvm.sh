#!/bin/sh
# Brings the LLVM that the Cargo features `cuda` and `cubecl-cpu` are built against; see --help.
set -eu

version=23.1.1
# What the build looks for: the name of tracel-llvm-bundler's release in the lock file.
bundle=tracel-llvm-23.1.0-4

usage() {
    cat <<END
Usage: scripts/setup-llvm.sh

Puts LLVM $version, of two wheels that PyPI has (0.1 GB to download, 0.5 GB on disk), where CubeCL's build looks for it:
\$XDG_DATA_HOME/tracel/$bundle, by default under ~/.local/share. Without it that build
downloads one from its project's releases; this is for places that reach a package index only. Python is needed for
this script alone, not to build or to run.

Needs x86_64 Linux with glibc 2.28 or later and python3 with pip; the build needs a C++ compiler. A second run finds
its work done; a run that was stopped leaves nothing half. Afterwards:

  cargo build --release --features cuda
  target/release/hdbench doctor
END
}

. "$(dirname "$0")/setup-common.sh"

for argument in "$@"; do
    case $argument in
    -h | --help)
        usage
        exit
        ;;
    *) fail "unknown argument '$argument'" "scripts/setup-llvm.sh --help" ;;
    esac
done

[ -n "${XDG_DATA_HOME:-}${HOME:-}" ] || fail "neither XDG_DATA_HOME nor HOME is set" "set HOME"
parent=${XDG_DATA_HOME:-$HOME/.local/share}/tracel
there=$parent/$bundle
marker=.tracel-llvm-installed
if [ -e "$there/$marker" ]; then
    echo "$there holds an LLVM already"
    exit
fi
if [ -e "$there" ] || [ -L "$there" ]; then
    fail "$there holds something, but no finished LLVM" "move it away and run this again"
fi

need_wheels "let the build download its own"

# Beside its place.
mkdir -p "$parent" || fail "$parent could not be made" "its own words are above"
make_part "$parent/setup-llvm"

cat >"$part/wheels.txt" <<END
mlc-llvm-static==$version --hash=sha256:ec9a3eccf37361b558230cb78cf9acc854a8a92772303f8574cb09600de62969
mlc-llvm-static-extra-targets==$version --hash=sha256:bfceb27198a4647c469033154fe63cb9ff7dd55ddf223a97e15ad7a26012d3e3
END
echo "fetching LLVM $version"
fetch_wheels

python3 - "$part" <<'END' || fail "the wheels could not be unpacked" "is the disk full?"
import pathlib
import shutil
import sys
import zipfile

part = pathlib.Path(sys.argv[1])
for wheel in sorted((part / "wheels").glob("*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = pathlib.PurePosixPath(member.filename)
            if member.is_dir() or path.parts[:2] != ("mlc_llvm_static", "static"):
                continue
            target = part.joinpath("llvm", *path.parts[2:])
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            # zipfile gives no file its mode.
            target.chmod(0o755 if path.parts[2] == "bin" else 0o644)
    wheel.unlink()
END
found=$("$part/llvm/bin/llvm-config" --version) ||
    fail "the LLVM that was fetched does not run here" "it needs glibc 2.28 or later"
[ "$found" = "$version" ] || fail "the wheels hold LLVM $found, expected $version" "tell the maintainers"
: >"$part/llvm/$marker"
mv -T "$part/llvm" "$there" ||
    fail "$there appeared meanwhile" "run this again once nothing else sets LLVM up"
echo "$there holds LLVM $version"
