"""In which order a stream's bytes are coded: ``docs/format.md``, section 6, lanes.

Lanes are coded side by side. Were they pieces of the stream, its first bytes would be there when
the first lane is done, and that is when all are. So each lane begins with a piece of the stream's
lead, its first bytes, and goes on with a piece of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nncomp.container import LEAD_SIZE

__all__ = ["gather", "lead", "lead_steps", "spread", "steps"]


def spread(stream: bytes, lanes: int) -> bytes:
    """The bytes of ``stream`` as they are coded: those of a lane together."""
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
    """How many bytes of each lane, at most, are of the lead."""
    return -(-LEAD_SIZE // lanes)


def lead(part: Callable[[int, int], bytes], size: int, lanes: int) -> bytes:
    """The lead of a stream that has more than that, from ``part(start, size)`` of what is coded."""
    return b"".join(part(start, begun) for start, begun, _ in _lanes(size, lanes))


def steps(coded: bytes, lanes: int, first: int, second: int) -> bytes:
    """What lanes code in steps ``first`` … ``second`` − 1, one lane after the other."""
    starts = [start for start, _, _ in _lanes(len(coded), lanes)]
    assert 0 <= first <= second <= len(coded) // lanes
    return b"".join(coded[start + first : start + second] for start in starts)


def _is_spread(size: int, lanes: int) -> bool:
    return lanes > 1 and size > LEAD_SIZE


def _lanes(size: int, lanes: int) -> Iterator[tuple[int, int, int]]:
    """Where each lane starts in what is coded, its bytes of the lead, and all of its bytes."""
    start = 0
    for lane in range(lanes):
        begun, length = (n // lanes + (lane < n % lanes) for n in (LEAD_SIZE, size))
        yield start, begun, length
        start += length
