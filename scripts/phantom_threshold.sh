#!/bin/sh
# What thresholding and the largest component score on the default set of phantoms, for three
# seeds; fails where a set would be no task for a network (liver 0.80, lesion 0.30 Dice).
set -eu
cd "$(dirname "$0")/.."
cargo build --release --quiet --example phantom_threshold
for seed in ${*:-1 2 3}; do
    cargo run --release --quiet --example phantom_threshold -- "$seed"
done
