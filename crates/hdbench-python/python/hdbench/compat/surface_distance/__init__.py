"""As ``surface_distance`` 0.1 of DeepMind: the functions of :mod:`.metrics`, the reference first."""

from . import metrics
from .metrics import *  # noqa: F403
from .metrics import __all__ as _functions

__all__ = ["metrics", *_functions]
