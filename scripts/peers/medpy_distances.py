"""MedPy as its users call it: `assd` and `hd95` of liver and tumour, spacing given, the default
connectivity. Prints the numbers as JSON.

    python medpy_distances.py PRED REF
"""

import json
import sys

import nibabel
import numpy as np
from medpy.metric import binary


def main(pred_path, ref_path):
    reference_image = nibabel.load(ref_path)
    spacing = [float(mm) for mm in reference_image.header.get_zooms()[:3]]
    reference = np.asanyarray(reference_image.dataobj)
    prediction = np.asanyarray(nibabel.load(pred_path).dataobj)
    found = {}
    for name, of in (("liver", lambda labels: labels > 0), ("lesion", lambda labels: labels == 2)):
        masks = of(prediction), of(reference)
        found[f"{name} assd_6n"] = float(binary.assd(*masks, voxelspacing=spacing))
        found[f"{name} hd95_6n"] = float(binary.hd95(*masks, voxelspacing=spacing))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
