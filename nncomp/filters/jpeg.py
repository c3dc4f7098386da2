"""JPEG pictures become coefficients, coded with contexts of their own, and are redone exactly.

The last stream is the pictures' data, coded already. The others are what is around it, of which
another filter may have made several. ``docs/jpeg.md`` is the arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nncomp import _native, kernels, varint
from nncomp.errors import FormatError
from nncomp.filters import deflate, none
from nncomp.filters.split import Split
from nncomp.mixing import Contexts

__all__ = ["CONTEXTS", "NAME", "check", "detect", "join", "memory", "most_blocks", "split"]

NAME = "jpeg"
CONTEXTS = Contexts.GENERAL

_NONE, _DEFLATE = 0, 4  # what joins the rest, by the numbers that a file holds
_AROUND = {_NONE: none, _DEFLATE: deflate}
_BLOCK = 128  # bytes of coefficients
_MODEL = 24 << 20  # bytes of what is learnt, at most


def most_blocks(size: int) -> int:
    """How many blocks of coefficients the pictures in ``size`` bytes may have: those of pictures
    have more than two bytes, and they have to be in memory."""
    return min(size // 2 + (1 << 14), 1 << 22)


def detect(content: bytes) -> bool:
    return split(content) is not None


def split(content: bytes, inside: deflate.Inside | None = None) -> Split | None:
    """``content`` may begin inside of a deflate stream."""
    parts = _native.jpeg_split(content, most_blocks(len(content)), kernel=kernels.in_force())
    if parts is None:
        return None
    rest, coded, blocks = parts
    made = deflate.split(rest, inside)
    number, around = (_NONE, none.split(rest)) if made is None else (_DEFLATE, made)
    side = varint.dumps(blocks) + varint.dumps(len(rest)) + bytes([number]) + around.side
    return Split((*around.streams, coded), side, packed=1)


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    _read(sizes, side, size)


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    if not side:  # of a block without pictures
        return 0
    it = _read(sizes, side, size)
    around: int = _AROUND[it.around].memory(sizes[:-1], it.side, it.rest)
    # The content once more, a scan without its zeros, what is learnt, coefficients, and traces of
    # two rows of blocks.
    return around + it.rest + 3 * size + _MODEL + (_BLOCK + 160) * it.blocks


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    it = _read([len(stream) for stream in streams], side, size)
    *around, coded = streams
    rest = _AROUND[it.around].join(around, it.side, it.rest)
    most = most_blocks(size)
    return _native.jpeg_join(rest, coded, size, it.blocks, most, kernel=kernels.in_force())


@dataclass(frozen=True)
class _Side:
    """What the side says."""

    blocks: int  # of the largest picture
    rest: int  # bytes
    around: int  # the filter that joins them
    side: bytes  # its own


def _read(sizes: Sequence[int], side: bytes, size: int) -> _Side:
    bytes_ = iter(side)

    def byte() -> int:
        for value in bytes_:
            return value
        raise FormatError("the side of pictures is too short")

    it = _Side(varint.read(byte), varint.read(byte), byte(), bytes(bytes_))
    if it.around not in _AROUND or not sizes:
        raise FormatError("streams are not those that pictures are made of")
    if it.blocks > most_blocks(size) or it.rest + sizes[-1] >= size:
        raise FormatError("streams are too large for the pictures in a block")
    _AROUND[it.around].check(sizes[:-1], it.side, it.rest)
    return it
