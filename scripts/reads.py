#!/usr/bin/env python3
"""How often a study opens each of its input files, and how many bytes of it are read.

    python3 scripts/reads.py --data DIR [-- ARGUMENTS OF hdbench ablation]

Runs `hdbench ablation --data DIR` into a temporary folder under strace, all of its processes, and prints for every
NIfTI file of the data set how often it was opened and how many times its bytes were read; then the sums by kind of
file. Ends with 1 where a file is read more than `--most` times its size and a MB for its header (default 2: once for
its hash and once to be decoded). Needs strace; the binary is that of
`HDBENCH`, or built.
"""

import argparse
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def binary():
    if "HDBENCH" in os.environ:
        return os.environ["HDBENCH"]
    subprocess.run(["cargo", "build", "--release"], cwd=ROOT, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    return str(Path(target) / "release" / "hdbench")


CALL = re.compile(r"^(\d+)\s+(\w+)\((.*)\)\s+= (-?\d+)")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Reads:
    """What strace saw, by file of the data set."""

    def __init__(self, data):
        self.data = str(data)
        self.opened = collections.Counter()
        self.bytes = collections.Counter()

    def line(self, line):
        # `<... read resumed>` of another thread: put back together by strace's own -f -y lines.
        found = CALL.match(line)
        if not found:
            return
        _, call, arguments, result = found.groups()
        result = int(result)
        if result < 0:
            return
        if call in ("openat", "open"):
            name = QUOTED.search(arguments)
            if name and name.group(1).startswith(self.data) and os.path.isfile(name.group(1)):
                self.opened[name.group(1)] += 1
            return
        # With -y a descriptor names its file: `5</data/volume-0.nii>`.
        at = re.match(r"\d+<([^>]*)>", arguments)
        if at and at.group(1).startswith(self.data) and call in ("read", "pread64", "readv", "preadv"):
            self.bytes[at.group(1)] += result


def trace(command, data, folder):
    log = folder / "strace"
    subprocess.run(
        ["strace", "-f", "-ff", "-y", "-o", str(log), "-e", "trace=openat,open,read,pread64,readv,preadv", *command],
        check=False, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )
    reads = Reads(data)
    for path in sorted(folder.glob("strace.*")):
        # A file a thread: no call is cut in two.
        pid = path.suffix[1:]
        with open(path, errors="replace") as lines:
            for line in lines:
                reads.line(f"{pid} {line}")
    return reads


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--most", type=float, default=2.0, help="times its size that a file may be read")
    arguments.add_argument("more", nargs="*")
    asked = arguments.parse_args()
    if not shutil.which("strace"):
        sys.exit("strace is not there: apt-get install strace")
    data = asked.data.resolve()
    with tempfile.TemporaryDirectory() as folder:
        command = [binary(), "ablation", "--data", str(data), "--out", "run", *asked.more]
        reads = trace(command, data, Path(folder))
        if not (Path(folder) / "run/report/index.html").is_file():
            sys.exit("the study did not end with a report")
    kinds = collections.defaultdict(lambda: [0, 0, 0, 0])
    worst = 0
    print(f"{'file':<60} {'opened':>7} {'size MB':>8} {'read MB':>8} {'times':>6}")
    for name in sorted(set(reads.opened) | set(reads.bytes)):
        size, read = os.path.getsize(name), reads.bytes[name]
        times = read / size if size else 0
        worst = max(worst, (read - 1e6) / size if size else 0)
        short = os.path.relpath(name, data)
        kind = "labels" if re.search(r"segmentation|MASKS|labelsTr", short) else "CT"
        if name.endswith((".nii", ".gz")):
            print(f"{short:<60} {reads.opened[name]:>7} {size / 1e6:>8.2f} {read / 1e6:>8.2f} {times:>6.2f}")
        for place, value in enumerate((1, reads.opened[name], size, read)):
            kinds[kind][place] += value
    for kind, (files, opened, size, read) in sorted(kinds.items()):
        print(f"{kind}: {files} files, opened {opened / files:.2f} times each, read {read / max(size, 1):.2f} times")
    if worst > asked.most:
        sys.exit(f"a file was read {worst:.2f} times its size, more than {asked.most}")


if __name__ == "__main__":
    main()
