"""Ctrl-C within a call: heard between two metrics, long before the whole is done."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no signals")

# Noise above 200 thresholds: minutes of work, of which a metric of a structure is a second or less.
MAPS = """
import sys, time
import numpy as np

def noise(seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 201, (120, 200, 200)).astype(np.uint8)

structures = {f"s{value}": f"{value}-" for value in range(1, 201)}
pred, ref = noise(1), noise(2)
"""
CALLS = {
    "score": "hdbench.score(pred=pred, ref=ref, spacing=1, structures=structures)",
    "evaluate": "hdbench.evaluate(pred=sys.argv[1], ref=sys.argv[2], structures=structures)",
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("seconds", [0.3, 2.0])
def test_ctrl_c_is_heard_within_a_case(tmp_path, call, seconds):
    paths = [tmp_path / f"{side}.nii.gz" for side in ("pred", "ref")]
    if call == "evaluate":
        nibabel = pytest.importorskip("nibabel")
        for seed, path in enumerate(paths):
            array = np.random.default_rng(seed).integers(0, 201, (200, 200, 120)).astype(np.uint8)
            nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), path)
    code = (
        f"{MAPS}\nimport hdbench\nprint('go', flush=True)\n"
        f"try:\n    {CALLS[call]}\nexcept KeyboardInterrupt:\n    print(time.monotonic())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, *map(str, paths)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "go\n"
        time.sleep(seconds)
        assert process.poll() is None, "it was done before it could be stopped"
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and float(out) - sent < 10
