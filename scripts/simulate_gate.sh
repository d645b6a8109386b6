#!/bin/sh
# Simulates the gate of `hdbench regress` with 1, 10, 100 and 300 lines: false alarms, detection, cases needed. Prints
# the tables of docs/gate.md and fails where false alarms are above the level. Seven minutes of CPU time; the first
# number is that of the made-up lines behind a row of false alarms, the second that of the gates behind a cell of
# detection: scripts/simulate_gate.sh 60000 200.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --quiet --example gate_simulation
exec cargo run --release --quiet --example gate_simulation -- "$@"
