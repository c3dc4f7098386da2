"""Content of several kinds, such as that of an archive, is cut into sections; those of a kind are a
stream.

The side says of each section, in order, to which stream it belongs and how many bytes it has. Where
to cut is for ``plan.sections`` to say.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

from nncomp import varint
from nncomp.errors import FormatError
from nncomp.filters.split import Split

__all__ = ["NAME", "check", "join", "memory", "split", "take_apart"]

NAME = "sections"


def split(content: bytes) -> Split | None:
    """None: ``content`` alone does not say of what kinds it is."""
    return None


def take_apart(content: bytes, kinds: Iterable[tuple[int, Hashable]]) -> Split | None:
    """Split ``content`` by the kinds of its sections: (where one ends, its kind), ascending; the
    last one ends where the content does, and some may be empty. None if all is of one kind."""
    numbers: dict[Hashable, int] = {}
    streams: list[list[bytes]] = []
    sections: list[list[int]] = []  # [number of the stream, bytes]
    start = 0
    for stop, kind in kinds:
        if start == stop:
            continue
        number = numbers.setdefault(kind, len(streams))
        if number == len(streams):
            streams.append([])
        streams[number].append(content[start:stop])
        if sections and sections[-1][0] == number:
            sections[-1][1] += stop - start
        else:
            sections.append([number, stop - start])
        start = stop
    if len(streams) < 2:
        return None
    side = b"".join(varint.dumps(field) for section in sections for field in section)
    return Split(tuple(map(b"".join, streams)), side)


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    left = list(sizes)
    for number, length in _sections(side):
        if number >= len(left) or length > left[number]:
            raise FormatError("sections do not fit the streams that they are made of")
        left[number] -= length
    if any(left) or len(left) < 2 or sum(sizes) != size:
        raise FormatError("sections do not fit the streams that they are made of")


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    return 0  # the content is joined from views of the streams


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    views = [memoryview(stream) for stream in streams]
    places = [0] * len(streams)
    parts = []
    for number, length in _sections(side):
        start = places[number]
        places[number] = stop = start + length
        parts.append(views[number][start:stop])
    return b"".join(parts)


def _sections(side: bytes) -> Iterator[tuple[int, int]]:
    """(Number of the stream, bytes) of each section. Raises ``FormatError`` where the same sections
    have another side: numbers count streams as they come, and a section is as long as it can be."""
    fields = varint.Reader(side, "sections end too early")
    last, count = -1, 0
    while fields.left:
        number, length = fields.number(), fields.number()
        if number == last or number > count or length == 0:
            raise FormatError("sections are not as they are written")
        last, count = number, max(count, number + 1)
        yield number, length
