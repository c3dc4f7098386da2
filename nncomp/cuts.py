"""Cuts content into blocks, and follows into each what goes on in it from the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nncomp import rawio
from nncomp.filters import deflate, jpeg
from nncomp.filters.inside import OUTSIDE, Inside
from nncomp.rawio import Readable

__all__ = ["Cutter", "Piece"]

_SAME = 64  # bytes of a picture's data that may be those of another picture's by chance
_LEAST_SHARE = 8  # a block that ends before its size is reached has at least this part of it


class Piece(NamedTuple):
    """The content of a block."""

    content: bytes
    inside: Inside  # where the content begins
    # Where it has the headers of pictures, (start, end): what is behind cannot be undone without.
    heads: Sequence[tuple[int, int]]


class Cutter:
    """Cuts the content of a frame."""

    def __init__(self, block_size: int) -> None:
        self._size = block_size
        self._before = b""  # content of the last block
        self._inside = OUTSIDE  # where that begins
        self._picture: jpeg.Inside | None = None  # what goes on behind it

    def pieces(self, src: Readable, *, last: bool = True) -> Iterator[Piece]:
        """Yield the blocks of ``src``. What is left over behind the whole ones is the last block,
        if there is to be a ``last``."""
        left = b""
        while content := left + rawio.read_full(src, self._size - len(left)):
            if len(content) < self._size and not last:
                return
            self._inside = inside = self._follow()
            found = list(jpeg.pictures(content))
            self._picture, left = None, b""
            if len(content) == self._size:
                at, self._picture = _cut(content, inside.picture, found)
                content, left = content[:at], content[at:]
            self._before = content
            yield Piece(content, inside, _heads(found, inside, len(content)))

    def _follow(self) -> Inside:
        """Where the next block begins."""
        if self._picture is not None or not self._before:
            return Inside(picture=self._picture)
        return Inside(stream=deflate.follow(self._before, self._inside.stream))


def _cut(
    content: bytes, inside: jpeg.Inside | None, found: Sequence[jpeg.Place]
) -> tuple[int, jpeg.Inside | None]:
    """Where a block of this content should end, and what goes on in the next one. One picture is
    better undone in one block: the next one begins with it, or else between two rows of it."""
    least = len(content) // _LEAST_SHARE
    start, _, end = found[-1] if found else (0, 0, 0)
    goes_on = end is None
    if goes_on and start >= least:
        return start, None
    if goes_on or (inside is not None and not found):
        followed = jpeg.follow(content, start, None if goes_on else inside)
        if followed is not None and followed[0] >= least:
            return followed
    return len(content), None


def _heads(found: Sequence[jpeg.Place], inside: Inside, size: int) -> list[tuple[int, int]]:
    heads = [(0, min(_SAME, size))] if inside.picture is not None else []
    for start, behind, end in found:
        if start < size:
            heads.append((start, min(behind + _SAME, size if end is None else end)))
    return heads
