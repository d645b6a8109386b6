#!/bin/sh
# How often the intervals of means and medians hold the true value, over made-up cases shaped like Dice, HD95 and lesion
# recall: the table of docs/statistics.md. The number is that of the studies behind a row:
# scripts/simulate_intervals.sh 20000.
set -eu
cd "$(dirname "$0")/.."
exec cargo run --release --quiet -p hdbench-stats --example interval_coverage -- "$@"
