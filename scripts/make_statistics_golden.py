#!/usr/bin/env python3
"""Writes tests/data/statistics/golden.json: what scipy and statsmodels make of small samples, for the tests of
`analysis`. Installs both from PyPI into an environment of its own.

    python3 scripts/make_statistics_golden.py
"""

import json
import subprocess
from pathlib import Path

import environment

PACKAGES = ["numpy==2.4.6", "scipy==1.17.1", "statsmodels==0.14.6"]
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

print(json.dumps({"scipy": stats.__name__ and __import__("scipy").__version__, "bca": bca, "wilcoxon": wilcoxon,
                  "holm": holm, "kendall": kendall, "quantile": quantile}))
"""


def main():
    python = environment.python("statistics", PACKAGES)
    told = subprocess.run([python, "-c", PROGRAM], check=True, capture_output=True, text=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(json.loads(told.stdout), separators=(",", ":")) + "\n")
    print(f"{OUT.relative_to(Path.cwd())}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
