"""Pictures and archives that a content has again are in it once.

The adaptive stage finds other repeats. These it does not see: what is undone has streams of its
own. Streams are the content without copies, and what is copied to where.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from nncomp import _native, varint
from nncomp.filters.split import Range, Split, require_streams
from nncomp.mixing import Contexts

__all__ = ["CONTEXTS", "LEAST", "NAME", "check", "join", "memory", "split"]

NAME = "copies"
CONTEXTS = Contexts.GENERAL

LEAST = 1 << 10  # bytes of a copy
_SMALL = 4  # this part of what is undone is given up
_IN_FRONT = 1 << 8  # bytes in front of a compressed stream, by some of which it is found


_Copy: TypeAlias = tuple[int, int, int]  # where it begins and ends, and how far before it is from


def split(content: bytes, undone: Callable[[], Sequence[Range]] | None = None) -> Split | None:
    """``undone`` says what other filters undo of the content, if only copies of that are sought."""
    found = _native.copies_find(content, LEAST)
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


def _merged(places: Sequence[Range]) -> list[Range]:
    """Ascending, and none over another."""
    merged: list[Range] = []
    for start, stop in sorted(places):
        if merged and start < merged[-1][1]:
            start, stop = merged[-1][0], max(stop, merged.pop()[1])
        merged.append((start, stop))
    return merged


def _unseen(copies: Sequence[_Copy], undone: Sequence[Range]) -> Iterator[_Copy]:
    """Of copies those of what is undone, or is elsewhere: which no stage sees. They are cut such
    that they leave no part of anything, which could not be undone any more, unless it is small."""
    starts, stops = [[place[k] for place in undone] for k in (0, 1)]

    def following(place: int) -> int:
        """What ends behind ``place`` first."""
        return bisect.bisect_right(stops, place)

    def overlap(start: int, stop: int) -> range:
        return range(following(start), bisect.bisect_left(starts, stop))

    sizes = [stop - start for start, stop in undone]
    left = [*sizes]  # bytes that are not copied
    for start, stop, _ in copies:
        for i in overlap(start, stop):
            left[i] -= min(stop, stops[i]) - max(start, starts[i])
    whole = [rest * _SMALL > size for rest, size in zip(left, sizes, strict=True)]
    for start, stop, distance in copies:
        if not (overlap(start, stop) or overlap(start - distance, stop - distance)):
            continue
        i, k = following(start), following(stop)
        if i < len(undone) and whole[i] and starts[i] < start:
            if (stops[i] - start) * _SMALL > sizes[i]:  # what is in front of a cut is undone still
                start = stops[i]
        if k < len(undone) and whole[k]:
            stop = min(stop, max(starts[k] - _IN_FRONT, stops[k - 1] if k else 0))
        if stop - start >= LEAST:
            yield start, stop, distance


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    require_streams(NAME, 2, sizes, side, size)


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    return 2 * size  # the content twice


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    return _native.copies_join(streams[0], streams[1], size)
