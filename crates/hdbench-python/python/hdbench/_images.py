"""Images of other packages: their numbers, and where they lie."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_array, numbers, unmasked
from .errors import DtypeError, InputError, MissingFileError, ReadError, ShapeError

# From LPS+ of DICOM and ITK to RAS+ of NIfTI.
_RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

# Of NIfTI's codes, of which 0 is unknown and 2 millimetres: what it is called, how many mm it has.
_UNITS = {1: ("metres", 1e3), 3: ("micrometres", 1e-3)}

# Voxel sizes that differ by more than this share are no rounding, as the reader of files has it.
_SAME_SIZE = 1e-3


class Grid(NamedTuple):
    """Where an array lies: how its axes are brought to [z, y, x], its spacing in that order, its affine."""

    is_xyz: bool
    spacing: tuple[float, ...]
    affine: NDArray[Any]


class Placed(NamedTuple):
    """The numbers of an object, its place where it has one, and what is to be told of it."""

    array: NDArray[Any]
    grid: Grid | None
    notes: list[str]


def placed_array(given: Any, name: str, *, is_spaced: bool) -> Placed:
    """The numbers of an object with its place; ``is_spaced`` says that a spacing is given beside it."""
    if hasattr(given, "GetDirection") and hasattr(given, "GetSpacing"):
        return _of_simpleitk(given, name)
    if hasattr(given, "dataobj") and hasattr(given, "affine"):
        return _of_nibabel(given, name)
    array = numbers(as_array(given, name), name)
    affine = getattr(given, "affine", None)
    if affine is not None:
        affine = as_array(affine, f"{name}: its affine")
    if affine is None or np.shape(affine) != (4, 4):
        return Placed(array, None, [])
    return _of_tensor(array, np.asarray(affine, dtype=np.float64), name, is_spaced)


def _of_tensor(array: NDArray[Any], affine: NDArray[Any], name: str, is_spaced: bool) -> Placed:
    # MONAI gives the identity to every tensor that came without an affine.
    if not np.array_equal(affine, np.eye(4)):
        return Placed(array, _grid_of_affine(affine), [])
    if is_spaced:
        return Placed(array, None, [f"{name}: its affine is the identity, which says nothing; the spacing counts"])
    return Placed(array, _grid_of_affine(affine), [f"{name}: its affine is the identity: voxels are taken as of 1 mm"])


def _of_nibabel(image: Any, name: str) -> Placed:
    array = numbers(_voxels(image, name), name)
    if image.affine is None:
        note = f"{name}: the image has no affine; it is taken as a plain array, with the spacing in the order of its axes"
        return Placed(array, None, [note])
    affine, notes = _affine_of_nibabel(image)
    return Placed(array, _grid_of_affine(affine), [f"{name}: {note}" for note in notes])


def _voxels(image: Any, name: str) -> NDArray[Any]:
    """Those of an image of nibabel, which may lie in its file still."""
    try:
        return np.asarray(unmasked(np.asanyarray(image.dataobj), name))
    except FileNotFoundError as error:
        hint = "keep the file until the image is scored, or load it before: image.get_fdata()"
        raise MissingFileError(f"{name}: the file of the image is gone: {error}", hint) from error
    except (InputError, MemoryError):
        raise
    except OSError as error:
        raise ReadError(f"{name}: the file of the image cannot be read: {error}") from error
    except (EOFError, ValueError, zlib.error) as error:
        raise InputError(f"{name}: the file of the image cannot be read: {error}") from error


def _affine_of_nibabel(image: Any) -> tuple[NDArray[Any], list[str]]:
    """In mm, as the reader of files has it, with what that says."""
    affine = np.array(image.affine, dtype=np.float64)
    header = image.header
    notes: list[str] = []
    code = _field(header, "xyzt_units")
    pixdim, sform, qform = (_field(header, name) for name in ("pixdim", "sform_code", "qform_code"))
    if code is None or pixdim is None or sform is None:
        return affine, notes
    sizes = np.abs(np.asarray(pixdim[1:4], dtype=np.float64))
    if not sform > 0 and not qform > 0 and np.allclose(affine, header.get_base_affine()):
        # nibabel takes such axes as left, anterior, superior, which the standard does not say.
        affine = np.diag([*sizes, 1.0])
        notes.append("the header stores no orientation; the axes are taken as right, anterior, superior")
    unit = int(code) & 7
    if unit in _UNITS:
        called, factor = _UNITS[unit]
        affine[:3] *= factor
        sizes = sizes * factor
        notes.append(f"the header counts in {called}; converted to millimetres")
    elif unit not in (0, 2):
        notes.append(f"spatial unit {unit} is not defined; taken as millimetres")
    lengths = np.array(_lengths(affine))
    axes = min(3, len(image.shape))
    if sform > 0 and (np.abs(lengths - sizes) > _SAME_SIZE * lengths)[:axes].any():
        of_affine, of_sizes = (" x ".join(f"{mm:.4f}" for mm in own) for own in (lengths, sizes))
        notes.append(f"the sform has voxels of {of_affine} mm, pixdim of {of_sizes} mm; the sform counts")
    return affine, notes


def _field(header: Any, name: str) -> Any:
    """A field of a header of NIfTI; none where the header is of another kind."""
    try:
        return header[name]
    except (KeyError, ValueError, TypeError, IndexError):
        return None


def _grid_of_affine(affine: NDArray[Any]) -> Grid:
    return Grid(is_xyz=True, spacing=tuple(_lengths(affine)[::-1]), affine=affine)


def _lengths(affine: NDArray[Any]) -> list[float]:
    """What a voxel measures along x, y and z."""
    # Summed as the reader of files does it: the last bit of a spacing is the last bit of every distance.
    steps = [tuple(float(affine[row, column]) for row in range(3)) for column in range(3)]
    return [float(np.sqrt(x * x + y * y + z * z)) for x, y, z in steps]


def _of_simpleitk(image: Any, name: str) -> Placed:
    try:
        import SimpleITK as sitk
    except ImportError as error:  # pragma: no cover - an image cannot be made without it
        raise DtypeError(f"{name}: is an image of ITK, and SimpleITK is not installed") from error
    # A view of such an image ends the interpreter.
    if image.GetPixelID() in (sitk.sitkLabelUInt8, sitk.sitkLabelUInt16, sitk.sitkLabelUInt32, sitk.sitkLabelUInt64):
        raise DtypeError(
            f"{name}: is an image of {image.GetPixelIDTypeAsString()}, whose voxels lie in runs",
            "sitk.Cast(image, sitk.sitkUInt16)",
        )
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise ShapeError(f"{name}: has {image.GetNumberOfComponentsPerPixel()} values a voxel", "give one label a voxel")
    dimension = image.GetDimension()
    if dimension not in (2, 3):
        raise ShapeError(f"{name}: has {dimension} axes, expected 2 or 3")
    affine = np.eye(4)
    direction = np.reshape(image.GetDirection(), (dimension, dimension))
    affine[:dimension, :dimension] = direction * np.asarray(image.GetSpacing())
    affine[:dimension, 3] = image.GetOrigin()
    spacing = tuple(float(mm) for mm in image.GetSpacing())[::-1]
    array = numbers(sitk.GetArrayViewFromImage(image), name)
    return Placed(array, Grid(is_xyz=False, spacing=spacing, affine=_RAS_FROM_LPS @ affine), [])
