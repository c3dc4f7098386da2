"""Plans: how a block is stored. A filter splits the content into streams, and each stream is coded
in its own way, or split by a filter again.

``Plan`` and ``Stream`` are the values, ``layout`` reads and writes them, ``memory`` bounds what
decoding them takes; only ``parts``, ``choose`` and ``judge`` make decisions, and ``trial`` measures
what the network gains. The container treats plans as bytes; engines code streams and know neither
filters nor files.
"""

from nncomp.plan.values import (
    MAX_BACK,
    MAX_DEPTH,
    MAX_SOURCES,
    MAX_STREAM_SIZE,
    MAX_STREAMS,
    Copies,
    Joined,
    Part,
    Plan,
    Stream,
    most_coded,
)

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
