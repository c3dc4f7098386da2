"""Text that stands for bytes: what the filters for it share.

Streams are what is around the runs of it, their places and forms, and the bytes that they stand
for, of all runs one behind the other. What a form is, is the filter's own.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from nncomp import varint
from nncomp.errors import FormatError
from nncomp.filters.split import Split, require_streams

__all__ = ["Found", "Places", "Run", "Text", "check", "join", "memory", "split", "write"]

Text: TypeAlias = npt.NDArray[Any]  # (bytes,) uint8


class Run(Protocol):
    """Text of one form."""

    @property
    def size(self) -> int:
        """Bytes that it stands for, 1 or more."""

    @property
    def length(self) -> int:
        """Bytes of the text, more than ``size``."""

    def dumps(self) -> bytes:
        """The form and the size."""

    def write(self, text: Text, payload: memoryview, /) -> None:
        """The text of ``size`` bytes, into ``length`` of it."""


Found: TypeAlias = Iterator[tuple[int, Run, bytes]]  # begin, and what it stands for


def write(run: Run, payload: bytes | memoryview) -> bytes:
    """The text of a run."""
    text = np.empty(run.length, np.uint8)
    run.write(text, memoryview(payload))
    return text.tobytes()


def split(content: bytes, found: Found) -> Split | None:
    """``content`` without the runs that are found, ascending; None where that is not smaller."""
    rest: list[bytes] = []
    places: list[bytes] = []
    payloads: list[bytes] = []
    texts: list[bytes] = []
    last = 0
    for start, run, payload in found:
        rest.append(content[last:start])
        places += varint.dumps(start - last), run.dumps()
        payloads.append(payload)
        last = start + run.length
        texts.append(content[start:last])
    rest.append(content[last:])
    streams = tuple(map(b"".join, (rest, places, payloads)))
    instead = b"".join(texts), streams[2]
    return Split(streams, instead=instead) if sum(map(len, streams)) < len(content) else None


def check(name: str, sizes: Sequence[int], side: bytes, size: int) -> None:
    require_streams(name, 3, sizes, side, size)


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    return 3 * size  # the content twice, and the text of a run


def join(
    name: str,
    streams: Sequence[bytes],
    side: bytes,
    size: int,
    read: Callable[[Places], Run],
) -> bytes:
    """``read`` is the inverse of a run's ``dumps``."""
    check(name, [len(stream) for stream in streams], side, size)
    rest, payload = memoryview(streams[0]), memoryview(streams[2])
    content = np.empty(size, np.uint8)
    at = 0
    places = Places(name, streams[1])
    while places.left:
        gap, run = places.number(), read(places)
        if gap > len(rest) or run.size > len(payload) or gap + run.length > size - at:
            raise FormatError(f"damaged {name}: more than there is place for")
        content[at : at + gap] = np.frombuffer(rest[:gap], np.uint8)
        at += gap
        run.write(content[at : at + run.length], payload[: run.size])
        at += run.length
        rest, payload = rest[gap:], payload[run.size :]
    if len(payload) > 0 or len(rest) != size - at:
        raise FormatError(f"damaged {name}: it is not as long as it should be")
    content[at:] = np.frombuffer(rest, np.uint8)
    return content.tobytes()


class Places:
    """Reads forms. Raises ``FormatError`` where they end too early."""

    def __init__(self, name: str, places: bytes) -> None:
        self._name = name
        self._src = io.BytesIO(places)
        self._size = len(places)

    @property
    def left(self) -> int:
        """Bytes."""
        return self._size - self._src.tell()

    def byte(self) -> int:
        return self.bytes(1)[0]

    def number(self) -> int:
        return varint.read(self.byte)

    def bytes(self, count: int) -> bytes:
        if count > self.left:
            raise FormatError(f"damaged {self._name}: its places end too early")
        return self._src.read(count)

    def require(self, form: bool) -> None:
        """Whether the form is one that there is."""
        if not form:
            raise FormatError(f"damaged {self._name}: it is of no form that is supported")
