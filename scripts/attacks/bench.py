"""What every attack stands on: a scratch folder, the binary, a trained study, and the words of an assertion."""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path

ATTACKS = []

# Training of the small study: seconds for all of its cells.
QUICK = ["--set", "iterations=20", "--set", "coarse_iterations=8", "--set", "encoder_iterations=8", "--set", "encoder_cases=2"]


class Failed(Exception):
    """The attack got through."""


class Skipped(Exception):
    """It cannot be tried here."""


class Attack:
    def __init__(self, function, slow):
        self.function = function
        self.slow = slow
        self.name = function.__name__
        self.what = " ".join(function.__doc__.split())


def attack(function=None, *, slow=False):
    """Registers an attack; its docstring says what is attacked and what is right."""
    def register(function):
        ATTACKS.append(Attack(function, slow))
        return function
    return register(function) if function else register


class Ran:
    """How a command ended."""

    def __init__(self, code, text, out):
        self.code = code
        self.text = text
        self.out = out


def tree(folder):
    """Every name below a folder with what it is and a hash of what it holds."""
    found = {}
    folder = Path(folder)
    for path in sorted(folder.rglob("*")):
        kind = path.lstat().st_mode
        name = str(path.relative_to(folder))
        if stat.S_ISLNK(kind):
            found[name] = "link " + os.readlink(path)
        elif stat.S_ISDIR(kind):
            found[name] = "folder"
        elif stat.S_ISREG(kind):
            found[name] = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        else:
            found[name] = f"special {stat.S_IFMT(kind):o}"
    return found


def differences(before, after):
    lines = [f"gone: {name}" for name in before if name not in after]
    lines += [f"new: {name}" for name in after if name not in before]
    lines += [f"changed: {name}" for name in before if name in after and before[name] != after[name]]
    return lines


class Bench:
    """The binary, and what is made once for all attacks."""

    def __init__(self, binary, folder):
        self.binary = binary
        self.folder = folder
        self.made = {}

    def box(self, name):
        return Box(self, name)

    def once(self, name, make):
        """A folder that `make` fills the first time."""
        if name not in self.made:
            folder = self.folder / "once" / name
            folder.mkdir(parents=True)
            box = Box(self, f"once-{name}")
            try:
                make(box, folder)
            finally:
                box.close()
            self.made[name] = folder
        return self.made[name]

    def phantoms(self):
        """Eight small phantoms in LiTS' layout."""
        def make(box, folder):
            box.run("datasets", "synth", "--layout", "lits", "--cases", "8", "--seed", "3", "--matrix", "64",
                    "--out", folder / "ph", code=0)
        return self.once("phantoms", make) / "ph"

    def study(self):
        """A finished study of two networks on those phantoms."""
        def make(box, folder):
            box.run(*self.start(folder / "base"), code=0)
        return self.once("study", make) / "base"

    def start(self, out, *more):
        """The command that begins, or goes on with, that study."""
        return ["ablation", "--data", self.phantoms(), "--variant", "unet", "--variant", "denseunet2d", *QUICK,
                "--checkpoint-iterations", "5", "--out", out, *more]


class Box:
    """An attack's own scratch folder."""

    def __init__(self, bench, name):
        self.bench = bench
        self.path = bench.folder / name
        self.path.mkdir(parents=True)
        self.children = []

    def close(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()
        # A folder that was made read-only would stay.
        for folder, _, _ in os.walk(self.path):
            os.chmod(folder, 0o700)
        shutil.rmtree(self.path, ignore_errors=True)

    def __truediv__(self, name):
        return self.path / name

    def put(self, name, content=""):
        """A file with this content, its folders too."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def phantoms(self, name="ph"):
        """A copy of the phantoms."""
        shutil.copytree(self.bench.phantoms(), self.path / name)
        return self.path / name

    def study(self, name="base"):
        """A copy of the finished study."""
        shutil.copytree(self.bench.study(), self.path / name, symlinks=True)
        return self.path / name

    def start(self, *more, out="base", **expected):
        """Starts the study in a folder again."""
        return self.run(*self.bench.start(self.path / out, *more), **expected)

    def spawn(self, *args, before=None, env=None, **io):
        command = [str(self.bench.binary), *map(str, args)]
        if before:
            command = [*before, *command]
        variables = {**os.environ, **(env or {})}
        child = subprocess.Popen(command, cwd=self.path, env=variables, stdin=subprocess.DEVNULL, **io)
        self.children.append(child)
        return child

    def run(self, *args, code=None, says=None, never=None, seconds=60, before=None, env=None, cwd=None):
        """Runs hdbench; `code` may be several, `says` and `never` pieces of what it prints."""
        command = [*(before or []), str(self.bench.binary), *map(str, args)]
        shown = "hdbench " + " ".join(map(str, args))
        try:
            done = subprocess.run(command, cwd=cwd or self.path, env={**os.environ, **(env or {})}, timeout=seconds,
                                  capture_output=True, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise Failed(f"{shown}: no end within {seconds} s") from None
        out = done.stdout.decode(errors="replace")
        text = out + done.stderr.decode(errors="replace")
        ran = Ran(done.returncode, text, out)
        tail = "\n".join(text.strip().splitlines()[-6:])
        if code is not None and ran.code not in (code if isinstance(code, tuple) else (code,)):
            raise Failed(f"{shown}: ended with {ran.code}, not {code}\n{tail}")
        for piece in pieces(says):
            if piece not in text:
                raise Failed(f"{shown}: does not say {piece!r}\n{tail}")
        for piece in pieces(never):
            if piece in text:
                raise Failed(f"{shown}: says {piece!r}\n{tail}")
        return ran

    def refused(self, *args, keep=None, code=(2, 3), **expected):
        """Runs hdbench, which has to refuse, by a message without a panic, and leave `keep` as it is."""
        keep = self.path if keep is None else keep
        before = tree(keep)
        ran = self.run(*args, code=code, never=["panicked", "internal error", *pieces(expected.pop("never", None))],
                       **expected)
        kept(before, keep)
        return ran


def pieces(said):
    if said is None:
        return []
    return [said] if isinstance(said, str) else list(said)


def kept(before, folder):
    """Fails where a tree is not as it was."""
    changed = differences(before, tree(folder))
    if changed:
        raise Failed("something changed that was to be kept:\n" + "\n".join(changed[:8]))


def ensure(holds, what):
    if not holds:
        raise Failed(what)


def ends(child, seconds, what):
    """The exit code of a child, which has to end by itself."""
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()
        raise Failed(f"{what}: no end within {seconds} s") from None
