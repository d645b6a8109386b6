#!/usr/bin/env python3
"""What the harness costs over a bare command: the same program on the same CTs, started one after the other by this script, and
as a row of a study, in turn. What the study adds is laying the CT out, watching processes and memory, reading and
checking each output on the CT's grid, and the records; scores are left out, since a bare command has none.

    python3 scripts/bench_algorithm.py HDBENCH [seconds]

HDBENCH is the binary. The program computes for SECONDS (default 8) of processor time a case and writes a label map; six CTs of
256 x 256. Exits with 1 above 2 %.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = """
import shutil, sys, time
source, case, out, seconds = sys.argv[1:]
open(source, "rb").read()
end = time.process_time() + float(seconds)
while time.process_time() < end:
    sum(range(10000))
shutil.copy(f"{sys.path[0]}/answers/{case}.nii.gz", out)
"""
ROUNDS, MOST = 3, 2.0


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary = str(Path(sys.argv[1]).resolve())
    seconds = sys.argv[2] if len(sys.argv) > 2 else "8"
    quiet = {"check": True, "capture_output": True}
    with tempfile.TemporaryDirectory(prefix="hdbench-overhead-") as place:
        folder = Path(place)
        data = folder / "phantoms"
        subprocess.run([binary, "datasets", "synth", "--layout", "lits", "--cases", "24", "--seed", "1", "--matrix", "256",
                        "--out", str(data)], **quiet)
        (folder / "program.py").write_text(PROGRAM)
        (folder / "answers").mkdir()
        for path in data.glob("segmentation-*"):
            (folder / "answers" / path.name.replace("segmentation", "volume")).write_bytes(path.read_bytes())
        rows = "".join(f"""
[algorithm.{name}]
run = ["{sys.executable}", "{folder}/program.py", "{{input}}/{{case}}.nii.gz", "{{case}}", "{{output}}/{{case}}.nii.gz", "{took}"]
per = "case"
trained_on = "nothing"
""" for name, took in [("first", "0"), *((f"round{i}", seconds) for i in range(ROUNDS))])
        (folder / "rows.toml").write_text(rows)
        run = folder / "run"
        # The cache, and the cases that are tested.
        subprocess.run([binary, "ablation", "--data", str(data), "--no-variants", "--algorithms", str(folder / "rows.toml"),
                        "--out", str(run), "--only", "first/*"], **quiet)
        cases = sorted(path.name[:-7] for path in (run / "first/fold_0/seed_0/predictions").glob("*.nii.gz"))
        print(f"{len(cases)} cases, {seconds} s of processor time each")
        print("| round | bare command, s | row of a study, s | overhead |")
        print("| ---: | ---: | ---: | ---: |")
        all_bare = all_row = 0.0
        for i in range(ROUNDS):
            began = time.monotonic()
            for case in cases:
                subprocess.run([sys.executable, str(folder / "program.py"), str(data / f"{case}.nii.gz"), case,
                                str(folder / "out.nii.gz"), seconds], check=True)
            bare = time.monotonic() - began
            began = time.monotonic()
            subprocess.run([binary, "cell", "run", str(run), f"round{i}/fold_0/seed_0"], **quiet)
            row = time.monotonic() - began
            stages = json.loads((run / f"round{i}/fold_0/seed_0/state.json").read_text())["stages"]
            row -= stages["score"]["seconds"]
            print(f"| {i + 1} | {bare:.2f} | {row:.2f} | {100 * (row / bare - 1):.2f} % |")
            all_bare, all_row = all_bare + bare, all_row + row
        over = 100 * (all_row / all_bare - 1)
        print(f"together: {over:.2f} %")
        sys.exit(over > MOST)


if __name__ == "__main__":
    main()
