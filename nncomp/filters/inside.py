"""Where a block begins inside of what a filter undoes, and that goes on from the block before."""

from __future__ import annotations

from typing import NamedTuple

from nncomp.filters import deflate, jpeg

__all__ = ["OUTSIDE", "Inside"]


class Inside(NamedTuple):
    """At most one of these is not None."""

    stream: deflate.Inside | None = None
    picture: jpeg.Inside | None = None


OUTSIDE = Inside()
