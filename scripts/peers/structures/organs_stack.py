"""The best that can be put together for many organs from published packages: nibabel reads, cc3d finds each
organ's box in one pass, numpy counts in it, surface-distance measures its surfels once for all its metrics.
Prints the values as JSON, label value to metric to value.

    python organs_stack.py PRED REF [PROCESSES]

With more than one process the organs are shared out among forks, which read the same memory.
"""

import json
import multiprocessing
import sys

import cc3d
import nibabel
import numpy as np
import surface_distance

# Filled before the processes fork.
maps = {}


def boxes(labels):
    """Label value to slices, of the values that are there."""
    found = cc3d.statistics(labels, no_slice_conversion=True)
    counts, ends = found["voxel_counts"], found["bounding_boxes"].reshape(-1, 3, 2).astype(int)
    return {value: ends[value] for value in range(1, len(counts)) if counts[value]}


def both(first, second):
    return tuple(slice(min(a[0], b[0]), max(a[1], b[1]) + 1) for a, b in zip(first, second))


def measure(job):
    value, box = job
    reference, prediction = maps["ref"][box] == value, maps["pred"][box] == value
    found = surface_distance.compute_surface_distances(reference, prediction, maps["spacing"])
    from_reference, from_prediction = surface_distance.compute_average_surface_distance(found)
    shared = np.count_nonzero(reference & prediction)
    return value, {
        "dice": 2 * shared / (np.count_nonzero(reference) + np.count_nonzero(prediction)),
        "hd95": surface_distance.compute_robust_hausdorff(found, 95),
        "asd_from_reference": from_reference,
        "asd_from_prediction": from_prediction,
        "nsd_2mm": surface_distance.compute_surface_dice_at_tolerance(found, 2.0),
    }


def main(pred_path, ref_path, processes="1"):
    image = nibabel.load(ref_path)
    # Turned to [z, y, x], in which order the voxels lie in memory.
    maps["spacing"] = [float(mm) for mm in image.header.get_zooms()[2::-1]]
    maps["ref"] = np.asanyarray(image.dataobj).T
    maps["pred"] = np.asanyarray(nibabel.load(pred_path).dataobj).T
    reference, prediction = boxes(maps["ref"]), boxes(maps["pred"])
    # surface-distance 0.1 fails on empty masks under numpy 2; no organ is missing here.
    jobs = [(value, both(reference[value], prediction[value])) for value in reference]
    if processes == "1":
        found = map(measure, jobs)
    else:
        jobs.sort(key=lambda job: -np.prod([s.stop - s.start for s in job[1]]))
        with multiprocessing.get_context("fork").Pool(int(processes)) as pool:
            found = pool.map(measure, jobs, chunksize=1)
    print(json.dumps({str(value): {k: float(v) for k, v in metrics.items()} for value, metrics in found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
