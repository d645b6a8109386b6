#!/usr/bin/env python3
"""A submission to the LiTS challenge from start to end, on phantoms: 70 test cases of mixed size, predicted by
a demo model, packed, verified by another program, killed on the way and made again.

    python3 scripts/submission_demo.py [--model RUN] [--keep DIR]

Trains the demo's H-DenseUNet first (`hdbench ablation --variant hdenseunet`), unless --model names a study
that has one. Prints the promises; exits with 1 where one is broken. Fifteen minutes on two idle cores; installs
nibabel from PyPI into an environment of its own.
"""

import argparse
import csv
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import environment
from demo import built, told
from verify_submission import PACKAGES

HERE = pathlib.Path(__file__).resolve().parent
CASES = 70
# Pixels a side and how many cases of each; 512 is life size.
SIZES = [(96, 20), (160, 17), (128, 30), (256, 2), (512, 1)]
# As in the real set: one file whose second and third axis are swapped, which its header does not say.
SWAPPED = 59
# Cut along the wrong axis, its liver would not be found at all.
SWAPPED_LIVER = 0.5

SWAP = """
import sys, nibabel, numpy
for path in sys.argv[1:]:
    image = nibabel.load(path)
    voxels = numpy.ascontiguousarray(numpy.swapaxes(numpy.asarray(image.dataobj), 1, 2))
    affine, zooms = image.affine.copy(), image.header.get_zooms()
    header = image.header.copy()
    swapped = nibabel.Nifti1Image(voxels, affine, header)
    swapped.header.set_zooms((zooms[0], zooms[2], zooms[1]))
    nibabel.save(swapped, path)
"""


def run(binary, *arguments, expect=0):
    finished = subprocess.run([str(binary), *map(str, arguments)], capture_output=True, text=True)
    if finished.returncode != expect:
        sys.exit(f"error: hdbench {' '.join(map(str, arguments))}\nexit code {finished.returncode}\n{finished.stderr}")
    return finished


def make_cases(binary, python, folder):
    """`test/test-volume-N` without labels, `references/segmentation-N`."""
    test, references = folder / "test", folder / "references"
    test.mkdir()
    references.mkdir()
    number = 0
    for matrix, count in SIZES:
        made = folder / f"made-{matrix}"
        run(binary, "datasets", "synth", "--cases", count, "--matrix", matrix, "--seed", 1000 + matrix, "--out", made)
        for case in range(count):
            shutil.move(made / f"volume-{case}.nii.gz", test / f"test-volume-{number}.nii.gz")
            shutil.move(made / f"segmentation-{case}.nii.gz", references / f"segmentation-{number}.nii.gz")
            number += 1
        shutil.rmtree(made)
    assert number == CASES
    swapped = [test / f"test-volume-{SWAPPED}.nii.gz", references / f"segmentation-{SWAPPED}.nii.gz"]
    subprocess.run([python, "-c", SWAP, *map(str, swapped)], check=True)
    return test, references


def killed(binary, arguments, predictions):
    """Starts, kills without mercy once some cases are predicted, and says how many were."""
    with open(os.devnull, "w") as null:
        process = subprocess.Popen([str(binary), *map(str, arguments)], stdout=null, stderr=null)
    while process.poll() is None and len(list(predictions.glob("*.nii.gz"))) < 5:
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    record = predictions / "made.json"
    return len(json.loads(record.read_text())["cases"]) if record.exists() else 0


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check(chosen, binary, python, folder):
    model = chosen.model or folder / "run"
    if not chosen.model:
        print("training the demo's H-DenseUNet", flush=True)
        run(binary, "ablation", "--variant", "hdenseunet", "--out", model)
    print(f"making {CASES} test volumes", flush=True)
    test, references = make_cases(binary, python, folder)
    out, predictions = folder / "lits.zip", folder / "lits-predictions"
    arguments = ["submit-lits", "--model", model, "--test", test, "--out", out, "--score", references, "--json"]
    print("predicting, killing, going on", flush=True)
    before_kill = killed(binary, arguments, predictions)
    half = out.exists()
    stamps = {file: file.stat().st_mtime_ns for file in predictions.glob("*.nii.gz")}
    began = time.monotonic()
    first = json.loads(run(binary, *arguments).stdout)
    seconds = time.monotonic() - began
    kept = [file.stat().st_mtime_ns == stamp for file, stamp in sorted(stamps.items())][:before_kill]
    verify = [python, HERE / "verify_submission.py"]
    verified = subprocess.run([*verify, out, test], capture_output=True, text=True)
    print(verified.stdout + verified.stderr, end="")
    broken = folder / "broken.zip"
    broken.write_bytes(out.read_bytes()[:-100])
    refused = subprocess.run([*verify, broken, test], capture_output=True, text=True)
    bytes_before = digest(out)
    out.unlink()
    began = time.monotonic()
    second = json.loads(run(binary, *arguments).stdout)
    again = time.monotonic() - began
    repacked = folder / "repacked.zip"
    run(binary, "submit-lits", "--from", predictions, "--test", test, "--out", repacked, "--jobs", 1)
    run(binary, "submit-lits", "check", out, "--test", test)
    with open(folder / "lits-scores" / "cases.csv", newline="") as table:
        dice = {row["case"]: float(row["liver_dice"]) for row in csv.DictReader(table)}
    swapped = dice[f"volume-{SWAPPED}"]
    official = dict(line.split(": ") for line in (folder / "lits-scores" / "scores.txt").read_text().splitlines())
    print(f"liver Dice per case {official['liver_dice_per_case']}, lesion {official['lesion_dice_per_case']}; "
          f"{first['predicted']['made']} predictions in {seconds:.0f} s, a second start {again:.1f} s")
    return told([
        (f"a kill after {before_kill} cases leaves no archive", not half),
        (f"no case is predicted twice: {sum(kept)} of {before_kill} are those from before",
         before_kill >= 4 and all(kept) and first["predicted"]["kept"] == before_kill),
        (f"the archive has {CASES} segmentations and every binding rule is kept",
         first["after"]["entries"] == CASES and first["after"]["status"] != "failed"),
        ("an independent program that follows the challenge's guide takes it", verified.returncode == 0),
        ("and refuses a truncated copy", refused.returncode == 1),
        ("a second start predicts nothing", second["predicted"]["made"] == 0),
        ("and writes the same bytes", digest(out) == bytes_before),
        ("so does packing the predictions on one core", digest(repacked) == bytes_before),
        ("scores.txt has the 24 lines of the official scorer", len(official) == 24),
        (f"the volume with swapped axes has a liver Dice of {swapped:.2f}, above {SWAPPED_LIVER}", swapped > SWAPPED_LIVER),
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, metavar="RUN", help="a study with a trained H-DenseUNet")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR", help="work here, and leave everything there")
    chosen = parser.parse_args()
    binary = built()
    python = environment.python("submission", PACKAGES)
    folder = chosen.keep or pathlib.Path(tempfile.mkdtemp(prefix="hdbench-submission-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        kept = check(chosen, binary, python, folder)
    finally:
        if not chosen.keep:
            shutil.rmtree(folder)
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
