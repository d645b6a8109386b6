#!/usr/bin/env python3
"""Writes tests/data/statistics/golden.json: what scipy, statsmodels and scikit-posthocs make of small samples,
for the tests of `analysis`. Installs them from PyPI into an environment of its own.

    python3 scripts/make_statistics_golden.py
"""

import json
import subprocess
from pathlib import Path

import environment

PACKAGES = ["numpy==2.4.6", "scipy==1.17.1", "statsmodels==0.14.6", "scikit-posthocs==0.11.4"]
OUT = Path(__file__).resolve().parent.parent / "tests" / "data" / "statistics" / "golden.json"

PROGRAM = """
import json, warnings
import numpy
from scipy import stats
from statsmodels.stats.multitest import multipletests

warnings.simplefilter("ignore")
rng = numpy.random.default_rng(20261126)
dice = lambda n: numpy.clip(rng.beta(6, 2, n), 0, 1).round(4)
bca = []
for n in (5, 9, 20, 70):
    data = dice(n)
    if n == 20:
        data[:6] = 0.0
    found = stats.bootstrap((data,), numpy.mean, n_resamples=499, confidence_level=0.95, method="BCa", rng=rng)
    bca.append({"data": data.tolist(), "distribution": found.bootstrap_distribution.tolist(),
                "low": float(found.confidence_interval.low), "high": float(found.confidence_interval.high)})

wilcoxon = []
def signed(name, d, **how):
    found = stats.wilcoxon(d, **how)
    wilcoxon.append({"name": name, "differences": [float(x) for x in d], "w": float(found.statistic), "p": float(found.pvalue)})

for n in (4, 6, 10, 18, 25):
    signed("exact", rng.normal(0.3, 1, n).round(5), method="exact")
for n in (40, 131):
    signed("normal", rng.normal(0.1, 1, n).round(5), method="asymptotic", correction=True)
signed("normal", rng.normal(0.1, 1, 80).round(1), method="asymptotic", correction=True)
every = stats.PermutationMethod(n_resamples=10**7)
for n in (5, 8, 12):
    signed("exact", rng.normal(0.4, 1, n).round(0) + 0.0, method=every)
signed("exact", [0.1, 0.2, 0.2, -0.1, 0.3, 0.3, 0.3, -0.2], method=every)

holm = []
for p in ([0.01, 0.04, 0.03, 0.005], [0.5], [0.2, 0.2, 0.9, 0.001, 0.02, 0.02], [0.03, 0.6, 0.6]):
    holm.append({"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()})

kendall = []
for a, b in [([1, 2, 3, 4, 5], [1, 3, 2, 5, 4]), ([1, 2, 2, 4], [1, 2, 3, 3]), ([3, 1, 2], [1, 2, 3]), ([1, 2, 3], [1, 2, 3])]:
    kendall.append({"a": a, "b": b, "tau": float(stats.kendalltau(a, b).statistic)})

quantile = []
for n in (1, 2, 5, 8):
    data = dice(n)
    quantile.append({"data": data.tolist(), "at": [0.025, 0.25, 0.5, 0.9],
                     "values": numpy.quantile(data, [0.025, 0.25, 0.5, 0.9]).tolist()})

# Claims Reloaded's formula from both algorithms' own values; the cases needed one by one.
claims = []
def false(n, difference, spread):
    return float(stats.t.cdf(-numpy.sqrt(n) * difference / spread, n - 1))
def claimed(a, b):
    a, b = numpy.asarray(a), numpy.asarray(b)
    r = numpy.corrcoef(a, b)[0, 1]
    spread = numpy.sqrt(a.var(ddof=1) + b.var(ddof=1) - 2 * a.std(ddof=1) * b.std(ddof=1) * r)
    difference = abs(a.mean() - b.mean())
    needed = next((n for n in range(2, 100_000) if false(n, difference, spread) <= 0.05), None)
    low, high = stats.t.interval(0.95, len(a) - 1, (a - b).mean(), stats.sem(a - b))
    claims.append({"a": a.tolist(), "b": b.tolist(), "false": false(len(a), difference, spread), "needed": needed,
                   "low": float(low), "high": float(high)})
# The example file of claims-reloaded.dkfz.de, as far as its page shows it.
claimed([0.9254, 0.6753, 0.8120, 0.9012], [0.8712, 0.7330, 0.7991, 0.8450])
claimed([0.9701, 0.8902, 0.9405, 0.9603], [0.9254, 0.6753, 0.8120, 0.9012])
for n, gain in ((3, 0.02), (15, 0.02), (40, 0.01), (131, 0.004)):
    hard = dice(n)
    claimed(numpy.clip(hard + gain + rng.normal(0, 0.05, n), 0, 1).round(4), hard)

# The percentile bootstrap of the median by so many draws that its ends stand.
medians = []
for n in (5, 7, 8, 15, 20, 41, 131):
    data = dice(n)
    if n == 20:
        data[:4] = 0.0
    found = stats.bootstrap((data,), numpy.median, n_resamples=200_000, confidence_level=0.95, method="percentile", rng=rng,
                            batch=10_000)
    medians.append({"data": data.tolist(), "low": float(found.confidence_interval.low),
                    "high": float(found.confidence_interval.high)})

import scikit_posthocs
friedman = []
for n, k, ties in ((9, 2, None), (9, 3, None), (20, 4, 1), (40, 7, None), (131, 12, 2)):
    values = rng.normal(0, 1, (n, k)) + numpy.linspace(0, 0.6, k)
    values = values if ties is None else values.round(ties - 1)
    ranks = numpy.array([stats.rankdata(-row) for row in values]).mean(axis=0)
    found = stats.friedmanchisquare(*values.T) if k > 2 else None
    range_at = stats.studentized_range.ppf(0.95, k, numpy.inf) / numpy.sqrt(2)
    friedman.append({"values": values.tolist(), "ranks": ranks.tolist(),
                     "statistic": None if found is None else float(found.statistic),
                     "p": None if found is None else float(found.pvalue),
                     "critical_difference": float(range_at * numpy.sqrt(k * (k + 1) / (6 * n))),
                     "pairs": scikit_posthocs.posthoc_nemenyi_friedman(values).to_numpy().tolist()})

kruskal = []
for sizes, ties in (((5, 7), None), ((10, 12, 9), 1), ((40, 31, 22, 4), None), ((6, 6, 6), 0)):
    groups = [rng.normal(0.4 * at, 1, n) for at, n in enumerate(sizes)]
    groups = [group.tolist() if ties is None else (group.round(ties) + 0.0).tolist() for group in groups]
    found = stats.kruskal(*groups)
    kruskal.append({"groups": groups, "statistic": float(found.statistic), "p": float(found.pvalue)})

print(json.dumps({"scipy": stats.__name__ and __import__("scipy").__version__, "bca": bca, "wilcoxon": wilcoxon,
                  "holm": holm, "kendall": kendall, "quantile": quantile, "claims": claims, "medians": medians,
                  "friedman": friedman, "kruskal": kruskal}))
"""


def main():
    python = environment.python("statistics", PACKAGES)
    told = subprocess.run([python, "-c", PROGRAM], check=True, capture_output=True, text=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(json.loads(told.stdout), separators=(",", ":")) + "\n")
    print(f"{OUT.relative_to(Path.cwd())}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
