"""Content that repeats one pattern: the only stream is the pattern."""

from __future__ import annotations

from collections.abc import Sequence

from nncomp.errors import FormatError
from nncomp.filters.split import Split

__all__ = ["MAX_PERIOD", "NAME", "check", "join", "memory", "split"]

NAME = "repeat"

MAX_PERIOD = 1 << 12  # bytes; longer patterns are left to the match model


def split(content: bytes) -> Split | None:
    period = _find_period(content)
    return None if period is None else Split((content[:period],))


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    if len(sizes) != 1 or not 1 <= sizes[0] < size or side:
        raise FormatError("a repeated pattern is not one stream, shorter than the content")


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    return size


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    (pattern,) = streams
    count, rest = divmod(size, len(pattern))
    return pattern * count + pattern[:rest]


def _find_period(content: bytes) -> int | None:
    """The smallest p ≤ min(4096, size / 3) with content[i] == content[i − p] all along, or None."""
    limit = min(MAX_PERIOD, len(content) // 3)
    if limit == 0:
        return None
    # A period is a distance at which the head recurs. The head is at least twice as long as any
    # period, so (Fine and Wilf) if the first recurrence is no period, no later one is.
    head = content[: min(len(content) - limit, 4 * MAX_PERIOD)]
    period = content.find(head, 1, limit + len(head))
    if period < 0 or content[period:] != content[:-period]:
        return None
    return period
