"""Plans and streams, and the limits of the format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from nncomp.filters import FILTERS
from nncomp.mixing import Mixing

__all__ = [
    "MAX_DEPTH",
    "MAX_SOURCES",
    "MAX_STREAMS",
    "MAX_STREAM_SIZE",
    "Copies",
    "Joined",
    "Part",
    "Plan",
    "Stream",
]

MAX_STREAMS = 256  # of a block
MAX_DEPTH = 6  # filters that a byte of content may have been through
MAX_SOURCES = 16  # that a block copies from
MAX_STREAM_SIZE = 1 << 28  # bytes of all streams of a block


@dataclass(frozen=True)
class Stream:
    """A stream and the way in which it is coded."""

    size: int  # bytes as they were before coding, 0..2**28
    payloads: tuple[bytes, ...]  # one a lane; of a stored stream one, itself
    mixing: Mixing | None = None  # how the adaptive stage codes it; None: stored as it is
    network: bool = False  # whether the network takes part beside the stage
    primed: bool = False  # whether what codes it has read the frame's prime

    @property
    def stored_size(self) -> int:
        return sum(map(len, self.payloads))

    @property
    def label(self) -> str:
        """The way, for people."""
        if self.mixing is None:
            return "stored"
        return ("network+mix" if self.network else "mix") + ("+prime" if self.primed else "")


@dataclass(frozen=True)
class Joined:
    """What a filter joins: a block's content, or a stream of another filter."""

    size: int  # bytes
    streams: tuple[Part, ...]
    filter: int = 0  # its place in FILTERS
    side: bytes = b""  # what the filter keeps beside the streams

    @property
    def stored_size(self) -> int:
        return len(self.side) + sum(part.stored_size for part in self.streams)

    @property
    def every(self) -> Iterator[Part]:
        """What is below, in the order in which a file has it."""
        for part in self.streams:
            yield part
            if isinstance(part, Joined):
                yield from part.every


Part: TypeAlias = Stream | Joined


@dataclass(frozen=True)
class Copies:
    """What of a block's content is in the literals of earlier blocks of its frame, which are their
    contents without what is copied there: so a source never needs another one."""

    sources: tuple[int, ...]  # how many blocks back they are, ascending; 1..16 of them
    literals: int  # bytes of this block's content that are not copied
    stream: Stream  # what is copied to where (csrc/far/join.hpp)


@dataclass(frozen=True)
class Plan:
    """How a block is stored."""

    streams: tuple[Part, ...]
    filter: int = 0  # its place in FILTERS
    side: bytes = b""  # what the filter keeps beside the streams
    copies: Copies | None = None  # the filter joins the literals only

    @classmethod
    def of(cls, content: Part) -> Plan:
        """The plan of a block whose content that is."""
        if isinstance(content, Stream):
            return cls((content,))
        return cls(content.streams, content.filter, content.side)

    def joined(self, size: int) -> Joined:
        """What is joined for a content of ``size`` bytes."""
        return Joined(self.literals(size), self.streams, self.filter, self.side)

    @property
    def every_stream(self) -> tuple[Stream, ...]:
        """Those that are coded or stored, in the order in which a file has them."""
        below = [part for part in self.joined(0).every if isinstance(part, Stream)]
        return (*below,) if self.copies is None else (self.copies.stream, *below)

    def literals(self, size: int) -> int:
        """How many bytes the filter joins for a content of ``size`` bytes."""
        return size if self.copies is None else self.copies.literals

    @property
    def network(self) -> bool:
        """Whether a stream needs the frame's model."""
        return any(stream.network for stream in self.every_stream)

    @property
    def label(self) -> str:
        """For people: ``mix``, ``x86+network+mix``; ``far+mix`` where there are copies."""
        name = ["far"] if self.copies is not None else []
        root = self.joined(0)
        below = [part for part in root.every if isinstance(part, Joined)]
        name += dict.fromkeys(FILTERS[one.filter].NAME for one in (root, *below) if one.filter)
        ways = (part.label for part in root.every if isinstance(part, Stream))
        return "+".join([*name, *dict.fromkeys(ways)])
