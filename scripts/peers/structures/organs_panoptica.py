"""panoptica with a group of a single instance for each organ. Prints the values as JSON, label value to metric
to value.

    python organs_panoptica.py PRED REF ORGANS

The voxels are handed over with their spacing: reading the files itself by SimpleITK, panoptica 2.1.7 takes the
spacing of x for that of z, and the other way round.
"""

import json
import sys

import nibabel
import numpy as np
from panoptica import InputType, Panoptica_Evaluator
from panoptica.metrics import Metric
from panoptica.utils import LabelGroup, SegmentationClassGroups


def main(pred_path, ref_path, organs):
    groups = {str(value): LabelGroup([value], single_instance=True) for value in range(1, int(organs) + 1)}
    evaluator = Panoptica_Evaluator(
        expected_input=InputType.MATCHED_INSTANCE,
        segmentation_class_groups=SegmentationClassGroups(groups),
        instance_metrics=[Metric.DSC, Metric.HD95, Metric.ASSD, Metric.NSD],
        global_metrics=[],
    )
    image = nibabel.load(ref_path)
    # Turned to [z, y, x], in which order the voxels lie in memory.
    spacing = tuple(float(mm) for mm in image.header.get_zooms()[2::-1])
    reference, prediction = (np.asanyarray(i.dataobj).T for i in (image, nibabel.load(pred_path)))
    found = evaluator.evaluate(prediction, reference, voxelspacing=spacing)
    values = {}
    for group, result in found.items():
        values[group] = {"dice": result.sq_dsc, "hd95": result.sq_hd95, "assd": result.sq_assd, "nsd": result.sq_nsd}
    print(json.dumps({group: {k: float(v) for k, v in metrics.items()} for group, metrics in values.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
