"""GIF pictures are decoded to their pixels, and redone exactly when joining.

The first stream is the content around the pictures' codes, the second what it takes to redo these,
and the others hold pixels: pictures of one width each, which is the period of their rows.
``docs/gif.md`` specifies the arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence

from nncomp import _native
from nncomp.filters.deflate import most_contents, require_groups
from nncomp.filters.split import Split

__all__ = ["NAME", "check", "join", "memory", "split"]

NAME = "gif"

_GROUPS = range(1, 17)  # how many streams may hold pixels


def split(content: bytes, most: int | None = None) -> Split | None:
    """Split ``content``. Pixels may take ``most`` bytes, or ``deflate.most_contents`` if that is
    less."""
    limit = most_contents(len(content))
    parts = _native.gif_split(content, limit if most is None else min(limit, most))
    if parts is None:
        return None
    rest, side, pixels, undone = parts
    return Split((rest, side, *pixels), undone=tuple(undone))


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    require_groups("GIF pictures", _GROUPS, sizes, side, size)


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    # A copy of the content, a picture's codes, its pixels, and tables.
    return 2 * size + sum(sizes[2:]) + (1 << 18)


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    rest, redo, *pixels = streams
    return _native.gif_join(rest, redo, pixels, size)
