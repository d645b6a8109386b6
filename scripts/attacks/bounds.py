"""What a header or a name drives is bounded: one case fails by name, the others go on."""

import gzip
import os
import shutil
import struct

from .bench import Skipped, attack, ensure
from .files import liver, nifti, stored_zip, with_spacing

GOOD = nifti(voxels=liver())


def limited(megabytes):
    """Runs a command with so much address space."""
    shell = shutil.which("bash")
    if not shell:
        raise Skipped("no bash")
    return [shell, "-c", f'ulimit -v {megabytes * 1024}; exec "$@"', "x"]


@attack
def a_ct_in_micrometres(box):
    """One case's spacing times 1000, or 100 mm: `datasets check` names it, `ablation` fails it by name, no abort."""
    for spacing in ((1000.0, 700.0, 700.0), (100.0, 100.0, 100.0)):
        shutil.rmtree(box / "ph", ignore_errors=True)
        box.phantoms()
        with_spacing(box / "ph/volume-2.nii.gz", spacing)
        with_spacing(box / "ph/segmentation-2.nii.gz", spacing)
        box.run("datasets", "check", "ph", says="volume-2", never="panicked")
        ran = box.run("ablation", "--data", "ph", "--variant", "unet", "--set", "iterations=2", "--set",
                      "coarse_iterations=2", "--out", f"new-{spacing[0]:.0f}", never=["panicked", "memory allocation"])
        ensure(ran.code in (0, 2, 3, 4), f"ended with {ran.code}\n{ran.text[-300:]}")
        ensure("volume-2" in ran.text, "the case is not named")


@attack
def a_ct_of_other_absurd_spacings(box):
    """Spacings of 1e-30, 1e30, negative, zero, NaN and infinite in a CT to predict: refused by name."""
    study = box.study()
    inf = float("inf")
    for index, mm in enumerate((1e-30, 1e30, 0.0, float("nan"), inf, 1e5)):
        path = box / f"ct{index}.nii.gz"
        shutil.copy(box.bench.phantoms() / "volume-0.nii.gz", path)
        with_spacing(path, (mm, 1.0, 1.0))
        ran = box.run("predict", "--model", study, "--variant", "unet", "--input", path, "--out", f"p{index}.nii.gz",
                      never=["panicked", "memory allocation"])
        ensure(ran.code in (2, 3), f"spacing {mm}: ended with {ran.code}\n{ran.text[-300:]}")


def checkerboard(shape):
    depth, height, width = shape
    row = [bytes(1 + (x + odd) % 2 for x in range(width)) for odd in (0, 1)]
    plane = [b"".join(row[(y + odd) % 2] for y in range(height)) for odd in (0, 1)]
    return b"".join(plane[z % 2] for z in range(depth))


@attack(slow=True)
def a_checkerboard_of_labels(box):
    """A checkerboard of 1 and 2, 40 x 256 x 256, within 1.5 GB of addresses: the other cases are scored."""
    shape = (40, 256, 256)
    board = nifti(shape, checkerboard(shape), packed=True)
    for name, content in (("a", nifti(shape, liver(shape), packed=True)), ("b", board)):
        box.put(f"ref/{name}.nii.gz", nifti(shape, liver(shape), packed=True))
        box.put(f"pred/{name}.nii.gz", content)
    ran = box.run("evaluate", "--pred", "pred", "--ref", "ref", "--out", "out", before=limited(1500), seconds=120,
                  never=["memory allocation", "panicked"])
    ensure(ran.code in (0, 4), f"ended with {ran.code}\n{ran.text[-300:]}")
    ensure((box / "out/cases.csv").is_file(), "the sound case was not written")


def dicom(rows, columns, frames=None, bits=16, syntax=b"1.2.840.10008.1.2.1", pixels=b"", number=0, name=b"1.2.3",
          spacing=b"1\\1"):
    """A DICOM file that promises what its bytes do not hold."""
    def element(group, tag, kind, value):
        value += b"\0" * (len(value) % 2) if kind in (b"UI", b"OW", b"OB") else b" " * (len(value) % 2)
        if kind in (b"OW", b"OB", b"SQ"):
            return struct.pack("<HH2s2xI", group, tag, kind, len(value)) + value
        return struct.pack("<HH2sH", group, tag, kind, len(value)) + value
    meta = element(2, 1, b"OB", b"\0\1") + element(2, 2, b"UI", b"1.2.840.10008.5.1.4.1.1.2")
    meta += element(2, 3, b"UI", b"1.2.3.%d" % number) + element(2, 0x10, b"UI", syntax)
    body = element(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.2") + element(8, 0x18, b"UI", b"1.2.3.%d" % number)
    body += element(8, 0x60, b"CS", b"CT") + element(0x20, 0xD, b"UI", b"1.2.9") + element(0x20, 0xE, b"UI", name)
    body += element(0x20, 0x13, b"IS", b"%d" % number) + element(0x20, 0x32, b"DS", b"0\\0\\%d" % number)
    body += element(0x20, 0x37, b"DS", b"1\\0\\0\\0\\1\\0") + element(0x28, 2, b"US", struct.pack("<H", 1))
    body += element(0x28, 4, b"CS", b"MONOCHROME2")
    if frames is not None:
        body += element(0x28, 8, b"IS", b"%d" % frames)
    body += element(0x28, 0x10, b"US", struct.pack("<H", rows)) + element(0x28, 0x11, b"US", struct.pack("<H", columns))
    body += element(0x28, 0x30, b"DS", spacing)
    for tag, value in ((0x100, bits), (0x101, bits), (0x102, bits - 1), (0x103, 1)):
        body += element(0x28, tag, b"US", struct.pack("<H", value))
    body += element(0x28, 0x1052, b"DS", b"0") + element(0x28, 0x1053, b"DS", b"1")
    if syntax == b"1.2.840.10008.1.2.5":
        body += struct.pack("<HH2s2xI", 0x7FE0, 0x10, b"OB", 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0)
        body += struct.pack("<HHI", 0xFFFE, 0xE000, len(pixels)) + pixels + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    else:
        body += element(0x7FE0, 0x10, b"OW", pixels)
    return bytes(128) + b"DICM" + element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta + body


def patient(box, slices, folder="3Dircadb1/3Dircadb1.1"):
    for number, content in enumerate(slices):
        box.put(f"{folder}/PATIENT_DICOM/image_{number}", content)
    for number in range(len(slices)):
        box.put(f"{folder}/MASKS_DICOM/liver/image_{number}", slices[number])


RLE = b"1.2.840.10008.1.2.5"


@attack
def dicom_slices_that_promise_gigabytes(box):
    """RLE slices of a few bytes that claim 8192 x 8192, at 2 GB of memory: one patient fails, no abort."""
    header = struct.pack("<16I", 2, 64, 66, *[0] * 13)
    patient(box, [dicom(8192, 8192, syntax=RLE, pixels=header + b"\x81\0\x81\0", number=n) for n in range(25)])
    ran = box.run("datasets", "check", "3Dircadb1", before=limited(2500), never=["memory allocation", "panicked"])
    ensure(ran.code in (0, 2, 3, 4), f"ended with {ran.code}")


@attack
def dicom_slices_that_lie_about_sizes(box):
    """Rows, columns and frames of 0, 65535 and a million, 1 to 64 bits, no pixels: refused, without a panic."""
    for index, lie in enumerate((dict(rows=0, columns=8), dict(rows=65535, columns=65535), dict(rows=8, columns=8, frames=10**6),
                                 dict(rows=8, columns=8, frames=-1), dict(rows=8, columns=8, bits=1),
                                 dict(rows=8, columns=8, bits=64), dict(rows=8, columns=8, bits=0xFFF0),
                                 dict(rows=65535, columns=65535, syntax=RLE, pixels=b"\xff" * 64))):
        folder = f"set{index}/3Dircadb1.1"
        patient(box, [dicom(number=n, **lie) for n in range(3)], folder)
        ran = box.run("datasets", "check", f"set{index}", before=limited(2500), never=["memory allocation", "panicked"])
        ensure(ran.code in (0, 2, 3, 4), f"{lie}: ended with {ran.code}")


@attack
def dicom_of_absurd_spacing(box):
    """PixelSpacing of 1e308, 0, -1, NaN in a series to predict: refused by name, no panic."""
    study = box.study()
    for index, spacing in enumerate((b"1e308\\1e308", b"0\\0", b"-1\\1", b"nan\\nan", b"1e5\\1e5")):
        folder = box / f"series{index}"
        for number in range(4):
            box.put(f"series{index}/{number}", dicom(8, 8, pixels=bytes(128), number=number, spacing=spacing))
        ran = box.run("predict", "--model", study, "--variant", "unet", "--input", folder, "--out", f"p{index}.nii.gz",
                      never=["memory allocation", "panicked"])
        ensure(ran.code in (2, 3), f"{spacing}: ended with {ran.code}\n{ran.text[-300:]}")


def archive(box, content):
    """An archive checked beside the test volume it is for."""
    box.put("test/test-volume-0.nii", nifti(kind="int16"))
    box.put("a.zip", content)
    return box.run("submit-lits", "check", "a.zip", "--test", "test", never="panicked")


@attack
def a_zip_whose_directory_lies_about_its_size(box):
    """A directory size of 0xfffffff0 in the end record, which Python's zipfile refuses: 5."""
    entry = [("test-segmentation-0.nii", GOOD)]
    ran = archive(box, stored_zip(entry))
    ensure(ran.code == 0, f"a sound archive is refused\n{ran.text[-300:]}")
    ran = archive(box, stored_zip(entry, directory_size=0xFFFFFFF0))
    ensure(ran.code == 5, f"ended with {ran.code}")


@attack
def a_zip_whose_local_names_differ(box):
    """An entry called otherwise in its local header: 5, as Python's zipfile refuses to read it."""
    ran = archive(box, stored_zip([("test-segmentation-0.nii", GOOD)], local_name=b"test-segmentation-9.nii"))
    ensure(ran.code == 5, f"ended with {ran.code}")


@attack
def a_zip_whose_sizes_differ(box):
    """An entry longer or shorter in the directory than it is: 5."""
    for size in (0, len(GOOD) - 1, len(GOOD) + 1, 0xFFFFFFFE):
        ran = archive(box, stored_zip([("test-segmentation-0.nii", GOOD)], size=size))
        ensure(ran.code == 5, f"size {size}: ended with {ran.code}")


@attack
def a_zip_with_an_entry_twice(box):
    """Two entries of one name, or of names that differ only in case or in `./`: 5."""
    for other in ("test-segmentation-0.nii", "./test-segmentation-0.nii", "TEST-segmentation-0.nii",
                  "test-segmentation-00.nii"):
        ran = archive(box, stored_zip([("test-segmentation-0.nii", GOOD), (other, nifti())]))
        ensure(ran.code == 5, f"{other}: ended with {ran.code}")


@attack
def a_zip_that_leads_outside(box):
    """Names with `..`, absolute ones, backslashes, drives: 5, and nothing is written outside."""
    for name in ("../test-segmentation-0.nii", "/test-segmentation-0.nii", "a\\..\\test-segmentation-0.nii",
                 "C:test-segmentation-0.nii", "a/../test-segmentation-0.nii"):
        ran = archive(box, stored_zip([(name, GOOD)]))
        ensure(ran.code == 5, f"{name}: ended with {ran.code}")


@attack
def a_packed_bomb_as_a_label_map(box):
    """A few megabytes of gzip that unpack to 4 GB of zeros behind a small header: one case fails, or scores."""
    import zlib
    box.put("ref/a.nii.gz", nifti(voxels=liver(), packed=True))
    box.put("ref/b.nii.gz", nifti(voxels=liver(), packed=True))
    box.put("pred/a.nii.gz", nifti(voxels=liver(), packed=True))
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    content = packer.compress(GOOD)
    block = bytes(1 << 24)
    for _ in range(64):
        content += packer.compress(block)
    box.put("pred/b.nii.gz", content + packer.flush())
    ran = box.run("evaluate", "--pred", "pred", "--ref", "ref", "--out", "out", before=limited(1500),
                  never=["memory allocation", "panicked"])
    ensure(ran.code in (0, 4), f"ended with {ran.code}")
    ensure("a" in (box / "out/cases.csv").read_text(), "the sound case was not written")


@attack
def a_nifti_that_promises_a_terabyte(box):
    """Headers of 32767 x 32767 x 32767 voxels over a few bytes, packed or not: 3 or 4, by name."""
    for packed in (False, True):
        whole = bytearray(nifti())
        struct.pack_into("<8h", whole, 40, 3, 32767, 32767, 32767, 1, 1, 1, 1)
        name = "a.nii.gz" if packed else "a.nii"
        box.put(f"pred/{name}", gzip.compress(bytes(whole), mtime=0) if packed else bytes(whole))
        box.put(f"ref/{name}", bytes(whole) if not packed else gzip.compress(bytes(whole), mtime=0))
        ran = box.run("evaluate", "--pred", f"pred/{name}", "--ref", f"ref/{name}", "--out", "out", before=limited(1500),
                      never=["memory allocation", "panicked"])
        ensure(ran.code in (3, 4) and name in ran.text, f"ended with {ran.code}\n{ran.text[-200:]}")


@attack(slow=True)
def two_hundred_cases_with_few_files(box):
    """A study of 120 tiny cases at `ulimit -n 128`: works."""
    shell = shutil.which("bash")
    if not shell:
        raise Skipped("no bash")
    source = box.bench.phantoms()
    (box / "many").mkdir()
    for number in range(120):
        content = bytearray(gzip.decompress((source / f"volume-{number % 8}.nii.gz").read_bytes()))
        # Another voxel each, so that no two are the same scan.
        struct.pack_into("<h", content, len(content) - 2 * (number + 1), number)
        box.put(f"many/volume-{number}.nii.gz", gzip.compress(bytes(content), 1, mtime=0))
        shutil.copy(source / f"segmentation-{number % 8}.nii.gz", box / f"many/segmentation-{number}.nii.gz")
    box.run("ablation", "--data", "many", "--variant", "unet", "--set", "iterations=2", "--set", "coarse_iterations=2",
            "--allow-leakage", "--out", "new", before=[shell, "-c", 'ulimit -n 128; exec "$@"', "x"], seconds=240,
            never="Too many open files", code=0)


@attack
def a_folder_of_ten_thousand_junk_files(box):
    """`datasets check` and `evaluate` of a folder with 10,000 empty files: an answer in seconds, of bounded length."""
    (box / "junk").mkdir()
    for number in range(10000):
        os.close(os.open(box / f"junk/file-{number}.nii.gz", os.O_CREAT | os.O_WRONLY))
    for words in (["datasets", "check", "junk"], ["evaluate", "--pred", "junk", "--ref", "junk", "--out", "o"]):
        ran = box.run(*words, seconds=60, never="panicked")
        ensure(ran.code != 0, f"{words[0]}: 0")
