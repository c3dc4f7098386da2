"""Selects lines of content that comes in parts. A part that can be written at once is not held."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from nncomp.errors import MemoryLimitError

__all__ = ["lines"]

Content = Callable[[int, int], Iterable[bytes]]  # (start, stop) → the bytes in between, in parts


def lines(content: Content, starts: list[int], wanted: slice, memory_limit: int) -> Iterator[bytes]:
    """Yield the ``wanted`` lines of ``content`` in parts. Its blocks begin at ``starts``, of which
    the last is the end. Numbers below 0 count from the end; then only the blocks at the end are
    read. Raises ``MemoryLimitError`` where the last lines take more."""
    start, stop = wanted.start or 0, wanted.stop
    if start < 0 and (stop is None or stop < 0):
        yield from _last(content, starts, wanted, memory_limit)
        return
    end = starts[-1]
    if stop is not None and stop < 0:
        end, stop = _place_of_last(content, starts, -stop), None
    if start >= 0:
        yield from _between(content(0, end), start, stop)
        return
    dropped = _place_of_last(content, starts, -start)
    for part in _between(content(0, end), 0, stop):
        yield part[dropped:]
        dropped = max(0, dropped - len(part))


def _between(parts: Iterable[bytes], start: int, stop: int | None) -> Iterator[bytes]:
    """Yield lines ``start`` to ``stop`` − 1 of ``parts``, or all from ``start`` on."""
    if stop is not None and stop <= start:
        return
    done = 0  # lines that have ended
    for part in parts:
        count = part.count(b"\n")
        at = _behind(part, start - done) if done < start <= done + count else 0
        if stop is not None and stop <= done + count:
            yield part[at : _behind(part, stop - done)]
            return
        done += count
        if start <= done:
            yield part[at:]


def _last(content: Content, starts: list[int], wanted: slice, memory_limit: int) -> Iterator[bytes]:
    held: deque[bytes] = deque()
    size = begun = 0  # bytes; lines that begin in them behind a newline
    for block, begin in _backwards(content, starts):
        held.appendleft(block)
        size, begun = size + len(block), begun + begin
        if size > memory_limit:
            raise MemoryLimitError("the lines need more memory than the limit allows")
        if begun >= -wanted.start:
            break
    start, stop, _ = wanted.indices(begun + 1)
    yield from _between(held, start, stop)


def _place_of_last(content: Content, starts: list[int], count: int) -> int:
    """The position at which the last ``count`` lines begin."""
    place = starts[-1]
    for block, begun in _backwards(content, starts):
        place -= len(block)
        if begun >= count:
            return place + _behind(block, begun - count + 1)
        count -= begun
    return 0


def _backwards(content: Content, starts: list[int]) -> Iterator[tuple[bytes, int]]:
    """Yield (block, number of newlines in it that a line follows), the last block first."""
    for i in reversed(range(len(starts) - 1)):
        block = b"".join(content(starts[i], starts[i + 1]))
        is_end = starts[i + 1] == starts[-1]
        yield block, block.count(b"\n") - (is_end and block.endswith(b"\n"))


def _behind(part: bytes, count: int) -> int:
    """The place behind newline number ``count``, from 1, in ``part``; it must exist."""
    place = 0
    for _ in range(count):
        place = part.index(b"\n", place) + 1
    return place
