"""No filter: the content is the only stream."""

from __future__ import annotations

from collections.abc import Sequence

from nncomp.filters.split import Split, require_one_stream

__all__ = ["NAME", "check", "join", "memory", "split"]

NAME = "none"


def split(content: bytes) -> Split:
    return Split((content,))


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    require_one_stream("a block without a filter", sizes, side, size)


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    return 0


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    return streams[0]
