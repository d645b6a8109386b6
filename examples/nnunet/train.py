#!/usr/bin/env python3
"""Trains nnU-Net's 2d configuration on a fold as `hdbench` stages it; the `train` of nnunet.toml.

    python train.py DATA MODEL FOLD DEVICE MEMORY

DATA has imagesTr, labelsTr, dataset.json and splits_final.json, which nnU-Net takes over with the rest. What
`nnUNetv2_predict` needs is left in MODEL, the folder that it calls nnUNet_results. MEMORY, in GB, is what the planner
chooses the batch by. Needs nnunetv2 in the environment of this Python.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

DATASET = "Dataset001_Fold"
TRAINER = "nnUNetTrainerShort"


def main():
    data, model, fold, device, memory = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place:
        raw, preprocessed = Path(place, "raw"), Path(place, "preprocessed")
        raw.mkdir()
        preprocessed.mkdir()
        (raw / DATASET).symlink_to(data)
        folders = {"nnUNet_raw": str(raw), "nnUNet_preprocessed": str(preprocessed), "nnUNet_results": model}
        call("plan_and_preprocess", folders, "-d", "1", "-c", "2d", "-npfp", "1", "-np", "1", "--no_pbar",
             "-gpu_memory_target", memory)
        call("train", folders, "1", "2d", fold, "-tr", TRAINER, "-device", device)
    # Of the checkpoints, `nnUNetv2_predict` reads the last.
    for checkpoint in Path(model).rglob("checkpoint_best.pth"):
        checkpoint.unlink()


def call(tool, folders, *arguments):
    """One of nnU-Net's tools, of the environment that runs this."""
    program = Path(sys.executable).parent / f"nnUNetv2_{tool}"
    done = subprocess.run([program, *arguments], env={**os.environ, **folders})
    if done.returncode:
        sys.exit(f"error: {program.name} ended with {done.returncode}")


if __name__ == "__main__":
    main()
