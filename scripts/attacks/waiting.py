"""Nothing hangs: every wait has an end and hears a signal, and an output that takes nothing aborts nothing."""

import json
import os
import shutil
import signal
import subprocess
import time

from .bench import Failed, Skipped, attack, ends, ensure
from .files import liver, nifti

CELL = "unet/fold_0/seed_0"


@attack(slow=True)
def a_lease_of_another_host_from_the_future(box):
    """A .lease of another host with a time a year ahead: the start waits a while or refuses, and hears SIGTERM."""
    study = box.study()
    (study / CELL / "state.json").unlink()
    lease = study / CELL / ".lease"
    lease.write_text('{"host":"oldnode","pid":7}')
    ahead = time.time() + 365 * 86400
    os.utime(lease, (ahead, ahead))
    child = box.spawn(*box.bench.start(study), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        child.wait(15)
        return
    except subprocess.TimeoutExpired:
        pass
    child.send_signal(signal.SIGTERM)
    ends(child, 15, "SIGTERM to a start that waits for a lease")


@attack
def a_lease_of_garbage(box):
    """A .lease that is empty, no JSON, a folder: the start ends, one way or the other."""
    study = box.study()
    for content in (b"", b"garbage", b'{"host":1}', None):
        lease = study / ".lease"
        if lease.is_file():
            lease.unlink()
        if content is None:
            lease.mkdir()
        else:
            lease.write_bytes(content)
        child = box.spawn(*box.bench.start(study), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            child.wait(6)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGTERM)
            ends(child, 10, f"SIGTERM with a lease of {content!r}")


@attack
def errors_into_a_full_device(box):
    """`2>/dev/full` of a study that is done, of scoring and of a report: no abort, no panic."""
    study = box.study()
    with open("/dev/full", "w") as full:
        for words in (box.bench.start(study), ["report", study], ["verify", study],
                      ["datasets", "synth", "--cases", "2", "--matrix", "64", "--out", "x"],
                      ["datasets", "check", box.bench.phantoms()]):
            child = box.spawn(*words, stdout=subprocess.DEVNULL, stderr=full)
            code = ends(child, 60, words[0])
            ensure(code >= 0 and code not in (101, 134), f"{words[0]}: ended with {code}")


@attack(slow=True)
def a_training_into_a_full_device(box):
    """`ablation 2>/dev/full`: trains to the end."""
    with open("/dev/full", "w") as full:
        child = box.spawn(*box.bench.start(box / "new"), stdout=subprocess.DEVNULL, stderr=full)
        code = ends(child, 120, "ablation")
    ensure(code == 0, f"ended with {code}")
    ensure((box / "new/report/index.html").is_file(), "no report")


@attack(slow=True)
def a_training_into_a_closed_pipe(box):
    """`ablation 2>&1 | head -1`: trains to the end."""
    child = box.spawn(*box.bench.start(box / "new"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    child.stdout.readline()
    child.stdout.close()
    code = ends(child, 120, "ablation")
    ensure(code == 0, f"ended with {code}")


@attack
def results_into_a_closed_pipe(box):
    """Standard output closed before anything is printed, or full: work that is done is done, without a panic."""
    study = box.study()
    for words in (["status", study], ["report", study], ["explain", "lits"], ["datasets", "check", box.bench.phantoms()],
                  ["model", "summary", "unet", "--scale", "demo"], ["--help"]):
        for kind in ("closed", "full"):
            if kind == "full":
                with open("/dev/full", "w") as full:
                    child = box.spawn(*words, stdout=full, stderr=subprocess.PIPE)
            else:
                read, write = os.pipe()
                os.close(read)
                child = box.spawn(*words, stdout=write, stderr=subprocess.PIPE)
                os.close(write)
            said = child.stderr.read().decode(errors="replace")
            code = ends(child, 60, words[0])
            ensure("panicked" not in said and "internal" not in said and code in (0, 1, 4),
                   f"{words[0]} into a {kind} output: {code}, {said[-200:]}")


def fed(box, *words):
    """A verb whose input is a pipe or a device has to refuse it, or to end at SIGTERM."""
    child = box.spawn(*words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        code = child.wait(8)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        raise Failed(f"{' '.join(map(str, words[:2]))}: hangs") from None
    said = child.stderr.read().decode(errors="replace")
    ensure(code in (2, 3, 4, 5) and "panicked" not in said, f"{words[0]}: ended with {code}: {said[-200:]}")


@attack
def a_pipe_as_a_prediction(box):
    """A FIFO where a prediction should be: refused, in a folder and alone."""
    box.put("ref/a.nii", nifti(voxels=liver()))
    (box / "pred").mkdir()
    os.mkfifo(box / "pred/a.nii")
    fed(box, "evaluate", "--pred", "pred", "--ref", "ref", "--out", "o1")
    fed(box, "evaluate", "--pred", "pred/a.nii", "--ref", "ref/a.nii", "--out", "o2")
    fed(box, "evaluate", "--pred", "ref", "--ref", "pred", "--out", "o3")
    fed(box, "leaderboard", "--ref", "ref", "x=pred")


@attack
def a_pipe_as_a_ct(box):
    """A FIFO as `predict --input`, as an archive of `submit-lits check`, as a model's weights: refused."""
    study = box.study()
    for name in ("ct.nii.gz", "a.zip", "w.safetensors", "splits.json", "p.toml"):
        os.mkfifo(box / name)
    fed(box, "predict", "--model", study, "--variant", "unet", "--input", "ct.nii.gz", "--out", "p.nii.gz")
    (box / "test").mkdir()
    box.put("test/test-volume-0.nii", nifti(kind="int16"))
    fed(box, "submit-lits", "check", "a.zip", "--test", "test")
    fed(box, "model", "import", "w.safetensors", "--part", "unet", "--scale", "demo", "--out", "m")
    fed(box, "crossval", "--data", box.bench.phantoms(), "--splits", "splits.json", "--out", "cv")
    fed(box, "regress", "--baseline", study, "--current", study, "--policy", "p.toml")


@attack
def a_pipe_among_the_cases_of_a_study(box):
    """A FIFO or a link to /dev/zero instead of a scan: `datasets check`, `ablation` and `verify` end."""
    box.phantoms()
    for make in (os.mkfifo, lambda path: os.symlink("/dev/zero", path)):
        path = box / "ph/volume-0.nii.gz"
        path.unlink()
        make(path)
        fed(box, "datasets", "check", "ph")
        fed(box, "ablation", "--data", "ph", "--variant", "unet", "--set", "iterations=2", "--set",
            "coarse_iterations=2", "--out", "new")


@attack
def a_socket_and_a_device_as_inputs(box):
    """A socket, /dev/zero and /dev/urandom as inputs of every reader: refused."""
    import socket
    path = str(box / "s.nii")
    if len(path) > 100:
        raise Skipped("the scratch folder's name is too long for a socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        box.put("ref.nii", nifti(voxels=liver()))
        for device in (path, "/dev/zero", "/dev/urandom"):
            fed(box, "evaluate", "--pred", device, "--ref", "ref.nii", "--out", "o")


@attack(slow=True)
def reports_beside_a_study_that_ends(box):
    """`report` again and again while `ablation` ends: the study ends with 0."""
    study = box.study()
    for _ in range(3):
        child = box.spawn(*box.bench.start(study), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        others = [box.spawn("report", study, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(2)]
        said = child.stderr.read().decode(errors="replace")
        code = ends(child, 60, "ablation beside report")
        for other in others:
            ends(other, 60, "report beside ablation")
        ensure(code == 0, f"ablation ended with {code}: {said[-300:]}")


@attack
def a_folder_named_like_a_flag(box):
    """`--out=-dash`: the cells run, or it is refused at once."""
    ran = box.run("ablation", "--data", box.bench.phantoms(), "--variant", "unet", "--set", "iterations=2", "--set",
                  "coarse_iterations=2", "--out=-dash", never="panicked")
    ensure(ran.code in (0, 2), f"ended with {ran.code}\n{ran.text[-300:]}")


@attack
def a_folder_that_is_no_utf8(box):
    """A study in a folder whose name is no UTF-8: works, or is refused before anything starts."""
    name = os.fsencode(box.path) + b"/\xff"
    words = ["ablation", "--data", str(box.bench.phantoms()), "--variant", "unet", "--set", "iterations=2", "--set",
             "coarse_iterations=2", "--out", name]
    done = subprocess.run([str(box.bench.binary), *words], capture_output=True, timeout=60, cwd=box.path)
    said = done.stderr.decode(errors="replace")
    ensure("panicked" not in said and done.returncode in (0, 2), f"ended with {done.returncode}: {said[-300:]}")
    done = subprocess.run([str(box.bench.binary), "status", name], capture_output=True, timeout=60, cwd=box.path)
    ensure(b"panicked" not in done.stderr, "status panics")


@attack
def absurd_threads_and_devices(box):
    """`--threads 100000`, `--device cuda:0-99999999`, ten thousand devices: 2, at once."""
    start = ["ablation", "--data", box.bench.phantoms(), "--out", "new"]
    for flags in (["--threads", "100000"], ["--threads", "0"], ["--device", "cuda:0-99999999"],
                  ["--device", ",".join(["flex"] * 10000)], ["--jobs", "0"], ["--shards", "0"], ["--seeds", "0"]):
        box.run(*start, *flags, code=2, seconds=15, never="panicked")


@attack
def a_sweep_of_many_arms_with_a_dry_run(box):
    """A dry run of a sweep of many arms leaves no folders."""
    values = ",".join(f"0.{n}" for n in range(1, 9))
    box.run(*box.bench.start(box / "new", "--sweep", f"momentum={values}", "--dry-run"), seconds=120)
    made = list((box / "new").glob("momentum*")) if (box / "new").exists() else []
    ensure(not made, f"{len(made)} folders were made")


@attack
def a_limit_on_the_size_of_files(box):
    """`ulimit -f`: a write that fails is told, no signal kills without a word."""
    shell = shutil.which("bash")
    if not shell:
        raise Skipped("no bash")
    for blocks in (16, 64, 200):
        ran = box.run(*box.bench.start(box / f"new-{blocks}"), before=[shell, "-c", f'ulimit -f {blocks}; exec "$@"', "x"])
        ensure(ran.code in (0, 1, 3, 4) and ran.text.strip(), f"ulimit -f {blocks}: ended with {ran.code}")


@attack
def interrupted_twice_on_the_group(box):
    """Ctrl-C twice on the whole group: no cell is recorded as failed, and the next start goes on."""
    study = box / "new"
    words = box.bench.start(study, "--set", "iterations=4000")
    child = box.spawn(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    for _ in range(400):
        if (study / CELL / "checkpoints").exists() or (study / "denseunet2d/fold_0/seed_0/checkpoints").exists():
            break
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)
    time.sleep(0.05)
    try:
        os.killpg(child.pid, signal.SIGINT)
    except ProcessLookupError:
        pass
    ends(child, 30, "two interruptions")
    for path in study.rglob("state.json"):
        state = json.loads(path.read_text())
        ensure(state["status"] != "failed", f"{path.parent.relative_to(study)} is recorded as failed: {state}")


@attack
def interrupted_while_preparing(box):
    """SIGTERM right after the start, at ten moments: 75 or an end by itself, and the same command goes on."""
    for moment in range(10):
        study = box / f"new-{moment}"
        words = ["ablation", "--data", box.bench.phantoms(), "--variant", "unet", "--set", "iterations=3", "--set",
                 "coarse_iterations=3", "--out", study]
        child = box.spawn(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.03 * moment)
        child.send_signal(signal.SIGTERM)
        code = ends(child, 20, "SIGTERM")
        ensure(code in (0, 75, -signal.SIGTERM), f"ended with {code}")
    box.run(*words, code=0)
