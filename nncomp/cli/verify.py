"""Digests of streams, to check that output decompresses to what was read, and that the input has
not changed meanwhile."""

from __future__ import annotations

from typing import Any, BinaryIO

from nncomp.rawio import Hashed

__all__ = ["Nowhere", "digest_of", "hashed"]

_CHUNK = 1 << 20  # bytes that are read at a time


class Nowhere:
    """Discards everything that is written."""

    def write(self, data: bytes, /) -> int:
        return len(data)


def hashed(stream: Any) -> Hashed:
    """A stream that passes on what goes through and keeps its digest."""
    return Hashed(stream, "blake2b")


def digest_of(file: BinaryIO) -> str:
    """The digest of a seekable file, from its beginning."""
    file.seek(0)
    source = hashed(file)
    while source.read(_CHUNK):
        pass
    return source.hexdigest()
