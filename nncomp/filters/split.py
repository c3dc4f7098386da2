"""The result of a filter's ``split``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from nncomp.errors import FormatError

__all__ = ["Range", "Split", "require_one_stream", "require_streams"]

Range: TypeAlias = tuple[int, int]  # (start, stop) in bytes


@dataclass(frozen=True)
class Split:
    """Streams, to be coded, and the side information that ``join`` needs with them."""

    streams: tuple[bytes, ...]
    side: bytes = b""
    packed: int = 0  # how many of the last streams are already compressed, and are stored
    # (text removed, bytes put in its place); a trial of both decides whether the filter pays.
    instead: tuple[bytes, bytes] | None = None
    undone: tuple[Range, ...] = ()  # ranges of the content that this filter expands


def require_one_stream(what: str, sizes: Sequence[int], side: bytes, size: int) -> None:
    """The ``check`` of a filter whose only stream is as large as the content. Raises
    ``FormatError``."""
    if list(sizes) != [size] or side:
        raise FormatError(f"{what} is not one stream of its size")


def require_streams(name: str, count: int, sizes: Sequence[int], side: bytes, size: int) -> None:
    """The ``check`` of a filter with ``count`` streams that are smaller together than the content.
    Raises ``FormatError``."""
    if len(sizes) != count or side or sum(sizes) >= size:
        raise FormatError(f"streams are not those of {name}, or too large for the block")
