"""The coding of embedded models' tensors: section 5 of ``docs/format.md`` as a program.

It is written to be read, not to be fast: the program uses the same two classes of
``nncomp._native``. A tensor is coded as its difference from another one, row by row, each number as
binary decisions with adaptive probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

from nncomp.engine.reference.coder import PRECISION, RangeDecoder, RangeEncoder
from nncomp.errors import FormatError

__all__ = [
    "BITS",
    "CONTEXTS",
    "KINDS",
    "STEPS",
    "IntegerDecoder",
    "IntegerEncoder",
    "Probabilities",
]

KINDS = 16  # sets of statistics, each shared by some tensors
STEPS = 9  # classes of the largest power of two, up to 2^8, that divides a row's numbers so far
CONTEXTS = 12  # classes of the magnitude of a number's neighbours
BITS = 62  # a magnitude is below 2^62
# Probability 1; distance that probabilities keep from 0 and 1; largest count.
ONE, MARGIN, LIMIT = 1 << PRECISION, 64, 254

Integers = npt.NDArray[Any]
Choose = Callable[[tuple[int, ...], bool], int]  # (which probability, bit) → bit


class Probabilities:
    """Adaptive probabilities of binary decisions, by the decisions' names."""

    def __init__(self) -> None:
        self._states: dict[Hashable, tuple[int, int]] = {}  # (probability of a 1, count)

    def of(self, name: Hashable) -> int:
        return self._states.get(name, (ONE // 2, 0))[0]

    def learn(self, name: Hashable, bit: int) -> None:
        p, count = self._states.get(name, (ONE // 2, 0))
        p += (bit * ONE - p) * (65536 // (2 * count + 3)) >> 15
        self._states[name] = min(max(p, MARGIN), ONE - MARGIN), min(count + 1, LIMIT)


def _code(value: int, step: int, context: int, choose: Choose) -> int:
    """Code one number and return it. ``choose`` encodes the bit that it is given; when decoding it
    ignores that, and returns the decoded one."""
    if choose((0, step, context), value == 0):
        return 0
    negative = choose((1, step), value < 0)
    magnitude = abs(value)
    length = 1
    while length < BITS and choose((2, step, context, length), magnitude.bit_length() > length):
        length += 1
    found = 1
    for place in range(length - 2, -1, -1):
        name = (3, step, length, found) if found < 8 else (4, step, length, place)
        found = found << 1 | choose(name, bool(magnitude >> place & 1))
    return -found if negative else found


def _walk(rows: int, columns: int, code: Callable[[int, int, int, int], int]) -> None:
    """Call code(row, column, step, context), which returns the number there, for all numbers in
    order."""
    above = [0] * columns
    for row in range(rows):
        seen = 1 << STEPS - 1  # all bits of this row's magnitudes so far, and a sentinel
        left = before = 0
        for column in range(columns):
            near = 2 * (left + above[column]) + before
            step = (seen & -seen).bit_length() - 1
            value = code(row, column, step, min(near.bit_length(), CONTEXTS - 1))
            seen |= abs(value)
            left, before = min(abs(value), 1 << 16), left
            above[column] = left


class IntegerEncoder:
    """Encodes tensors one after the other into a payload."""

    def __init__(self) -> None:
        self._coder = RangeEncoder()
        self._kinds = [Probabilities() for _ in range(KINDS)]

    def put(self, kind: int, values: Integers, base: Integers) -> None:
        """Encode values − base, both (rows, columns) of one type; differences are below 2^62.
        ``kind`` is the set of statistics, 0 … KINDS − 1."""
        states = self._kinds[kind]

        def choose(name: tuple[int, ...], bit: bool) -> int:
            self._coder.encode(int(bit), states.of(name))
            states.learn(name, int(bit))
            return int(bit)

        def code(row: int, column: int, step: int, context: int) -> int:
            return _code(int(values[row, column]) - int(base[row, column]), step, context, choose)

        _walk(values.shape[0], values.shape[1], code)

    def finish(self) -> bytes:
        """Return the payload; the encoder cannot be used any more."""
        return self._coder.finish()


class IntegerDecoder:
    """Decodes the tensors of a payload."""

    def __init__(self, data: bytes, start: int = 0) -> None:
        """The payload begins at ``data[start]``."""
        self._coder = RangeDecoder(data[start:])
        self._kinds = [Probabilities() for _ in range(KINDS)]

    def add(self, kind: int, values: Integers) -> None:
        """Add the next differences to ``values``, (rows, columns), in place.

        Raises ``FormatError`` where the payload ends, or a sum does not fit.
        """
        states = self._kinds[kind]
        limits = np.iinfo(values.dtype)

        def choose(name: tuple[int, ...], bit: bool) -> int:
            found = self._coder.decode(states.of(name))
            states.learn(name, found)
            return found

        def code(row: int, column: int, step: int, context: int) -> int:
            difference = _code(0, step, context, choose)
            total = int(values[row, column]) + difference
            if not limits.min <= total <= limits.max:
                raise FormatError("the embedded model is damaged: a number is out of range")
            values[row, column] = total
            return difference

        _walk(values.shape[0], values.shape[1], code)

    def finish(self) -> None:
        """Raise ``FormatError`` unless the payload ends here."""
        self._coder.finish()
