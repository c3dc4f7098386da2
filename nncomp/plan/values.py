"""Plans and streams, and the limits of the format."""

from __future__ import annotations

from dataclasses import dataclass

from nncomp.filters import FILTERS
from nncomp.mixing import Mixing

__all__ = ["MAX_SOURCES", "MAX_STREAMS", "MAX_STREAM_SIZE", "Copies", "Plan", "Stream"]

MAX_STREAMS = 64  # of a block
MAX_SOURCES = 16  # that a block copies from
MAX_STREAM_SIZE = 1 << 28  # bytes of all streams of a block


@dataclass(frozen=True)
class Stream:
    """A stream and the way in which it is coded."""

    size: int  # bytes as they were before coding, 0..2**28
    payloads: tuple[bytes, ...]  # one a lane; of a stored stream one, itself
    mixing: Mixing | None = None  # how the adaptive stage codes it; None: stored as it is
    network: bool = False  # whether the network takes part beside the stage

    @property
    def stored_size(self) -> int:
        return sum(map(len, self.payloads))

    @property
    def label(self) -> str:
        """The way, for people."""
        if self.mixing is None:
            return "stored"
        return "network+mix" if self.network else "mix"


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

    streams: tuple[Stream, ...]
    filter: int = 0  # its place in FILTERS
    side: bytes = b""  # what the filter keeps beside the streams
    copies: Copies | None = None  # the filter joins the literals only

    @property
    def every_stream(self) -> tuple[Stream, ...]:
        """In the order in which a file has them."""
        return self.streams if self.copies is None else (self.copies.stream, *self.streams)

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
        name += [FILTERS[self.filter].NAME] if self.filter else []
        return "+".join([*name, *dict.fromkeys(stream.label for stream in self.streams)])
