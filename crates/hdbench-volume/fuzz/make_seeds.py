#!/usr/bin/env python3
"""Writes seeds/: the small files from which the fuzzers start. Standard library only.

    python3 crates/hdbench-volume/fuzz/make_seeds.py
"""

import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path

SEEDS = Path(__file__).resolve().parent / "seeds"
SHAPE = (3, 2, 2)
TYPES = {
    "uint8": (2, "B"), "int16": (4, "h"), "int32": (8, "i"), "float32": (16, "f"),
    "float64": (64, "d"), "int8": (256, "b"), "uint16": (512, "H"), "uint32": (768, "I"),
    "int64": (1024, "q"), "uint64": (1280, "Q"),
}
LABELS = [0, 1, 2, 0, 1, 1, 2, 2, 0, 0, 1, 0]


def nifti(kind="uint8", order="<", shape=SHAPE, voxels=LABELS, magic=b"n+1\0", slope=0.0, inter=0.0,
          pixdim=(1.0, 0.75, 0.75, 1.5), offset=352.0, sform=1, qform=0, quaternion=(0.0, 0.0, 0.0),
          srow=((0.75, 0, 0, -10), (0, 0.75, 0, -20), (0, 0, 1.5, 30)), units=2, rank=3, gap=b""):
    code, letter = TYPES[kind]
    dims = [rank, *shape] + [1] * (7 - len(shape))
    sizes = [*pixdim] + [0.0] * (8 - len(pixdim))
    header = struct.pack(order + "i36s8h3f4h", 348, b"", *dims, 0, 0, 0, 0, code,
                         8 * struct.calcsize(letter), 0)
    header += struct.pack(order + "8f3fh2B4f2i", *sizes, offset, slope, inter, 0, 0, units, 0, 0, 0, 0, 0, 0)
    header += bytes(104) + struct.pack(order + "2h3f3f", qform, sform, *quaternion, -10, -20, 30)
    for row in srow:
        header += struct.pack(order + "4f", *row)
    header += bytes(16) + magic
    assert len(header) == 348, len(header)
    return header + bytes(4) + gap + struct.pack(f"{order}{len(voxels)}{letter}", *voxels)


def packed(content):
    return gzip.compress(content, 9, mtime=0)


def nifti_seeds():
    for kind in TYPES:
        yield f"{kind}_le", nifti(kind)
        yield f"{kind}_be", nifti(kind, ">")
    nan, inf = float("nan"), float("inf")
    whole = nifti()
    yield "packed", packed(whole)
    yield "packed_members", packed(whole[:200]) + packed(whole[200:])
    yield "packed_truncated", packed(whole)[:-12]
    yield "packed_bad_checksum", packed(whole)[:-8] + bytes(8)
    yield "packed_hostile", packed(nifti(shape=(32767, 32767, 2)))
    yield "qform", nifti(sform=0, qform=1, quaternion=(0.0, 0.0, 1.0), pixdim=(-1.0, 0.75, 0.75, 1.5))
    yield "no_orientation", nifti(sform=0)
    yield "scaled", nifti("int16", slope=0.5, inter=1.0, voxels=[2 * v - 2 for v in LABELS])
    yield "rounding_noise", nifti("float32", voxels=[v + 1e-5 for v in LABELS])
    yield "no_label", nifti("float32", voxels=[0.5] * 12)
    yield "not_finite", nifti("float32", voxels=[nan, inf, -inf] + LABELS[3:])
    yield "extension", nifti(offset=368.0, gap=struct.pack("<2i8s", 16, 4, b"notes"))
    yield "padding", whole + bytes(64)
    yield "metres", nifti(units=1)
    yield "one_slice", nifti(shape=(3, 4), rank=2)
    yield "empty", b""
    yield "four_bytes", whole[:4]
    yield "header_cut", whole[:200]
    yield "voxels_missing", whole[:352]
    yield "voxels_cut", whole[:-3]
    yield "voxels_too_many", whole + b"more"
    yield "hostile_2_40_voxels", nifti(shape=(32767, 32767, 1024))
    yield "hostile_negative", nifti(shape=(3, -2, 2))
    yield "hostile_zero", nifti(shape=(0, 2, 2))
    yield "hostile_rank", nifti(rank=9)
    yield "hostile_volumes", nifti(shape=(3, 2, 1, 2), rank=4)
    yield "hostile_offset", nifti(offset=2147483647.0)
    yield "hostile_offset_nan", nifti(offset=nan)
    yield "hostile_offset_low", nifti(offset=0.0)
    yield "hostile_spacing", nifti(pixdim=(1.0, nan, 0.0, -1.0))
    yield "hostile_affine", nifti(srow=((nan, 0, 0, 0), (0, inf, 0, 0), (0, 0, 0, 0)))
    yield "hostile_singular", nifti(srow=((1, 1, 0, 0), (1, 1, 0, 0), (0, 0, 1, 0)))
    yield "hostile_huge_affine", nifti(srow=((3e38, 0, 0, 3e38), (0, 3e38, 0, 0), (0, 0, 3e38, 0)), units=1)
    yield "hostile_quaternion", nifti(sform=0, qform=1, quaternion=(1.0, 1.0, 1.0))
    yield "hostile_slope", nifti(slope=3e38, inter=-inf)
    yield "pair", nifti(magic=b"ni1\0")
    yield "analyze", nifti(magic=bytes(4))
    yield "nifti2", struct.pack("<i8s", 540, b"n+2\0\r\n\x1a\n") + bytes(528)
    yield "nrrd", b"NRRD0004\ntype: uchar\n"
    yield "zip", b"PK\x03\x04" + bytes(26)
    yield "dicom", bytes(128) + b"DICM"


def metaimage(*lines, shape="3 2 2", kind="MET_UCHAR", file="LOCAL", voxels=bytes(LABELS)):
    """With a file of its own, the voxels follow the mark at which the target cuts."""
    keys = ["ObjectType = Image", "NDims = 3", *lines, f"DimSize = {shape}", f"ElementType = {kind}",
            f"ElementDataFile = {file}"]
    return "\n".join(keys).encode() + (b"\n" if file == "LOCAL" else BESIDE) + voxels


def nrrd(*lines, shape="3 2 2", kind="uchar", encoding="raw", file=None, voxels=bytes(LABELS)):
    fields = ["NRRD0004", f"type: {kind}", f"dimension: {len(shape.split())}", f"sizes: {shape}",
              f"encoding: {encoding}", *lines]
    fields += [f"data file: {file}"] if file else []
    return "\n".join(fields).encode() + (BESIDE if file else b"\n\n") + voxels


# fuzz_targets/metaimage_nrrd.rs
BESIDE = b"\0\xff\0"


def text_header_seeds():
    kinds = ["CHAR", "SHORT", "USHORT", "INT", "UINT", "LONG_LONG", "ULONG_LONG", "FLOAT", "DOUBLE"]
    words = " ".join(map(str, LABELS)).encode()
    for kind, letter in zip(kinds, "bhHiIqQfd"):
        for order, name in ("<", "False"), (">", "True"):
            content = struct.pack(f"{order}{len(LABELS)}{letter}", *LABELS)
            yield f"met_{kind.lower()}_{name.lower()}", metaimage(
                f"BinaryDataByteOrderMSB = {name}", kind=f"MET_{kind}", voxels=content)
    placed = ("TransformMatrix = 0 1 0 -1 0 0 0 0 1", "Offset = 1 2 3", "CenterOfRotation = 0 0 0",
              "AnatomicalOrientation = ALI", "ElementSpacing = 0.5 0.75 2")
    yield "met_placed", metaimage(*placed)
    yield "met_aliases", metaimage("Position: 1 2 3", "Rotation: 1 0 0 0 1 0 0 0 1", "ElementSize: 1 2 3")
    yield "met_packed", metaimage("CompressedData = True", voxels=zlib.compress(bytes(LABELS)))
    yield "met_packed_cut", metaimage("CompressedData = True", voxels=zlib.compress(bytes(LABELS))[:-5])
    yield "met_words", metaimage("BinaryData = False", voxels=words)
    yield "met_beside", metaimage(*placed, file="v.raw")
    yield "met_beside_packed", metaimage("CompressedData = True", file="v.raw", voxels=zlib.compress(bytes(LABELS)))
    yield "met_beside_behind", metaimage("HeaderSize = -1", file="v.raw", voxels=b"header" + bytes(LABELS))
    yield "met_header_size", metaimage("HeaderSize = 200").ljust(200, b"x") + bytes(LABELS)
    yield "met_outside", metaimage(file="../v.raw")
    yield "met_list", metaimage(file="LIST\nv.raw\nv.raw")
    yield "met_channels", metaimage("ElementNumberOfChannels = 2", voxels=bytes(24))
    yield "met_huge", metaimage(shape="100000 100000 100")
    yield "met_singular", metaimage("TransformMatrix = 1 0 0 1 0 0 0 0 1")
    yield "met_not_finite", metaimage("Offset = nan inf 1e308", "ElementSpacing = 1 nan 0")
    yield "met_crlf", metaimage(*placed).replace(b"\n", b"\r\n")
    yield "met_planar", metaimage(shape="4 3").replace(b"NDims = 3", b"NDims = 2")
    yield "met_four", metaimage(shape="3 2 2 1").replace(b"NDims = 3", b"NDims = 4")
    yield "met_cut", metaimage()[:-4]
    yield "met_more", metaimage() + b"more"
    placed = ("space: left-posterior-superior", "space directions: (0,0.5,0) (0.75,0,0) (0,0,2)",
              "space origin: (1,2,3)", "kinds: domain domain domain")
    for kind, letter in zip(["int8", "short", "uint16", "int", "uint", "int64", "uint64", "float", "double"], "bhHiIqQfd"):
        for order, name in ("<", "little"), (">", "big"):
            content = struct.pack(f"{order}{len(LABELS)}{letter}", *LABELS)
            yield f"nrrd_{kind}_{name}", nrrd(f"endian: {name}", kind=kind, voxels=content)
    yield "nrrd_placed", nrrd(*placed)
    yield "nrrd_ras", nrrd("space: RAS", *placed[1:])
    yield "nrrd_minima", nrrd("spacings: 1 nan -3", "axis mins: 1 2 3", "centers: node cell ???")
    yield "nrrd_gzip", nrrd(*placed, encoding="gzip", voxels=packed(bytes(LABELS)))
    yield "nrrd_gzip_skip", nrrd("byte skip: 2", encoding="gzip", voxels=packed(b"ab" + bytes(LABELS)))
    yield "nrrd_words", nrrd(*placed, encoding="ascii", voxels=words)
    yield "nrrd_skips", nrrd("line skip: 1", "byte skip: 2", voxels=b"line\nab" + bytes(LABELS))
    yield "nrrd_last", nrrd("byte skip: -1", voxels=b"header" + bytes(LABELS))
    yield "nrrd_beside", nrrd(*placed, file="v.raw")
    yield "nrrd_beside_gzip", nrrd(*placed, encoding="gzip", file="./v.raw", voxels=packed(bytes(LABELS)))
    yield "nrrd_list", nrrd(file="LIST\nv.raw")
    yield "nrrd_outside", nrrd(file="/v.raw")
    yield "nrrd_channel", nrrd("space: LPS", "space directions: none (0,0.5,0) (0.75,0,0) (0,0,2)",
                               "kinds: list domain domain domain", shape="1 3 2 2")
    yield "nrrd_channels", nrrd("kinds: vector domain domain", shape="3 2 2")
    yield "nrrd_planar", nrrd("space dimension: 2", "space directions: (0,0.5) (-0.75,0)", shape="4 3")
    yield "nrrd_picture", nrrd("space: LPS", "space directions: (0,0.5,0) (-0.75,0,1)", shape="4 3")
    yield "nrrd_own_keys", nrrd("# comment", "a:=b: c", 'space units: "um" "um" "um"', "colour: grey")
    yield "nrrd_bzip2", nrrd(encoding="bzip2", voxels=b"BZh9")
    yield "nrrd_huge", nrrd(shape="100000 100000 100")
    yield "nrrd_crlf", nrrd(*placed).replace(b"\n", b"\r\n")


def archive(entries, method=zipfile.ZIP_DEFLATED, stream=False):
    """Entries of (name, content); a name that ends in / is a folder. `stream` leaves the sizes to
    descriptors behind the data, as zip does in a pipe."""
    out = Pipe() if stream else io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, content in entries:
            info = zipfile.ZipInfo(name, (2017, 6, 12, 0, 0, 0))
            info.compress_type = method
            info.create_system = 3
            if name.startswith("link"):
                info.external_attr = 0o120777 << 16
            file.writestr(info, content)
    return out.getvalue()


class Pipe(io.BytesIO):
    """What cannot be wound back."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise io.UnsupportedOperation


def patched(content, mark, offset, value):
    """`content` with `value` at `offset` behind the first place of `mark`."""
    at = content.index(mark) + offset
    return content[:at] + value + content[at + len(value):]


def zip_seeds():
    entry, directory, end = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
    small = b"liver" * 20
    name = "test-segmentation-0.nii"
    whole = archive([(name, small)])
    yield "deflated", whole
    yield "stored", archive([(name, small)], zipfile.ZIP_STORED)
    yield "descriptor", archive([(name, small)], stream=True)
    yield "folder", archive([("a/", b""), ("a/" + name, small)])
    yield "nifti", archive([("segmentation-0.nii", nifti()), ("segmentation-1.nii.gz", packed(nifti()))])
    yield "empty_archive", archive([])
    yield "empty_entry", archive([(name, b"")])
    yield "separators", archive([("a\\b.nii", small)])
    yield "same_after_cleaning", archive([("a/b.nii", small), ("a//b.nii", small)])
    yield "twice", archive([("a.nii", small), ("b.nii", small)]).replace(b"b.nii", b"a.nii")
    yield "dots", archive([("../" + name, small)])
    yield "absolute", archive([("/" + name, small)])
    yield "drive", archive([("c:" + name, small)])
    yield "link", archive([("link.nii", b"/etc/hosts")])
    yield "encrypted", patched(patched(whole, entry, 6, b"\1"), directory, 8, b"\1")
    yield "unknown_method", patched(patched(whole, entry, 8, b"\x63"), directory, 10, b"\x63")
    yield "bzip2", archive([(name, small)], zipfile.ZIP_BZIP2)
    yield "checksum", patched(whole, directory, 16, bytes(4))
    yield "too_long", patched(whole, directory, 24, b"\x05\0\0\0")
    yield "bomb", patched(whole, directory, 24, b"\xff\xff\xff\x7f")
    yield "outside", patched(whole, directory, 42, b"\xff\xff\xff\x7f")
    yield "many_entries", patched(whole, end, 8, b"\xff\xff\xff\xff")
    yield "zip64", zip64(name, small)
    yield "truncated", whole[:-30]
    yield "without_directory", whole[:whole.index(directory)]
    yield "comment", whole[:-2] + b"\x04\0note"
    yield "in_front", b"#!/bin/sh\n" + whole


def zip64(name, content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        with file.open(zipfile.ZipInfo(name, (2017, 6, 12, 0, 0, 0)), "w", force_zip64=True) as entry:
            entry.write(content)
    return out.getvalue()


def slice_promises():
    """What fuzz_targets/dicom_sizes.rs reads: 20 bytes of a header's promises, then pixels."""
    def promise(rows, columns, frames=0, allocated=16, stored=16, high=15, signed=1, syntax=0, fragment=0, pixels=b""):
        return struct.pack("<HHiBB3H2xBxH", rows, columns, frames, 1, signed, allocated, stored, high, syntax,
                           fragment) + pixels
    yield "plain", promise(8, 8, pixels=bytes(128))
    yield "frames", promise(4, 4, frames=2, pixels=bytes(64))
    yield "twelve_bits", promise(8, 8, stored=12, high=11, pixels=bytes(range(128)))
    rle = struct.pack("<16I", 2, 64, 66, *[0] * 13) + b"\xc1\0\xc1\0"
    yield "rle", promise(8, 8, syntax=1, fragment=len(rle), pixels=rle)
    yield "rle_of_gigabytes", promise(65535, 65535, syntax=1, fragment=len(rle), pixels=rle)
    yield "no_pixels", promise(0, 0)
    yield "negative_frames", promise(8, 8, frames=-1, pixels=bytes(128))
    yield "jpeg", promise(8, 8, syntax=4, fragment=4, pixels=b"\xff\xd8\xff\xc3\0\x0b\x10\0\x08\0\x08\x01\x01\x11\0\xff\xd9")


def write(target, seeds):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in seeds:
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    write("nifti", nifti_seeds())
    write("metaimage_nrrd", text_header_seeds())
    write("zip", zip_seeds())
    write("dicom_sizes", slice_promises())
