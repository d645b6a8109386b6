#!/bin/sh
# Makes bundle.zip, which Codabench takes under "Benchmarks / Management / Upload".
#
#     sh build.sh REFERENCES LOGO.png [HDBENCH]
#
# REFERENCES: a folder with the references' label maps, a dataset.json beside them where they are no liver and tumour.
# HDBENCH: a binary for Linux (default: the one on PATH); it travels in the scoring program.
set -eu
if [ $# -lt 2 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
references=$(cd "$1" && pwd)
logo=$(realpath "$2")
binary=$(realpath "${3:-$(command -v hdbench)}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/scoring_program/metadata.yaml" "$here/scoring_program/score.sh" "$work"
cp "$binary" "$work/hdbench"
(cd "$work" && zip -q scoring_program.zip metadata.yaml score.sh hdbench)
(cd "$references" && zip -qr "$work/reference_data.zip" .)
cp "$here/competition.yaml" "$here/overview.md" "$here/terms.md" "$work"
cp "$logo" "$work/logo.png"
rm -f bundle.zip
(cd "$work" && zip -q bundle.zip competition.yaml overview.md terms.md logo.png scoring_program.zip reference_data.zip)
mv "$work/bundle.zip" .
echo bundle.zip
