#!/bin/sh
# Scores a submission; further flags of `hdbench evaluate`, such as --structures, go into the last line.
set -eu
cd "$(dirname "$0")"
# Archives are unpacked without the right to run.
chmod +x hdbench
exec ./hdbench evaluate --layout codabench "$@"
