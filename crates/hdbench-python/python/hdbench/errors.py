"""What hdbench raises: one class a kind, each also of the builtin that fits.

Every exception has ``message`` and ``hint``; the hint, where there is one, is the way out.
"""

from __future__ import annotations


class HdbenchError(Exception):
    """The base of all."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message if not hint else f"{message}\nhint: {hint}")
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if not self.hint else f"{self.message}\nhint: {self.hint}"

    def __reduce__(self) -> tuple[type[HdbenchError], tuple[str, str | None]]:
        return type(self), (self.message, self.hint)


class UsageError(HdbenchError, ValueError):
    """An argument asks for what cannot be done: a metric that is none, a spacing of 0."""


class InputError(HdbenchError, ValueError):
    """A file or an array is not what it should be: values that are no labels, grids that differ."""


class ShapeError(InputError):
    """Shapes that differ, no voxel at all, more voxels or axes than a label map can have."""


class DtypeError(HdbenchError, TypeError):
    """What is no array of numbers: strings, objects, complex numbers."""


class NotComparableError(HdbenchError, ValueError):
    """Two results have nothing in common that could be compared."""


class ReadError(HdbenchError, OSError):
    """The system refused to read a file."""


class MissingFileError(ReadError, FileNotFoundError):
    """There is no such file or folder."""


class WriteError(HdbenchError, OSError):
    """The system refused to write a file."""


class OutOfMemoryError(HdbenchError, MemoryError):
    """Scoring would take more memory than is left."""


class MissingPackageError(HdbenchError, ImportError):
    """A package that is needed for this alone is not installed."""


class PartialResultWarning(UserWarning):
    """Some cases have no scores; the others are in the table."""
