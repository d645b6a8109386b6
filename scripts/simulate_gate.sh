#!/bin/sh
# Simulates the gate of `hdbench regress`: false alarms, detection, cases needed. Prints the tables of
# docs/gate.md and fails where false alarms are above the level. About 5 minutes on two cores; the
# number of gates a cell may be given.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --quiet --example gate_simulation
exec cargo run --release --quiet --example gate_simulation -- "$@"
