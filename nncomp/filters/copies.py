"""Removes repeats of pictures and archives, so that each is in the content once.

The adaptive stage finds all other repeats, but not these, because their expanded forms are in
separate streams. There are two streams: the content without copies, and the list of copies.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from nncomp import _native, varint
from nncomp.filters.split import Range, Split, require_streams

__all__ = ["LEAST", "NAME", "check", "find", "join", "memory", "split"]

NAME = "copies"

LEAST = 1 << 10  # bytes of a copy at least
_SMALL = 4  # an expanded range is given up if at most 1/4 of it remains
_IN_FRONT = 1 << 8  # bytes in front of a compressed stream that may be needed to find it


_Copy: TypeAlias = tuple[int, int, int]  # (start, stop, how many bytes before it the source is)


def split(content: bytes, undone: Callable[[], Sequence[Range]] | None = None) -> Split | None:
    """Split off copies. If ``undone`` is given, it returns the ranges that other filters expand,
    and only copies that overlap them are kept."""
    found = find(content)
    if not found:
        return None
    kept = found if undone is None else _unseen(found, _merged(undone()))
    literals: list[bytes] = []
    places: list[bytes] = []
    last = 0
    for start, stop, distance in kept:
        literals.append(content[last:start])
        places += map(varint.dumps, (start - last, stop - start, distance))
        last = stop
    return Split((b"".join([*literals, content[last:]]), b"".join(places))) if places else None


def find(content: bytes) -> list[_Copy]:
    """Parts of the content that are there before, of ``LEAST`` bytes or more: (start, stop, how
    many bytes before)."""
    return _native.copies_find(content, LEAST)


def _merged(places: Sequence[Range]) -> list[Range]:
    """Sort ranges and merge those that overlap."""
    merged: list[Range] = []
    for start, stop in sorted(places):
        if merged and start < merged[-1][1]:
            start, stop = merged[-1][0], max(stop, merged.pop()[1])
        merged.append((start, stop))
    return merged


def _unseen(copies: Sequence[_Copy], undone: Sequence[Range]) -> Iterator[_Copy]:
    """Keeps the copies whose target or source overlaps a range that another filter expands (JPEG,
    deflate): the stage cannot see those repeats. Trims each so that no picture or stream is left
    cut, as it could not be expanded any more, unless at most a quarter of it remains."""
    starts, stops = [[place[k] for place in undone] for k in (0, 1)]

    def following(place: int) -> int:
        """The number of the first range that ends behind ``place``."""
        return bisect.bisect_right(stops, place)

    def overlap(start: int, stop: int) -> range:
        return range(following(start), bisect.bisect_left(starts, stop))

    sizes = [stop - start for start, stop in undone]
    left = [*sizes]  # bytes of each range that are not copied
    for start, stop, _ in copies:
        for i in overlap(start, stop):
            left[i] -= min(stop, stops[i]) - max(start, starts[i])
    whole = [rest * _SMALL > size for rest, size in zip(left, sizes, strict=True)]
    for start, stop, distance in copies:
        if not (overlap(start, stop) or overlap(start - distance, stop - distance)):
            continue
        i, k = following(start), following(stop)
        if i < len(undone) and whole[i] and starts[i] < start:
            if (stops[i] - start) * _SMALL > sizes[i]:  # else enough of it remains before the cut
                start = stops[i]
        if k < len(undone) and whole[k]:
            stop = min(stop, max(starts[k] - _IN_FRONT, stops[k - 1] if k else 0))
        if stop - start >= LEAST:
            yield start, stop, distance


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    require_streams(NAME, 2, sizes, side, size)


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    return 2 * size  # two copies of the content


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    return _native.copies_join(streams[0], streams[1], size)
