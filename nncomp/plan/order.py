"""The order in which a stream's bytes are coded in lanes: ``docs/format.md``, section 6.

Lanes are coded side by side. If each were a contiguous piece of the stream, the stream's first
bytes would be complete only when all lanes are done. So each lane begins with a piece of the
stream's lead, its first bytes, and goes on with a piece of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nncomp.container import LEAD_SIZE

__all__ = ["gather", "lead", "lead_steps", "spread", "steps"]


def spread(stream: bytes, lanes: int) -> bytes:
    """Reorder the bytes of ``stream`` so that those of each lane are contiguous."""
    if not _is_spread(len(stream), lanes):
        return stream
    parts = []
    first, second = 0, LEAD_SIZE
    for _, begun, size in _lanes(len(stream), lanes):
        parts += [stream[first : first + begun], stream[second : second + size - begun]]
        first, second = first + begun, second + size - begun
    return b"".join(parts)


def gather(coded: bytes, lanes: int) -> bytes:
    """The inverse of ``spread``."""
    if not _is_spread(len(coded), lanes):
        return coded
    places = list(_lanes(len(coded), lanes))
    parts = [coded[start : start + begun] for start, begun, _ in places]
    parts += [coded[start + begun : start + size] for start, begun, size in places]
    return b"".join(parts)


def lead_steps(lanes: int) -> int:
    """How many bytes of each lane, at most, belong to the lead."""
    return -(-LEAD_SIZE // lanes)


def lead(part: Callable[[int, int], bytes], size: int, lanes: int) -> bytes:
    """The lead of a stream that is longer than the lead. ``part(start, size)`` returns bytes of the
    spread stream."""
    return b"".join(part(start, begun) for start, begun, _ in _lanes(size, lanes))


def steps(coded: bytes, lanes: int, first: int, second: int) -> bytes:
    """The bytes that lanes code in steps ``first`` … ``second`` − 1, one lane after the other."""
    starts = [start for start, _, _ in _lanes(len(coded), lanes)]
    assert 0 <= first <= second <= len(coded) // lanes
    return b"".join(coded[start + first : start + second] for start in starts)


def _is_spread(size: int, lanes: int) -> bool:
    return lanes > 1 and size > LEAD_SIZE


def _lanes(size: int, lanes: int) -> Iterator[tuple[int, int, int]]:
    """Yield (start in the spread stream, bytes of the lead, all bytes) of each lane."""
    start = 0
    for lane in range(lanes):
        begun, length = (n // lanes + (lane < n % lanes) for n in (LEAD_SIZE, size))
        yield start, begun, length
        start += length
