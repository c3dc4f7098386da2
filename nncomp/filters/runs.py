"""Runs of text that encode bytes: the code that the filters base64 and hexadecimal share.

There are three streams: the content around the runs, the places and forms of the runs, and the
decoded bytes of all runs. Each filter defines its own forms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from nncomp import varint
from nncomp.errors import FormatError
from nncomp.filters.split import Split, require_streams

__all__ = ["STEP", "Found", "Places", "Run", "Text", "check", "join", "memory", "split", "write"]

STEP = 1 << 4  # bytes to skip after a false hit, times the number of false hits in a row

Text: TypeAlias = npt.NDArray[Any]  # (bytes,) uint8


class Run(Protocol):
    """A run of text in one form."""

    @property
    def size(self) -> int:
        """Decoded bytes, 1 or more."""

    @property
    def length(self) -> int:
        """Bytes of the text, more than ``size``."""

    def dumps(self) -> bytes:
        """The form and the size, for the stream of places."""

    def write(self, text: Text, payload: memoryview, /) -> None:
        """Encode ``payload``, of ``size`` bytes, into ``text``, of ``length`` bytes."""


Found: TypeAlias = Iterator[tuple[int, Run, bytes]]  # (start, run, decoded bytes), ascending


def write(run: Run, payload: bytes | memoryview) -> bytes:
    """Encode ``payload`` as the text of a run."""
    text = np.empty(run.length, np.uint8)
    run.write(text, memoryview(payload))
    return text.tobytes()


def split(content: bytes, found: Found) -> Split | None:
    """Split ``content`` into the bytes around the runs, their forms and their decoded bytes; None
    where these are not smaller together."""
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
    return 3 * size  # two copies of the content, and the text of a run


def join(
    name: str,
    streams: Sequence[bytes],
    side: bytes,
    size: int,
    read: Callable[[Places], Run],
) -> bytes:
    """The inverse of ``split``. ``read`` reads a run as its ``dumps`` writes it. Raises
    ``FormatError``."""
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


class Places(varint.Reader):
    """Reads the stream of places. Raises ``FormatError`` where it ends too early."""

    def __init__(self, name: str, places: bytes) -> None:
        super().__init__(places, f"damaged {name}: its places end too early")
        self._name = name

    def require(self, form: bool) -> None:
        """Raise ``FormatError`` unless ``form``: whether the form that was read is a legal one."""
        if not form:
            raise FormatError(f"damaged {self._name}: it is of no form that is supported")
