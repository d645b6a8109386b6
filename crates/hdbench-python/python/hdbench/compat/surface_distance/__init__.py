"""As ``surface_distance`` 0.1 of DeepMind: the functions of :mod:`.metrics`, the reference first."""

from . import metrics as metrics
from .metrics import *  # noqa: F403
