"""Digests of streams, to check that output decompresses to what was read, and that the input has
not changed meanwhile."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from nncomp import rawio
from nncomp.rawio import Readable

__all__ = ["HashedSink", "HashedSource", "Nowhere", "digest_of"]

_CHUNK = 1 << 20  # bytes that are read at a time


class HashedSource:
    """Passes on the bytes of ``source`` and computes their digest: a pipe cannot be read twice."""

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
    """Computes the digest of what is written, and discards it."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b()

    def write(self, data: bytes, /) -> int:
        self._hash.update(data)
        return len(data)

    def digest(self) -> bytes:
        return self._hash.digest()


class Nowhere:
    """Discards everything that is written."""

    def write(self, data: bytes, /) -> int:
        return len(data)


def digest_of(file: BinaryIO) -> bytes:
    """The digest of a seekable file, from its beginning."""
    file.seek(0)
    source = HashedSource(file)
    while source.read(_CHUNK):
        pass
    return source.digest()
