"""Each setting has its range, in flags, files and bundles alike; what is refused is named, and nothing begins."""

import json
import struct

from .bench import attack, ensure, kept, tree
from .files import tensors, write_tensors

# Every field of a recipe and a scale that is a number, with a value that it has at scale demo.
RECIPE = ["patch_depth", "outer_slices_dropped", "encoder_norm_epsilon", "decoder_norm_epsilon", "recipe.norm_momentum",
          "dropout_2d", "dropout_fusion_volume_stage", "dropout_fusion_joint_stage", "joint_loss_2d_weight",
          "recipe.learning_rate", "momentum", "dampening", "lesion_centres", "warm_up", "liver_threshold",
          "recipe.lesion_threshold", "hu_mean", "joint_rate"]
SCALE = ["patch", "working_matrix", "depth", "batch", "iterations", "volume_stage", "encoder_cases", "encoder_iterations",
         "coarse_iterations",
         "coarse_patch", "scale.learning_rate", "scale.norm_momentum", "scale.lesion_threshold", "margin_mm"]
LISTS = {"class_weights": 3, "zoom": 2, "hu_window": 2, "window_step": 2, "coarse_spacing_mm": 3, "unet": 5, "residual": 5, "coarse": 5}


def refused(box, setting, says):
    ran = box.run("ablation", "--variant", "unet", "--set", setting, "--out", "new", code=2, says=[says, "hint: "],
                  never=["panicked", "usize", "f64"], seconds=20)
    ensure(not (box / "new").exists(), f"--set {setting} left a folder")
    return ran


@attack
def numbers_that_are_none(box):
    """NaN and infinity in every number of recipe and scale: 2 by the field's name, nothing begins."""
    for key in RECIPE + SCALE:
        for value in ("nan", "inf", "-inf"):
            refused(box, f"{key}={value}", key.split(".")[-1])


@attack
def numbers_out_of_range(box):
    """-1, 1e300, words and nothing in every number of recipe and scale: 2 by the field's name."""
    for key in RECIPE + SCALE:
        for value in ("1e300", "abc", "[]", "{}", "true"):
            refused(box, f"{key}={value}", key.split(".")[-1])
        if key != "hu_mean":
            refused(box, f"{key}=-1", key.split(".")[-1])


@attack
def lists_that_are_wrong(box):
    """Lists too short, too long, of NaN, of negative numbers, in every list: 2 by the field's name."""
    for key, length in LISTS.items():
        for value in ([], ["1"] * (length - 1), ["1"] * (length + 1), ["nan"] * length, ["1"] * (length - 1) + ["inf"],
                      ["1e300"] * length, ["[1]"] * length):
            refused(box, f"{key}=[{', '.join(value)}]", key)
        if key != "hu_window":
            refused(box, f"{key}=[{', '.join(['-1'] * length)}]", key)


@attack
def pairs_the_wrong_way_round(box):
    """hu_window and zoom reversed, or an empty window: 2."""
    for setting in ("hu_window=[250, -200]", "hu_window=[0, 0]", "zoom=[1.2, 0.8]"):
        refused(box, setting, setting.split("=")[0])


@attack
def sizes_that_no_network_has(box):
    """Widths of 0 and 1e9, patches of 0, 1, 48 and 1e9, spacings of 0 and 0.01: 2, no abort."""
    wide = 10**9
    for setting in (f"unet=[{wide},16,24,32,32]", "unet=[0,16,24,32,32]", f"coarse=[{wide},8,12,16,16]",
                    "coarse=[0,8,12,16,16]", "dense_2d={stem=0,growth=8,blocks=[2,2,2,2],decoder=[30,28,12,12,8]}",
                    "dense_2d={stem=12,growth=8,blocks=[2,2,2,0],decoder=[30,28,12,12,8]}",
                    "coarse_patch=0", "coarse_patch=1", "coarse_patch=24", "patch=0", "patch=48", f"patch={wide}",
                    "coarse_spacing_mm=[0,2,2]", "coarse_spacing_mm=[0.01,0.01,0.01]", "batch=0", f"batch={wide}",
                    f"depth={4 * wide}", f"iterations={10**12}", "norm_momentum=0", "recipe.norm_momentum=0",
                    "encoder_norm_epsilon=0", "unet=[4096,4096,4096,4096,4096]"):
        refused(box, setting, setting.split("=")[0].split(".")[-1])


@attack
def a_second_setting_behind_a_newline(box):
    """`--set $'iterations=1\\nbatch=2'`, a carriage return, a comment: refused, no second key is dropped or taken."""
    for setting in ("iterations=1\nbatch=2", "iterations=1\r\nbatch=2", "iterations=1 # batch=2", "\niterations=1\n[scale]",
                    "upsampling=\"nearest\"\nrecipe=1"):
        refused(box, setting, "hint: ")


@attack
def a_sweep_with_one_bad_value(box):
    """`--sweep momentum=0.5,nan`, a value twice, an unknown key, nothing: 2 before the first arm begins."""
    for sweep in ("momentum=0.5,nan", "batch=2,0", "batch=2,2", "foo=1,2", "batch=", "batch", "=1", "batch=2,,3"):
        ran = box.run("ablation", "--variant", "unet", "--sweep", sweep, "--out", "new", code=2, never="panicked")
        ensure(not (box / "new").exists(), f"--sweep {sweep} left a folder: {ran.text[-200:]}")


@attack
def hints_of_settings(box):
    """A wrong key or value says what is expected in words, and `explain recipe`, which the hint names, has it."""
    refused(box, "iterations=abc", "a whole number from 1 to")
    ran = refused(box, "foo=1", "explain recipe")
    ensure("zoom" not in ran.text, "foo is taken for zoom")
    refused(box, "upsampling=cubic", "linear or nearest")
    refused(box, "iteration=3", "did you mean iterations?")
    box.run("explain", "recipe", code=0, says=["\niterations\n", "\nmomentum\n", "whole number from 1 to"])


@attack
def flags_out_of_range(box):
    """--seed beyond TOML's numbers, --seeds and --shards of 0 and of thousands, checkpoints every 0: 2."""
    for flags in (["--seed", "18446744073709551615"], ["--seed", "-1"], ["--seeds", "0"], ["--seeds", "100000"],
                  ["--shards", "0"], ["--shards", "64"], ["--checkpoint-seconds", "0"], ["--checkpoint-iterations", "0"],
                  ["--limit", "-1"], ["--fold", "9"]):
        box.run("ablation", "--variant", "unet", *flags, "--out", "new", code=2, never=["panicked", "internal"])
        ensure(not (box / "new").exists(), f"{flags} left a folder")


@attack
def a_study_file_with_nonsense(box):
    """NaN, negatives, wrong types, unknown keys in study.toml of a finished study: 3 by file and key in every verb."""
    study = box.study()
    path = study / "study.toml"
    sound = path.read_text()
    for old, new, key in (("threads = 1", "threads = 0", "threads"), ("momentum = 0.9", "momentum = nan", "momentum"),
                          ("iterations = 20", "iterations = -1", "iterations"), ("seeds = [0]", "seeds = []", "seeds"),
                          ("zoom = [0.8, 1.2]", "zoom = [1.2, 0.8]", "zoom"), ("patch = 64", "patch = 0", "patch"),
                          ("threads = 1", "thread = 1", "thread"), ("batch = 6", 'batch = "six"', "batch"),
                          ("margin_mm = 6.0", "margin_mm = inf", "margin_mm"),
                          ("coarse_spacing_mm = [4.0, 2.0, 2.0]", "coarse_spacing_mm = [0.0, 0.0, 0.0]", "coarse_spacing_mm")):
        ensure(old in sound, f"study.toml has no {old!r}")
        path.write_text(sound.replace(old, new, 1))
        for words in (["status", study], ["report", study], ["cell", "run", study, "unet/fold_0/seed_0"]):
            box.run(*words, code=3, says=["study.toml", key], never=["panicked", "internal"])


@attack
def a_model_with_nonsense(box):
    """patch 0, spacing 0, widths 1e9 or 0, window reversed in model.toml, `predict`: 3 by file and key."""
    box.run("model", "init", "unet", "--scale", "demo", "--out", "m", code=0)
    path = box / "m/model.toml"
    sound = path.read_text()
    for key, value in (("patch", "0"), ("patch", "1"), ("coarse_spacing_mm", "[0.0, 2.0, 2.0]"),
                       ("unet", "[1000000000, 16, 24, 32, 32]"), ("unet", "[0, 16, 24, 32, 32]"), ("unet", "[]"),
                       ("hu_window", "[250.0, -200.0]"), ("hu_window", "[nan, nan]"), ("depth", "0"), ("depth", "3"),
                       ("liver_threshold", "nan"), ("margin_mm", "-1.0"), ("margin_mm", "1e300"), ("batch", "0"),
                       ("coarse_patch", "0"), ("decoder_norm_epsilon", "0.0"), ("outer_slices_dropped", "200"),
                       ("stem", "0"), ("growth", "1000000000"), ("iterations", "-5")):
        lines = [f"{key} = {value}" if line.startswith(f"{key} = ") else line for line in sound.splitlines()]
        ensure("\n".join(lines) != sound.rstrip(), f"model.toml has no {key}")
        path.write_text("\n".join(lines) + "\n")
        box.run("predict", "--model", "m", "--input", box.bench.phantoms() / "volume-0.nii.gz", "--out", "p.nii.gz",
                code=3, says="model.toml", never=["panicked", "internal"], seconds=20)
        ensure(not (box / "p.nii.gz").exists(), f"{key} = {value}: a prediction was written")


@attack
def a_cell_that_the_study_has_not(box):
    """`cell run RUN unet/fold_0/seed_7`, another fold, another network: 2, nothing is written."""
    study = box.study()
    before = tree(study)
    for cell in ("unet/fold_0/seed_7", "unet/fold_4/seed_0", "resnet/fold_0/seed_0", "unet/fold_0/seed_4294967296",
                 "../x/fold_0/seed_0", "_coarse/fold_1/seed_0", "unet/fold_00/seed_0"):
        box.run("cell", "run", study, cell, code=2, never=["panicked", "internal"])
        kept(before, study)


@attack
def a_split_file_with_a_case_twice(box):
    """A case twice in train, in train and val, tested twice, a fold twice: refused by its name before anything."""
    for folds, name in (([{"train": ["volume-1", "volume-2", "volume-1"], "val": ["volume-3"]}], "volume-1"),
                        ([{"train": ["volume-1"], "val": ["volume-1"]}], "volume-1"),
                        ([{"train": ["volume-1"], "val": ["volume-2", "volume-2"]}], "volume-2"),
                        ([{"train": ["volume-1"], "val": ["volume-2"]}] * 2, "volume-2"),
                        ([{"train": [], "val": ["volume-2"]}], "empty"), ([], "no folds")):
        box.put("splits.json", json.dumps(folds))
        box.run("crossval", "--data", box.bench.phantoms(), "--splits", "splits.json", "--variant", "unet", "--set",
                "iterations=2", "--set", "coarse_iterations=2", "--out", "cv", code=(2, 3), says=name, never="panicked")


@attack
def a_split_file_that_is_none(box):
    """Split files of other shapes, deep nests, numbers for names: 2 or 3, without a panic."""
    for content in ("", "{}", "[1]", '[{"train": 1, "val": 2}]', "[" * 100000, '[{"train": ["a"]}]', "\xff",
                    '[{"train": [1], "val": [2]}]', "null"):
        box.put("splits.json", content.encode("latin-1"))
        box.run("crossval", "--data", box.bench.phantoms(), "--splits", "splits.json", "--out", "cv", code=(2, 3),
                never="panicked")


def weights(box):
    box.run("model", "init", "unet", "--scale", "demo", "--out", "m", code=0)
    box.run("model", "export", "m", "--out", "w.safetensors", code=0, says="w.safetensors")
    return tensors(box / "w.safetensors")


@attack
def weights_that_are_no_numbers(box):
    """NaN or infinity in imported weights: 3 by the tensor's name, no model folder."""
    header, data = weights(box)
    name = "classifier.bias"
    start = header[name]["data_offsets"][0]
    for number in (float("nan"), float("inf"), float("-inf")):
        wrong = bytearray(data)
        struct.pack_into("<f", wrong, start, number)
        write_tensors(box / "x.safetensors", header, wrong)
        box.run("model", "import", "x.safetensors", "--part", "unet", "--scale", "demo", "--out", "new", code=3, says=name)
        ensure(not (box / "new").exists(), "a model folder was written")


@attack
def weights_of_other_widths(box):
    """Weights of other widths: 3, a few lines with the expected and the found shapes, not pages."""
    weights(box)
    ran = box.run("model", "import", "w.safetensors", "--part", "unet", "--scale", "quick", "--out", "new", code=3,
                  says=["expected", "found"], never="ShapeMismatch")
    ensure(len(ran.text.splitlines()) <= 12 and len(ran.text) < 1500, f"{len(ran.text)} characters of it")


@attack
def weights_whose_header_lies(box):
    """Offsets beyond the file, shapes of other sizes, a header of gigabytes: 3, without a panic."""
    header, data = weights(box)
    name = next(key for key in header if key != "__metadata__")
    for change in ({"data_offsets": [0, 2**60]}, {"shape": [2**40, 2**40]}, {"dtype": "F999"}, {"data_offsets": [8, 0]},
                   {"shape": []}):
        write_tensors(box / "x.safetensors", {**header, name: {**header[name], **change}}, data)
        box.run("model", "import", "x.safetensors", "--part", "unet", "--scale", "demo", "--out", "new", code=3,
                never=["panicked", "internal"])
    box.put("y.safetensors", struct.pack("<Q", 2**62) + b"{}")
    box.run("model", "import", "y.safetensors", "--part", "unet", "--scale", "demo", "--out", "new", code=3,
            never=["panicked", "memory allocation"])


@attack
def weights_of_half_and_double_precision(box):
    """Weights of other precision, or whole numbers: taken, or 3 by name; no panic, now or at the first prediction."""
    header, data = weights(box)
    for kind, letter in (("F16", "e"), ("F64", "d"), ("I32", "i"), ("BOOL", "?")):
        other, content = {}, bytearray()
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            count = (end - start) // 4
            values = struct.unpack_from(f"<{count}f", data, start)
            convert = {"i": int, "?": bool}.get(letter, float)
            begin = len(content)
            content += struct.pack(f"<{count}{letter}", *map(convert, values))
            other[name] = {"dtype": kind, "shape": entry["shape"], "data_offsets": [begin, len(content)]}
        write_tensors(box / "x.safetensors", other, content)
        ran = box.run("model", "import", "x.safetensors", "--part", "unet", "--scale", "demo", "--out", f"new-{kind}",
                      code=(0, 3), never=["panicked", "internal"])
        if ran.code == 0:
            box.run("model", "export", f"new-{kind}", "--out", f"{kind}.safetensors", code=0, never="panicked")


@attack
def another_study_in_the_same_folder(box):
    """A start with other settings names each differing field with both values, and changes nothing."""
    study = box.study()
    before = tree(study)
    box.start("--set", "batch=2", "--seed", "9", code=2, says=["batch", "6", "2", "seed", "9", "--restart"])
    kept(before, study)


@attack
def a_study_file_for_study_run(box):
    """`study run FILE` with wrong keys, types and smuggled flags: 2 or 3, nothing begins."""
    for content in ("", "study = 1", 'study = "rm"', 'study = "ablation"\nvarient = "unet"',
                    'study = "ablation"\nout = 3', 'study = "ablation"\nscale = "demo --restart"',
                    'study = "ablation"\n[set]\niterations = nan', 'study = "ablation"\n[set]\n"a\\nb" = 1',
                    'study = "ablation"\n[set]\nhu_window = [250, -200]', 'study = "ablation"\nforce = ["unet/fold_0/seed_0"]',
                    "\0", "[" * 10000):
        box.put("s.toml", content)
        before = tree(box.path)
        box.run("study", "run", "s.toml", code=(2, 3), never=["panicked", "internal"])
        kept(before, box.path)


@attack
def sizes_of_model_measure(box):
    """`model measure` and `model cost` with sizes of 0, 7 and a billion: 2, no abort."""
    for words in (["measure", "unet", "--batch", "0"], ["measure", "unet", "--plane", "7"], ["measure", "unet", "--plane", "0"],
                  ["measure", "unet", "--batch", "1000000000"], ["measure", "denseunet3d", "--depth", "3"],
                  ["measure", "unet", "--repeats", "0"], ["cost", "unet", "--slices", "0"],
                  ["cost", "unet", "--matrix", "0"], ["cost", "unet", "--slices", "1000000000"],
                  ["measure", "unet", "--plane", "1000000000"], ["init", "unet", "--set", "patch=0", "--out", "m"],
                  ["summary", "unet", "--set", "unet=[0,0,0,0,0]"]):
        box.run("model", *words, "--scale", "demo", code=2, never=["panicked", "internal", "memory allocation"], seconds=30)
