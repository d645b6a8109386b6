"""MedPy 0.5.2's metrics of two masks: ``from hdbench.compat.medpy import metric``, or the functions themselves."""

from . import metric
from .metric.binary import *  # noqa: F403
from .metric.binary import __all__ as _functions

__all__ = ["metric", *_functions]
