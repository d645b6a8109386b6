"""What a child process costs: wall clock, CPU seconds and peak memory, on a fixed set of cores."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

# Linux counts in KiB, macOS in bytes.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass
class Run:
    wall: float
    cpu: float
    peak_mb: float
    output: str
    errors: str
    code: int


def run(command, cores=None, environment=None):
    """Runs a command to its end. From before the process exists until it is reaped, so that its
    start is counted; its children count for CPU seconds where it waits for them."""
    pin = (lambda: os.sched_setaffinity(0, cores)) if cores else None
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        child = subprocess.Popen([str(part) for part in command], stdout=out, stderr=err,
                                 env={**os.environ, **(environment or {})}, preexec_fn=pin)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT / 1e6,
                   out.read().decode(), err.read().decode(), child.returncode)


def usable_cores(count):
    """The first `count` cores this process may use, or none where cores cannot be chosen."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    return sorted(os.sched_getaffinity(0))[:count]


@dataclass
class Row:
    """One line of a table: a command, how often it runs, and what its runs cost."""

    name: str
    command: list
    repeats: int
    environment: dict = field(default_factory=dict)
    # Runs before each measured one, uncounted: empties an output folder, say.
    before: object = None
    cores: list = None
    runs: list = field(default_factory=list)
    trouble: str = ""

    def measure(self):
        if self.trouble:
            return
        if self.before:
            self.before()
        done = run(self.command, self.cores, self.environment)
        if done.code != 0:
            last = (done.errors.strip().splitlines() or ["no message"])[-1]
            self.trouble = f"failed with exit code {done.code}: {last}"
            return
        self.runs.append(done)

    def ran(self):
        return bool(self.runs) and not self.trouble

    def median(self, what):
        return statistics.median(getattr(done, what) for done in self.runs)

    def peak_mb(self):
        return max(done.peak_mb for done in self.runs)


def interleave(rows):
    """Runs all rows in rounds, so that whatever else the machine does meets all alike."""
    for number in range(max((row.repeats for row in rows), default=0)):
        for row in rows:
            if number < row.repeats:
                print(f"  {row.name}: run {number + 1} of {row.repeats}", file=sys.stderr)
                row.measure()


def machine(cores):
    """One line about where the numbers come from."""
    model = "unknown processor"
    try:
        with open("/proc/cpuinfo") as info:
            model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), model)
    except OSError:
        pass
    where = f"cores {', '.join(map(str, cores))}" if cores else "cores not pinned"
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, all rows on {where}, load at this point {load:.1f}"
