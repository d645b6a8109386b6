"""Rows of hdbench, tables of rows beside them, and the goals they are held to."""

import json
import shutil
import sys

import measure
from measure import Row


def made(python, program, *arguments):
    """Runs a generator and gives back what it says is in its files."""
    done = measure.run([python, program, *arguments])
    if done.code:
        sys.exit(f"error: {program.name} made no label maps\n{done.errors}")
    return json.loads(done.output)


def hdbench_row(name, hdbench, structures, pred, ref, out, repeats):
    command = [hdbench, "evaluate", "--pred", pred, "--ref", ref, "--out", out, "--structures", structures]
    return Row(name, command, repeats, before=lambda: shutil.rmtree(out, ignore_errors=True))


def run(rows):
    """Says where, then runs them all in rounds on two cores."""
    cores = measure.usable_cores(2)
    print(measure.machine(cores) + ".\n")
    for row in rows:
        row.cores = cores
    measure.interleave(rows)


def show(rows, base, over):
    """`base` is the row that the last column divides by, named `over` in its head."""
    lines = [f"| what | runs | wall s | CPU s | peak MB | wall / {over} |", "|---|---:|---:|---:|---:|---:|"]
    for row in rows:
        if not row.ran():
            lines.append(f"| {row.name} | {row.trouble or 'not run'} | | | | |")
            continue
        lines.append(f"| {row.name} | {len(row.runs)} | {row.median('wall'):.3f} | {row.median('cpu'):.3f} | "
                     f"{row.peak_mb():.0f} | {ratio(row, base)} |")
    print("\n".join(lines) + "\n\nMedian of the runs; the peak is the largest of them, and of one process where a row "
          "has several.\n")


def ratio(row, base):
    return f"{row.median('wall') / base.median('wall'):.1f}x" if row.ran() and base.ran() else ""


def speed_goal(wanted, peer, ours):
    """A line of the table of goals: `ours` so many times faster than `peer`."""
    name = f"at least {wanted}x faster than {peer.name}"
    if not (peer.ran() and ours.ran()):
        return f"| {name} | | not measured |"
    found = peer.median("wall") / ours.median("wall")
    return f"| {name} | {found:.0f}x | {'met' if found >= wanted else 'missed'} |"


def limit_goal(name, found, limit, unit):
    return f"| {name} under {limit} {unit} | {found:.2f} {unit} | {'met' if found < limit else 'missed'} |"


def show_goals(chosen, lines):
    if chosen.small:
        print("Goals: of the full size only.\n")
    else:
        print("| goal | measured | |\n|---|---:|---|\n" + "\n".join(lines) + "\n")


def last_line(row):
    """The values that a peer's program printed; some packages print before it."""
    return json.loads(row.runs[-1].output.strip().splitlines()[-1])
