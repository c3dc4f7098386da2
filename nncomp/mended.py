"""A file some of whose bytes are read as others, and which may end earlier than it does.

What reads files of frames reads a damaged one through it, once it is known how that has to begin.
"""

from __future__ import annotations

import bisect
import io
from typing import BinaryIO

from nncomp import rawio

__all__ = ["Mended"]


class Mended(io.RawIOBase):
    """Reads ``file``, which can seek, up to ``limit`` (at first its size)."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = 0
        self._places: list[int] = []  # ascending
        self._instead: dict[int, bytes] = {}
        self.limit = file.seek(0, io.SEEK_END)

    def put(self, place: int, instead: bytes) -> None:
        """Let what is at ``place`` be read as these bytes."""
        if place not in self._instead:
            bisect.insort(self._places, place)
        self._instead[place] = instead

    def drop(self, place: int) -> None:
        """Let it be as it is."""
        self._places.remove(place)
        del self._instead[place]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = (0, self._position, self.limit)[whence]
        self._position = start + offset
        return self._position

    def at(self, place: int, size: int) -> bytes:
        """Up to ``size`` bytes there."""
        self.seek(place)
        return self.read(size) or b""

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        start = self._position
        size = max(0, min(len(buffer), self.limit - start))
        self._file.seek(start)
        data = bytearray(rawio.read_full(self._file, size))
        first = bisect.bisect(self._places, start) - 1  # it may reach into this
        for place in self._places[max(0, first) : bisect.bisect_left(self._places, start + size)]:
            for i, byte in enumerate(self._instead[place], place - start):
                if 0 <= i < len(data):
                    data[i] = byte
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
