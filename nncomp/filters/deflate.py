"""Deflate streams (zlib, gzip, zip, PNG, PDF) become what they hold, and are redone exactly.

The first stream is what is around them, the second what they are redone from, and the others hold
their contents: texts, other contents, pictures one by one. ``docs/deflate.md`` is the arithmetic. A
stream that reaches beyond the block stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from nncomp import _native
from nncomp.errors import FormatError
from nncomp.filters.split import Split
from nncomp.mixing import Contexts

__all__ = ["CONTEXTS", "NAME", "check", "detect", "join", "most_contents", "split"]

NAME = "deflate"
CONTEXTS = Contexts.GENERAL

_GROUPS = range(2, 41)  # streams that hold contents


def most_contents(size: int) -> int:
    """How many bytes a block of ``size`` bytes may hold in streams: more of what compresses well in
    a small one, but never so much that it takes minutes, or more than a plan's streams may have."""
    return min(64 * size, 4 * size + (1 << 23), (1 << 28) - size)


def detect(content: bytes) -> bool:
    return split(content) is not None


def split(content: bytes) -> Split | None:
    parts = _native.deflate_split(content, most_contents(len(content)))
    if parts is None:
        return None
    rest, side, contents = parts
    return Split((rest, side, *contents))


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    contents = sum(sizes[2:])
    if (
        side
        or len(sizes) - 2 not in _GROUPS
        or contents > most_contents(size)
        or sum(sizes[:2]) >= size
    ):
        raise FormatError("streams are not what deflate streams are made of")


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    rest, redo, *contents = streams
    return _native.deflate_join(rest, redo, contents, size)
