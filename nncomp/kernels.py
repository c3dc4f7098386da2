"""Which of the native kernels computes: the fastest that the CPU can run, or a forced one."""

from __future__ import annotations

import os

from nncomp import _native
from nncomp.errors import NNCompError

__all__ = ["in_force"]


def in_force() -> str:
    """The kernel named by ``NNCOMP_KERNEL``, or "auto"; it changes speed, never bytes. Raises
    ``NNCompError`` for one that the CPU cannot run."""
    kernel = os.environ.get("NNCOMP_KERNEL") or "auto"
    if kernel != "auto" and kernel not in _native.kernels():
        usable = ", ".join(_native.kernels())
        raise NNCompError(f"NNCOMP_KERNEL={kernel}: this CPU can run {usable}")
    return kernel
