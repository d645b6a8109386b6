#!/usr/bin/env python3
"""Attacks a release build of hdbench and says which attacks it withstood. Standard library only.

    scripts/attack.py [--binary PATH] [--quick] [--only NAME ...] [--list]

Every attack works in a scratch folder of its own, on a copy of a small study that is trained once. It
asserts an exit code, a piece of the message, and that nothing changed which should be kept (hashes of the
tree before and after). At the end a table of OK and FAIL; exit code 1 if one failed. `--quick` leaves out
the slow ones, for CI. The attacks themselves are in scripts/attacks/, a file a kind; docs/attacks.md says
what belongs to which.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from attacks import bounds, gate, records, settings, text, waiting, writing  # noqa: E402, F401
from attacks.bench import ATTACKS, Bench, Failed, Skipped  # noqa: E402


def default_binary():
    target = os.environ.get("CARGO_TARGET_DIR") or Path(__file__).resolve().parent.parent / "target"
    return Path(target) / "release" / "hdbench"


def chosen(arguments):
    names = {attack.name for attack in ATTACKS}
    unknown = [name for name in arguments.only if name not in names]
    if unknown:
        sys.exit(f"no attack is called {', '.join(unknown)}; --list shows all")
    if arguments.only:
        return [attack for attack in ATTACKS if attack.name in arguments.only]
    return [attack for attack in ATTACKS if not (arguments.quick and attack.slow)]


def tried(bench, attack):
    """The verdict, and what is to be said of it."""
    box = bench.box(attack.name)
    try:
        attack.function(box)
    except Skipped as reason:
        return "SKIP", str(reason)
    except Failed as failure:
        return "FAIL", str(failure)
    except Exception as error:  # an attack that breaks has not shown anything
        return "FAIL", f"{type(error).__name__}: {error}"
    finally:
        box.close()
    return "OK", ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=default_binary(), help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="leave out the slow ones")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="run this one, also several times")
    parser.add_argument("--list", action="store_true", help="names and what they attack")
    arguments = parser.parse_args()
    if arguments.list:
        for attack in ATTACKS:
            print(f"{attack.name:<44} {'slow ' if attack.slow else '     '}{attack.what}")
        return 0
    if not arguments.binary.is_file():
        sys.exit(f"{arguments.binary}: no binary; build one (cargo build --release) or give --binary")
    attacks = chosen(arguments)
    folder = Path(tempfile.mkdtemp(prefix="hdbench-attack-"))
    began = time.monotonic()
    rows = []
    try:
        bench = Bench(arguments.binary.resolve(), folder)
        for attack in attacks:
            start = time.monotonic()
            verdict, said = tried(bench, attack)
            rows.append((verdict, attack.name, time.monotonic() - start, said))
            print(f"{verdict:<5} {attack.name:<44} {rows[-1][2]:6.1f} s", flush=True)
            if said:
                print("      " + said.strip().replace("\n", "\n      "), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    count = {verdict: sum(row[0] == verdict for row in rows) for verdict in ("OK", "FAIL", "SKIP")}
    print(f"\n{count['OK']} OK, {count['FAIL']} FAIL, {count['SKIP']} SKIP of {len(rows)} attacks "
          f"in {time.monotonic() - began:.0f} s")
    for verdict, name, _, _ in rows:
        if verdict == "FAIL":
            print(f"FAIL {name}")
    return 1 if count["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
