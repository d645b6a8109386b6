"""Files to attack with: NIfTI, safetensors, zip and tables of scores, written byte by byte."""

import gzip
import json
import struct
import zlib


def nifti(shape=(4, 8, 8), voxels=None, kind="uint8", spacing=(1.0, 1.0, 1.0), packed=False):
    """A label map or image `[z, y, x]`; `voxels` are its bytes, or none for zeros."""
    code, letter = {"uint8": (2, "B"), "int16": (4, "h"), "float32": (16, "f")}[kind]
    depth, height, width = shape
    bits = 8 * struct.calcsize(letter)
    header = struct.pack("<i36s8h3f4h", 348, b"", 3, width, height, depth, 1, 1, 1, 1, 0, 0, 0, 0, code, bits, 0)
    z, y, x = spacing
    header += struct.pack("<8f3fh2B4f2i", 1.0, x, y, z, 0, 0, 0, 0, 352.0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0)
    header += bytes(104) + struct.pack("<2h6f", 0, 1, 0, 0, 0, 0, 0, 0)
    for row in ((x, 0, 0, 0), (0, y, 0, 0), (0, 0, z, 0)):
        header += struct.pack("<4f", *row)
    header += bytes(16) + b"n+1\0"
    assert len(header) == 348, len(header)
    if voxels is None:
        voxels = bytes(depth * height * width * bits // 8)
    whole = header + bytes(4) + bytes(voxels)
    return gzip.compress(whole, 6, mtime=0) if packed else whole


def with_spacing(path, spacing):
    """The same packed NIfTI file with other voxel sizes (z, y, x), the affine too."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    z, y, x = spacing
    struct.pack_into("<3f", content, 80, x, y, z)
    # qform and sform codes: the voxel sizes alone, then the rows of the affine.
    struct.pack_into("<2h", content, 252, 0, 1)
    for row, values in enumerate(((x, 0, 0, 0), (0, y, 0, 0), (0, 0, z, 0))):
        struct.pack_into("<4f", content, 280 + 16 * row, *values)
    path.write_bytes(gzip.compress(bytes(content), 6, mtime=0))


def liver(shape=(4, 8, 8), lesion=True):
    """Bytes of a box of liver with a voxel or two of lesion."""
    depth, height, width = shape
    voxels = bytearray(depth * height * width)
    for z in range(1, depth - 1):
        for y in range(1, height - 1):
            for x in range(1, width - 1):
                voxels[(z * height + y) * width + x] = 2 if lesion and x == y == 2 else 1
    return bytes(voxels)


def tensors(path):
    """A safetensors file: its header and its data."""
    content = path.read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    return json.loads(content[8:8 + length]), bytearray(content[8 + length:])


def write_tensors(path, header, data):
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(data))


def stored_zip(entries, local_name=None, size=None, directory_size=None):
    """A zip of stored entries `[(name, bytes)]` with lies: another name in the local headers, another size in
    the directory, another size of the directory in the end record."""
    out = bytearray()
    directory = bytearray()
    for name, content in entries:
        name = name if isinstance(name, bytes) else name.encode()
        local = local_name or name
        offset = len(out)
        crc = zlib.crc32(content)
        out += struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 0x21, crc, len(content), len(content),
                           len(local), 0) + local + content
        claimed = len(content) if size is None else size
        directory += struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0x21, crc, len(content), claimed,
                                 len(name), 0, 0, 0, 0, 0, offset) + name
    end = len(directory) if directory_size is None else directory_size
    start = len(out)
    return bytes(out + directory + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(entries), len(entries), end,
                                               start, 0))


HEADER = "task,algorithm,fold,seed,case,label,metric,metric_version,value,raw_value,policy"


def table(values, metric="dice", label="lesion", algorithm="ours", task="t"):
    """A tidy table of scores: `values` by case, or by (case, label, metric)."""
    lines = [HEADER]
    for key, value in values.items():
        case, of, measure = key if isinstance(key, tuple) else (key, label, metric)
        lines.append(f"{task},{algorithm},0,0,{case},{of},{measure},1,{value},{value},strict")
    return "\n".join(lines) + "\n"
