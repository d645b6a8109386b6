#!/bin/sh
# The regression gate of this repository: trains two networks on generated phantoms, scores them and holds them against
# reports/baseline/ci.json. Exit codes are those of `hdbench regress`: 0 passed, 6 regressed, 7 not comparable.
# About 2 minutes on two cores, the build not counted.
#
#     scripts/ci-regression.sh            judge; outputs in runs/ci-regression/gate
#     scripts/ci-regression.sh --save     make what it finds the new baseline, and gate it against itself
set -eu
cd "$(dirname "$0")/.."
run=runs/ci-regression
policy=reports/baseline/policy.toml
cargo build --release --quiet --locked
hdbench() {
    cargo run --release --quiet --locked -- "$@"
}
# What an older version of the code left there says nothing about this one.
rm -rf "$run"
hdbench datasets synth --layout lits --cases 96 --seed 11 --out "$run/phantoms"
hdbench ablation --data "$run/phantoms" --variant unet --variant denseunet2d --out "$run/study"
if [ "${1:-}" = --save ]; then
    hdbench baseline save "$run/study" --name ci --policy "$policy" --replace
fi
github=
if [ -n "${GITHUB_ACTIONS:-}" ]; then
    github=--github
fi
# shellcheck disable=SC2086
exec cargo run --release --quiet --locked -- regress --baseline ci --current "$run/study" --policy "$policy" \
    --out "$run/gate" $github
