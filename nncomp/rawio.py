"""Complete reads and writes on files that may be raw, read or write less, or not be ready yet.

A raw file may read or write less than it was asked for, and one that does not block may do nothing
for now (``None``, or ``BlockingIOError``): that is neither the end nor a success. These functions
wait for such a file where the system can tell when it is ready, and raise ``BlockingIOError`` where
it cannot.
"""

from __future__ import annotations

import errno
import io
import os
import select
import time
from typing import Any, Protocol

__all__ = ["Hashed", "Readable", "Writable", "read", "read_full", "wait", "write_all"]

_PAUSE = 0.01  # seconds between tries, on systems without poll()


class Readable(Protocol):
    """The half of a binary file that reading needs. Short reads are allowed before the end."""

    def read(self, size: int, /) -> bytes | None: ...


class Writable(Protocol):
    """The half of a binary file that writing needs. Short writes are allowed."""

    def write(self, data: bytes, /) -> int | None: ...


def read(src: Readable, size: int) -> bytes:
    """Read up to ``size`` ≥ 1 bytes; none only at the end."""
    while True:
        try:
            data = src.read(size)
        except BlockingIOError:
            data = None
        if data is not None:
            if not isinstance(data, bytes):
                data = bytes(memoryview(data))  # a TypeError for what is no data
            if len(data) > size:
                raise OSError(errno.EIO, f"{len(data)} bytes were read where {size} were wanted")
            return data
        wait(src, "POLLIN")


def read_full(src: Readable, size: int) -> bytes:
    """Read ``size`` bytes, fewer only at the end, however a pipe cuts its data."""
    parts = []
    while size and (part := read(src, size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def write_all(dst: Writable, data: bytes) -> None:
    """Write all of ``data``.

    If ``write`` of a file that cannot block returns ``None``, all is taken to be written: many
    objects that only have a ``write`` method return nothing.
    """
    rest: Any = data
    while rest:
        try:
            written = dst.write(rest)
        except BlockingIOError as error:
            written = getattr(error, "characters_written", 0)
            wait(dst, "POLLOUT")
        else:
            if written is None:
                if not _may_block(dst):
                    return
                written = 0
                wait(dst, "POLLOUT")
            elif written <= 0:
                raise OSError(errno.EIO, "nothing could be written")
            elif written > len(rest):
                raise OSError(errno.EIO, f"{written} bytes of {len(rest)} were written")
        if written:
            rest = memoryview(rest)[written:]


class Hashed:
    """A stream, to read or to write, counted and hashed on its way: a pipe cannot be read again."""

    def __init__(self, stream: Any, algorithm: str) -> None:
        """``algorithm`` is one of ``hashlib``."""
        import hashlib  # late: most who read and write hash nothing

        self.size = 0
        self._stream = stream
        self._hash = hashlib.new(algorithm)

    def read(self, size: int, /) -> bytes:
        return self._taken(read(self._stream, size))

    def write(self, data: bytes, /) -> int:
        write_all(self._stream, self._taken(data))
        return len(data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()

    def _taken(self, data: bytes) -> bytes:
        self.size += len(data)
        self._hash.update(data)
        return data


def _may_block(file: Any) -> bool:
    """Whether ``None`` from this file's ``write`` means that it would have had to wait."""
    if isinstance(file, io.RawIOBase):
        return True
    descriptor = _descriptor(file)
    return (
        descriptor is not None and hasattr(os, "get_blocking") and not os.get_blocking(descriptor)
    )


def _descriptor(file: Any) -> int | None:
    try:
        return int(file.fileno())
    except (AttributeError, OSError, TypeError, ValueError):  # nothing that the system knows
        return None


def wait(file: Any, event: str) -> None:
    """Wait until ``file`` is ready for ``event``, POLLIN or POLLOUT; a signal handler may raise
    meanwhile. Raises ``BlockingIOError`` where it cannot be waited for."""
    descriptor = _descriptor(file)
    if descriptor is None:
        raise BlockingIOError(errno.EAGAIN, "the file is not ready, and cannot be waited for")
    if not hasattr(select, "poll"):
        time.sleep(_PAUSE)
        return
    poll = select.poll()
    poll.register(descriptor, getattr(select, event))
    poll.poll()
