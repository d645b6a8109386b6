#!/bin/sh
# A RUSTC_WRAPPER: counts coverage in hdbench and in the targets of this crate, and compiles all else as ever.
rustc=$1
shift
before=
crate=
for word; do
    [ "$before" = --crate-name ] && crate=$word
    before=$word
done
case $crate in
    hdbench | hdbench_* | handed_over | *_json | *_toml | *_yaml)
        exec "$rustc" "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
            -Cllvm-args=-sanitizer-coverage-trace-compares ;;
esac
exec "$rustc" "$@"
