"""Copies from earlier blocks of a frame, beyond what a block's own models reach.

A block's *literals* are its content without what is copied; copies come from the literals of
earlier blocks only, so that a source never needs another one. Both sides hold the last literals,
up to the frame's reach. ``docs/format.md``, section 6; what pays is said by ``plan.choose``.
"""

from __future__ import annotations

import heapq
import io
from dataclasses import dataclass

from nncomp import _native, varint
from nncomp.errors import FormatError
from nncomp.plan import MAX_SOURCES, choose

__all__ = ["Found", "Future", "Past", "Split"]


@dataclass(frozen=True)
class Found:
    """What a content has in common with earlier ones."""

    sources: tuple[int, ...]  # as in ``plan.Copies``
    copies: bytes  # the stream

    def split(self, content: bytes) -> Split:
        """The content in which it was found, without what is copied."""
        stream = io.BytesIO(self.copies)
        literals = []
        position = 0
        while stream.tell() < len(self.copies):
            gap, size, _, _ = (varint.read(lambda: stream.read(1)[0]) for _ in range(4))
            literals.append(content[position : position + gap])
            position += gap + size
        return Split(b"".join([*literals, content[position:]]), self.sources, self.copies)


@dataclass(frozen=True)
class Split:
    """A content without what is copied."""

    literals: bytes
    sources: tuple[int, ...]  # as in ``plan.Copies``
    copies: bytes  # the stream

    @property
    def found(self) -> Found:
        return Found(self.sources, self.copies)


class Past:
    """An encoder's: finds what each next content has in common with the past of its frame.

    Takes 5/4 of the reach in memory at most, and before there is a second block, nothing.
    """

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._first: bytes | None = None
        self._finder: _native.FarFinder | None = None

    def split(self, content: bytes) -> Split | None:
        """The next block's; None where it stands alone."""
        if not self._reach:
            return None
        if self._finder is None:
            if self._first is None:
                self._first = content
                return None
            self._finder = _native.FarFinder(
                reach=self._reach,
                least=choose.LEAST_COPY,
                share=choose.SHARE_OF_COPIES,
                sources=MAX_SOURCES,
            )
            self._finder.add(self._first)
            self._first = None
        found = self._finder.split(content)
        self._finder.add(content if found is None else found[0])
        if found is None:
            return None
        literals, sources, copies = found
        return Split(literals, tuple(sources), copies)


class Future:
    """A decoder's: literals for those that come later. Blocks have numbers, and may be missing."""

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._held: dict[int, bytes] = {}  # by number
        self._numbers: list[int] = []  # a heap of them
        self._size = 0  # bytes

    def add(self, number: int, literals: bytes) -> None:
        """A block's literals, which are held until ``reach`` bytes are behind their beginning."""
        self._held[number] = literals
        heapq.heappush(self._numbers, number)
        self._size += len(literals)
        while self._size > self._reach:
            self._size -= len(self._held.pop(heapq.heappop(self._numbers)))

    def join(self, number: int, split: Split, size: int) -> bytes:
        """The content of a block. Raises ``FormatError``."""
        try:
            sources = [self._held[number - back] for back in split.sources]
        except KeyError:
            raise FormatError("a block copies from beyond the reach") from None
        return _native.far_join(split.literals, split.copies, sources, size)
