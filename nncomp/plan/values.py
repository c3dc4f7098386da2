"""Plans and streams, and the limits of the format."""

from __future__ import annotations

from dataclasses import dataclass

from nncomp.filters import FILTERS
from nncomp.mixing import Mixing

__all__ = ["MAX_STREAMS", "MAX_STREAM_SIZE", "Plan", "Stream"]

MAX_STREAMS = 64  # of a block
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
class Plan:
    """How a block is stored."""

    streams: tuple[Stream, ...]
    filter: int = 0  # its place in FILTERS
    side: bytes = b""  # what the filter keeps beside the streams

    @property
    def network(self) -> bool:
        """Whether a stream needs the frame's model."""
        return any(stream.network for stream in self.streams)

    @property
    def label(self) -> str:
        """For people: ``mix``, ``x86+network+mix``."""
        name = [FILTERS[self.filter].NAME] if self.filter else []
        return "+".join([*name, *dict.fromkeys(stream.label for stream in self.streams)])
