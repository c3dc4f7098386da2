"""Digests of streams: is what was written what was read, and has the input stayed as it was?"""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from nncomp import rawio
from nncomp.rawio import Readable

__all__ = ["HashedSink", "HashedSource", "Nowhere", "digest_of"]

_CHUNK = 1 << 20  # bytes


class HashedSource:
    """Passes on what ``source`` gives and keeps its digest: a pipe cannot be read again."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._hash = hashlib.blake2b()

    def read(self, size: int, /) -> bytes:
        data = rawio.read(self._source, size)
        self._hash.update(data)
        return data

    def digest(self) -> bytes:
        return self._hash.digest()


class HashedSink:
    """Keeps nothing but the digest of what is written."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b()

    def write(self, data: bytes, /) -> int:
        self._hash.update(data)
        return len(data)

    def digest(self) -> bytes:
        return self._hash.digest()


class Nowhere:
    """Takes everything."""

    def write(self, data: bytes, /) -> int:
        return len(data)


def digest_of(file: BinaryIO) -> bytes:
    """The digest of a seekable file, from its beginning."""
    file.seek(0)
    source = HashedSource(file)
    while source.read(_CHUNK):
        pass
    return source.digest()
