"""What a filter makes of a block's content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from nncomp.errors import FormatError

__all__ = ["Range", "Split", "require_one_stream", "require_streams"]

Range: TypeAlias = tuple[int, int]  # begin and end, in bytes


@dataclass(frozen=True)
class Split:
    """Streams, to be coded, and what ``join`` needs beside them."""

    streams: tuple[bytes, ...]
    side: bytes = b""
    packed: int = 0  # how many streams, the last ones, are as small as they get
    instead: tuple[bytes, bytes] | None = None  # what of the content was made to what, if a trial
    # of the two should say whether that pays
    undone: tuple[Range, ...] = ()  # what of the content is no more than what it was made from


def require_one_stream(what: str, sizes: Sequence[int], side: bytes, size: int) -> None:
    """The ``check`` of a filter whose one stream is as large as the content."""
    if list(sizes) != [size] or side:
        raise FormatError(f"{what} is not one stream of its size")


def require_streams(name: str, count: int, sizes: Sequence[int], side: bytes, size: int) -> None:
    """The ``check`` of a filter of so many streams, which are together less than the content."""
    if len(sizes) != count or side or sum(sizes) >= size:
        raise FormatError(f"streams are not those of {name}, or too large for the block")
