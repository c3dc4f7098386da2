"""What tests of filters for text that stands for bytes have in common.

Their streams are what is around such text, its places, and perhaps the bytes; nothing is beside.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from conftest import peak_of
from nncomp.errors import FormatError
from nncomp.filters import Filter, Split


def exact(own: Filter, content: bytes, count: int, joined: Callable[..., bytes]) -> Split:
    """What a filter makes of it, ``count`` streams, which are seen to give ``content`` again:
    as the filter joins them, and as the test does."""
    split = own.split(content)
    assert split is not None
    assert split.side == b"" and len(split.streams) == count
    assert sum(map(len, split.streams)) < len(content)
    assert own.join(split.streams, b"", len(content)) == content
    assert joined(*split.streams) == content
    return split


def changed(data: st.DataObject, content: bytes, least: int, most: int = 3) -> bytes:
    """With some bytes, ``least`` to ``most`` of them, that are drawn."""
    other = bytearray(content)
    for _ in range(data.draw(st.integers(least, most))):
        other[data.draw(st.integers(0, len(other) - 1))] = data.draw(st.integers(0, 255))
    return bytes(other)


def rejoined(own: Filter, streams: Sequence[bytes], size: int) -> bytes | None:
    """The content, of as many bytes as it should have; None after an error of one line."""
    try:
        content = own.join(streams, b"", size)
    except FormatError as error:
        assert "\n" not in str(error)
        return None
    assert len(content) == size
    return content


def peak_of_joining(own: Filter, streams: Sequence[bytes], size: int) -> int:
    """Bytes of memory that joining takes."""
    return peak_of(lambda: own.join(streams, b"", size))


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(content: bytes, *sizes: int, header: bytes = bytes(13)) -> tuple[bytes, bytes]:
    """A picture in chunks of these sizes and one of the rest, and the file without them."""
    stream = zlib.compress(content, 9)
    ends = [0, *itertools.accumulate(sizes), len(stream)]
    chunks = [chunk(b"IDAT", stream[a:b]) for a, b in itertools.pairwise(ends)]
    head, end = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header), chunk(b"IEND", b"")
    return head + b"".join(chunks) + end, head + end
