"""What the reference engine's stage remembers of what followed: section 11, memories.

Shared by the lanes of a block: a table for each value that the family lists, of the last four bytes
that came behind it, found by a hash that is not checked.
"""

from __future__ import annotations

from collections.abc import Sequence

from nncomp.contexts.expression import Tree
from nncomp.engine.reference.features import Past, evaluate
from nncomp.engine.reference.hashes import context_hash

__all__ = ["Memories"]

BITS = 16  # a table has so many places


class Memories:
    """All of a block, one for each of ``values``."""

    def __init__(self, values: Sequence[Tree]) -> None:
        self.values = values
        self.tables = [[0] * (1 << BITS) for _ in values]

    def recall(self, past: Past) -> list[int]:
        """Set ``past.memory``; the places where that was found."""
        hashes = [context_hash(evaluate(v, past, {}), j) for j, v in enumerate(self.values)]
        places = [h >> 64 - BITS for h in hashes]
        past.memory = [table[place] for table, place in zip(self.tables, places, strict=True)]
        return places

    def learn(self, places: Sequence[int], byte: int) -> None:
        """Behind what led to these places came a byte."""
        for table, place in zip(self.tables, places, strict=True):
            table[place] = (table[place] << 8 | byte) & 0xFFFFFFFF
