"""Variable-length numbers: LEB128 of at most 63 bits, in its shortest form (docs/format.md)."""

from __future__ import annotations

from collections.abc import Callable

from nncomp.errors import FormatError

__all__ = ["MAX_SIZE", "dumps", "read"]

MAX_SIZE = 9  # bytes


def dumps(value: int) -> bytes:
    """Seven bits a byte, lowest first, bit 7 set on all but the last; 0 ≤ value < 2^63."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read(byte: Callable[[], int]) -> int:
    """The number that the next bytes are. Raises ``FormatError`` for any other form of it."""
    value = 0
    for i in range(MAX_SIZE):
        next_byte = byte()
        value |= (next_byte & 0x7F) << (7 * i)
        if next_byte < 0x80:
            if next_byte == 0 and i > 0:
                raise FormatError("a number is not in its shortest form")
            return value
    raise FormatError("a number is too long")
