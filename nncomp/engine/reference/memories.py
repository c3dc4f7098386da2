"""Memories of the reference engine's stage: section 11 of ``docs/numerics.md``.

A memory is a hash table that holds, for each value of an expression, the last four bytes that
followed it; hash collisions are not detected. Memories are shared by the lanes of a block.
"""

from __future__ import annotations

from collections.abc import Sequence

from nncomp.contexts.expression import Tree
from nncomp.engine.reference.features import Past, evaluate
from nncomp.engine.reference.hashes import context_hash

__all__ = ["Memories"]

BITS = 16  # log2 of the entries of a table


class Memories:
    """All memories of a block, one for each expression in ``values``."""

    def __init__(self, values: Sequence[Tree]) -> None:
        self.values = values
        self.tables = [[0] * (1 << BITS) for _ in values]

    def recall(self, past: Past) -> list[int]:
        """Set ``past.memory`` to what each memory holds for the current value; returns the entries'
        places."""
        hashes = [context_hash(evaluate(v, past, {}), j) for j, v in enumerate(self.values)]
        places = [h >> 64 - BITS for h in hashes]
        past.memory = [table[place] for table, place in zip(self.tables, places, strict=True)]
        return places

    def learn(self, places: Sequence[int], byte: int) -> None:
        """Add the byte that has followed to the entries at ``places``."""
        for table, place in zip(self.tables, places, strict=True):
            table[place] = (table[place] << 8 | byte) & 0xFFFFFFFF
