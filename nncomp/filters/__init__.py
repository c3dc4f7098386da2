"""Filters: reversible transforms of a block's content before it is coded.

A filter is a module of four functions. ``split`` turns the content into streams, each of which is
coded in its own way, and a few bytes of side information; ``join`` is the inverse; ``check`` and
``memory`` say before that whether streams can be joined, and in how much memory. A filter knows
nothing of engines or files. ``FILTERS`` is the one list of them; ``docs/format.md``, section 7,
specifies each. To add one, write its module, append it to the list, and try it in ``plan.parts`` or
name it in ``PROGRAMS``: encoders try no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nncomp.filters import (
    arm64,
    base64,
    copies,
    deflate,
    gif,
    hexadecimal,
    jpeg,
    none,
    numbers,
    quoted,
    repeat,
    sections,
    x86,
)
from nncomp.filters.split import Split
from nncomp.mixing import Contexts

__all__ = ["FILTERS", "PROGRAMS", "Filter", "ProgramFilter", "Split"]


class Filter(Protocol):
    """The interface of a filter's module."""

    NAME: str  # for people

    def split(self, content: bytes, /) -> Split | None:
        """Split ``content`` into streams; None where that is impossible or not worth a try."""

    def check(self, sizes: Sequence[int], side: bytes, size: int, /) -> None:
        """Raise ``FormatError`` where streams of these ``sizes`` cannot be joined to ``size``
        bytes. Called before any is decoded, so that a small block cannot ask for much work."""

    def memory(self, sizes: Sequence[int], side: bytes, size: int, /) -> int:
        """Upper bound in bytes of what ``join`` needs beside the streams and the content."""

    def join(self, streams: Sequence[bytes], side: bytes, size: int, /) -> bytes:
        """Return the ``size`` bytes of content. Raises ``FormatError`` for streams that ``split``
        never makes."""


class ProgramFilter(Filter, Protocol):
    """The interface of a filter of machine code."""

    CONTEXTS: Contexts  # those that suit its stream, in the rich profile

    def detect(self, content: bytes, /) -> bool:
        """Whether ``content`` looks like code of the filter's architecture."""


PROGRAMS: tuple[ProgramFilter, ...] = (x86, arm64)

# The place of a filter is its number in files.
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
    sections,
    gif,
)
