"""Variable-length integers: LEB128 of at most 63 bits, in its shortest form (docs/format.md)."""

from __future__ import annotations

from collections.abc import Callable

from nncomp.errors import FormatError

__all__ = ["MAX_SIZE", "Reader", "dumps", "read"]

MAX_SIZE = 9  # bytes


def dumps(value: int) -> bytes:
    """Encode 0 ≤ ``value`` < 2^63: seven bits per byte, lowest first, bit 7 set on all but the last
    byte."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read(byte: Callable[[], int]) -> int:
    """Decode a number from the bytes that ``byte()`` returns one by one. Raises ``FormatError``
    where it is too long or not in its shortest form."""
    value = 0
    for i in range(MAX_SIZE):
        next_byte = byte()
        value |= (next_byte & 0x7F) << (7 * i)
        if next_byte < 0x80:
            if next_byte == 0 and i > 0:
                raise FormatError("a number is not in its shortest form")
            return value
    raise FormatError("a number is too long")


class Reader:
    """Reads the fields of ``data`` from front to back. Raises ``FormatError`` with the text
    ``problem`` where there are too few bytes."""

    def __init__(self, data: bytes, problem: str) -> None:
        self._data = data
        self._problem = problem
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes have not been read yet."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise FormatError(self._problem)
        self._at += size
        return self._data[self._at - size : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """Read a number as ``dumps`` writes it."""
        return read(self.byte)
