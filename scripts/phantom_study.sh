#!/usr/bin/env bash
# The sample study of reports/sample: all seven networks in three replicates on 108 CT phantoms of 128 x 128
# (81 to train, 27 to test), wider and trained longer than the demo's: `scripts/phantom_study.sh [OUT]`
# (default: runs/phantoms). About an hour on two cores; started again it goes on.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-runs/phantoms}
hdbench=${HDBENCH:-}
if [ -z "$hdbench" ]; then
    cargo build --release --quiet
    target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
    hdbench=$target/release/hdbench
fi
mkdir -p "$out"
if [ ! -d "$out/data" ]; then
    rm -rf "$out/data.part"
    "$hdbench" datasets synth --cases 108 --seed 1 --out "$out/data.part"
    mv "$out/data.part" "$out/data"
fi
"$hdbench" ablation --data "$out/data" --out "$out/study" --seeds 3 \
    --set 'dense_2d={stem=20,growth=12,blocks=[2,4,6,4],decoder=[70,44,20,20,16]}' \
    --set 'dense_3d={stem=16,growth=8,blocks=[2,3,4,3],decoder=[50,40,32,16,16]}' \
    --set 'unet=[12,24,40,64,64]' --set 'residual=[14,28,40,64,64]' --set 'coarse=[8,12,16,24,24]' \
    --set iterations=6000 --set coarse_iterations=1000 \
    --set encoder_cases=100 --set encoder_iterations=4000 "${@:2}"
# The sample: the page without pictures, the tables, and the plots as they are drawn.
if [ -f "$out/study/report/report.md" ]; then
    "$hdbench" report "$out/study" --without-pictures
    sample=reports/sample
    mkdir -p "$sample/tables" "$sample/plots"
    cp "$out/study/report/index.html" "$out/study/report/report.md" "$sample"
    cp "$out"/study/report/tables/*.md "$out"/study/report/tables/*.csv "$sample/tables"
    cp "$out"/study/report/plots/*.svg "$sample/plots"
fi
