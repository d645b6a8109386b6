#!/usr/bin/env python3
"""Runs every `hdbench` command line of README.md and docs/ on small data: `scripts/try_docs.py [WORDS]`.

Each is run as it is printed, in a folder that has what it names: phantoms of 64 x 64 in place of LiTS and 3DIRCADb,
predictions and references made from them. Only this is changed: networks are those of scale demo and learn for a few
iterations (without data of its own U-Net alone), optional parts in brackets are left out, and what is written in capitals is given a name. Exits with 1 where a
command ends in another way than the text says. With WORDS only the commands that hold them are shown as failed or passed; all
run, since later ones use what earlier ones made. Needs Python's standard library alone; about four minutes on two
cores. HDBENCH names a binary that is built already.
"""

import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHORT = ["iterations=6", "encoder_cases=2", "encoder_iterations=2", "coarse_iterations=60", "patch=32", "depth=4"]
# Enough for a gate.
CASES = 8
TRAINING_VERBS = ("hdbench ablation", "hdbench crossval")
# What the text or the data here make of a command: its exit code, and why.
EXPECTED = {
    "--encoder-weights densenet161.pth": (3, "the file is not there"),
    "--device cuda:0-3": (2, "built without CUDA"),
    "--device wgpu": (2, "built without wgpu"),
    "--engine slurm": (2, "no Slurm here"),
    "--study runs/lits --ref": (4, "the study has predicted other cases than the archive"),
    "hdbench datasets audit LiTS 3Dircadb1.zip": (4, "the scans that both have"),
}
# Words in capitals, and what stands for them here.
NAMES = {
    "TRAIN TEST": "ircadb-a LiTS/test",
    "lits|nnunet": "nnunet",
    " DIR OUT": " LiTS/training converted",
    "--test DIR": "--test LiTS/test",
    "REFERENCES": "references",
}


def command_lines():
    """File, line number and text of every command."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r"(?: {4,}|- run: )?(hdbench |cargo run --release -- )(.*)", line)
            if found and not re.match(r"hdbench [a-z]+ (is|are|has|does|writes|takes) ", line.strip()):
                text = re.split(r"\s{2,}#", "hdbench " + found[2])[0].strip()
                yield path.relative_to(ROOT), number, text


def as_run(text):
    """The command as it is run here."""
    text = re.sub(r" \[[^\]]*\]", "", text)
    for words, name in NAMES.items():
        text = text.replace(words, name)
    if "--encoder-weights" not in text:
        text = re.sub(r"--scale (quick|full)", "--scale demo", text)
    if text.startswith(TRAINING_VERBS):
        text += "".join(f" --set {one}" for one in SHORT)
        if "--data" not in text and "--variant" not in text:
            text += " --variant unet"
    return text


def expected(text):
    for words, (code, _) in EXPECTED.items():
        if words in text:
            return code
    return 0


def built():
    if "HDBENCH" in os.environ:
        return pathlib.Path(os.environ["HDBENCH"])
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    target = re.search(r'"target_directory":"([^"]*)"', told)[1]
    return pathlib.Path(target) / "release" / "hdbench"


def run(text, folder, binary):
    environment = {**os.environ, "HOME": str(folder / "home"), "GITHUB_STEP_SUMMARY": str(folder / "step.md")}
    environment["PATH"] = f"{binary.parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(text, shell=True, cwd=folder, env=environment, capture_output=True, text=True)


def must(text, folder, binary):
    done = run(text, folder, binary)
    if done.returncode != 0:
        sys.exit(f"the data could not be made: {text}\n{done.stderr}")


def packed(archive, files):
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name, path in files:
            out.write(path, name)


def make_data(folder, binary):
    """What the commands name."""
    (folder / "home/.local/share/bash-completion/completions").mkdir(parents=True)
    must("hdbench datasets synth --layout ircadb --matrix 64 --out 3Dircadb1 --overlap-with-lits all", folder, binary)
    must("hdbench datasets synth --cases 8 --seed 9 --matrix 64 --out others", folder, binary)
    must("hdbench datasets synth --layout ircadb --seed 5 --matrix 64 --out ircadb-a", folder, binary)
    packed(folder / "3Dircadb1.zip", [(str(path.relative_to(folder / "3Dircadb1")), path)
                                      for path in sorted((folder / "3Dircadb1").rglob("*")) if path.is_file()])
    training, test = folder / "LiTS/training", folder / "LiTS/test"
    for part in (training, test, folder / "references", folder / "predictions", folder / "nnunet-output"):
        part.mkdir(parents=True)
    # Some of LiTS, four of them patients of 3DIRCADb.
    for case in [*range(0, 12), *range(28, 32)]:
        for name in (f"volume-{case}.nii.gz", f"segmentation-{case}.nii.gz"):
            shutil.copy(folder / "all" / name, training)
        shutil.copy(folder / "all" / f"segmentation-{case}.nii.gz", folder / "predictions")
    for case in range(CASES):
        shutil.copy(folder / "others" / f"volume-{case}.nii.gz", test / f"test-volume-{case}.nii.gz")
        shutil.copy(folder / "others" / f"segmentation-{case}.nii.gz", folder / "references")
        shutil.copy(folder / "others" / f"segmentation-{case}.nii.gz",
                    folder / "nnunet-output" / f"test-volume-{case}.nii.gz")
    # The same test volumes as the Decathlon names them.
    task, made = folder / "Task03_Liver/imagesTs", folder / "msd-predictions"
    for part in (task, made):
        part.mkdir(parents=True)
    for case in range(CASES):
        name = f"liver_{132 + case}.nii.gz"
        shutil.copy(folder / "others" / f"volume-{case}.nii.gz", task / name)
        shutil.copy(folder / "others" / f"segmentation-{case}.nii.gz", made / name)
    shutil.copy(training / "volume-0.nii.gz", folder / "ct.nii.gz")
    # What the repository has of its own.
    (folder / "tests").symlink_to(ROOT / "tests")
    (folder / "labelsTr").mkdir()
    for path in training.glob("segmentation-*"):
        shutil.copy(path, folder / "labelsTr")
    for archive in ("submission.zip", "ours.zip", "theirs.zip"):
        with zipfile.ZipFile(folder / archive, "w", zipfile.ZIP_DEFLATED) as out:
            for case in range(CASES):
                reference = folder / "references" / f"segmentation-{case}.nii.gz"
                out.writestr(f"test-segmentation-{case}.nii", gzip.decompress(reference.read_bytes()))
    for scores in ("scores-a", "scores-b", "scores-before", "scores-after", "team-a", "team-b", "team-c"):
        must(f"hdbench evaluate --pred predictions --ref LiTS/training --out {scores}", folder, binary)
    must("hdbench evaluate --pred references --ref references --out official --profile lits", folder, binary)
    shutil.copy(folder / "official/scores.txt", folder)
    # The algorithm of docs/algorithms.md, whose study stands there as a file to be written.
    shutil.copy(ROOT / "examples/threshold.sh", folder)
    algorithms = (ROOT / "docs/algorithms.md").read_text()
    (folder / "threshold.toml").write_text(re.search(r"<<'END'\n(.*?)\nEND", algorithms, re.S)[1])
    must("hdbench evaluate --pred references --ref references --out main --algorithm predictions", folder, binary)
    must("hdbench baseline save main --name main", folder, binary)
    validation = folder / "nnunet/validation"
    validation.mkdir(parents=True)
    cases = ",".join(f'{{"metrics": {{"1": {{"Dice": 0.9}}, "2": {{"Dice": 0.{case}}}}}, "prediction_file": '
                     f'"p/volume-{case}.nii.gz"}}' for case in range(5))
    (validation / "summary.json").write_text(f'{{"metric_per_case": [{cases}]}}')
    for trainer in ("nnUNetTrainer__nnUNetPlans__2d", "nnUNetTrainer__nnUNetPlans__3d_fullres"):
        for fold in range(5):
            validation = folder / "Dataset004_Liver" / trainer / f"fold_{fold}/validation"
            validation.mkdir(parents=True)
            own = [path for place, path in enumerate(sorted((folder / "labelsTr").iterdir())) if place % 5 == fold]
            cases = []
            for place, path in enumerate(own):
                shutil.copy(path, validation)
                metrics = {"1": {"Dice": 0.9}, "2": {"Dice": 0.5 + 0.1 * place}}
                cases.append({"metrics": metrics, "prediction_file": str(validation / path.name)})
            (validation / "summary.json").write_text(json.dumps({"metric_per_case": cases}))
        (validation.parent.parent / "dataset.json").write_text(json.dumps(
            {"labels": {"background": 0, "liver": 1, "tumour": 2}, "numTraining": 16}))
    # What grand-challenge.org hands to an evaluation.
    jobs = []
    for case in range(CASES):
        output = folder / "input" / f"job-{case}" / "output/images/liver"
        output.mkdir(parents=True)
        shutil.copy(folder / "references" / f"segmentation-{case}.nii.gz", output / "output.nii.gz")
        jobs.append({"pk": f"job-{case}",
                     "inputs": [{"socket": {"slug": "ct", "relative_path": "images/ct"},
                                 "image": {"name": f"segmentation-{case}.mha"}}],
                     "outputs": [{"socket": {"slug": "liver", "relative_path": "images/liver"},
                                  "image": {"name": "output.mha"}}]})
    (folder / "input/predictions.json").write_text(json.dumps(jobs))
    changes = "".join(f"{one.replace('=', ' = ')}\n" for one in SHORT)
    (folder / "lits.toml").write_text(
        f'study = "ablation"\ndata = "LiTS/training"\nout = "runs/file"\nvariant = ["unet"]\n[set]\n{changes}')


def before(text, folder):
    """What a command needs that another meaning of the same name would spoil."""
    predictions = folder / "predictions"
    for words, instead in (("--from predictions", "nnunet-output"), ("--ref references", "references")):
        if words in text:
            shutil.rmtree(predictions)
            shutil.copytree(folder / instead, predictions)
    for out in ("--out lits.zip", "--fix mended.zip"):
        if out in text:
            (folder / out.split()[1]).unlink(missing_ok=True)
    if "check lits.zip" in text:
        shutil.copy(folder / "submission.zip", folder / "lits.zip")


def after(text, folder):
    if "--from predictions" in text or "--ref references" in text:
        shutil.rmtree(folder / "predictions")
        (folder / "predictions").mkdir()
        for path in (folder / "LiTS/training").glob("segmentation-*"):
            shutil.copy(path, folder / "predictions")


def main():
    words = sys.argv[1:]
    binary = built()
    failed = 0
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        make_data(folder, binary)
        for path, line, printed in command_lines():
            text = as_run(printed)
            before(text, folder)
            began = time.monotonic()
            done = run(text, folder, binary)
            seconds = time.monotonic() - began
            after(text, folder)
            wanted = expected(printed)
            ok = done.returncode == wanted
            failed += not ok
            if ok and words and not any(word in text for word in words):
                continue
            print(f"{'ok  ' if ok else 'FAIL'} {path}:{line} ({seconds:.1f} s) {printed}", flush=True)
            if not ok:
                print(f"     exit {done.returncode}, expected {wanted}: {text}\n{done.stderr[-2000:]}", flush=True)
    print(f"{failed} commands failed" if failed else "every command line does what the text says")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
