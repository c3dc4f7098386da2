"""A read-only view of a damaged file: some bytes are replaced, and the end may be moved forward.

``rescue`` repairs known header bytes through it so that the normal readers can read the file.
"""

from __future__ import annotations

import bisect
import io
from typing import BinaryIO

from nncomp import rawio

__all__ = ["Mended"]


class Mended(io.RawIOBase):
    """Reads ``file``, which can seek, from where it stands up to its end. Positions count from
    there, and from ``limit`` on, at first the end, there is nothing."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._origin = file.tell()
        self._position = 0
        self._places: list[int] = []  # where bytes are replaced, ascending
        self._instead: dict[int, bytes] = {}  # the bytes that are read there
        self.bytes_read = 0  # so far, those that were read again counted again
        self.limit = file.seek(0, io.SEEK_END) - self._origin

    def put(self, place: int, instead: bytes) -> None:
        """Replace the bytes from ``place`` on by ``instead``."""
        if place not in self._instead:
            bisect.insort(self._places, place)
        self._instead[place] = instead

    def drop(self, place: int) -> None:
        """Undo the replacement at ``place``."""
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
        """Up to ``size`` bytes from ``place`` on."""
        self.seek(place)
        return self.read(size) or b""

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        start = self._position
        size = max(0, min(len(buffer), self.limit - start))
        self._file.seek(self._origin + start)
        data = bytearray(rawio.read_full(self._file, size))
        first = bisect.bisect(self._places, start) - 1  # the last one before may reach into this
        for place in self._places[max(0, first) : bisect.bisect_left(self._places, start + size)]:
            for i, byte in enumerate(self._instead[place], place - start):
                if 0 <= i < len(data):
                    data[i] = byte
        buffer[: len(data)] = data
        self._position += len(data)
        self.bytes_read += len(data)
        return len(data)
