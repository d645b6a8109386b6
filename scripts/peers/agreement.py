"""Whether two programs computed the same: values held against each other, and what differs, by name."""

import csv
from collections import defaultdict


def read_metrics(metrics_long):
    """Case to structure to metric to value, of hdbench's metrics_long.csv; undefined values are left out."""
    found = defaultdict(lambda: defaultdict(dict))
    if metrics_long.is_file():
        with open(metrics_long, newline="") as file:
            for line in csv.DictReader(file):
                if line["case"] != "_all" and line["value"]:
                    found[line["case"]][line["label"]][line["metric"]] = float(line["value"])
    return found


class Agreement:
    def __init__(self):
        self.checked = defaultdict(int)
        self.differences = []

    def hold(self, peer, what, ours, theirs, tolerance):
        """`tolerance` is relative to the larger of the two; None is a value that a program did not give."""
        self.checked[peer] += 1
        if ours is None or theirs is None:
            who = "hdbench" if ours is None else peer
            self.differences.append(f"{what}: {who} gives none")
        # Not the opposite comparison: it is false for NaN as well.
        elif not (ours == theirs or abs(ours - theirs) <= tolerance * max(abs(ours), abs(theirs))):
            self.differences.append(f"{what}: hdbench {ours!r}, {peer} {theirs!r}")

    def absent(self, peer, why):
        """A program whose values could not be compared."""
        self.differences.append(f"{peer}: not compared, {why}")

    def holds(self):
        return bool(self.checked) and not self.differences

    def summary(self, most=12):
        counts = ", ".join(f"{count} with {peer}" for peer, count in self.checked.items())
        if not self.checked and not self.differences:
            return "Agreement: nothing was compared.\n"
        if not self.differences:
            return f"Agreement: values compared: {counts}; all equal.\n"
        lines = [f"Agreement: values compared: {counts or 'none'}; {len(self.differences)} DIFFERENCES:\n"]
        lines += [f"- {difference}" for difference in self.differences[:most]]
        if len(self.differences) > most:
            lines.append(f"- and {len(self.differences) - most} more")
        return "\n".join(lines) + "\n"
