"""Deflate streams (zlib, gzip, zip, PNG, PDF) are inflated, and rebuilt exactly when joining.

The first stream is the content around them, the second the data from which their compressed form is
rebuilt, and the others hold the inflated contents: texts, other contents, each picture on its own.
``docs/deflate.md`` specifies the arithmetic. A deflate stream may reach beyond a block; then each
block has its piece of it with the 32 KiB of content before, so that it is joined without others.
"""

from __future__ import annotations

from collections.abc import Sequence

from nncomp import _native
from nncomp.errors import FormatError
from nncomp.filters.split import Split

__all__ = [
    "NAME",
    "Inside",
    "check",
    "follow",
    "join",
    "memory",
    "most_contents",
    "require_groups",
    "split",
]

Inside = _native.DeflateInside  # the state of inflating a stream that continues in the next block

NAME = "deflate"

_GROUPS = range(2, 41)  # how many streams may hold contents
_BLOCK_TOKENS = 1 << 20  # tokens of a deflate block at most
_MOST_STREAMS = 1 << 28  # bytes: plan.MAX_STREAM_SIZE, as a test confirms; plans import filters


def most_contents(size: int) -> int:
    """The limit of inflated bytes in a block of ``size`` bytes. A small block may inflate by a
    higher factor; a large one must not take minutes, or exceed the limit of a plan's streams."""
    return min(128 * size, 8 * size + (1 << 23), _MOST_STREAMS - size)


def follow(content: bytes, inside: Inside | None) -> Inside | None:
    """The state at the end of ``content`` if a stream continues in the next block, else None;
    ``content`` itself may begin inside of a stream."""
    return _native.deflate_follow(content, inside)


def split(content: bytes, inside: Inside | None = None, most: int | None = None) -> Split | None:
    """Split ``content``, which may begin inside of a stream. Inflated contents may take ``most``
    bytes, or ``most_contents`` if that is less."""
    limit = most_contents(len(content))
    parts = _native.deflate_split(content, limit if most is None else min(limit, most), inside)
    if parts is None:
        return None
    rest, redo, contents, undone = parts
    return Split((rest, redo, *contents), undone=tuple(undone))


def require_groups(what: str, count: range, sizes: Sequence[int], side: bytes, size: int) -> None:
    """The ``check`` of a filter whose streams are the rest, what it takes to redo ``what`` is not
    in it, and ``count`` of contents. Raises ``FormatError``."""
    if len(sizes) - 2 not in count or side:
        raise FormatError(f"streams are not those that {what} are made of")
    if sum(sizes[2:]) > most_contents(size) or sum(sizes[:2]) >= size:
        raise FormatError(f"streams are too large for the {what} in a block")


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    require_groups("deflate streams", _GROUPS, sizes, side, size)


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    contents = sum(sizes[2:])
    tokens = 4 * min(contents, _BLOCK_TOKENS)
    # A copy of the content; a picture's deflate stream without PNG chunks; its filtered rows, at
    # most twice as large as its pixels; a block's tokens in a vector that doubles; and tables.
    return 2 * size + 2 * contents + 2 * tokens + (3 << 20)


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    rest, redo, *contents = streams
    return _native.deflate_join(rest, redo, contents, size)
