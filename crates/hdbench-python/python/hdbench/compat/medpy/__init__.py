"""MedPy 0.5.2's metrics of two masks: ``from hdbench.compat.medpy import metric``, or the functions themselves."""

from . import metric as metric
from .metric.binary import *  # noqa: F403
