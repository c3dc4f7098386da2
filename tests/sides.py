"""Sides of filters that no encoder writes (csrc/coder/side.hpp), value by value."""

from __future__ import annotations

from collections.abc import Hashable

from nncomp.engine.reference.coder import RangeEncoder
from nncomp.engine.reference.integers import Probabilities


class SideWriter:
    """Flags and numbers, each with the name of what it is distributed by."""

    def __init__(self) -> None:
        self._coder = RangeEncoder()
        self._known = Probabilities()

    def flag(self, name: Hashable, bit: bool) -> None:
        self._coder.encode(int(bit), self._known.of(name))
        self._known.learn(name, int(bit))

    def number(self, name: Hashable, value: int, most: int) -> None:
        length, limit = value.bit_length(), most.bit_length()
        for bits in range(min(length + 1, limit)):
            self.flag((name, "longer", bits), length > bits)
        found = 1
        for place in range(length - 2, -1, -1):
            bit = value >> place & 1
            self.flag((name, length, found) if found < 4 else (name, "low", place), bool(bit))
            found = found << 1 | bit

    def finish(self) -> bytes:
        return self._coder.finish()
