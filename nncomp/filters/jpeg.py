"""JPEG pictures are decoded to DCT coefficients, which a model of their own codes, and rebuilt
exactly when joining.

The first stream is the content around the pictures' scans, the second the coded coefficients, which
are stored as they are. ``docs/jpeg.md`` specifies the arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence

from nncomp import _native, kernels, varint
from nncomp.errors import FormatError
from nncomp.filters.split import Split

__all__ = ["NAME", "check", "join", "memory", "most_blocks", "split"]

NAME = "jpeg"

_BLOCK = 128  # bytes of the coefficients of a block of 8 × 8
_MODEL = 12 << 20  # bytes of the model's state at most


def most_blocks(size: int) -> int:
    """The limit of blocks of coefficients of a picture in ``size`` bytes of content. A block of a
    real picture takes more than two bytes, and all blocks have to fit into memory."""
    return min(size // 2 + (1 << 14), 1 << 22)


def split(content: bytes) -> Split | None:
    parts = _native.jpeg_split(content, most_blocks(len(content)), kernel=kernels.in_force())
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
