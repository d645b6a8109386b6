"""panoptica and brats-evaluation against define_panoptica and define_brats."""

from . import define_brats, define_panoptica as define
from .check import rows


def run(folder, cases, tally):
    panoptica(folder, tally)
    brats(folder, tally)


def groups_of(folder, call, case):
    """A configuration's results of one case, by name of the group; a refusal under None."""
    name, _, how = call.partition(" ")
    settings = define.config(folder / "formats" / "panoptica" / f"{name}.yaml")
    ref, pred, spacing, volume = define.read(folder, case, how or "path")
    if any(define.undefined(values, settings.groups) for values in (ref, pred)):
        return {None: "undefined label"}
    try:
        return {group: define.evaluate(settings, ref, pred, labels, spacing, volume)
                for group, labels in settings.groups.items()}
    except NotImplementedError:
        return {None: "no rule for counts that are not numbers"}


def panoptica(folder, tally):
    found = {}
    for row in rows(folder, "panoptica")[1]:
        call, case, group = row["call"], row["case"], row["structure"]
        if call == "autc":
            settings = define.config(folder / "formats" / "panoptica" / "values_iou.yaml")
            made = define.over_thresholds(settings, *define.read(folder, case, "path")[:2], None,
                                          *define.read(folder, case, "path")[2:], 0.25)
            tally.compare("panoptica", (call, case, group), row["values"], made)
            continue
        if (call, case) not in found:
            found[call, case] = groups_of(folder, call, case)
        made = found[call, case].get(group)
        if group is None:
            tally.compare("panoptica", (call, case), {"error": True}, {"error": isinstance(made, str)})
        else:
            tally.compare("panoptica", (call, case, group), row["values"], made)


def brats(folder, tally):
    calls, listed = rows(folder, "brats_evaluation")
    kept, missing, results = {}, {}, {}
    for row in listed:
        call, case, group = row["call"], row["case"], row["structure"]
        if " table " in call:
            continue
        if case is None:
            missing[call] = row["missings"]
            continue
        if (call, case) not in kept:
            kept[call, case] = groups_of(folder, f"brats_{call}", case)
        made = kept[call, case].get(group)
        if group is None:
            tally.compare("brats-evaluation", (call, case), {"error": True}, {"error": isinstance(made, str)})
        else:
            tally.compare("brats-evaluation", (call, case, group), row["values"], made)
            results.setdefault(call, {}).setdefault(case, {})[group] = made
    tables = {}
    for row in listed:
        if " table " in row["call"]:
            call, _, table = row["call"].partition(" table ")
            if row["call"] not in tables:
                make = define_brats.seg if table == "seg" else define_brats.mets
                tables[row["call"]] = define_brats.table(make, results[call], missing[call], calls[row["call"]]["parameters"])
            expected = {k: "nan" if v == "" else v for k, v in row["values"].items()}
            tally.compare("brats-evaluation tables", (row["call"], row["case"]), expected, tables[row["call"]][row["case"]])
