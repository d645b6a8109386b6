#!/bin/sh
# Builds the wheel of the Python module, installs it into an environment of its own, and runs its tests and the notebook
# of docs/ there.
#
#     scripts/python_tests.sh [ENVIRONMENT]
#
# HDBENCH_MODULE names the library of a module that was built before (target/release/lib_hdbench.so), which is tested in
# the place of a wheel.
# ENVIRONMENT is a folder that is made where it is missing (default: one that is removed at the end); an older one is
# used again, with the packages that it has. The packages that hdbench.compat stands in for are compared where they are
# installed: MedPy, surface-distance and the packages of tables always, MONAI and nnU-Net, which bring PyTorch, only with
# HDBENCH_HEAVY_PEERS=1 or in an environment that has them. HDBENCH_COMMAND names a built `hdbench` whose numbers are
# compared with the module's, HDBENCH_TEST_DATA the folder of golden pairs. Exits with 77 where PyPI cannot be reached.
set -eu
cd "$(dirname "$0")/.."
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
environment=${1:-$made/environment}
python=${PYTHON:-python3}
[ -x "$environment/bin/python" ] || "$python" -m venv "$environment"
pip() { "$environment/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }
if ! "$environment/bin/python" -m pip --disable-pip-version-check --quiet download --no-deps --dest "$made/reach" pytest; then
    echo "PyPI cannot be reached: the Python module is not tested"
    exit 77
fi
pip install 'maturin>=1.9.4,<2' mypy numpy pytest nibabel SimpleITK pandas polars pyarrow MedPy nbclient ipykernel
pip install --no-deps surface-distance-based-measures
if [ "${HDBENCH_HEAVY_PEERS:-}" = 1 ]; then
    pip install torch monai nnunetv2
fi
if [ -n "${HDBENCH_MODULE:-}" ]; then
    mkdir "$made/site"
    cp -r crates/hdbench-python/python/hdbench "$made/site/"
    cp "$HDBENCH_MODULE" "$made/site/hdbench/_hdbench.abi3.so"
    PYTHONPATH="$made/site"
    export PYTHONPATH
else
    PATH="$environment/bin:$PATH" "$environment/bin/maturin" build --release --locked --out "$made/wheels"
    ls -l "$made/wheels"
    pip install --force-reinstall --no-deps "$made"/wheels/hdbench-*.whl
fi
"$environment/bin/python" -m mypy --cache-dir "$made/types"
# From elsewhere, so that what is installed is tested and not what lies here.
here=$PWD
cd "$made"
"$environment/bin/python" -m pytest "$here/crates/hdbench-python/tests" -q -rs -p no:cacheprovider
"$environment/bin/python" "$here/scripts/notebook.py"
