"""As ``medpy.metric``, its metrics of two masks."""

from . import binary as binary
from .binary import *  # noqa: F403
