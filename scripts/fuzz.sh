#!/bin/bash
# Fuzzes the readers of other people's files, every target for SECONDS (default 60), and prints a
# summary; the logs stay in fuzz/artifacts/. Ends with 1 if a target found something.
#
#     scripts/fuzz.sh [SECONDS] [TARGET...]
#
# Needs a C++ compiler (libFuzzer). The pinned toolchain is a stable one, so the sanitizer flags are
# unlocked by RUSTC_BOOTSTRAP; cargo-fuzz is installed where it is missing.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

CARGO_FUZZ=0.13.2
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cd fuzz_targets && ls -- *.rs | sed 's/\.rs$//')

command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz --version "$CARGO_FUZZ"
export RUSTC_BOOTSTRAP=1
# Every input becomes a file; in memory where there is a file system for that.
if [ -d /dev/shm ] && [ -w /dev/shm ]; then memory=/dev/shm; else memory=${TMPDIR:-/tmp}; fi
TMPDIR=$(mktemp -d -p "$memory" hdbench-fuzz-XXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
# The readers allocate and drop a large buffer for each input: a short quarantine keeps that cheap.
export ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=16}

status=0
summary='| target | seconds | executions | a second | edges | features | inputs | peak MB | outcome |\n|---|---|---|---|---|---|---|---|---|'
for target in "${targets[@]}"; do
    cargo fuzz build --fuzz-dir . "$target"
    mkdir -p "corpus/$target" "artifacts/$target"
    log=artifacts/$target.log
    folders=("corpus/$target")
    for more in "seeds/$target" "../tests/data/$target"; do
        [ -d "$more" ] && folders+=("$more")
    done
    options=(-max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1)
    [ -f "$target.dict" ] && options+=(-dict="$target.dict")
    outcome='nothing found'
    if ! cargo fuzz run --fuzz-dir . "$target" "${folders[@]}" -- "${options[@]}" >"$log" 2>&1; then
        status=1
        outcome="**FOUND**: see fuzz/$log"
        tail -n 40 "$log" >&2
    fi
    statistic() { awk -v key="stat::$1:" '$1 == key { print $2 }' "$log" | tail -n 1; }
    counted() { grep -oE "$1: [0-9]+" "$log" | tail -n 1 | grep -oE '[0-9]+' || true; }
    summary+="\n| $target | $seconds | $(statistic number_of_executed_units) | $(statistic average_exec_per_sec) | $(counted cov) | $(counted ft) | $(counted corp) | $(statistic peak_rss_mb) | $outcome |"
done
printf "$summary\n"
exit $status
