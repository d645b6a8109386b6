#!/bin/sh
# Kills with the release build. scripts/kill_test.py: a tiny study of all networks, SIGKILL at 30 random moments, every byte
# compared with one that was let alone; arguments are handed on. scripts/kill_points.py: SIGKILL at every rename, removal and
# flush to disk of a cell, by strace, which is installed where that is possible. Ten minutes on two cores, the build not
# counted; with HDBENCH_KILL_TURN=N only a third of these, another one for each N: what .ci/run does, commit by commit.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --quiet --locked
target=$(cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
python3 scripts/kill_test.py "$target/release/hdbench" "$@"
if ! command -v strace >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update && apt-get install -y --no-install-recommends strace; } >/dev/null 2>&1 || true
fi
python3 scripts/kill_points.py "$target/release/hdbench" ${HDBENCH_KILL_TURN:+--every 3 --from "$HDBENCH_KILL_TURN"} || [ $? = 77 ]
