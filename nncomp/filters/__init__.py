"""Filters: what is done to a block's content before anything is coded, and undone at the end.

A filter is a module of four functions. One splits the content into streams, each of which is coded
in its own way, and a few bytes beside them; one joins them again; two say, before that, whether it
can be and in what memory. It knows nothing of engines or files. ``FILTERS`` is the one list of
them; ``docs/format.md``, section 7, says what each does. To add one: its module, its place at the
end of the list, and its trial in ``plan.parts`` or ``plan.choose``: encoders try no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nncomp.filters import (
    arm64,
    base64,
    copies,
    deflate,
    hexadecimal,
    jpeg,
    none,
    numbers,
    quoted,
    repeat,
    x86,
)
from nncomp.filters.split import Split
from nncomp.mixing import Contexts

__all__ = ["FILTERS", "Filter", "Split"]


class Filter(Protocol):
    """What every module of a filter provides."""

    NAME: str  # for people
    CONTEXTS: Contexts  # of the rich profile, that suit its first stream

    def split(self, content: bytes, /) -> Split | None:
        """``content`` as streams; None where that cannot be done, or is not worth a trial."""

    def check(self, sizes: Sequence[int], side: bytes, size: int, /) -> None:
        """Raises ``FormatError`` where streams of these sizes cannot be joined to ``size`` bytes:
        asked before any is decoded, so that a small block cannot ask for much work."""

    def memory(self, sizes: Sequence[int], side: bytes, size: int, /) -> int:
        """Bytes that ``join`` needs at most, beside streams of these sizes and the content."""

    def join(self, streams: Sequence[bytes], side: bytes, size: int, /) -> bytes:
        """The ``size`` bytes of content. Raises ``FormatError`` for what ``split`` never gives."""


# By the number that a file holds.
FILTERS: tuple[Filter, ...] = (
    none,
    repeat,
    x86,
    arm64,
    deflate,
    numbers,
    jpeg,
    base64,
    hexadecimal,
    quoted,
    copies,
)
