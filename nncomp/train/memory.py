"""Memory that training frees stays with the process."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # glibc, malloc.h


def keep_freed() -> None:
    """Tell malloc to return nothing to the system until the process ends.

    A step on the CPU frees and takes the same hundreds of MB again. Returned each time, they come
    back page by page, empty: half of a small network's step. Does nothing without glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library; Windows
        return
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_MMAP_MAX, 0)
