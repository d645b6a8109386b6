"""The gate can always fail: a loss is called, or the results are called not comparable."""

from .bench import attack, ensure
from .files import HEADER, nifti, liver, table

FAILS = (6, 7)

POLICY = """format = 1
level = {level}
resamples = {resamples}
[[accuracy]]
metric = "lesion:dice"
margin = {margin}
"""


def policy(box, level=0.05, resamples=2000, margin=0.01):
    box.put("policy.toml", POLICY.format(level=level, resamples=resamples, margin=margin))
    return ["--policy", "policy.toml"]


def cases(count, value=0.8):
    return {f"case-{index}": value + 0.001 * index for index in range(count)}


def gate(box, before, after, more=(), **expected):
    """Holds one table of scores against another."""
    box.put("before.csv", before if isinstance(before, str) else table(before))
    box.put("after.csv", after if isinstance(after, str) else table(after))
    return box.run("regress", "--baseline", "before.csv", "--current", "after.csv", *more, never="panicked", **expected)


def lost(values, loss):
    return {case: value - loss for case, value in values.items()}


@attack
def a_plain_loss(box):
    """Every case lost 0.3: 6; the same scores: 0. Without this no other attack on the gate shows anything."""
    values = cases(20)
    gate(box, values, lost(values, 0.3), policy(box), code=6)
    gate(box, values, values, policy(box), code=0)


@attack
def a_gate_of_102_lines(box):
    """102 lines, every case of every one lost 0.3 to 0.7: 6 or 7, not 0."""
    values = cases(20)
    names = [f"net-{index}" for index in range(102)]
    def tables(values):
        return HEADER + "\n" + "".join(
            table(values, algorithm=name).split("\n", 1)[1] for name in names)
    gate(box, tables(values), tables(lost(values, 0.5)), policy(box), code=FAILS)


@attack(slow=True)
def a_gate_of_300_lines_of_131_cases(box):
    """300 lines of 131 cases that lost 0.3: 6 or 7."""
    values = cases(131, 0.6)
    names = [f"net-{index}" for index in range(300)]
    def tables(values):
        return HEADER + "\n" + "".join(
            table(values, algorithm=name).split("\n", 1)[1] for name in names)
    gate(box, tables(values), tables(lost(values, 0.3)), policy(box), code=FAILS, seconds=180)


@attack
def a_level_below_what_resamples_can_show(box):
    """`level = 0.0004` with 2000 resamples: refused, or the loss of 0.5 is called."""
    values = cases(20)
    gate(box, values, lost(values, 0.5), policy(box, level=0.0004), code=(2, 3, *FAILS))


@attack
def a_hundred_resamples_for_six_lines(box):
    """`resamples = 100` with six lines that all lost 0.5: refused, or called."""
    values = cases(20)
    names = [f"net-{index}" for index in range(6)]
    def tables(values):
        return HEADER + "\n" + "".join(
            table(values, algorithm=name).split("\n", 1)[1] for name in names)
    gate(box, tables(values), tables(lost(values, 0.5)), policy(box, resamples=100), code=(2, 3, *FAILS))


@attack
def an_infinite_score_in_every_case(box):
    """`inf` or `-inf` as the Dice of all cases: 7 (or refused), not 0."""
    values = cases(20)
    for number in ("inf", "-inf", "Infinity", "1e999"):
        gate(box, values, dict.fromkeys(values, number), policy(box), code=(3, *FAILS))


@attack
def an_infinite_score_in_one_case(box):
    """`inf` in one case while all others lost 0.3: 6 or 7."""
    values = cases(20)
    for number in ("inf", "-inf"):
        after = {**lost(values, 0.3), "case-0": number}
        gate(box, values, after, policy(box), code=(3, *FAILS))
        gate(box, {**values, "case-0": number}, lost(values, 0.3), policy(box), code=(3, *FAILS))


@attack
def a_dice_of_eight(box):
    """One Dice of 8 or 1e9 while all others lost 0.3: 6 or 7."""
    values = cases(20)
    for number in (8, 1e9, -8):
        gate(box, values, {**lost(values, 0.3), "case-0": number}, policy(box), code=(3, *FAILS))


@attack
def every_case_twice(box):
    """Each case twice in the table, once worse, once better by 0.3: 7 (or refused), not averaged to 0."""
    values = cases(20, 0.5)
    twice = table(lost(values, 0.3)) + table(lost(values, -0.3)).split("\n", 1)[1]
    gate(box, values, twice, policy(box), code=(3, *FAILS))


@attack
def a_metric_twice_in_a_baseline(box):
    """A baseline's JSON with a metric twice: refused, or 7."""
    import json
    values = cases(20)
    box.put("before.csv", table(values))
    box.run("baseline", "save", "before.csv", "--name", "b", "--dir", "d", code=0)
    path = box / "d/b.json"
    text = json.loads(path.read_text())
    lists = [key for key, value in text.items() if isinstance(value, list) and value]
    ensure(lists, "the baseline has no lists")
    for key in lists:
        text[key] = text[key] + text[key]
    path.write_text(json.dumps(text))
    box.put("after.csv", table(lost(values, 0.0)))
    box.run("regress", "--baseline", path, "--current", "after.csv", *policy(box), code=(2, 3, *FAILS))


@attack
def a_margin_that_no_loss_exceeds(box):
    """A margin of 1 or 1e9 for a Dice: refused, because no loss could fail it."""
    values = cases(20)
    for margin in (1, 1e9, "inf"):
        gate(box, values, lost(values, 0.3), policy(box, margin=margin), code=(2, 3, *FAILS))


@attack
def cases_that_had_no_score_before(box):
    """14 of 20 baseline values are NaN and those cases score 0 now: 7, not 0 on six cases."""
    values = cases(20)
    before = {case: ("NaN" if index < 14 else value) for index, (case, value) in enumerate(values.items())}
    after = {case: (0 if index < 14 else value) for index, (case, value) in enumerate(values.items())}
    gate(box, before, after, policy(box), code=FAILS)


@attack
def a_case_called_all(box):
    """A case named `_all` that lost everything is not left out in silence."""
    values = {**cases(8), "_all": 0.9}
    ran = gate(box, values, {**values, "_all": 0.0}, policy(box))
    ensure(ran.code != 0 or "_all" in ran.text, "a case called _all was dropped without a word")


@attack
def cases_renamed(box):
    """The cases are called otherwise now: 7."""
    values = cases(20)
    gate(box, values, {f"x{case}": value - 0.3 for case, value in values.items()}, policy(box), code=7)


@attack
def fewer_cases(box):
    """The worst cases are missing now: 7."""
    values = cases(20)
    gate(box, values, dict(list(values.items())[5:]), policy(box), code=7)


@attack
def an_empty_table(box):
    """A table without rows, an empty file, a file without the header: 3 or 7, never 0."""
    values = cases(20)
    for content in ("", HEADER + "\n", table(values).split("\n", 1)[1], "\0" * 100):
        gate(box, values, content, policy(box), code=(2, 3, 7))
        gate(box, content, values, policy(box), code=(2, 3, 7))


@attack
def another_version_of_the_metric(box):
    """Another metric_version in the table, with a loss of 0.3: 7."""
    values = cases(20)
    gate(box, values, table(lost(values, 0.3)).replace(",dice,1,", ",dice,2,"), policy(box), code=7)


@attack
def a_policy_of_nonsense(box):
    """level, margin or resamples NaN, negative, a word, absent: 2 or 3, by the key's name."""
    values = cases(20)
    for wrong in ({"level": "nan"}, {"level": 0}, {"level": -1}, {"level": 0.5}, {"level": '"x"'}, {"margin": "nan"},
                  {"margin": -1}, {"resamples": 0}, {"resamples": -5}, {"resamples": 10**12}, {"resamples": 1.5}):
        (key,) = wrong
        gate(box, values, values, policy(box, **wrong), code=(2, 3), says=key)


@attack
def a_baseline_of_a_partial_evaluation(box):
    """`baseline save` of an evaluation that ended with 4 (a case failed): refused, or said."""
    good = nifti(voxels=liver())
    for name in ("a", "b"):
        box.put(f"ref/{name}.nii", good)
    box.put("pred/a.nii", good)
    box.put("pred/b.nii", b"damaged")
    box.run("evaluate", "--pred", "pred", "--ref", "ref", "--out", "scores", code=4)
    ran = box.run("baseline", "save", "scores", "--name", "b", "--dir", "d")
    ensure(ran.code != 0 or "b" in ran.text and ("fail" in ran.text or "missing" in ran.text or "partial" in ran.text),
           "a partial evaluation was saved without a word")


@attack
def a_reference_scored_against_itself(box):
    """`evaluate` of the references as their own predictions, by path, link and hard link: a word of it."""
    import os
    box.put("ref/a.nii", nifti(voxels=liver()))
    (box / "link").symlink_to("ref")
    (box / "hard").mkdir()
    os.link(box / "ref/a.nii", box / "hard/a.nii")
    for pred in ("ref", "link", "hard", "ref/a.nii"):
        ref = "ref/a.nii" if pred.endswith(".nii") else "ref"
        ran = box.run("evaluate", "--pred", pred, "--ref", ref, "--out", f"out-{pred.replace('/', '-')}")
        ensure("same file" in ran.text or "warning" in ran.text or ran.code != 0, f"{pred}: a score of 1, and no word")


@attack(slow=True)
def a_study_whose_new_training_failed(box):
    """Every cell diverges after --restart: `regress`, `baseline save` and `analyze` do not take the old scores."""
    study = box.study()
    box.run("baseline", "save", study, "--name", "g", "--dir", "d", code=0)
    box.start("--set", "scale.learning_rate=1e30", "--restart")
    box.run("regress", "--baseline", "g", "--dir", "d", "--current", "base", *policy(box), code=(3, 4, 7))
    ran = box.run("baseline", "save", "base", "--name", "h", "--dir", "d")
    ensure(ran.code != 0, "a baseline was saved of a study whose cells all failed")


@attack
def a_study_interrupted_after_a_restart(box):
    """state.json of a cell says that it runs or was interrupted, its old scores are there: not judged by them."""
    import json
    study = box.study()
    box.run("baseline", "save", study, "--name", "g", "--dir", "d", code=0)
    for status in ("running", "interrupted"):
        for cell in ("unet", "denseunet2d"):
            path = study / cell / "fold_0/seed_0/state.json"
            state = json.loads(path.read_text())
            state["status"] = status
            state["stages"].pop("score", None)
            path.write_text(json.dumps(state))
        box.run("regress", "--baseline", "g", "--dir", "d", "--current", "base", *policy(box), code=(3, 4, 7))


@attack
def a_missing_study(box):
    """`regress` against a baseline or a study that is not there, or whose name leads elsewhere: 2 or 3."""
    box.put("after.csv", table(cases(20)))
    for name in ("nothing", "../nothing", "/", "\x1b[31m", "a/../../b"):
        box.run("regress", "--baseline", name, "--current", "after.csv", *policy(box), code=(2, 3, 7), never="\x1b[31m")
