#!/usr/bin/env python3
"""Runs the notebook of docs/ from its first cell to its last and holds what it shows against what is stored.

    scripts/notebook.py [--update] [NOTEBOOK]     (default: docs/hdbench.ipynb)

Needs hdbench, nbclient, ipykernel, nibabel, pandas and MedPy in the environment of this Python. Ends with 1 where a cell
fails or shows something else than the stored notebook; `--update` stores what it shows.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

DEFAULT = Path(__file__).resolve().parent.parent / "docs/hdbench.ipynb"


def shown(cell):
    """What a cell shows, without what differs from run to run."""
    outputs = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            outputs.append((output.name, output.text))
        else:
            # How pandas lays out a table is pandas' own.
            data = output.get("data", {})
            outputs.append({kind: text for kind, text in data.items() if 'class="dataframe"' not in text})
    return outputs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    stored = nbformat.read(arguments.notebook, as_version=4)
    ran = nbformat.from_dict(stored)
    for cell in ran.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(ran, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}})
        try:
            client.execute()
        except CellExecutionError as error:
            sys.exit(f"{arguments.notebook}: a cell failed\n{error}")
    for cell in ran.cells:
        cell.metadata.pop("execution", None)
    ran.metadata.get("language_info", {}).pop("version", None)
    code = [place for place, cell in enumerate(ran.cells) if cell.cell_type == "code"]
    if arguments.update:
        nbformat.write(ran, arguments.notebook)
        print(f"{arguments.notebook.name}: {len(code)} cells ran and are stored")
        return
    differ = [place for place in code if shown(ran.cells[place]) != shown(stored.cells[place])]
    if differ:
        for place in differ:
            print(f"cell {place} shows\n{shown(ran.cells[place])}\nand not\n{shown(stored.cells[place])}")
        sys.exit(f"{len(differ)} of {len(code)} cells differ; `--update` stores what they show")
    print(f"{arguments.notebook.name}: {len(code)} cells ran and show what is stored")


if __name__ == "__main__":
    main()
