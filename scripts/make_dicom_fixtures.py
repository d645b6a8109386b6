#!/usr/bin/env python3
"""Writes tests/data/dicom: tiny DICOM series by pydicom and dcmtk, and expected.json with the values
that pydicom reads from them and the geometry that SimpleITK's series reader gives.

    apt-get install dcmtk    # dcmconv, dcmcrle, dcmcjpeg, dcmcjpls
    python3 scripts/make_dicom_fixtures.py

Installs pydicom, SimpleITK and numpy from PyPI into an environment of its own.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import environment

PACKAGES = ["numpy==2.4.6", "pydicom==3.0.2", "SimpleITK==2.5.7", "python-gdcm==3.2.6",
            "imagecodecs==2026.3.6"]
FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "data" / "dicom"

if not os.environ.get("HDBENCH_FIXTURE_ENVIRONMENT"):
    python = environment.python("dicom", PACKAGES)
    variables = dict(os.environ, HDBENCH_FIXTURE_ENVIRONMENT="1")
    sys.exit(subprocess.run([python, __file__], env=variables).returncode)

import imagecodecs  # noqa: E402
import numpy as np  # noqa: E402
import pydicom  # noqa: E402
import SimpleITK as sitk  # noqa: E402
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset  # noqa: E402
from pydicom.encaps import encapsulate  # noqa: E402
from pydicom.sequence import Sequence  # noqa: E402
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLossless  # noqa: E402

# An odd number of pixels, so that 8-bit ones need a byte of padding.
ROWS, COLUMNS, SLICES = 7, 9, 4
ROOT = "1.2.826.0.1.3680043.8.498.7777"
EXPECTED = {}


def stored(dtype, low, high):
    """[z, y, x] values that use the range and differ everywhere."""
    values = np.linspace(low, high, SLICES * ROWS * COLUMNS).round().astype(np.int64)
    # Not monotonous along z, so that a wrong order shows.
    return values.reshape(SLICES, ROWS, COLUMNS)[[2, 0, 3, 1]].astype(dtype)


SIGNED = stored(np.int16, -1024, 3071)


def slice_of(z, pixels, *, orientation=(1, 0, 0, 0, 1, 0), origin=(-40.25, -61.5, 100.125), step=2.5, spacing=(0.75, 0.625),
             slope="1", intercept="0", bits_stored=None, series=1, shear=(0, 0, 0)):
    """One slice; z counts along the normal."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"{ROOT}.{series}.{z + 1}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = f"{ROOT}.0"
    d = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    d.Modality, d.PatientName, d.PatientID = "CT", "fixture", "fixture"
    d.StudyInstanceUID, d.SeriesInstanceUID = f"{ROOT}.100", f"{ROOT}.200.{series}"
    d.SliceThickness = "5"
    # Against the positions, which count.
    d.InstanceNumber = str(SLICES - z)
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    place = np.array(origin) + z * (step * np.cross(row, column) + np.array(shear))
    d.ImagePositionPatient = [decimal(v) for v in place]
    d.ImageOrientationPatient = [decimal(v) for v in orientation]
    d.PixelSpacing = [decimal(v) for v in spacing]
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.Rows, d.Columns = pixels.shape
    d.BitsAllocated = pixels.dtype.itemsize * 8
    d.BitsStored = bits_stored or d.BitsAllocated
    d.HighBit = d.BitsStored - 1
    d.PixelRepresentation = int(pixels.dtype.kind == "i")
    if slope is not None:
        d.RescaleSlope, d.RescaleIntercept = slope, intercept
    raw = pixels.tobytes()
    d.add_new("PixelData", "OW" if d.BitsAllocated == 16 else "OB", raw + b"\0" * (len(raw) % 2))
    return d


def decimal(value):
    text = f"{float(value):.10g}"
    return "0" if text == "-0" else text


# Names tell nothing about the order.
NAMES = ["image_3", "IM0001", "a.dcm", "image_10"]


def save(name, datasets, names=NAMES):
    folder = FIXTURES / name
    folder.mkdir(parents=True)
    for file, dataset in zip(names, datasets):
        dataset.save_as(folder / file, enforce_file_format=True)
    return folder


def series(name, values=SIGNED, *, edit=None, names=NAMES, **how):
    slices = [slice_of(z, plane, **how) for z, plane in enumerate(values)]
    for z, dataset in enumerate(slices):
        if edit:
            edit(z, dataset)
    return save(name, slices, names)


def record(name, itk_values=True):
    """Values by pydicom, slices in ITK's order; geometry by SimpleITK."""
    reader = sitk.ImageSeriesReader()
    files = reader.GetGDCMSeriesFileNames(str(FIXTURES / name))
    reader.SetFileNames(files)
    image = reader.Execute()
    values = []
    for file in files:
        d = pydicom.dcmread(file)
        values.append(d.pixel_array.astype(np.float64) * float(d.get("RescaleSlope", 1)) + float(d.get("RescaleIntercept", 0)))
    values = np.stack(values)
    if itk_values:
        assert np.allclose(sitk.GetArrayFromImage(image), values, atol=1e-3), name
    spacing = np.array(image.GetSpacing())
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * spacing
    affine[:3, 3] = image.GetOrigin()
    affine[:2] *= -1
    EXPECTED[name] = {
        "shape_zyx": list(values.shape),
        "spacing_xyz": spacing.tolist(),
        "affine": (affine + 0.0).tolist(),
        "values": [int(v) if v == int(v) else v for v in values.ravel().tolist()],
    }


def converted(name, source, *command):
    """Each slice of another series, through a program of dcmtk."""
    folder = FIXTURES / name
    folder.mkdir()
    for file in sorted((FIXTURES / source).iterdir()):
        subprocess.run([*command, file, folder / file.name], check=True)
    EXPECTED[name] = {"same_as": source}


def rotation(axis, degrees):
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    a = np.radians(degrees)
    return np.eye(3) + np.sin(a) * k + (1 - np.cos(a)) * k @ k


def readable():
    series("shuffled")
    record("shuffled")
    oblique = rotation((1, 2, 3), 25)
    series("oblique", orientation=(*oblique[:, 0], *oblique[:, 1]))
    record("oblique")
    series("sagittal", orientation=(0, 1, 0, 0, 0, -1))
    record("sagittal")
    series("coronal", orientation=(1, 0, 0, 0, 0, -1))
    record("coronal")
    # The normal points to the feet: the first slice is the uppermost.
    series("prone", orientation=(-1, 0, 0, 0, 1, 0))
    record("prone")
    series("unsigned_12_bit", stored(np.uint16, 0, 4095), bits_stored=12, intercept="-1024")
    record("unsigned_12_bit")
    # 12 bits of two's complement; the upper four stay 0 as old scanners leave them.
    series("signed_12_bit", (stored(np.int16, -2048, 2047) & 0x0FFF).astype(np.int16), bits_stored=12)
    record("signed_12_bit")
    series("unsigned_16_bit", stored(np.uint16, 0, 65535), intercept="-8192")
    record("unsigned_16_bit")
    series("unsigned_8_bit", stored(np.uint8, 0, 255), slope="2.5", intercept="-100.5")
    record("unsigned_8_bit")
    series("fractions", slope="0.1", intercept="-12.75")
    record("fractions")

    def own_rescale(z, d):
        d.RescaleSlope, d.RescaleIntercept = str(1 + z), str(-1000 - z)

    series("rescale_by_slice", edit=own_rescale)
    record("rescale_by_slice")

    def without_rescale(z, d):
        del d.RescaleSlope, d.RescaleIntercept

    series("no_rescale", edit=without_rescale)
    record("no_rescale")

    def without_orientation(z, d):
        del d.ImageOrientationPatient

    series("no_orientation", edit=without_orientation)
    record("no_orientation")

    def rounded(z, d):
        # As written by scanners that give one digit.
        d.ImagePositionPatient[2] = f"{100.125 + 1.25 * z:.1f}"

    series("rounded_positions", step=1.25, edit=rounded)
    record("rounded_positions")
    # ITK takes the first distance, we the mean.
    EXPECTED["rounded_positions"].pop("affine")
    EXPECTED["rounded_positions"].pop("spacing_xyz")

    def nested(z, d):
        icon = slice_of(z, np.full((2, 2), 7, np.uint8))
        for tag in ("SOPInstanceUID", "SOPClassUID", "RescaleIntercept"):
            del icon[tag]
        inner = Dataset()
        inner.ImagePositionPatient = ["1", "2", "3"]
        d.IconImageSequence = Sequence([icon])
        d.ReferencedImageSequence = Sequence([Dataset(), inner])
        block = d.private_block(0x0019, "hdbench fixture", create=True)
        block.add_new(0x01, "OB", bytes(range(64)))
        block.add_new(0x02, "SQ", Sequence([inner]))

    series("sequences", edit=nested)
    EXPECTED["sequences"] = {"same_as": "shuffled"}


def by_dcmtk():
    converted("implicit", "shuffled", "dcmconv", "+ti")
    converted("big_endian", "shuffled", "dcmconv", "+tb")
    converted("deflated", "shuffled", "dcmconv", "+td")
    converted("no_meta_implicit", "shuffled", "dcmconv", "-F", "+ti")
    converted("no_meta_explicit", "shuffled", "dcmconv", "-F", "+te")
    converted("undefined_lengths", "sequences", "dcmconv", "-e")
    EXPECTED["undefined_lengths"] = {"same_as": "shuffled"}
    converted("undefined_lengths_implicit", "sequences", "dcmconv", "-e", "+ti")
    EXPECTED["undefined_lengths_implicit"] = {"same_as": "shuffled"}
    converted("rle", "shuffled", "dcmcrle")
    converted("rle_8_bit", "unsigned_8_bit", "dcmcrle")
    # True lossless keeps every bit.
    converted("jpeg_lossless", "shuffled", "dcmcjpeg", "+e1", "+tl")
    converted("jpeg_lossless_12_bit", "unsigned_12_bit", "dcmcjpeg", "+e1", "+tl")
    converted("jpeg_lossless_process_14", "shuffled", "dcmcjpeg", "+el", "+tl")


# Code lengths of the 17 categories of differences; some are longer than tables of decoders.
CODE_LENGTHS = [2, 3, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]


def lossless_jpeg(pixels, precision, predictor, point_transform=0, rows_between_restarts=0, wraps=False):
    """One grey image by ITU-T T.81, annex H. With `wraps` differences go the long way round, beyond the precision,
    as some scanners write them."""
    rows, columns = pixels.shape
    samples = pixels.astype(np.int64) >> point_transform
    codes, code, length = [], 0, CODE_LENGTHS[0]
    for wanted in CODE_LENGTHS:
        code <<= wanted - length
        length = wanted
        codes.append(f"{code:0{length}b}")
        code += 1
    coded, bits = bytearray(), ""

    def flush():
        nonlocal bits
        bits += "1" * (-len(bits) % 8)
        for at in range(0, len(bits), 8):
            byte = int(bits[at : at + 8], 2)
            coded.append(byte)
            if byte == 0xFF:
                coded.append(0)
        bits = ""

    restarts = 0
    for y in range(rows):
        first_row = y == 0
        if rows_between_restarts and y and y % rows_between_restarts == 0:
            flush()
            coded.extend((0xFF, 0xD0 + restarts % 8))
            restarts += 1
            first_row = True
        for x in range(columns):
            a = int(samples[y, x - 1])
            b = int(samples[y - 1, x])
            c = int(samples[y - 1, x - 1])
            if x == 0:
                predicted = 1 << (precision - point_transform - 1) if first_row else b
            elif first_row:
                predicted = a
            else:
                predicted = [a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1][predictor - 1]
            difference = (int(samples[y, x]) - predicted) & 0xFFFF
            if difference > 0x8000:
                difference -= 0x10000
            if wraps and difference > 0:
                difference -= 1 << precision
            size = abs(difference).bit_length()
            bits += codes[size]
            if 0 < size < 16:
                bits += f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}"
    flush()

    def segment(marker, payload):
        return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload

    counts = bytes(CODE_LENGTHS.count(length) for length in range(1, 17))
    frame = bytes([precision]) + rows.to_bytes(2, "big") + columns.to_bytes(2, "big") + bytes([1, 1, 0x11, 0])
    restart = segment(0xDD, (rows_between_restarts * columns).to_bytes(2, "big")) if rows_between_restarts else b""
    return b"".join([
        b"\xff\xd8", segment(0xC3, frame), segment(0xC4, b"\0" + counts + bytes(range(17))), restart,
        segment(0xDA, bytes([1, 1, 0, predictor, 0, point_transform])), bytes(coded), b"\xff\xd9",
    ])


def by_every_jpeg_predictor():
    """A slice for each predictor, point transform and restart interval, of 8, 12 and 16 bits. What GDCM and
    libjpeg-turbo decode has to be what was encoded."""
    rng = np.random.default_rng(14)
    for precision in (8, 12, 16):
        name = f"jpeg_lossless_every_predictor_{precision}_bit"
        folder = FIXTURES / name
        folder.mkdir(parents=True)
        expected = []
        ways = [(*way, False) for way in itertools.product(range(1, 8), (0, 3), (0, 1, 3))]
        if precision == 8:
            ways.append((1, 0, 0, True))
        for z, way in enumerate(ways):
            # Smooth with jumps over the whole range, as differences have every size.
            values = rng.integers(0, 1 << precision, (ROWS, COLUMNS)) >> rng.integers(0, precision, (ROWS, COLUMNS))
            values = values.astype(np.uint8 if precision == 8 else np.uint16)
            coded = lossless_jpeg(values, precision, *way)
            dataset = slice_of(z, values, bits_stored=precision, intercept="-1024")
            dataset.file_meta.TransferSyntaxUID = JPEGLossless
            dataset.PixelData = encapsulate([coded])
            dataset["PixelData"].VR = "OB"
            dataset["PixelData"].is_undefined_length = True
            path = folder / f"image_{z}"
            dataset.save_as(path, enforce_file_format=True)
            kept = values >> way[1] << way[1]
            assert (pydicom.pixels.pixel_array(path, decoding_plugin="gdcm") == kept).all(), (precision, way)
            assert (imagecodecs.jpeg8_decode(coded) == kept).all(), (precision, way)
            expected.append(kept.astype(np.int64) - 1024)
        EXPECTED[name] = {"shape_zyx": [len(ways), ROWS, COLUMNS], "values": np.stack(expected).ravel().tolist()}


def masks():
    """Of the series `shuffled`."""
    rng = np.random.default_rng(7)
    mask = (rng.random(SIGNED.shape) > 0.6).astype(np.uint8) * 255
    mask[0] = mask[-1] = 0
    EXPECTED["mask"] = {"values": (mask // 255).ravel().tolist()}
    series("mask", mask, slope=None, series=2)

    middle = [slice_of(z, mask[z], slope=None, series=3) for z in (1, 2)]
    save("mask_of_two_slices", middle)

    def without_position(z, d):
        del d.ImagePositionPatient, d.ImageOrientationPatient

    series("mask_without_positions", mask, slope=None, series=4, edit=without_position)
    series("mask_elsewhere", mask, slope=None, series=5, origin=(-40.25, -61.5, 101.0))


def defects():
    planes = list(enumerate(SIGNED))
    save("refused_gap", [slice_of(z, p) for z, p in planes if z != 1])
    doubled = [slice_of(z, p) for z, p in planes] + [slice_of(3, SIGNED[0])]
    save("refused_duplicate", doubled, [*NAMES, "again"])
    mixed = [slice_of(z, p, series=1 + (z > 2)) for z, p in planes]
    save("refused_mixed", mixed)
    series("refused_tilt", shear=(0, 2.5 * np.tan(np.radians(12)), 0))
    uneven = [slice_of(z, p) for z, p in planes]
    uneven[2].ImagePositionPatient[2] = decimal(100.125 + 2 * 2.5 + 0.75)
    save("refused_uneven", uneven)

    def one(name, edit, z=1):
        series(name, SIGNED[:2], edit=lambda at, d: edit(d) if at == z else None)

    def other_size(d):
        d.Columns = 3
        d.Rows = 21

    one("refused_size", other_size)
    one("refused_spacing", lambda d: setattr(d, "PixelSpacing", ["0.75", "0.8"]))
    one("refused_orientation", lambda d: setattr(d, "ImageOrientationPatient", ["0", "1", "0", "1", "0", "0"]))

    def no_place(d):
        del d.ImagePositionPatient, d.PixelSpacing

    one("refused_missing_tags", no_place)

    def no_format(d):
        del d.Rows, d.BitsAllocated

    one("refused_missing_format", no_format)

    def frames(d):
        d.NumberOfFrames = "3"
        d.Rows = 7

    one("refused_multi_frame", frames)

    def colour(d):
        d.SamplesPerPixel, d.PhotometricInterpretation = 3, "RGB"

    one("refused_colour", colour)

    def no_pixels(d):
        del d.PixelData
        d.Modality = "SR"

    one("refused_no_pixels", no_pixels)
    one("refused_few_pixels", lambda d: setattr(d, "PixelData", d.PixelData[:100]))
    one("refused_not_perpendicular", lambda d: setattr(d, "ImageOrientationPatient", ["1", "0", "0", "0.5", "1", "0"]))

    def not_a_number(d):
        pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
        element = pydicom.DataElement(0x00281052, "LO", "nan")
        d.add(element)

    one("refused_not_a_number", not_a_number)
    converted("refused_jpeg_ls", "shuffled", "dcmcjpls")
    del EXPECTED["refused_jpeg_ls"]


def main():
    for program in ("dcmconv", "dcmcrle", "dcmcjpeg", "dcmcjpls"):
        if not shutil.which(program):
            sys.exit(f"error: {program} is not there\nhint: install dcmtk, for example by `apt-get install dcmtk`")
    shutil.rmtree(FIXTURES, ignore_errors=True)
    readable()
    by_dcmtk()
    by_every_jpeg_predictor()
    masks()
    defects()
    text = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in sorted(EXPECTED.items()))
    (FIXTURES / "expected.json").write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
