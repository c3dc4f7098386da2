"""What a filter makes of a block's content."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Split"]


@dataclass(frozen=True)
class Split:
    """Streams, to be coded, and what ``join`` needs beside them."""

    streams: tuple[bytes, ...]
    side: bytes = b""
