"""Deflate streams (zlib, gzip, zip, PNG, PDF) become what they hold, and are redone exactly.

The first stream is what is around them, the second what they are redone from, and the others hold
their contents: texts, other contents, pictures one by one. ``docs/deflate.md`` is the arithmetic.
Of a stream that reaches beyond the block, a block has its piece, with the 32 KiB of content before:
so it is joined without any other block.
"""

from __future__ import annotations

from collections.abc import Sequence

from nncomp import _native
from nncomp.errors import FormatError
from nncomp.filters.split import Split
from nncomp.mixing import Contexts

__all__ = [
    "CONTEXTS",
    "NAME",
    "Inside",
    "check",
    "follow",
    "join",
    "memory",
    "most_contents",
    "split",
]

Inside = _native.DeflateInside  # where one stands in a stream that goes on in the next block

NAME = "deflate"
CONTEXTS = Contexts.GENERAL

_GROUPS = range(2, 41)  # streams that hold contents
_BLOCK_TOKENS = 1 << 20  # at most


def most_contents(size: int) -> int:
    """How many bytes a block of ``size`` bytes may hold in streams: more of what compresses well in
    a small one, but never so much that it takes minutes, or more than a plan's streams may have."""
    return min(128 * size, 8 * size + (1 << 23), (1 << 28) - size)


def follow(content: bytes, inside: Inside | None) -> Inside | None:
    """Where one stands at the end of ``content``, which may begin inside of a stream, too."""
    return _native.deflate_follow(content, inside)


def split(content: bytes, inside: Inside | None = None, most: int | None = None) -> Split | None:
    """``content`` may begin inside of a stream. Contents may take ``most`` bytes, if that is less
    than they may anyway."""
    limit = most_contents(len(content))
    parts = _native.deflate_split(content, limit if most is None else min(limit, most), inside)
    if parts is None:
        return None
    rest, redo, contents, undone = parts
    return Split((rest, redo, *contents), undone=tuple(undone))


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    if len(sizes) - 2 not in _GROUPS or side:
        raise FormatError("streams are not those that deflate streams are made of")
    if sum(sizes[2:]) > most_contents(size) or sum(sizes[:2]) >= size:
        raise FormatError("streams are too large for the deflate streams in a block")


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    contents = sum(sizes[2:])
    tokens = 4 * min(contents, _BLOCK_TOKENS)
    # The content once more, a picture's stream without its chunks, its rows, which are at most
    # twice its pixels, a block's tokens, with room to grow, and tables.
    return 2 * size + 2 * contents + 2 * tokens + (3 << 20)


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    rest, redo, *contents = streams
    return _native.deflate_join(rest, redo, contents, size)
