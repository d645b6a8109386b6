#!/bin/bash
# Fuzzes the readers of other people's files, every target for SECONDS (default 60), and prints a
# summary; the logs stay in artifacts/ beside the targets. Ends with 1 if a target found something.
#
#     scripts/fuzz.sh [SECONDS] [TARGET...]
#
# Needs a C++ compiler (libFuzzer). Targets of crates/hdbench-volume/fuzz are built by cargo-fuzz, which is installed
# where it is missing; the pinned toolchain is a stable one, so the sanitizer flags are unlocked by RUSTC_BOOTSTRAP.
# Those of fuzz/ take the whole library, without a sanitizer, and are built by cargo alone.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
volume=crates/hdbench-volume/fuzz

CARGO_FUZZ=0.13.2
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] ||
    mapfile -t targets < <(ls -- $volume/fuzz_targets/*.rs fuzz/fuzz_targets/*.rs | sed 's/.*\///; s/\.rs$//')

is_text() { [ -f "$root/fuzz/fuzz_targets/$1.rs" ]; }
for target in "${targets[@]}"; do
    is_text "$target" || command -v cargo-fuzz >/dev/null ||
        cargo install --locked cargo-fuzz --version "$CARGO_FUZZ"
done
# Apart from every other build: what is instrumented bears the same name as what is not.
text_target=${HDBENCH_FUZZ_TARGET:-$root/fuzz/target}
build() {
    if is_text "$1"; then
        # The versions that hdbench itself is locked to; cargo adds libFuzzer.
        cp ../Cargo.lock Cargo.lock
        RUSTC_WRAPPER=$PWD/instrument.sh cargo build --release \
            --target-dir "$text_target" --bin "$1"
    else
        RUSTC_BOOTSTRAP=1 cargo fuzz build --fuzz-dir . "$1"
    fi
}
run() {
    if is_text "$1"; then
        "$text_target/release/$1" "${folders[@]}" "${options[@]}" -artifact_prefix="artifacts/$1/"
    else
        RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir . "$1" "${folders[@]}" -- "${options[@]}"
    fi
}
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
    if is_text "$target"; then cd "$root/fuzz"; else cd "$root/$volume"; fi
    build "$target"
    mkdir -p "corpus/$target" "artifacts/$target"
    log=artifacts/$target.log
    folders=("corpus/$target")
    # The formats with a text header share one folder of files.
    formats=
    [ "$target" = metaimage_nrrd ] && formats="$root/tests/data/volume_formats"
    for more in "seeds/$target" "$root/tests/data/$target" "$root/tests/data/${target}_cases" $formats; do
        [ -d "$more" ] && folders+=("$more")
    done
    options=(-max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1)
    [ -f "$target.dict" ] && options+=(-dict="$target.dict")
    outcome='nothing found'
    if ! run "$target" >"$log" 2>&1; then
        status=1
        outcome="**FOUND**: see ${PWD#"$root"/}/$log"
        tail -n 40 "$log" >&2
    fi
    statistic() { awk -v key="stat::$1:" '$1 == key { print $2 }' "$log" | tail -n 1; }
    counted() { grep -oE "$1: [0-9]+" "$log" | tail -n 1 | grep -oE '[0-9]+' || true; }
    summary+="\n| $target | $seconds | $(statistic number_of_executed_units) | $(statistic average_exec_per_sec) | $(counted cov) | $(counted ft) | $(counted corp) | $(statistic peak_rss_mb) | $outcome |"
done
printf "$summary\n"
exit $status
