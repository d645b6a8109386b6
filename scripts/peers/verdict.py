"""What the runs say: the goals of speed, and whether everybody computed the same."""

import json

from agreement import Agreement, read_metrics

# Ratio of walls wanted, peer, profile.
GOALS = [(50, "official", "lits"), (10, "assembled", "strict"), (300, "medpy", "strict")]

# A peer's metric, hdbench's name for it, and how far they may be apart, relative: MedPy works in
# f64 throughout, surface-distance sums areas in another order.
EQUAL = [
    ("medpy", "assd_6n", "assd_6n", 1e-9),
    ("medpy", "hd95_6n", "hd95_6n", 1e-9),
    ("assembled", "dice", "dice", 1e-12),
    ("assembled", "jaccard", "jaccard", 1e-12),
    ("assembled", "voe", "voe", 1e-12),
    ("assembled", "rvd", "rvd", 1e-12),
    ("assembled", "precision", "precision", 1e-12),
    ("assembled", "recall", "recall", 1e-12),
    ("assembled", "asd_prediction_surfels", "asd_pred_to_ref_surfel", 1e-6),
    ("assembled", "asd_reference_surfels", "asd_ref_to_pred_surfel", 1e-6),
    ("assembled", "hd95_surfels", "hd95_surfel", 1e-6),
    ("assembled", "nsd_1mm", "nsd_1mm", 1e-6),
    ("assembled", "nsd_2mm", "nsd_2mm", 1e-6),
]


def goals(rows):
    lines = ["| goal | measured | |", "|---|---:|---|"]
    for wanted, peer, profile in GOALS:
        what = f"`{profile}` at least {wanted}x faster than {rows[peer].name.split(':')[0]}"
        if rows[peer].ran() and rows[profile].ran():
            ratio = rows[peer].median("wall") / rows[profile].median("wall")
            lines.append(f"| {what} | {ratio:.0f}x | {'met' if ratio >= wanted else 'missed'} |")
        else:
            lines.append(f"| {what} | | not measured |")
    return "\n".join(lines) + "\n\n" + floor(rows)


def floor(rows):
    """Inflating both files against the whole of hdbench, which does it with zlib-rs."""
    parts = []
    for library in ("zlib", "zlib-ng"):
        if not rows[library].ran():
            continue
        seconds = sorted(json.loads(done.output)["seconds"] for done in rows[library].runs)
        inflate = seconds[len(seconds) // 2]
        shares = [f"{inflate / rows[profile].median('wall'):.0%} of `{profile}`"
                  for profile in ("lits", "strict") if rows[profile].ran()]
        parts.append(f"{library} in {inflate:.3f} s ({', '.join(shares)})")
    return (f"Floor, inflating both files side by side, Python's start not counted: {'; '.join(parts)}. "
            "hdbench inflates with zlib-rs, a port of zlib-ng.\n")


def agreement(rows, metrics_long):
    """The metrics of the peers that ran against those of `strict`."""
    agreed = Agreement()
    if not rows["strict"].ran():
        agreed.absent("strict", rows["strict"].trouble)
        return agreed
    # One case, whose name is the reference's.
    ours = next(iter(read_metrics(metrics_long).values()), {})
    for peer, their_metric, metric, tolerance in EQUAL:
        if not rows[peer].ran():
            continue
        theirs = json.loads(rows[peer].runs[-1].output)
        for label in ("liver", "lesion"):
            agreed.hold(peer, f"{label} {metric}", ours.get(label, {}).get(metric),
                        theirs[f"{label} {their_metric}"], tolerance)
    return agreed


def same_scores(rows, official, ours):
    """The two scores.txt, line by name."""
    if not (rows["official"].ran() and rows["lits"].ran()):
        return "scores.txt: not compared, one of the two did not run."
    read = lambda path: dict(line.split(": ") for line in path.read_text().splitlines())
    theirs, found = read(official), read(ours)
    apart = [f"{name} {theirs.get(name)} / {found.get(name)}"
             for name in sorted(theirs.keys() | found.keys()) if theirs.get(name) != found.get(name)]
    if apart:
        return f"scores.txt: {len(apart)} of {len(theirs)} lines differ (official / hdbench): {'; '.join(apart)}"
    return f"scores.txt: all {len(theirs)} lines of the official scorer and of hdbench are equal."
