"""One step, inside of the environment: `python -m structures_golden STEP FOLDER`."""

import importlib
import json
import os
import sys
from pathlib import Path

# Sums must not depend on how many cores there are.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def main():
    step, folder = sys.argv[1], Path(sys.argv[2])
    if step == "pairs":
        from . import pairs
        pairs.write(folder / "pairs")
        return
    cases = json.loads((folder / "pairs" / "cases.json").read_text())["cases"]
    module = step if step == "check" else f"run_{step}"
    importlib.import_module(f".{module}", __package__).run(folder, cases)


if __name__ == "__main__":
    main()
