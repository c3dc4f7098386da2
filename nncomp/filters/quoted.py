"""Quoted-printable text in mails is decoded.

There are two streams: the content with runs of such text decoded, and the places of the runs, with
corrections where their writer encoded otherwise than the format predicts. ``docs/format.md``,
section 7.
"""

from __future__ import annotations

from collections.abc import Sequence

from nncomp import _native
from nncomp.filters.split import Split, require_streams

__all__ = ["NAME", "check", "join", "memory", "split"]

NAME = "quoted"


def split(content: bytes) -> Split | None:
    made = _native.quoted_split(content)
    if made is None:
        return None
    plain, places, text, payload = made
    if len(plain) + len(places) >= len(content):
        return None
    return Split((plain, places), instead=(text, payload))


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    require_streams(NAME, 2, sizes, side, size)


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    return 2 * size  # two copies of the content


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    return _native.quoted_join(streams[0], streams[1], size)
