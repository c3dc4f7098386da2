"""Deflate streams (zlib, gzip, zip, PNG, PDF) become what they hold, and are redone exactly.

The first stream is what is around them, the second what they are redone from, and the others hold
their contents: texts, other contents, pictures one by one. Where the others are programs, the side
names the filter that they have been through. ``docs/deflate.md`` is the arithmetic. A stream that
reaches beyond the block stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from nncomp import _native
from nncomp.errors import FormatError
from nncomp.filters import arm64, x86
from nncomp.filters.split import Split
from nncomp.mixing import Contexts

__all__ = ["CONTEXTS", "NAME", "check", "detect", "join", "most_contents", "split"]

NAME = "deflate"
CONTEXTS = Contexts.GENERAL

_PROGRAMS = {b"\x02": x86, b"\x03": arm64}  # of the others, by the number that a file holds
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
    rest, redo, (text, other, *pictures) = parts
    for side, program in _PROGRAMS.items():
        if program.detect(other):
            (stream,) = program.split(other).streams
            return Split((rest, redo, text, stream, *pictures), side)
    return Split((rest, redo, text, other, *pictures))


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    if len(sizes) - 2 not in _GROUPS or (side and side not in _PROGRAMS):
        raise FormatError("streams are not those that deflate streams are made of")
    if sum(sizes[2:]) > most_contents(size) or sum(sizes[:2]) >= size:
        raise FormatError("streams are too large for the deflate streams in a block")


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    rest, redo, text, other, *pictures = streams
    if side:
        other = _PROGRAMS[side].join([other], b"", len(other))
    return _native.deflate_join(rest, redo, [text, other, *pictures], size)
