"""As ``medpy.metric``, its metrics of two masks."""

from . import binary
from .binary import *  # noqa: F403
from .binary import __all__ as _functions

__all__ = ["binary", *_functions]
