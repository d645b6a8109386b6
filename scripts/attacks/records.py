"""What a study says of itself is believed only where it is so."""

import json
import shutil

from .bench import attack, ensure, kept, tree

CELL = "unet/fold_0/seed_0"


def verified(box, what):
    """`verify` has to find it."""
    ran = box.run("verify", "base", never="panicked")
    if ran.code == 0:
        from .bench import Failed
        raise Failed(f"verify says 0 though {what}")
    ensure(ran.code in (3, 4), f"verify ends with {ran.code} where {what}\n{ran.text[-300:]}")


def edited(path, old, new):
    text = path.read_text()
    ensure(old in text, f"{path.name} has no {old!r}")
    path.write_text(text.replace(old, new))


def stale(box):
    """A study of which one cell was trained again with other settings."""
    box.study()
    box.start("--set", "batch=4", "--only", "unet/*", "--restart")


@attack
def a_report_of_stale_cells(box):
    """--restart with other settings, one cell done, then `report`: the other network is marked as stale."""
    stale(box)
    box.run("report", "base", says=None)
    page = (box / "base/report/report.md").read_text()
    ensure("stale" in page.lower(), "no word of a stale cell in report.md")
    ensure("All 2 networks are trained and scored" not in page, "it says that all networks are trained and scored")


@attack
def a_report_after_study_toml_was_edited(box):
    """study.toml edited to another recipe, then `report`: old numbers do not stand under the new name unmarked."""
    study = box.study()
    edited(study / "study.toml", 'upsampling = "linear"', 'upsampling = "nearest"')
    ran = box.run("report", "base")
    if ran.code == 0:
        ensure("stale" in (study / "report/report.md").read_text().lower(), "no word of stale cells in report.md")


@attack
def a_baseline_of_stale_cells(box):
    """`baseline save` of a study whose study.toml was edited: refused, or said."""
    study = box.study()
    edited(study / "study.toml", 'upsampling = "linear"', 'upsampling = "nearest"')
    ran = box.run("baseline", "save", "base", "--name", "b", "--dir", "d")
    ensure(ran.code != 0 or "stale" in ran.text, "saved without a word")


@attack
def an_analysis_of_stale_cells(box):
    """`analyze` and `compare` of a study with stale cells: refused, or said."""
    stale(box)
    for words in (["analyze", "base"], ["compare", "base", "base"]):
        ran = box.run(*words)
        ensure(ran.code != 0 or "stale" in ran.text, f"{words[0]} says nothing of stale cells")


@attack
def verify_without_its_lock(box):
    """study.lock deleted: `verify` says so."""
    (box.study() / "study.lock").unlink()
    verified(box, "study.lock is gone")


@attack
def verify_with_an_empty_lock(box):
    """study.lock emptied, or of another study: `verify` says so."""
    (box.study() / "study.lock").write_text("")
    verified(box, "study.lock is empty")


@attack
def verify_with_edited_lesions(box):
    """lesions.csv edited: `verify` says so."""
    path = box.study() / CELL / "lesions.csv"
    path.write_text(path.read_text().replace(",false", ",true") + "\n")
    verified(box, "lesions.csv was edited")


@attack
def verify_with_edited_cases(box):
    """cases.csv and losses.csv edited, one at a time: `verify` says so."""
    study = box.study()
    for name in ("cases.csv", "losses.csv"):
        path = study / CELL / name
        old = path.read_bytes()
        path.write_bytes(old.replace(b"0.", b"1.", 1))
        verified(box, f"{name} was edited")
        path.write_bytes(old)


@attack
def verify_with_a_deleted_output(box):
    """summary.json, losses.csv, env.json or cell.json deleted, one at a time: `verify` says so."""
    study = box.study()
    for name in ("summary.json", "losses.csv", "env.json", "cell.json", "cases.csv"):
        path = study / CELL / name
        old = path.read_bytes()
        path.unlink()
        verified(box, f"{name} is gone")
        path.write_bytes(old)


@attack
def verify_with_an_edited_model_description(box):
    """model.toml edited, filled with garbage, deleted: `verify` says so."""
    study = box.study()
    path = study / CELL / "model/model.toml"
    old = path.read_text()
    for content in (old.replace("hu_mean = 48.0", "hu_mean = 49.0"), "garbage", None):
        if content is None:
            path.unlink()
        else:
            ensure(content != old, "model.toml has no hu_mean")
            path.write_text(content)
        verified(box, "model.toml is not as it was")
    path.write_text(old)


@attack
def verify_with_stages_taken_out(box):
    """The stages taken out of state.json of a finished cell: `verify` says so."""
    path = box.study() / CELL / "state.json"
    state = json.loads(path.read_text())
    state["stages"] = {}
    path.write_text(json.dumps(state))
    verified(box, "a finished cell has no stages")


@attack
def verify_without_a_record(box):
    """state.json of a cell with a model and scores deleted: `verify` says so."""
    (box.study() / CELL / "state.json").unlink()
    verified(box, "a cell with results has no record")


@attack
def verify_with_flipped_weights(box):
    """A byte of the weights, a prediction, a table of scores: `verify` names each."""
    study = box.study()
    for name in ("model/model.safetensors", "predictions/volume-1.nii.gz", "metrics_long.csv"):
        path = study / CELL / name
        old = path.read_bytes()
        path.write_bytes(old[:-9] + bytes([old[-9] ^ 1]) + old[-8:])
        verified(box, f"a byte of {name} was flipped")
        path.write_bytes(old)
    box.run("verify", "base", code=0)


@attack
def verify_with_a_damaged_cache(box):
    """A prepared volume in cache/ with zeros in it: `verify` says so."""
    study = box.study()
    for path in sorted((study / "cache").glob("*/working.*")):
        content = bytearray(path.read_bytes())
        if len(content) > 4096:
            content[:len(content) // 4] = bytes(len(content) // 4)
            path.write_bytes(content)
            break
    verified(box, "a cached volume is damaged")


@attack(slow=True)
def the_same_start_mends_what_verify_found(box):
    """Weights flipped, then the same start, as `verify` advises: made anew, and `verify` says 0."""
    path = box.study() / CELL / "model/model.safetensors"
    sound = path.read_bytes()
    path.write_bytes(sound[:-9] + bytes([sound[-9] ^ 1]) + sound[-8:])
    box.run("verify", "base", code=4)
    box.start(code=0)
    box.run("verify", "base", code=0)
    ensure(path.read_bytes() == sound, "the weights are not those of the first training")


@attack
def the_same_start_mends_an_edited_table(box):
    """metrics_long.csv edited, the same start: scored anew to the same bytes."""
    path = box.study() / CELL / "metrics_long.csv"
    sound = path.read_bytes()
    path.write_bytes(sound.replace(b",0.", b",1.", 1))
    box.start(code=0)
    ensure(path.read_bytes() == sound, "the edited table is still there")


@attack
def the_same_start_mends_a_lost_prediction(box):
    """A prediction deleted, then one cut off: the same start predicts it anew."""
    path = box.study() / CELL / "predictions/volume-1.nii.gz"
    sound = path.read_bytes()
    path.unlink()
    box.start(code=0)
    ensure(path.is_file() and path.read_bytes() == sound, "it was not predicted anew")
    path.write_bytes(sound[:50])
    box.start(code=0)
    ensure(path.read_bytes() == sound, "it was not predicted anew from a part")


@attack
def a_swapped_prediction_before_scoring(box):
    """A kill while predicting, the reference put in place of a prediction: not scored as the network's."""
    study = box.study()
    cell = study / CELL
    state = json.loads((cell / "state.json").read_text())
    for stage in ("predict", "score"):
        state["stages"].pop(stage)
    state["status"] = "running"
    (cell / "state.json").write_text(json.dumps(state))
    sound = (cell / "predictions/volume-1.nii.gz").read_bytes()
    shutil.copy(box.bench.phantoms() / "segmentation-1.nii.gz", cell / "predictions/volume-1.nii.gz")
    box.start(code=0)
    ensure((cell / "predictions/volume-1.nii.gz").read_bytes() == sound, "the reference was kept as a prediction")


@attack(slow=True)
def a_damaged_cache_before_training(box):
    """A quarter of a cached volume zeroed and the cell gone: the same start trains to the same weights."""
    study = box.study()
    weights = study / CELL / "model/model.safetensors"
    sound = weights.read_bytes()
    for path in sorted((study / "cache").glob("*/working.image")):
        content = bytearray(path.read_bytes())
        content[:len(content) // 4] = bytes(len(content) // 4)
        path.write_bytes(content)
    shutil.rmtree(study / "unet")
    box.start(code=0)
    ensure(weights.read_bytes() == sound, "other weights were trained from a damaged cache, exit 0")


def interrupted(box):
    """A study whose unet cell has a checkpoint and no result."""
    import signal
    import subprocess
    import time
    study = box / "base"
    shutil.copytree(box.bench.study(), study)
    shutil.rmtree(study / "unet")
    words = box.bench.start(study, "--set", "iterations=300", "--restart", "--only", "unet/*")
    child = box.spawn(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = study / CELL / "checkpoints/latest/network.bpk"
    for _ in range(600):
        if found.is_file() or child.poll() is not None:
            break
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    child.wait(60)
    ensure(found.is_file(), "the training left no checkpoint")
    return study, words


@attack(slow=True)
def a_checkpoint_with_a_flipped_byte(box):
    """A byte of a checkpoint's network flipped: noticed, an earlier state is taken or training begins anew."""
    study, _ = interrupted(box)
    path = study / CELL / "checkpoints/latest/network.bpk"
    content = bytearray(path.read_bytes())
    content[len(content) * 3 // 4] ^= 0x10
    path.write_bytes(content)
    ran = box.run("cell", "run", "base", CELL, seconds=120)
    ensure("checkpoint" in ran.text.lower(), f"not a word of the damaged checkpoint (exit {ran.code})")


@attack(slow=True)
def a_checkpoint_cut_off(box):
    """A checkpoint cut off or empty does not keep the cell from training for ever."""
    study, words = interrupted(box)
    path = study / CELL / "checkpoints/latest/optimizer.bpk"
    path.write_bytes(path.read_bytes()[:100])
    box.run(*words, code=0, seconds=180)


@attack
def reproduce_into_a_folder_that_has_the_cell(box):
    """`reproduce --out DIR` twice: the second runs again, or refuses; it does not compare with the first's."""
    box.study()
    box.run("reproduce", "base", CELL, "--out", "again", code=0)
    weights = box / "again" / CELL / "model/model.safetensors"
    ensure(weights.is_file(), "reproduce kept nothing in --out")
    before = weights.stat().st_mtime_ns
    ran = box.run("reproduce", "base", CELL, "--out", "again")
    ensure(ran.code != 0 or weights.stat().st_mtime_ns != before, "nothing was run, 'the same'")


@attack
def reproduce_into_the_study_itself(box):
    """`reproduce RUN CELL --out RUN`: refused, nothing in the study changes."""
    box.study()
    box.refused("reproduce", "base", CELL, "--out", "base", keep=box / "base")


@attack
def reproduce_into_the_study_by_another_name(box):
    """The same through a link: refused, nothing in the study changes."""
    box.study()
    (box / "link").symlink_to("base")
    box.refused("reproduce", "base", CELL, "--out", "link", keep=box / "base")


@attack
def a_submission_whose_prediction_was_swapped(box):
    """`submit-lits` goes on with a prediction that was altered between two starts: predicted anew, or refused."""
    study = box.study()
    for index, number in enumerate((0, 1)):
        (box / "test").mkdir(exist_ok=True)
        shutil.copy(box.bench.phantoms() / f"volume-{number}.nii.gz", box / f"test/test-volume-{index}.nii.gz")
    words = ["submit-lits", "--model", study, "--variant", "unet", "--test", "test", "--out", "sub.zip",
             "--allow-partial"]
    box.run(*words, code=0)
    path = box / "sub-predictions/test-segmentation-0.nii.gz"
    sound = path.read_bytes()
    shutil.copy(box.bench.phantoms() / "segmentation-0.nii.gz", path)
    box.run(*words)
    ensure(path.read_bytes() == sound, "the swapped map was packed as the model's")
    path.write_bytes(sound[:60])
    box.run(*words, code=0)
    ensure(path.read_bytes() == sound, "a prediction that was cut off was not predicted anew")


@attack
def one_bad_record_among_good_ones(box):
    """state.json of one cell empty, `{}` or nested ten thousand deep: the others are still shown."""
    study = box.study()
    path = study / CELL / "state.json"
    old = path.read_bytes()
    for content in (b"", b"{}", b"[" * 10000, b'{"status":"done","stages":[]}', b"\xff\xfe"):
        path.write_bytes(content)
        ran = box.run("status", "base", never="panicked")
        ensure("denseunet2d/fold_0/seed_0" in ran.text, f"status of {content[:20]!r} shows no other cell")
    path.write_bytes(old)
    box.run("verify", "base", code=0)


@attack
def the_same_start_with_one_bad_record(box):
    """state.json of one cell is garbage: that cell fails with a way out that works, and no other is run again."""
    study = box.study()
    other = (study / "denseunet2d/fold_0/seed_0/model/model.safetensors").stat().st_mtime_ns
    (study / CELL / "state.json").write_text("garbage")
    ran = box.start(code=(0, 4), never="panicked")
    if ran.code == 4:
        ensure("state.json" in ran.text and "--force" in ran.text, "neither file nor way out is named")
        box.start("--force", CELL, code=0)
    json.loads((study / CELL / "state.json").read_text())
    after = (study / "denseunet2d/fold_0/seed_0/model/model.safetensors").stat().st_mtime_ns
    ensure(after == other, "the other network was trained again")


@attack
def a_record_that_claims_outputs_elsewhere(box):
    """state.json whose outputs are `../../../mine`: not read as the cell's, and nothing there is touched."""
    study = box.study()
    box.put("mine/metrics_long.csv", "x")
    path = study / CELL / "state.json"
    path.write_text(path.read_text().replace('"losses.csv"', '"../../../../mine/metrics_long.csv"'))
    before = tree(box / "mine")
    ran = box.run("verify", "base", never="panicked")
    ensure(ran.code != 0, "verify takes a file outside of the study")
    box.start()
    kept(before, box / "mine")


@attack
def a_model_of_another_network(box):
    """The model folder of the other network put in a cell's place: `verify` and the same start notice."""
    study = box.study()
    shutil.rmtree(study / CELL / "model")
    shutil.copytree(study / "denseunet2d/fold_0/seed_0/model", study / CELL / "model")
    verified(box, "a cell holds another's model")


@attack
def a_volume_swapped_for_another(box):
    """A scan of the data set replaced by another of it: `verify` says 4, by its name."""
    box.phantoms()
    words = ["ablation", "--data", "ph", "--variant", "unet", "--set", "iterations=2", "--set",
             "coarse_iterations=2", "--out", "base"]
    box.run(*words, code=0)
    shutil.copy(box / "ph/volume-2.nii.gz", box / "ph/volume-1.nii.gz")
    box.run("verify", "base", code=4, says="volume-1")


@attack
def a_forged_challenge_answer(box):
    """challenge.json put into a cell by hand: `verify` says so."""
    box.study()
    box.put(f"base/{CELL}/challenge.json", '{"source": "codalab", "scores": {"dice": 0.99}}')
    verified(box, "challenge.json was forged")
