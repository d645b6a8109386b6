#!/bin/bash
# Brings LibTorch 2.9.0 for the Cargo feature `tch` into .libtorch/, from PyPI's wheels.
#
#     scripts/setup-libtorch.sh [cpu|cuda]
#
# cpu (the default) takes 0.9 GB of downloads and leaves 0.5 GB; cuda takes and leaves several GB and
# needs an NVIDIA driver later, nothing now. A second run has nothing to do. Afterwards:
#
#     cargo build --release --features tch
#
# Needs x86_64 Linux, Python 3 with pip, and gcc. Python is not needed at build or run time.
set -euo pipefail
cd "$(dirname "$0")/.."

# Wheels by name, version and SHA-256; Python's version and the platform only name the file.
TORCH="torch==2.9.0 --hash=sha256:51de31219c97c51cf4bf2be94d622e3deb5dcc526c6dc00e97c17eaec0fc1d67"
CUPTI="nvidia-cuda-cupti-cu12==12.8.90 --hash=sha256:ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182"
CUDART="nvidia-cuda-runtime-cu12==12.8.90 --hash=sha256:adade8dcbd0edf427b7204d480d6066d33902cab2a4707dcfc48a2d0fd44ab90"
PLATFORM=(--python-version 3.11 --implementation cp --platform manylinux_2_28_x86_64
    --platform manylinux2014_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_17_x86_64)

fail() {
    echo "error: $1" >&2
    echo "hint: $2" >&2
    exit "$3"
}

kind=${1:-cpu}
case $kind in
    cpu | cuda) ;;
    -h | --help)
        sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
        exit 0
        ;;
    *) fail "$kind is neither cpu nor cuda" "scripts/setup-libtorch.sh --help" 2 ;;
esac
[ "$(uname -sm)" = "Linux x86_64" ] ||
    fail "these wheels are for x86_64 Linux" "unpack LibTorch 2.9.0 for your system and set LIBTORCH to its folder" 2
python3 -m pip --version >/dev/null 2>&1 ||
    fail "python3 has no pip" "install it (Debian: apt install python3-pip)" 3
command -v gcc >/dev/null || fail "no gcc" "install it (Debian: apt install gcc)" 3

done_mark=.libtorch/installed-2.9.0-$kind
if [ -f "$done_mark" ]; then
    echo "LibTorch 2.9.0 ($kind) is in .libtorch already"
    exit 0
fi

work=$(mktemp -d .hdbench-libtorch-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/wheels" "$work/unpacked" "$work/libtorch"

download() {
    python3 -m pip download --quiet --only-binary=:all: "${PLATFORM[@]}" --dest "$work/wheels" "$@"
}
if [ "$kind" = cpu ]; then
    printf '%s\n' "$TORCH" "$CUPTI" "$CUDART" >"$work/requirements.txt"
    download --no-deps --require-hashes --requirement "$work/requirements.txt"
else
    printf '%s\n' "$TORCH" >"$work/requirements.txt"
    download --no-deps --require-hashes --requirement "$work/requirements.txt"
    # What the wheel itself asks for: cuDNN, cuBLAS, NCCL and the rest.
    download --find-links "$work/wheels" torch==2.9.0
fi
for wheel in "$work"/wheels/*.whl; do
    python3 -m zipfile -e "$wheel" "$work/unpacked"
    rm "$wheel"
done

lib=$work/libtorch/lib
mkdir "$lib"
mv "$work/unpacked/torch/include" "$work/libtorch/include"
if [ "$kind" = cpu ]; then
    for name in libc10.so libtorch_cpu.so libgomp.so.1; do
        mv "$work/unpacked/torch/lib/$name" "$lib/"
    done
    # libtorch_cpu.so asks for these two of CUDA, and for nothing else of it.
    mv "$work/unpacked/nvidia/cuda_runtime/lib/libcudart.so.12" "$lib/"
    mv "$work/unpacked/nvidia/cuda_cupti/lib/libcupti.so.12" "$lib/"
    # The linker is given -ltorch; the real one would bring libtorch_cuda in.
    gcc -shared -o "$lib/libtorch.so" -x c /dev/null -Wl,-soname,libtorch.so
else
    mv "$work"/unpacked/torch/lib/*.so* "$lib/"
    # Side by side, where the libraries' own search path ($ORIGIN) finds them.
    find "$work/unpacked/nvidia" "$work/unpacked/cusparselt" "$work/unpacked/triton" \
        -name '*.so*' -type f -exec mv {} "$lib/" \; 2>/dev/null || true
fi
echo 2.9.0 >"$work/libtorch/build-version"
touch "$work/libtorch/$(basename "$done_mark")"
rm -rf .libtorch
mv "$work/libtorch" .libtorch
echo "LibTorch 2.9.0 ($kind) is in .libtorch; now: cargo build --release --features tch"
