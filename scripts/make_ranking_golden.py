#!/usr/bin/env python3
"""Writes tests/data/statistics/challenger.json: the places that challengeR's own code gives to small made-up
competitions, for the tests of `analysis`. Needs Rscript with plyr, dplyr, purrr, tidyr and reshape2
(Debian: r-base-core r-cran-plyr r-cran-dplyr r-cran-purrr r-cran-tidyr r-cran-reshape2).

    git clone https://github.com/wiesenfa/challengeR /tmp/challengeR
    python3 scripts/make_ranking_golden.py /tmp/challengeR
"""

import csv
import io
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "tests" / "data" / "statistics" / "challenger.json"

# The task's name, cases, decimals of the values, and whether some are missing. With more than 50 differences both
# sides take the signed-rank statistic as normal.
TASKS = [("plain", 60, 6, False), ("ties", 70, 2, False), ("gaps", 64, 6, True)]
ALGORITHMS = {"A": 0.03, "B": 0.02, "C": 0.0, "D": -0.01, "E": -0.08}

PROGRAM = r"""
args <- commandArgs(TRUE)
suppressMessages({library(plyr); library(dplyr); library(purrr); library(tidyr)})
for (f in list.files(file.path(args[1], "R"), full.names = TRUE)) try(source(f), silent = TRUE)
all <- read.csv(args[2])
methods <- c("mean-then-rank", "median-then-rank", "rank-then-mean", "rank-then-median", "test-then-rank")
for (task in unique(all$task)) for (smaller in c(FALSE, TRUE)) for (m in methods) {
  data <- all[all$task == task, ]
  worst <- if (smaller) max(data$value, na.rm = TRUE) else min(data$value, na.rm = TRUE)
  challenge <- as.challenge(data, by = "task", algorithm = "algorithm", case = "case", value = "value",
                            smallBetter = smaller)
  ranked <- switch(m,
    "mean-then-rank" = aggregateThenRank(challenge, FUN = mean, na.treat = worst, ties.method = "min"),
    "median-then-rank" = aggregateThenRank(challenge, FUN = median, na.treat = worst, ties.method = "min"),
    "rank-then-mean" = rankThenAggregate(challenge, FUN = mean, ties.method = "min"),
    "rank-then-median" = rankThenAggregate(challenge, FUN = median, ties.method = "min"),
    "test-then-rank" = testThenRank(challenge, alpha = 0.05, p.adjust.method = "holm", na.treat = worst,
                                    ties.method = "min"))
  found <- ranked$matlist[[task]]
  for (a in rownames(found)) cat("PLACE", task, smaller, m, a, found[a, "rank"], "\n", sep = ",")
}
"""


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rng = random.Random(20261126)
    tasks = {}
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["task", "algorithm", "case", "value"])
    for name, cases, decimals, gaps in TASKS:
        values = []
        for case in range(cases):
            base = rng.betavariate(6, 3)
            row = {}
            for algorithm, shift in ALGORITHMS.items():
                value = round(min(1, max(0, base + shift + rng.gauss(0, 0.06))), decimals)
                row[algorithm] = None if gaps and case % 16 == 3 and algorithm in "BE" else value
                rows.writerow([name, algorithm, case + 1, "NA" if row[algorithm] is None else row[algorithm]])
            values.append(list(row.values()))
        tasks[name] = {"values": values, "places": {"larger": {}, "smaller": {}}}
    with tempfile.TemporaryDirectory() as folder:
        program, data = Path(folder) / "rank.R", Path(folder) / "data.csv"
        program.write_text(PROGRAM)
        data.write_text(text.getvalue())
        made = subprocess.run(["Rscript", str(program), sys.argv[1], str(data)], capture_output=True, text=True)
    if made.returncode != 0:
        sys.exit(made.stderr)
    for line in made.stdout.splitlines():
        if line.startswith("PLACE,"):
            _, task, smaller, method, algorithm, place, *_ = line.split(",")
            direction = "smaller" if smaller == "TRUE" else "larger"
            places = tasks[task]["places"][direction].setdefault(method, {})
            places[algorithm] = int(float(place))
    for task in tasks.values():
        for methods in task["places"].values():
            for method, places in methods.items():
                methods[method] = [places[algorithm] for algorithm in ALGORITHMS]
            assert len(methods) == 5, methods
    OUT.write_text(json.dumps(tasks, separators=(",", ":")) + "\n")
    print(f"{OUT.name}: {len(tasks)} tasks")


if __name__ == "__main__":
    main()
