"""Leaves holes in a file where it would have pages of zeros: what was sparse is so again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import BinaryIO

from nncomp import rawio

__all__ = ["HoleWriter", "with_holes"]

_PAGE = 4096  # bytes: what file systems leave out, at least
_ZEROS = bytes(_PAGE)


class HoleWriter:
    """Writes to a new file from its beginning, and passes over whole pages of zeros."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = 0  # bytes of content so far
        self._passed = 0  # bytes of zeros at its end that were not written

    def write(self, data: bytes, /) -> int:
        """Write all of ``data``; returns its size in bytes."""
        begin = 0  # of what is to be written next
        for page in range(-self._size % _PAGE, len(data) - _PAGE + 1, _PAGE):
            if data[page : page + _PAGE] == _ZEROS:
                self._write(data[begin:page])
                self._passed += _PAGE
                begin = page + _PAGE
        self._write(data[begin:])
        self._size += len(data)
        return len(data)

    def end(self) -> None:
        """Give the file its size."""
        if self._passed:
            self._file.truncate(self._size)

    def _write(self, data: bytes) -> None:
        if not data:
            return
        if self._passed:
            self._file.seek(self._passed, os.SEEK_CUR)
            self._passed = 0
        rawio.write_all(self._file, data)


@contextlib.contextmanager
def with_holes(file: BinaryIO) -> Iterator[HoleWriter]:
    """A writer for ``file``, which has its size when the block is left without error."""
    writer = HoleWriter(file)
    yield writer
    writer.end()
