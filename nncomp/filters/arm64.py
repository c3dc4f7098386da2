"""Programs for ARM64: relative addresses in calls (BL) become absolute ones.

Then calls of one function from many places look alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nncomp.filters.split import Split, require_one_stream
from nncomp.mixing import Contexts

__all__ = ["CONTEXTS", "NAME", "check", "detect", "join", "memory", "split"]

NAME = "arm64"
CONTEXTS = Contexts.CODE

_BL = 0x25  # the upper 6 bits of a call
_DISTANCE = (1 << 26) - 1  # mask of the other bits: the distance of the call, in instructions
_NEAR = 1 << 20  # distance in instructions, ±4 MiB, up to which calls count as evidence
_CHUNK = 1 << 16  # instructions that are converted at a time, so that little memory is needed


def detect(content: bytes) -> bool:
    """Whether at least 1 word in 128 is a call within ±4 MiB; of random data it is 1 in 2048."""
    words = _words(content)
    near = (words + _NEAR & _DISTANCE) < 2 * _NEAR
    return int(np.count_nonzero(_is_call(words) & near)) * 128 >= max(len(words), 1)


def split(content: bytes) -> Split:
    return Split((_moved(content, 1),))


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    require_one_stream("a program", sizes, side, size)


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    return size


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    return _moved(streams[0], -1)


def _words(content: bytes | bytearray) -> npt.NDArray[Any]:
    """The whole instructions in ``content``, (n,) uint32, as a view of its memory."""
    return np.frombuffer(content, "<u4", len(content) // 4)


def _is_call(words: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.asarray(words >> 26 == _BL)


def _moved(content: bytes, sign: int) -> bytes:
    """``content`` with ``sign`` times the instruction's number added to each call's distance."""
    out = bytearray(content)
    words = _words(out)
    for first in range(0, len(words), _CHUNK):
        part = words[first : first + _CHUNK]
        numbers = np.arange(first, first + len(part), dtype=np.uint32)
        moved = part + numbers if sign > 0 else part - numbers  # mod 2^32, of which 26 bits count
        np.copyto(part, moved & _DISTANCE | _BL << 26, where=_is_call(part))
    return bytes(out)
