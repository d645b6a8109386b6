#!/bin/sh
# Brings the LibTorch that the Cargo feature `tch` is built against; see --help.
set -eu

version=2.9.0
kind=cpu

usage() {
    cat <<END
Usage: scripts/setup-libtorch.sh [cpu|cuda]

Puts LibTorch $version into .libtorch/ of the repository, where .cargo/config.toml looks for it, out of
the wheels that PyPI has of it. Python is needed for this script alone, not to build or to run.

  cpu    three wheels, 0.9 GB to download, 0.5 GB on disk (the default)
  cuda   LibTorch with CUDA 12.8 and NVIDIA's libraries, 3 GB to download, 6 GB on disk

Needs x86_64 Linux with glibc 2.28 or later, python3 with pip, and a C compiler. A second run finds its
work done; a run that was stopped leaves nothing half. Afterwards:

  cargo build --release --features tch
  target/release/hdbench doctor
END
}

. "$(dirname "$0")/setup-common.sh"

for argument in "$@"; do
    case $argument in
    cpu | cuda) kind=$argument ;;
    -h | --help)
        usage
        exit
        ;;
    *) fail "unknown argument '$argument'" "scripts/setup-libtorch.sh --help" ;;
    esac
done

root=$(cd "$(dirname "$0")/.." && pwd)
there=$root/.libtorch
build=$version+$kind
found=
if [ -e "$there" ] || [ -L "$there" ]; then
    found=$(cat "$there/build-version" 2>/dev/null) ||
        fail "$there is not what this script makes" "move it away and run this again"
fi
if [ "$found" = "$build" ]; then
    echo "$there holds LibTorch $build already"
    exit
fi

need_wheels "set LIBTORCH to a LibTorch $version of your own"
cc=${CC:-cc}
command -v "$cc" >/dev/null || fail "the C compiler $cc was not found" "install one, or set CC"

# Git ignores it.
make_part "$root/.libtorch"

# What torch-$version's own metadata asks for, each with the hash of the one wheel that will do.
cat >"$part/wheels.txt" <<END
torch==$version --hash=sha256:51de31219c97c51cf4bf2be94d622e3deb5dcc526c6dc00e97c17eaec0fc1d67
nvidia-cuda-cupti-cu12==12.8.90 --hash=sha256:ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182
nvidia-cuda-runtime-cu12==12.8.90 --hash=sha256:adade8dcbd0edf427b7204d480d6066d33902cab2a4707dcfc48a2d0fd44ab90
END
[ "$kind" = cpu ] || cat >>"$part/wheels.txt" <<END
nvidia-cublas-cu12==12.8.4.1 --hash=sha256:8ac4e771d5a348c551b2a426eda6193c19aa630236b418086020df5ba9667142
nvidia-cuda-nvrtc-cu12==12.8.93 --hash=sha256:a7756528852ef889772a84c6cd89d41dfa74667e24cca16bb31f8f061e3e9994
nvidia-cudnn-cu12==9.10.2.21 --hash=sha256:949452be657fa16687d0930933f032835951ef0892b37d2d53824d1a84dc97a8
nvidia-cufft-cu12==11.3.3.83 --hash=sha256:4d2dd21ec0b88cf61b62e6b43564355e5222e4a3fb394cac0db101f2dd0d4f74
nvidia-cufile-cu12==1.13.1.3 --hash=sha256:1d069003be650e131b21c932ec3d8969c1715379251f8d23a1860554b1cb24fc
nvidia-curand-cu12==10.3.9.90 --hash=sha256:b32331d4f4df5d6eefa0554c565b626c7216f87a06a4f56fab27c3b68a830ec9
nvidia-cusolver-cu12==11.7.3.90 --hash=sha256:4376c11ad263152bd50ea295c05370360776f8c3427b30991df774f9fb26c450
nvidia-cusparse-cu12==12.5.8.93 --hash=sha256:1ec05d76bbbd8b61b06a80e1eaf8cf4959c3d4ce8e711b65ebd0443bb0ebb13b
nvidia-cusparselt-cu12==0.7.1 --hash=sha256:f1bb701d6b930d5a7cea44c19ceb973311500847f81b634d802b7b539dc55623
nvidia-nccl-cu12==2.27.5 --hash=sha256:ad730cf15cb5d25fe849c6e6ca9eb5b76db16a80f13f425ac68d8e2e55624457
nvidia-nvjitlink-cu12==12.8.93 --hash=sha256:81ff63371a7ebd6e6451970684f916be2eab07321b73c9d244dc2b4da7f73b88
nvidia-nvshmem-cu12==3.3.20 --hash=sha256:d00f26d3f9b2e3c3065be895e3059d6479ea5c638a3f38c9fec49b1b9dd7c1e5
nvidia-nvtx-cu12==12.8.90 --hash=sha256:5b17e2001cc0d751a5bc2c6ec6d26ad95913324a4adb86788c944f8ce9ba441f
END

# LibTorch is the same in the wheels for every Python: one of them is named, whatever runs here.
echo "fetching LibTorch $build"
fetch_wheels --implementation cp --python-version 3.11 --abi cp311 --abi none \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64

# All libraries go into one folder: each looks for the others beside itself.
python3 - "$part" "$kind" <<'END' || fail "the wheels could not be unpacked" "is the disk full?"
import pathlib
import shutil
import sys
import zipfile
from fnmatch import fnmatch

part, kind = pathlib.Path(sys.argv[1]), sys.argv[2]
wanted = {
    "cpu": ["torch/lib/lib%s" % name for name in ("c10.so", "torch_cpu.so", "gomp.so.1")]
    + ["nvidia/*/lib/lib%s.so.12" % name for name in ("cudart", "cupti")],
    "cuda": ["torch/lib/*.so*", "nvidia/*/lib/*.so*"],
}[kind]
of_python = ("libtorch_python.so", "libshm.so")
for wheel in sorted((part / "wheels").glob("*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = pathlib.PurePosixPath(member.filename)
            if member.is_dir():
                continue
            if path.parts[:2] == ("torch", "include"):
                target = part.joinpath("libtorch", *path.parts[1:])
            elif path.name not in of_python and any(fnmatch(str(path), w) for w in wanted):
                target = part / "libtorch" / "lib" / path.name
            else:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
    wheel.unlink()
END

# torch-sys links with libtorch.so, which is empty but for its dependency on libtorch_cuda.so.
[ "$kind" = cuda ] || "$cc" -shared -o "$part/libtorch/lib/libtorch.so" -x c /dev/null \
    -Wl,-soname,libtorch.so || fail "$cc could not make a library" "its own words are above"
echo "$build" >"$part/libtorch/build-version"

[ -z "$found" ] || mv -T "$there" "$part/replaced"
mv -T "$part/libtorch" "$there" ||
    fail "$there appeared meanwhile" "run this again once nothing else sets LibTorch up"
echo "$there holds LibTorch $build"
[ -z "$found" ] || echo "it replaces $found: cargo clean --release -p torch-sys -p burn-tch"
