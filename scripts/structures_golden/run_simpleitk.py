"""SimpleITK: the filters of overlap and Hausdorff distance. Reference is the source, prediction the target."""

import SimpleITK as sitk

from . import structures
from .record import Record, attempt

OVERLAPS = ["DiceCoefficient", "JaccardCoefficient", "UnionOverlap", "MeanOverlap", "VolumeSimilarity",
            "FalseNegativeError", "FalsePositiveError", "FalseDiscoveryRate"]


def run(folder, cases):
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    record = Record("simpleitk", ["SimpleITK"], "https://github.com/SimpleITK/SimpleITK", "Apache-2.0")
    record.call("labels", "LabelOverlapMeasuresImageFilter.Execute(REFERENCE, PREDICTION) on the label maps; "
                "GetXxx(label), and GetXxx() where the structure is null")
    record.call("overlap", "LabelOverlapMeasuresImageFilter.Execute(REFERENCE, PREDICTION) on masks of 0 and 1; GetXxx(1)")
    record.call("hausdorff", "HausdorffDistanceImageFilter.Execute(REFERENCE, PREDICTION) on masks of 0 and 1")
    for case in cases:
        wanted = structures.of(case)
        if not wanted:
            continue
        ref, pred = (sitk.ReadImage(str(folder / "pairs" / case["name"] / f"{n}.nii.gz")) for n in ("ref", "pred"))
        if case["name"] in ("organs", "brats_gli", "kits_usual"):
            labels(record, case, ref, pred)
        for name, values in wanted.items():
            masks = [mask(image, values) for image in (ref, pred)]
            record.row("overlap", case["name"], name, attempt(overlap, *masks))
            record.row("hausdorff", case["name"], name, attempt(hausdorff, *masks))
    record.write(folder / "expected")


def mask(image, values):
    array = structures.mask(sitk.GetArrayViewFromImage(image), values).astype("uint8")
    made = sitk.GetImageFromArray(array)
    made.CopyInformation(image)
    return made


def overlap(ref, pred):
    found = sitk.LabelOverlapMeasuresImageFilter()
    found.Execute(ref, pred)
    return {name: attempt(getattr(found, f"Get{name}"), 1) for name in OVERLAPS}


def hausdorff(ref, pred):
    found = sitk.HausdorffDistanceImageFilter()
    found.Execute(ref, pred)
    return {"HausdorffDistance": found.GetHausdorffDistance(), "AverageHausdorffDistance": found.GetAverageHausdorffDistance()}


def labels(record, case, ref, pred):
    found = sitk.LabelOverlapMeasuresImageFilter()
    found.Execute(ref, pred)
    record.row("labels", case["name"], None, {name: getattr(found, f"Get{name}")() for name in OVERLAPS})
    for label in sorted({*case["values"]["ref"], *case["values"]["pred"]}):
        record.row("labels", case["name"], str(label), {name: attempt(getattr(found, f"Get{name}"), label) for name in OVERLAPS})
