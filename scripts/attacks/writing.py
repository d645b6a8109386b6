"""What is written goes where it was asked to go, and replaces only what hdbench made."""

import os
import stat

from .bench import Skipped, attack, ensure, kept, tree


def model(box, folder="m"):
    """A model folder with initial weights, and the weights alone."""
    box.run("model", "init", "unet", "--scale", "demo", "--out", folder, code=0)
    box.run("model", "export", folder, "--out", "w.safetensors", code=0)
    return box / folder


@attack
def model_init_into_a_folder_of_mine(box):
    """`model init --out DIR` where DIR holds files of mine: refused, nothing deleted."""
    box.put("mine/thesis.txt", "years")
    box.refused("model", "init", "unet", "--scale", "demo", "--out", "mine")


@attack
def model_import_into_the_current_folder(box):
    """`model import --out .` would empty the current folder: refused, the weights too stay."""
    model(box)
    box.put("thesis.txt", "years")
    box.refused("model", "import", "w.safetensors", "--part", "unet", "--scale", "demo", "--out", ".")


@attack
def model_import_into_the_parent_folder(box):
    """`model import --out ..` would empty the parent, other projects and hidden files with it: refused."""
    model(box)
    box.put("work/here.txt")
    box.put(".hidden", "x")
    weights = box / "w.safetensors"
    box.refused("model", "import", weights, "--part", "unet", "--scale", "demo", "--out", "..", cwd=box / "work")


@attack
def model_import_over_a_model_with_a_stranger(box):
    """A model folder with one more file of mine in it: the file is kept, whatever is said."""
    folder = model(box)
    box.put("m/notes.txt", "which run this was")
    box.run("model", "import", "w.safetensors", "--part", "unet", "--scale", "demo", "--out", "m")
    ensure((folder / "notes.txt").read_text() == "which run this was", "notes.txt is gone")


@attack
def model_import_over_a_model_by_itself(box):
    """A folder that a model stands in is replaced whole: afterwards it is a model and nothing is left over."""
    folder = model(box)
    box.run("model", "import", "w.safetensors", "--part", "unet", "--scale", "demo", "--out", "m", code=0)
    ensure(sorted(p.name for p in folder.iterdir()) == ["model.safetensors", "model.toml"], "no whole model is left")
    ensure(sorted(p.name for p in box.path.iterdir()) == ["m", "w.safetensors"], "something is left over")


@attack
def model_import_onto_a_file(box):
    """`model import --out FILE` where FILE is a file of mine: refused, the file is kept."""
    model(box)
    box.put("file", "mine")
    box.refused("model", "import", "w.safetensors", "--part", "unet", "--scale", "demo", "--out", "file",
                code=(1, 2, 3))


@attack
def model_import_onto_a_link_to_my_folder(box):
    """`--out` is a link to a folder of mine: neither link nor folder is touched."""
    model(box)
    box.put("mine/thesis.txt", "years")
    (box / "link").symlink_to("mine")
    box.refused("model", "import", "w.safetensors", "--part", "unet", "--scale", "demo", "--out", "link")


@attack
def rehearsal_into_the_data_set(box):
    """`submit-lits rehearse --data LiTS/training --out LiTS` where LiTS/test lies: refused, test kept."""
    box.phantoms("LiTS/training")
    box.put("LiTS/test/test-volume-0.nii", "seventy volumes")
    box.put("LiTS/references/ref.nii", "and theirs")
    study = box.study()
    box.refused("submit-lits", "rehearse", "--model", study, "--variant", "unet", "--data", "LiTS/training",
                "--out", "LiTS", keep=box / "LiTS")


@attack
def a_dry_run_with_force(box):
    """`--dry-run --force CELL` says that it runs none: it deletes none either."""
    study = box.study()
    before = tree(study)
    box.start("--dry-run", "--force", "unet/fold_0/seed_0", code=0)
    kept(before, study)


@attack
def a_plan_with_force(box):
    """`study plan FILE -- --force CELL` opens nothing for writing."""
    study = box.study()
    sets = "\n".join(f"{pair.split('=')[0]} = {pair.split('=')[1]}" for pair in box.bench.start("x") if "=" in str(pair))
    box.put("s.toml", f'study = "ablation"\ndata = "{box.bench.phantoms()}"\nout = "base"\n'
                      f'variant = ["unet", "denseunet2d"]\ncheckpoint-iterations = 5\n[set]\n{sets}\n')
    before = tree(study)
    box.run("study", "plan", "s.toml", "--force", "unet/fold_0/seed_0", code=0)
    kept(before, study)


@attack
def a_script_with_force(box):
    """`--engine script --force CELL` prints commands: weights and scores stay until one is run."""
    study = box.study()
    kept_files = ["unet/fold_0/seed_0/model/model.safetensors", "unet/fold_0/seed_0/metrics_long.csv"]
    box.start("--engine", "script", "--force", "unet/fold_0/seed_0")
    for name in kept_files:
        ensure((study / name).is_file(), f"{name} is gone")


@attack
def a_dry_run_with_restart(box):
    """`--dry-run --restart` of other settings changes nothing, study.toml neither."""
    study = box.study()
    before = tree(study)
    box.start("--set", "batch=2", "--dry-run", "--restart")
    kept(before, study)


@attack
def a_dry_run_of_a_new_study(box):
    """A dry run of a study that is not there yet leaves no folder with caches behind."""
    box.run(*box.bench.start(box / "new", "--dry-run"))
    ensure(not (box / "new/unet").exists(), "it made cells")


@attack
def a_dry_run_in_a_read_only_study(box):
    """A dry run needs no permission to write."""
    if os.geteuid() == 0:
        raise Skipped("root may write everywhere")
    study = box.study()
    for folder, _, _ in os.walk(study):
        os.chmod(folder, 0o500)
    box.start("--dry-run", code=0)


@attack
def force_of_a_good_and_a_wrong_cell(box):
    """`--force good --force typo`: 2, and the good cell is still there."""
    study = box.study()
    before = tree(study)
    box.start("--force", "unet/fold_0/seed_0", "--force", "unett/fold_0/seed_0", code=2)
    kept(before, study)


@attack
def force_of_a_cell_outside(box):
    """`--force ../../..`: 2, nothing is deleted anywhere."""
    box.study()
    box.put("precious/file", "x")
    before = tree(box.path)
    for name in ("../../..", "../precious", "unet/../../precious", "unet/fold_0/seed_0/..", "/"):
        box.start("--force", name, code=2)
    kept(before, box.path)


@attack
def force_of_a_cell_that_the_study_has_not(box):
    """`--force unet/fold_7/seed_9`: refused by name, not passed over."""
    study = box.study()
    before = tree(study)
    box.start("--force", "unet/fold_7/seed_9", code=2, says="unet/fold_7/seed_9")
    kept(before, study)


@attack
def predict_into_a_device(box):
    """`predict --out d` where d is a character device: the device is still one afterwards."""
    study = box.study()
    try:
        os.mknod(box / "d", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        raise Skipped("only root makes devices") from None
    box.run("predict", "--model", study, "--variant", "unet", "--input", box.bench.phantoms() / "volume-0.nii.gz",
            "--out", "d")
    ensure(stat.S_ISCHR(os.lstat(box / "d").st_mode), "the device was replaced by a file")


@attack
def a_lock_file_into_a_device(box):
    """`datasets lock --out d` where d is a device: the device stays."""
    try:
        os.mknod(box / "d", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        raise Skipped("only root makes devices") from None
    box.run("datasets", "lock", box.bench.phantoms(), "--out", "d")
    ensure(stat.S_ISCHR(os.lstat(box / "d").st_mode), "the device was replaced by a file")


@attack
def a_model_exported_over_a_link(box):
    """`model export --out LINK`: the link stays a link, and what it points at has the bytes."""
    model(box)
    box.put("elsewhere.safetensors", "old")
    (box / "link.safetensors").symlink_to("elsewhere.safetensors")
    box.run("model", "export", "m", "--out", "link.safetensors")
    ensure((box / "link.safetensors").is_symlink(), "the link was replaced by a file")


@attack
def a_study_into_a_folder_of_mine(box):
    """`ablation --out DIR`, DIR no study, with report/plots and predictions of mine in it: all are kept."""
    names = ["mine/report/plots/a.png", "mine/report/tables/b.csv", "mine/unet/fold_0/seed_0/predictions/c.nii.gz",
             "mine/unet/fold_0/seed_0/notes.txt"]
    for name in names:
        box.put(name, "mine")
    box.run(*box.bench.start(box / "mine"))
    for name in names:
        ensure((box / name).is_file() and (box / name).read_text() == "mine", f"{name} is gone")


@attack
def predict_over_its_own_input(box):
    """`predict --input x --out x`: refused, the CT is kept."""
    study = box.study()
    box.phantoms()
    box.refused("predict", "--model", study, "--variant", "unet", "--input", "ph/volume-0.nii.gz", "--out",
                "ph/volume-0.nii.gz", keep=box / "ph")


@attack
def predict_over_its_input_by_another_name(box):
    """The same through a link, a hard link and `./`: refused, the CT is kept."""
    study = box.study()
    box.phantoms()
    (box / "ph/link.nii.gz").symlink_to("volume-0.nii.gz")
    os.link(box / "ph/volume-0.nii.gz", box / "ph/hard.nii.gz")
    for name in ("ph/link.nii.gz", "ph/hard.nii.gz", "ph/../ph/./volume-0.nii.gz"):
        before = tree(box / "ph")
        box.run("predict", "--model", study, "--variant", "unet", "--input", "ph/volume-0.nii.gz", "--out", name)
        after = tree(box / "ph")
        ensure(after["volume-0.nii.gz"] == before["volume-0.nii.gz"], f"--out {name} replaced the CT")


@attack
def evaluate_beside_results_of_another_tool(box):
    """`evaluate --out DIR` where every case fails: my summary.json and cases.csv in DIR are kept."""
    box.put("pred/a.nii", "no image")
    box.put("ref/a.nii", "no image")
    box.put("out/summary.json", "mine")
    box.put("out/cases.csv", "mine")
    box.refused("evaluate", "--pred", "pred", "--ref", "ref", "--out", "out", keep=box / "out", code=(2, 3, 4))


@attack
def evaluate_into_its_own_references(box):
    """`evaluate --out` the folder of the references, or of the predictions: no volume is lost."""
    box.phantoms("ref")
    box.phantoms("pred")
    before = tree(box.path)
    for out in ("ref", "pred"):
        box.run("evaluate", "--pred", "pred", "--ref", "ref", "--out", out)
    after = tree(box.path)
    for name, digest in before.items():
        ensure(after.get(name) == digest, f"{name} is not as it was")


@attack
def a_baseline_that_is_there(box):
    """`baseline save --name` of one that exists, without --replace: refused, the old one is kept."""
    study = box.study()
    box.run("baseline", "save", study, "--name", "b", "--dir", "bases", code=0)
    box.refused("baseline", "save", study, "--name", "b", "--dir", "bases", keep=box / "bases")


@attack
def a_foreign_study_whose_cache_is_elsewhere(box):
    """`report` of somebody else's study whose study.toml says `cache = "/elsewhere"`: nothing is written there."""
    study = box.study()
    box.put("elsewhere/mine.txt", "x")
    file = study / "study.toml"
    text = file.read_text()
    file.write_text(text.replace('cache = "cache"', f'cache = "{box / "elsewhere"}"'))
    ensure(file.read_text() != text, "study.toml names no cache")
    before = tree(box / "elsewhere")
    box.run("report", "base")
    kept(before, box / "elsewhere")


@attack
def synth_into_a_folder_with_volumes(box):
    """`datasets synth --out` a folder that holds volumes of mine: refused, they are kept."""
    box.put("mine/volume-0.nii.gz", "real")
    box.refused("datasets", "synth", "--cases", "2", "--matrix", "64", "--out", "mine")


@attack
def a_report_folder_of_mine_in_a_study(box):
    """A file of mine in a study's report/ survives a new report."""
    study = box.study()
    box.put("base/report/notes.md", "mine")
    box.run("report", study, code=0)
    ensure((study / "report/notes.md").is_file(), "notes.md is gone")


@attack
def an_analysis_into_the_study(box):
    """`analyze STUDY --out STUDY`: scores and settings of the study are as they were."""
    study = box.study()
    before = {name: digest for name, digest in tree(study).items() if digest != "folder"}
    box.run("analyze", study, "--out", study)
    after = tree(study)
    for name, digest in before.items():
        ensure(after.get(name) == digest, f"{name} is not as it was")


@attack
def an_archive_over_a_folder(box):
    """`submit-lits --out` an existing folder of mine: refused, the folder is kept."""
    box.put("test/test-volume-0.nii", b"")
    box.put("pred/test-segmentation-0.nii", b"")
    box.put("lits.zip/thesis.txt", "years")
    box.refused("submit-lits", "--from", "pred", "--test", "test", "--out", "lits.zip", code=(1, 2, 3, 5))
