#!/usr/bin/env python3
"""No circles: between crates Cargo sees to it, inside a crate this script. Also what the light crates may build.

    python3 scripts/check_structure.py [--draw]

Reads the `use` lines of every source file outside of its tests, and the paths elsewhere in it that begin with `crate`
or `super`; follows what a `mod.rs` or `lib.rs` hands on to the file that has it; and ends with 1 where files use each
other in a circle, where a `mod.rs` has logic of its own that a file below it uses, or where a light crate needs Burn
or Polars (`cargo tree`). Standard library only.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRATES = {"hdbench": ROOT / "src", **{p.parent.name: p for p in sorted((ROOT / "crates").glob("*/src"))}}
# What none of its users has to build to test it.
LIGHT = {
    "hdbench-ground": ("burn", "polars"),
    "hdbench-volume": ("burn", "polars"),
    "hdbench-dataset": ("burn", "polars"),
    "hdbench-phantom": ("burn", "polars"),
    "hdbench-algorithm": ("burn", "polars"),
    "hdbench-score": ("burn", "polars"),
    "hdbench-table": ("burn", "polars"),
    "hdbench-python": ("burn",),
    "hdbench-stats": ("burn",),
}


def code(path):
    """The file without comments and without its module of tests."""
    text = re.sub(r"//[^\n]*", "", path.read_text())
    return re.split(r"#\[cfg\(test\)\]\s*mod \w+", text)[0]


# At the beginning of a line: a text may say "use" anywhere.
USE = re.compile(r"^\s*(?:pub(?:\([^)]*\))? )?use ([^;]+);", re.MULTILINE)


def flat(tree):
    """`a::{b, c::{d as e}}` as paths."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        return [re.sub(r"\s+as\s+\w+$", "", tree).split("::")]
    prefix = [piece for piece in tree[:brace].split("::") if piece]
    pieces, depth, piece = [], 0, ""
    for letter in tree[brace + 1 : tree.rindex("}")]:
        depth += (letter == "{") - (letter == "}")
        if letter == "," and not depth:
            pieces.append(piece)
            piece = ""
        else:
            piece += letter
    return [prefix + rest for piece in pieces + [piece] if piece.strip() for rest in flat(piece)]


class Crate:
    def __init__(self, folder):
        self.folder = folder
        self.modules = {}
        for path in sorted(folder.rglob("*.rs")):
            parts = list(path.relative_to(folder).with_suffix("").parts)
            if parts == ["main"]:
                continue
            if parts[-1] in ("mod", "lib"):
                parts.pop()
            self.modules[tuple(parts)] = path
        self.code = {module: code(path) for module, path in self.modules.items()}
        self.handed_on = {module: self.exports(module) for module in self.modules}

    def is_house(self, module):
        """Whether it is a folder's or the crate's own file."""
        return self.modules[module].name in ("mod.rs", "lib.rs")

    def exports(self, module):
        """Names that its file takes from below and hands on, with the module that has each."""
        found = {}
        for tree in re.findall(r"pub(?:\([^)]*\))? use ([^;]+);", self.code[module]):
            for whole in flat(tree):
                alias = re.search(r"\b(\w+)\s*$", tree) if "{" not in tree else None
                inner = self.resolve(module, whole, hand_on=False)
                if inner is not None:
                    found[alias.group(1) if alias else whole[-1]] = inner
        for old, new in re.findall(r"(\w+) as (\w+)", self.code[module]):
            if old in found:
                found[new] = found[old]
        return found

    def resolve(self, module, path, hand_on=True):
        """The module that a path of a `use` line ends in; nothing for another crate."""
        path = [piece.strip() for piece in path]
        at = module if self.is_house(module) else module[:-1]
        if path[0] == "crate":
            at, path = (), path[1:]
        elif path[0] == "self":
            at, path = module, path[1:]
        elif path[0] == "super":
            at = module[:-1]
            path = path[1:]
            while path and path[0] == "super":
                at, path = at[:-1], path[1:]
        elif (*at, path[0]) not in self.modules or not self.is_house(module):
            return None
        while path and (*at, path[0]) in self.modules:
            at, path = (*at, path[0]), path[1:]
        if hand_on and path and path[0] in self.handed_on.get(at, {}):
            return self.handed_on[at][path[0]]
        return at if at in self.modules else None

    def edges(self):
        for module, text in self.code.items():
            inner = re.sub(r"pub(?:\([^)]*\))? use [^;]+;", "", text) if self.is_house(module) else text
            for tree in USE.findall(inner):
                for path in flat(tree):
                    target = self.resolve(module, path)
                    if target is not None and target != module:
                        yield module, target
            for path in re.findall(r"\b(?:crate|super)(?:::\w+)+", USE.sub("", inner)):
                target = self.resolve(module, path.split("::"))
                if target is not None and target != module:
                    yield module, target


def circles(edges):
    """Strongly connected parts with more than one member (Tarjan)."""
    graph = {}
    for a, b in edges:
        graph.setdefault(a, set()).add(b)
        graph.setdefault(b, set())
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            part = []
            while True:
                part.append(stack.pop())
                if part[-1] == node:
                    break
            if len(part) > 1:
                found.append(sorted(part))

    sys.setrecursionlimit(10_000)
    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def name(module):
    return "/".join(module) or "(root)"


def heavy(crate, forbidden):
    tree = subprocess.run(
        ["cargo", "tree", "--offline", "-p", crate, "-e", "normal,dev,build", "--prefix", "none"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )
    if tree.returncode:
        return [tree.stderr.strip()]
    names = {line.split()[0] for line in tree.stdout.splitlines() if line}
    return sorted(found for found in names for word in forbidden if found == word or found.startswith(word + "-"))


def main():
    wrong = 0
    for crate, folder in CRATES.items():
        house = Crate(folder)
        edges = sorted(set(house.edges()))
        if "--draw" in sys.argv:
            for a, b in edges:
                print(f"{crate}: {name(a)} -> {name(b)}")
        for part in circles(edges):
            wrong += 1
            print(f"{crate}: a circle of {', '.join(name(module) for module in part)}")
            members = set(part)
            for a, b in edges:
                if a in members and b in members:
                    print(f"    {name(a)} -> {name(b)}")
        folders = sorted({(a[0], b[0]) for a, b in edges if a and b and a[0] != b[0]})
        for part in circles(((a,), (b,)) for a, b in folders):
            wrong += 1
            print(f"{crate}: a circle of the folders {', '.join(name(module) for module in part)}")
    for crate, forbidden in LIGHT.items():
        for found in heavy(crate, forbidden):
            wrong += 1
            print(f"{crate}: builds {found}")
    print(f"{len(CRATES)} crates, {wrong} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
