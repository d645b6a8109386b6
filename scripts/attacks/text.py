"""Text from outside is escaped on its way to a terminal, a CI's log, a table; two inputs are never one case."""

import json
import os
import shutil

from .bench import Skipped, attack, ensure
from .files import liver, nifti, stored_zip, table

ESCAPE = "\x1b]0;x\x07"
HOSTILE = f"{ESCAPE}\n::error::injected\n"
GOOD = nifti(voxels=liver())


def clean(ran, what):
    """No escape code and no workflow command of a sender's."""
    ensure("\x1b]0;x" not in ran.text and "\x07" not in ran.text, f"{what}: escape codes are printed raw")
    ensure(not any(line.startswith("::error::injected") for line in ran.text.splitlines()),
           f"{what}: a workflow command of the sender's is printed")
    ensure("\u202e" not in ran.text, f"{what}: a right-to-left mark is printed raw")


@attack
def names_of_zip_entries(box):
    """Escape codes, newlines with `::error::` and right-to-left marks in a zip entry's name: printed escaped."""
    box.put("test/test-volume-0.nii", nifti(kind="int16"))
    box.put("ref/test-segmentation-0.nii", GOOD)
    for name in (f"test-segmentation-0{HOSTILE}.nii", f"test-segmentation-0\u202e.nii", f"{HOSTILE}/x.nii"):
        box.put("a.zip", stored_zip([(name, GOOD)]))
        clean(box.run("submit-lits", "check", "a.zip", "--test", "test"), "submit-lits check")
        clean(box.run("evaluate", "--pred", "a.zip", "--ref", "ref", "--out", "o"), "evaluate")
        clean(box.run("submit-lits", "check", "a.zip", "--test", "test", "--fix", "m.zip", "--junit", "j.xml"), "--fix")


@attack
def names_of_files(box):
    """The same in names of files and folders, in every error that names them."""
    for name in (f"a{ESCAPE}.nii", "a\n::error::injected\n.nii", "a\u202e.nii"):
        box.put(f"pred/{name}", b"no image")
        box.put(f"ref/{name}", GOOD)
    for words in (["evaluate", "--pred", "pred", "--ref", "ref", "--out", "o"], ["datasets", "check", "pred"],
                  ["evaluate", "--pred", f"pred/a{ESCAPE}.nii", "--ref", f"ref/a{ESCAPE}.nii", "--out", "o"],
                  ["report", f"nothing{HOSTILE}"], ["verify", f"nothing{HOSTILE}"]):
        clean(box.run(*words), words[0])


@attack
def names_of_algorithms(box):
    """Escape codes and commands in an algorithm's name in the tables, on the way through `regress --github`."""
    values = {f"c{index}": 0.8 for index in range(12)}
    for name in (f"net{ESCAPE}", '"net\n::error::injected\nx"', "net\u202e"):
        box.put("a.csv", table(values, algorithm=name))
        box.put("b.csv", table(dict.fromkeys(values, 0.4), algorithm=name))
        for more in ([], ["--github"], ["--out", "gate"]):
            clean(box.run("regress", "--baseline", "a.csv", "--current", "b.csv", *more,
                          env={"GITHUB_STEP_SUMMARY": str(box / "s.md")}), "regress")
        clean(box.run("analyze", "a.csv"), "analyze")


@attack
def settings_with_escape_codes(box):
    """Escape codes and commands in flags and in a study's file: printed escaped."""
    for value in (HOSTILE, f"upsampling={ESCAPE}", "\u202e=1"):
        clean(box.run("ablation", "--set", value, "--out", "o"), "--set")
    box.put("s.toml", f'study = "ablation"\n"vari{"u"}nt\\u001b]0;x\\u0007" = 1\n')
    clean(box.run("study", "run", "s.toml"), "study run")


@attack
def cancel_with_a_flag_for_an_id(box):
    """`slurm/jobs.json` with `"report": "--me"`, other ids that are none: scancel is never called with them."""
    study = box.study()
    box.put("bin/scancel", f'#!/bin/sh\necho "$@" >> {box / "called"}\n')
    box.put("bin/squeue", "#!/bin/sh\nexit 0\n")
    for name in ("scancel", "squeue", "sacct"):
        if name == "sacct":
            box.put("bin/sacct", "#!/bin/sh\nexit 0\n")
        os.chmod(box / f"bin/{name}", 0o755)
    env = {"PATH": f"{box / 'bin'}:{os.environ['PATH']}"}
    for job in ("--me", "-u root", "1; rm -rf /", "", "*", "1 2", "\n--me", "1,--me"):
        box.put("base/slurm/jobs.json", json.dumps({"jobs": [], "report": job}))
        box.run("cancel", study, env=env, never="panicked")
        box.put("base/slurm/jobs.json", json.dumps({"jobs": [{"cell": "unet/fold_0/seed_0", "id": job, "script": "x"}]}))
        box.run("cancel", study, env=env, never="panicked")
    called = (box / "called").read_text() if (box / "called").exists() else ""
    ensure(not called.strip(), f"scancel {called.strip()}")


@attack
def two_predictions_of_one_case(box):
    """`a_0000.nii` and `a_0001.nii` for the reference `a`: refused as twice one case, none is dropped."""
    box.put("ref/a.nii", GOOD)
    box.put("pred/a_0000.nii", GOOD)
    box.put("pred/a_0001.nii", nifti())
    ran = box.run("evaluate", "--pred", "pred", "--ref", "ref", "--out", "o", never="panicked")
    ensure(ran.code != 0, "one of two was scored, exit 0")


@attack
def one_prediction_in_two_forms(box):
    """`a.nii` and `a.nii.gz`, `x/a` and `y/a`: refused; `segmentation-1` and `test-segmentation-1`, two cases: one is
    left out by name. None is dropped in silence."""
    pairs = (("a.nii", "a.nii.gz"), ("segmentation-1.nii", "test-segmentation-1.nii"), ("x/a.nii", "y/a.nii"))
    for index, (first, second) in enumerate(pairs):
        box.put(f"ref{index}/{os.path.basename(first)}", GOOD)
        box.put(f"pred{index}/{first}", GOOD)
        box.put(f"pred{index}/{second}", nifti(packed=second.endswith("gz")))
        ran = box.run("evaluate", "--pred", f"pred{index}", "--ref", f"ref{index}", "--out", f"o{index}", never="panicked")
        named = "left out" in ran.text and second in ran.text
        ensure(ran.code != 0 or named, f"{first} beside {second}: one of two was scored, exit 0")


@attack
def names_that_are_no_utf8(box):
    r"""`\xff.nii` against `\xfe.nii`: no pair."""
    for folder, name in (("pred", b"\xff.nii"), ("ref", b"\xfe.nii")):
        (box / folder).mkdir()
        try:
            with open(os.fsencode(box / folder) + b"/" + name, "wb") as file:
                file.write(GOOD)
        except OSError:
            raise Skipped("this file system takes only UTF-8") from None
    ran = box.run("evaluate", "--pred", "pred", "--ref", "ref", "--out", "o", never="panicked")
    ensure(ran.code != 0, "they were paired, exit 0")


@attack
def cells_that_spreadsheets_run(box):
    """Names like `=HYPERLINK(...)`, `@SUM`, `-2+3+cmd|...`, `+1` in a CSV: none begins a formula."""
    for name in ("=HYPERLINK(1)", "@SUM(1)", "-2+3+cmd|x", "+1", "\t=1"):
        box.put(f"pred/{name}.nii", GOOD)
        box.put(f"ref/{name}.nii", GOOD)
    box.run("evaluate", "--pred", "pred", "--ref", "ref", "--out", "o", code=0)
    import csv
    for path in (box / "o").glob("*.csv"):
        with open(path, newline="") as file:
            for row in csv.reader(file):
                for cell in row:
                    number = cell.replace("-", "", 1).replace(".", "", 1).replace("e", "", 1)
                    wrong = cell[:1] in "=@+\t\r" or cell[:1] == "-" and not number.replace("-", "", 1).isdigit()
                    ensure(not (cell and wrong), f"{path.name} has a cell {cell!r}")


@attack
def control_characters_in_pages(box):
    """Control characters in names of algorithms: not raw in HTML, Markdown, LaTeX, CSV, JUnit."""
    values = {f"c{index}": 0.8 for index in range(12)}
    box.put("a.csv", table(values, algorithm="net\x1b[31m"))
    box.put("b.csv", table(dict.fromkeys(values, 0.4), algorithm="net\x1b[31m"))
    box.run("regress", "--baseline", "a.csv", "--current", "b.csv", "--out", "gate")
    box.run("analyze", "a.csv", "--out", "analysis")
    for folder in ("gate", "analysis"):
        for path in (box / folder).rglob("*"):
            if path.is_file() and path.suffix not in (".png", ".parquet"):
                ensure(b"\x1b" not in path.read_bytes(), f"{path.name} holds a raw escape")


@attack
def markup_in_pages(box):
    """`<script>`, pipes and backticks in a data set's names: escaped in the study's pages."""
    study = box.study()
    name = "<script>alert(1)</script>|`x`"
    text = (study / "study.toml").read_text()
    (study / "study.toml").write_text(text.replace('name = "ablation"', f'name = "{name}"'))
    box.run("report", study)
    page = (study / "report/index.html").read_text()
    ensure("<script>alert(1)</script>" not in page, "a script of the study's name stands in the page")


@attack
def a_script_with_a_hostile_folder(box):
    """`--engine script` in a folder with quotes, `$()`, newline: the commands are quoted."""
    name = "a'b\"$(touch hacked)`touch hacked`\nc"
    shutil.copytree(box.bench.study(), box / name)
    ran = box.run(*box.bench.start(box / name, "--engine", "script", "--force", "unet/fold_0/seed_0"))
    box.put("run.sh", f"hdbench() {{ :; }}\n{ran.out}")
    import subprocess
    subprocess.run(["sh", "run.sh"], cwd=box.path, capture_output=True, timeout=60)
    ensure(not (box / "hacked").exists(), "a command inside the folder's name was run")
