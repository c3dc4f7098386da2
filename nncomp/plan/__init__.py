"""How a block is stored: its plan. A filter splits the content, each stream is coded its own way,
or split by a filter again.

``Plan`` and ``Stream`` are the values, ``layout`` their bytes, ``memory`` what decoding them takes.
``parts``, ``choose`` and ``judge`` alone decide; ``trial`` measures what the network brings. The
container holds plans as bytes and does not know them; engines code streams and know neither filters
nor files.
"""

from nncomp.plan.values import (
    MAX_DEPTH,
    MAX_SOURCES,
    MAX_STREAM_SIZE,
    MAX_STREAMS,
    Copies,
    Joined,
    Part,
    Plan,
    Stream,
)

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
