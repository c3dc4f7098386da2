"""JPEG pictures are decoded to DCT coefficients, which a model of their own codes, and rebuilt
exactly when joining.

The first stream is the content around the pictures' scans, the second the coded coefficients, which
are stored as they are. ``docs/jpeg.md`` specifies the arithmetic. A picture may reach beyond a
block; then the next one has its markers again, so that it is joined without others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from nncomp import _native, kernels, varint
from nncomp.errors import FormatError
from nncomp.filters.split import Split

__all__ = [
    "NAME",
    "Inside",
    "Place",
    "check",
    "follow",
    "join",
    "memory",
    "most_blocks",
    "pictures",
    "split",
]

Inside = _native.JpegInside  # the state of undoing a picture that continues in the next block

# (start, behind, end): where a picture begins, where the data of its first scan does, and where it
# ends; None if it goes on behind the content.
Place: TypeAlias = tuple[int, int, int | None]

NAME = "jpeg"

_BEGINNING = b"\xff\xd8\xff"  # of a picture, and of its first marker segment
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
_NO_SEGMENT = frozenset((*range(0xC0), *range(0xD0, 0xD9)))  # these markers do not begin one
# Behind a scan's data is a marker other than those of a restart.
_BEHIND_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

_BLOCK = 128  # bytes of the coefficients of a block of 8 × 8
_MODEL = 12 << 20  # bytes of the model's state at most


def most_blocks(size: int) -> int:
    """The limit of blocks of coefficients of pictures in ``size`` bytes of content. Most blocks of
    real pictures take more than two bytes, all take two bits, unless the picture is cut; and they
    have to fit into memory."""
    return min(16 * size, size // 2 + (1 << 14), 1 << 22)


def pictures(content: bytes) -> Iterator[Place]:
    """Pictures, except one in which ``content`` begins. Segments are passed over and not looked
    at."""
    start = content.find(_BEGINNING)
    while start >= 0:
        at, behind = start + 2, None
        while at + 2 <= len(content):
            marker = content[at + 1]
            if content[at] != 0xFF or marker in _NO_SEGMENT:
                break
            if marker == _END_OF_IMAGE:
                if behind is not None:
                    yield start, behind, at + 2
                break
            at += 2 + max(2, int.from_bytes(content[at + 2 : at + 4], "big"))
            if marker == _START_OF_SCAN:
                behind = min(at, len(content)) if behind is None else behind
                found = _BEHIND_SCAN.search(content, at)
                at = len(content) if found is None else found.start()
        else:
            yield start, len(content) if behind is None else behind, None
            return
        start = content.find(_BEGINNING, at)


def follow(content: bytes, begin: int, inside: Inside | None) -> tuple[int, Inside] | None:
    """Where to cut ``content``, of which the end is inside of a picture, such that the next block
    can begin there, and the state at its beginning. The picture begins at ``begin``, or is the one
    ``inside`` of which ``content`` begins. None where it has to be undone as a whole."""
    return _native.jpeg_follow(content, begin, inside)


def split(content: bytes, inside: Inside | None = None) -> Split | None:
    """Split ``content``, which may begin inside of a picture."""
    most, kernel = most_blocks(len(content)), kernels.in_force()
    parts = _native.jpeg_split(content, most, inside, kernel=kernel)
    if parts is None:
        return None
    rest, coded, blocks, undone = parts
    return Split((rest, coded), varint.dumps(blocks), packed=1, undone=tuple(undone))


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    if len(sizes) != 2 or sum(sizes) >= size:
        raise FormatError("streams are not those that pictures are made of")
    if _blocks(side) > most_blocks(size):
        raise FormatError("pictures are too large for a block")


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    if not side:  # asked for a block without pictures
        return 0
    # A copy of the content, a scan without stuffed zeros, the model, coefficients, and what the
    # model remembers of two rows of blocks.
    return 3 * size + _MODEL + (_BLOCK + 160) * _blocks(side)


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    rest, coded = streams
    most, kernel = most_blocks(size), kernels.in_force()
    return _native.jpeg_join(rest, coded, size, _blocks(side), most, kernel=kernel)


def _blocks(side: bytes) -> int:
    """The number of blocks of the largest picture, from the side information."""
    reader = varint.Reader(side, "the side of pictures is too short")
    blocks = reader.number()
    if reader.left:
        raise FormatError("the side of pictures is too long")
    return blocks
