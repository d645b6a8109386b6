#!/usr/bin/env python3
"""One run that says what hdbench does on a graphics card: every network held against the processor's numbers, steps and
answers at scale `full` beside PyTorch's on the same card, a short demo, and a life-size prediction; all in one JSON.

    python3 scripts/gpu_check.py --hdbench target/release/hdbench --out gpu.json
    python3 scripts/gpu_check.py --hdbench hdbench --devices wgpu --scale demo --depth 4 --minutes 30 --out llvmpipe.json

For a bare machine: it needs the binary (features wgpu and cuda as far as --devices asks for them), Python 3.11, the
driver with its Vulkan loader, and for the peer's side a PyTorch that sees the card; without that, its side is left out
and that is said. Stops to begin pieces when --minutes are over, and kills one that takes longer than is left; what was
measured is written after every piece. Ends with 1 where a network computes something else than on the processor.
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent
NETWORKS = ["hdenseunet", "denseunet2d", "denseunet3d", "unet", "resnet", "_coarse", "_encoder"]


class Run:
    """What was measured so far, and how long may be measured."""

    def __init__(self, chosen):
        self.chosen, self.began = chosen, time.monotonic()
        self.found = {"date": time.strftime("%Y-%m-%d"), "scale": chosen.scale, "pieces": []}

    def left(self):
        return 60 * self.chosen.minutes - (time.monotonic() - self.began)

    def piece(self, name, device, command, given=None, cwd=None, json_out=True):
        """Runs a command, which is left out where no time is left, and keeps what it prints."""
        entry = {"what": name, "device": device}
        if self.left() < 5:
            entry["left_out"] = "no time was left"
        else:
            began = time.monotonic()
            with CardMemory() as memory:
                entry |= self.outcome(command, given, cwd, json_out)
            entry["seconds"] = round(time.monotonic() - began, 2)
            if memory.peak_mb is not None:
                entry["card_peak_mb"] = memory.peak_mb
        self.found["pieces"].append(entry)
        self.chosen.out.write_text(json.dumps(self.found, indent=1) + "\n")
        said = entry.get("left_out") or entry.get("failed") or f"{entry['seconds']:.0f} s"
        print(f"{device:8} {name}: {said}", flush=True)
        return entry

    def outcome(self, command, given, cwd, json_out):
        try:
            done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=cwd, timeout=self.left())
        except subprocess.TimeoutExpired:
            return {"failed": "it took longer than was left"}
        except OSError as error:
            return {"failed": str(error)}
        outcome = {"exit": done.returncode}
        try:
            outcome["result"] = json.loads(done.stdout) if json_out else done.stdout[-2000:]
        except ValueError:
            outcome["failed"] = (done.stderr or done.stdout)[-2000:]
        if done.returncode and "result" not in outcome or done.returncode not in (0, 4):
            outcome["failed"] = done.stderr[-2000:]
        return outcome


class CardMemory:
    """The largest used memory of the first NVIDIA card meanwhile, MB of 2^20 bytes; none without nvidia-smi."""

    def __enter__(self):
        self.peak_mb, self.ended = None, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def watch(self):
        command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"]
        while True:
            try:
                used = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0])
            except (OSError, ValueError, IndexError, subprocess.CalledProcessError):
                return
            self.peak_mb = max(self.peak_mb or 0, used)
            if self.ended.wait(0.2):
                return


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hdbench", type=Path, required=True, help="the binary")
    parser.add_argument("--out", type=Path, required=True, help="the JSON")
    parser.add_argument("--devices", nargs="+", default=["cuda:0", "wgpu"], help="default: cuda:0 wgpu")
    parser.add_argument("--scale", choices=["demo", "full"], default="full", help="of steps and answers (default: full)")
    parser.add_argument("--depth", type=int, help="slices of volumes in the parity; llvmpipe ends the loops of more than 4")
    parser.add_argument("--minutes", type=float, default=9, help="how long it may take (default: 9)")
    parser.add_argument("--repeats", type=int, default=10, help="steps and answers a network (default: 10)")
    chosen = parser.parse_args()
    run, hdbench = Run(chosen), str(chosen.hdbench.resolve())
    doctor = run.piece("doctor", "", [hdbench, "doctor", "--json"])
    works = {own["device"] for own in doctor.get("result", {}).get("devices", []) if own["works"]}
    devices = [device for device in chosen.devices if device in works]
    for device in set(chosen.devices) - works:
        print(f"{device} does not work here: see doctor", file=sys.stderr)
    for device in devices:
        model = [hdbench, "model"]
        on = ["--device", device, "--json"]
        depth = ["--depth", str(chosen.depth)] if chosen.depth else []
        run.piece("parity, demo", device, [*model, "parity", "--scale", "demo", "--steps", "10", *depth, *on])
        if chosen.scale == "full":
            run.piece("parity, full", device, [*model, "parity", "hdenseunet", "denseunet2d", "--scale", "full",
                                               "--batch", "1", "--plane", "96", "--steps", "2", *on])
        for network in NETWORKS:
            measure = [*model, "measure", network, "--scale", chosen.scale, "--repeats", str(chosen.repeats), *on]
            run.piece(f"measure {network}", device, measure)
    peers(run, hdbench)
    for device in devices:
        with tempfile.TemporaryDirectory(prefix="hdbench-gpu-") as folder:
            demo = [hdbench, "ablation", "--scale", "demo", "--device", device, "--variant", "unet", "--out", folder]
            run.piece("demo", device, demo, json_out=False)
    for device in devices:
        cost = [hdbench, "model", "cost", "--scale", chosen.scale, "--windows", "64", "--device", device, "--json"]
        run.piece("a life-size CT", device, cost)
    table(run.found)
    parities = [piece for piece in run.found["pieces"] if piece["what"].startswith("parity")]
    return 1 if any(piece.get("exit") == 4 for piece in parities) else 0


def peers(run, hdbench):
    """PyTorch's steps and answers of the same networks and shapes, eager, on the card."""
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: its side is left out", file=sys.stderr)
        return
    import torch

    if not torch.cuda.is_available():
        print("PyTorch sees no card: its side is left out", file=sys.stderr)
        return
    run.found["torch"] = torch.__version__
    inputs = {}
    for piece in run.found["pieces"]:
        if piece["what"].startswith("measure") and "measured" in piece.get("result", {}):
            inputs[piece["what"].split()[1]] = piece["result"]["measured"]["input"]
    with tempfile.TemporaryDirectory(prefix="hdbench-gpu-") as folder:
        for network, shape in inputs.items():
            model = Path(folder) / network
            init = [hdbench, "model", "init", network, "--scale", run.chosen.scale, "--out", str(model)]
            subprocess.run(init, check=True, capture_output=True)
            for tf32 in (False, True):
                asked = {"part": network, "model": str(model / "model.toml"), "input": shape, "threads": 4, "steps": True,
                         "repeats": run.chosen.repeats, "device": "cuda:0", "channels_last": True, "tf32": tf32}
                name = f"PyTorch {network}, {'TF32' if tf32 else 'f32'}"
                run.piece(name, "cuda:0", [sys.executable, "-m", "pytorch.steps"], json.dumps(asked), SCRIPTS)


def table(found):
    """Steps and answers side by side, in Markdown."""
    rows = {}
    for piece in found["pieces"]:
        result, what = piece.get("result"), piece["what"]
        if not isinstance(result, dict):
            continue
        if what.startswith("measure"):
            network, column, measured = what.split()[1], piece["device"], result["measured"]
        elif what.startswith("PyTorch"):
            network, how = what.removeprefix("PyTorch ").split(", ")
            column, measured = f"PyTorch {how}", result
        else:
            continue
        rows.setdefault(network, {})[column] = [
            1000 * statistics.median(measured[kind]) for kind in ("step_seconds", "answer_seconds")
        ]
    columns = sorted({column for own in rows.values() for column in own})
    print(f"\nms of a step / of an answer, scale {found['scale']}\n\n| network |", " | ".join(columns), "|")
    print("|---" + "|---:" * len(columns) + "|")
    for network, own in rows.items():
        cells = [f"{own[c][0]:.1f} / {own[c][1]:.1f}" if c in own else "–" for c in columns]
        print(f"| {network} |", " | ".join(cells), "|")


if __name__ == "__main__":
    sys.exit(main())
