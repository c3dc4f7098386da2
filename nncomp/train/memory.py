"""Keeps memory that training frees in the process."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # glibc, malloc.h


def keep_freed() -> None:
    """Tell malloc to return nothing to the system until the process ends.

    A step on the CPU frees hundreds of MB and allocates them again. If they were returned each
    time, page faults would take half of a small network's step. Does nothing without glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library; Windows
        return
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_MMAP_MAX, 0)
