"""Plans and streams, and the limits of the format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from nncomp.filters import FILTERS
from nncomp.mixing import Mixing

__all__ = [
    "MAX_BACK",
    "MAX_DEPTH",
    "MAX_SOURCES",
    "MAX_STREAMS",
    "MAX_STREAM_SIZE",
    "Copies",
    "Joined",
    "Part",
    "Plan",
    "Stream",
    "most_coded",
]

MAX_STREAMS = 256  # streams of a block
MAX_DEPTH = 6  # filters that may be nested
MAX_SOURCES = 16  # earlier blocks that a block may copy from
MAX_BACK = 1 << 14  # how many blocks back they may be, as each that is held takes some memory
MAX_STREAM_SIZE = 1 << 28  # bytes of all streams of a block


def most_coded(size: int) -> int:
    """How many streams of a block of ``size`` bytes may be coded: one for each 16 bytes, rounded to
    the nearest number. However short a stream is, what codes it takes as long to set up as some
    hundred bytes take to decode."""
    return (size + 8) // 16


@dataclass(frozen=True)
class Stream:
    """A stream and the way in which it is coded."""

    size: int  # bytes before coding, 0..2**28
    payloads: tuple[bytes, ...]  # one for each lane; a stored stream is its own single payload
    mixing: Mixing | None = None  # how the adaptive stage codes it; None: stored as it is
    network: bool = False  # whether the network takes part beside the stage
    primed: bool = False  # whether the predictors have read the frame's prime before

    @property
    def stored_size(self) -> int:
        return sum(map(len, self.payloads))

    @property
    def label(self) -> str:
        """How it is coded, for people: ``stored``, ``mix``, ``network+mix+prime``, …"""
        if self.mixing is None:
            return "stored"
        return ("network+mix" if self.network else "mix") + ("+prime" if self.primed else "")


@dataclass(frozen=True)
class Joined:
    """Bytes that a filter joins from streams: a block's content, or a stream of another filter."""

    size: int  # bytes
    streams: tuple[Part, ...]
    filter: int = 0  # its place in FILTERS
    side: bytes = b""  # what the filter keeps beside the streams

    @property
    def stored_size(self) -> int:
        return len(self.side) + sum(part.stored_size for part in self.streams)

    @property
    def every(self) -> Iterator[Part]:
        """All streams and joined streams below, in the order of the format."""
        for part in self.streams:
            yield part
            if isinstance(part, Joined):
                yield from part.every


Part: TypeAlias = Stream | Joined


@dataclass(frozen=True)
class Copies:
    """Copies from earlier blocks of the frame. They come from those blocks' literals, which are
    their contents without copies, so that a source never depends on another one."""

    sources: tuple[int, ...]  # how many blocks back they are, 1..2**14, ascending; 1..16 of them
    literals: int  # bytes of this block's content that are not copied
    stream: Stream  # the list of copies (csrc/far/join.hpp)


@dataclass(frozen=True)
class Plan:
    """How a block is stored."""

    streams: tuple[Part, ...]
    filter: int = 0  # its place in FILTERS
    side: bytes = b""  # what the filter keeps beside the streams
    copies: Copies | None = None  # the filter joins the literals only

    @classmethod
    def of(cls, content: Part) -> Plan:
        """The plan of a block with this content."""
        if isinstance(content, Stream):
            return cls((content,))
        return cls(content.streams, content.filter, content.side)

    def joined(self, size: int) -> Joined:
        """The streams and their filter, as ``Joined``, of a block of ``size`` bytes of content."""
        return Joined(self.literals(size), self.streams, self.filter, self.side)

    @property
    def every_stream(self) -> tuple[Stream, ...]:
        """All streams that are coded or stored, in the order of the format."""
        below = [part for part in self.joined(0).every if isinstance(part, Stream)]
        return (*below,) if self.copies is None else (self.copies.stream, *below)

    def literals(self, size: int) -> int:
        """How many of the ``size`` bytes of content are literals: the filter joins only these."""
        return size if self.copies is None else self.copies.literals

    @property
    def network(self) -> bool:
        """Whether a stream needs the frame's model."""
        return any(stream.network for stream in self.every_stream)

    @property
    def label(self) -> str:
        """The plan for people: ``mix``, ``x86+network+mix``, or ``far+mix`` if there are copies."""
        name = ["far"] if self.copies is not None else []
        root = self.joined(0)
        below = [part for part in root.every if isinstance(part, Joined)]
        name += dict.fromkeys(FILTERS[one.filter].NAME for one in (root, *below) if one.filter)
        ways = (part.label for part in root.every if isinstance(part, Stream))
        return "+".join([*name, *dict.fromkeys(ways)])
