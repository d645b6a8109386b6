"""Makes a series for scripts/bench_dicom.py, or reads one as its users would: by pydicom or by
SimpleITK. Prints shape, sum of all voxels and the seconds that reading took."""

import io
import sys
import time
import zipfile
from pathlib import Path


def make(folder, archive, count):
    """A body of noisy tissue in air, so that the archive packs as a CT does; or only the archive,
    if the series is there."""
    import numpy as np
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    folder = Path(folder)
    if not folder.exists():
        folder.mkdir()
        y, x = np.mgrid[-1:1:512j, -1:1:512j]
        inside = (x / 0.8) ** 2 + (y / 0.6) ** 2 < 1
        rng = np.random.default_rng(260)
        for z in range(int(count)):
            hu = np.where(inside, 60 + 40 * np.sin(9 * x + z / 9) * np.cos(7 * y) + rng.normal(0, 12, x.shape), -1000)
            stored = (hu.round() + 1024).astype(np.uint16)
            meta = FileMetaDataset()
            meta.MediaStorageSOPClassUID = CTImageStorage
            meta.MediaStorageSOPInstanceUID = f"2.25.7.{z + 1}"
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            meta.ImplementationClassUID = "2.25.7"
            d = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
            d.SOPClassUID, d.SOPInstanceUID, d.Modality = CTImageStorage, meta.MediaStorageSOPInstanceUID, "CT"
            d.PatientName = d.PatientID = "bench"
            d.StudyInstanceUID, d.SeriesInstanceUID, d.InstanceNumber = "2.25.8", "2.25.9", str(z)
            d.ImagePositionPatient, d.ImageOrientationPatient = ["-200", "-200", str(z)], ["1", "0", "0", "0", "1", "0"]
            d.SliceThickness, d.PixelSpacing = "1", ["0.78125", "0.78125"]
            d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
            d.Rows, d.Columns = stored.shape
            d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
            d.RescaleSlope, d.RescaleIntercept = "1", "-1024"
            d.add_new("PixelData", "OW", stored.tobytes())
            d.save_as(folder / f"image_{z}", enforce_file_format=True)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            packed.write(path, f"PATIENT_DICOM/{path.name}")
    size = sum(path.stat().st_size for path in files)
    print(f"Series: {len(files)} files, {size / 1e6:.0f} MB; as a zip archive {Path(archive).stat().st_size / 1e6:.0f} MB.\n")


def by_pydicom(path):
    import numpy as np
    import pydicom

    path = Path(path)
    if path.is_dir():
        sources = list(path.iterdir())
    else:
        archive = zipfile.ZipFile(path)
        sources = [io.BytesIO(archive.read(name)) for name in archive.namelist()]
    slices = [pydicom.dcmread(source) for source in sources]
    slices.sort(key=lambda d: float(d.ImagePositionPatient[2]))
    return np.stack([d.pixel_array * np.float32(d.RescaleSlope) + np.float32(d.RescaleIntercept) for d in slices])


def by_simpleitk(path):
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(path))
    return sitk.GetArrayFromImage(reader.Execute()).astype("float32")


def main():
    what, *arguments = sys.argv[1:]
    if what == "make":
        return make(*arguments)
    start = time.perf_counter()
    volume = {"pydicom": by_pydicom, "simpleitk": by_simpleitk}[what](*arguments)
    seconds = time.perf_counter() - start
    print(f"shape {list(volume.shape)} sum {volume.sum(dtype='float64'):.17g} seconds {seconds:.3f}")


if __name__ == "__main__":
    main()
