#!/bin/sh
# Simulates the gate of `hdbench regress`: false alarms, detection, cases needed. Prints the tables of
# docs/gate.md and fails where false alarms are above the level. Half an hour of CPU time with 4000
# gates a cell; fewer may be asked for: scripts/simulate_gate.sh 500.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --quiet --example gate_simulation
exec cargo run --release --quiet --example gate_simulation -- "$@"
