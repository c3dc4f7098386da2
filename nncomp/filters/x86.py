"""Programs for x86: relative addresses in calls become absolute ones.

Then calls of one function from many places look alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nncomp import _native
from nncomp.filters.split import Split, require_one_stream
from nncomp.mixing import Contexts

__all__ = ["CONTEXTS", "NAME", "check", "detect", "join", "memory", "split"]

NAME = "x86"
CONTEXTS = Contexts.X86


def detect(content: bytes) -> bool:
    """Whether at least 1 byte in 512 begins a call or jump (E8, E9) within ±16 MiB; of random data
    it is 1 in 16384."""
    data = np.frombuffer(content, np.uint8)
    count = np.count_nonzero(((data[:-4] & 0xFE) == 0xE8) & ((data[4:] + 1 & 0xFE) == 0))
    return int(count) * 512 >= max(len(data), 1)


def split(content: bytes) -> Split:
    return Split((_native.distances_to_targets(content),))


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    require_one_stream("a program", sizes, side, size)


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    return size


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    return _native.targets_to_distances(streams[0])
