"""Copies from earlier blocks of a frame, which the predictors of a block cannot see.

A block's *literals* are its content without what is copied. Copies come from the literals of
earlier blocks only, so that a source never depends on another one. Encoder and decoder both hold
the literals of the last 2^14 blocks, up to the frame's reach. The format is in ``docs/format.md``,
section 6; the thresholds for what pays are in ``plan.choose``.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from nncomp import _native, varint
from nncomp.errors import FormatError
from nncomp.plan import MAX_BACK, MAX_SOURCES, choose

__all__ = ["Found", "Future", "Past", "Split"]

_TOO_EARLY = "copies that were found end too early"


@dataclass(frozen=True)
class Found:
    """The copies found for a block's content."""

    sources: tuple[int, ...]  # as in ``plan.Copies``
    copies: bytes  # the stream of copies

    @property
    def gap(self) -> int:
        """How many bytes come before the first copy."""
        return varint.Reader(self.copies, _TOO_EARLY).number()

    def split(self, content: bytes) -> Split:
        """Take the copies out of ``content``, in which they were found."""
        fields = varint.Reader(self.copies, _TOO_EARLY)
        literals = []
        position = 0
        while fields.left:
            gap, size, _, _ = (fields.number() for _ in range(4))
            literals.append(content[position : position + gap])
            position += gap + size
        return Split(b"".join([*literals, content[position:]]), self)


@dataclass(frozen=True)
class Split:
    """A block's content, split into literals and copies."""

    literals: bytes
    found: Found


class Past:
    """The encoder's side: finds in each block what it can copy from the earlier ones of its frame.

    Takes at most 5/4 of the reach in memory, and nothing before there is a second block.
    """

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._first: bytes | None = None
        self._finder: _native.FarFinder | None = None

    def split(self, content: bytes, heads: Sequence[tuple[int, int]] = ()) -> Split | None:
        """Split the content of the next block; None where nothing is copied. No copy ends in one of
        ``heads``, (start, end): what is behind them is of no use without them."""
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
                blocks=MAX_BACK,
            )
            self._finder.add(self._first)
            self._first = None
        found = self._finder.split(content, heads)
        self._finder.add(content if found is None else found[0])
        if found is None:
            return None
        literals, sources, copies = found
        return Split(literals, Found(tuple(sources), copies))


class Future:
    """The decoder's side: holds literals for blocks that come later. Blocks are known by their
    numbers; some may be missing, where only a part of a frame is decoded."""

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._held: dict[int, bytes] = {}  # by number
        self._numbers: list[int] = []  # a heap of them
        self._size = 0  # bytes

    def add(self, number: int, literals: bytes) -> None:
        """Hold a block's literals as long as no more than ``reach`` bytes are held in all, and a
        block that comes later may copy from it."""
        self._held[number] = literals
        heapq.heappush(self._numbers, number)
        self._size += len(literals)
        last = number - MAX_BACK  # the last one that no later block may copy from
        while self._numbers and (self._size > self._reach or self._numbers[0] <= last):
            self._size -= len(self._held.pop(heapq.heappop(self._numbers)))

    def join(self, number: int, split: Split, size: int) -> bytes:
        """The content of a block, ``size`` bytes. Raises ``FormatError``."""
        try:
            sources = [self._held[number - back] for back in split.found.sources]
        except KeyError:
            raise FormatError("a block copies from beyond the reach") from None
        return _native.far_join(split.literals, split.found.copies, sources, size)
