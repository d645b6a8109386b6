#!/bin/sh
# Compiles every LaTeX fragment of a report, all in one document, with booktabs alone. Needs pdflatex (Debian:
# texlive-latex-recommended); without it nothing is checked and the script says so with exit code 77.
#
#     scripts/check_latex.sh runs/ablation-demo/report/tables [OUT.pdf]
set -eu
tables=$(cd "$1" && pwd)
out=${2:-}
if ! command -v pdflatex >/dev/null; then
    echo "no pdflatex here: nothing was checked" >&2
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
    # printf: some shells' echo reads \b as a backspace.
    printf '%s\n' '\documentclass{article}' '\usepackage[a4paper,landscape,margin=12mm]{geometry}' \
        '\usepackage{booktabs}' '\begin{document}'
    count=0
    for table in "$tables"/*.tex; do
        printf '\\input{%s}\\clearpage\n' "$table"
        count=$((count + 1))
    done
    printf '%s\n' '\end{document}'
    [ "$count" -gt 0 ] || { echo "no .tex in $tables" >&2; exit 1; }
} >"$work/all.tex"
if ! (cd "$work" && pdflatex -interaction=nonstopmode -halt-on-error all.tex >all.out); then
    grep -A6 '^!' "$work/all.out" >&2 || tail -20 "$work/all.out" >&2
    exit 1
fi
grep -c '\\input' "$work/all.tex" | sed 's/$/ tables compiled/'
# How far lines stick out is a matter of taste up to a point.
grep 'Overfull' "$work/all.out" | sort | uniq -c | head -10 || true
if [ -n "$out" ]; then
    cp "$work/all.pdf" "$out"
fi
