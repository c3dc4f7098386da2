"""The reference engine's two layers of mixing: section 13 of ``docs/numerics.md``.

Either has sets of rows of weights, of which a bit picks one each, and keeps what it said of the bit
until it learns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nncomp.engine.reference.arithmetic import Ints
from nncomp.engine.reference.cells import (
    clamp_stretch,
    counted,
    learned,
    squash,
    weighed,
    wrapped,
)
from nncomp.mixing_tables import FIRST_RATE, SECOND_RATE, SQUASH

__all__ = ["FirstLayer", "SecondLayer"]

CONSTANT2 = 128  # the last input of the second layer
MAX_SEEN, MAX_SEEN2 = 32 * 256 - 1, 1023  # what is counted of rows of either layer
SMALL_ERROR = 60  # with the max profile, a set of the first layer learns from larger ones


class FirstLayer:
    """Of a lane: one input of the second layer for each set."""

    def __init__(self, start: Ints, first_rows: Sequence[int], full: bool) -> None:
        """``start`` is what a row is at first, ``first_rows`` where sets begin, and the end."""
        self.first_rows, self.full = first_rows, full
        rows = first_rows[-1]  # of all sets
        self.weights = np.tile(start, (rows, 1))  # (rows, inputs)
        self.seen = np.zeros(rows, np.int64)  # how often rows were chosen
        self.x = self.at = self.sums = np.zeros(0, np.int64)  # of a bit

    def ask(self, rows: Sequence[int], x: Ints) -> Ints:
        """What these rows, one of each set, say of inputs: inputs of the second layer."""
        self.x, self.at = x, np.add(rows, self.first_rows[:-1])
        assert all(self.first_rows[:-1] <= self.at) and all(self.at < self.first_rows[1:])
        dots = wrapped(self.weights[self.at] @ x)
        self.sums = np.clip(dots >> 14, -2047, 2047)
        return np.array([*self.sums, CONSTANT2], np.int64)

    def learn(self, target: int) -> None:
        """Each set for itself."""
        rates = FIRST_RATE[int(self.full), counted(self.seen, self.at, MAX_SEEN) // 32]
        error = weighed(target - SQUASH[self.sums + 2048] >> 4, rates)
        if self.full:
            error = np.where(abs(error) > SMALL_ERROR, error, 0)
        self.weights[self.at] = learned(self.weights[self.at], self.x, error[:, None])


class SecondLayer:
    """Of a lane: one answer, the mean of two sets'."""

    def __init__(self, sets: int, full: bool) -> None:
        """For so many ``sets`` of the first layer."""
        self.full = full
        start = np.array([(1 << 14) // sets] * sets + [0], np.int64)
        self.weights = np.tile(start, (2, 256, 1))  # (2, rows, inputs)
        self.seen = np.zeros((2, 256), np.int64)
        self.y = np.zeros(0, np.int64)  # of a bit, as what follows
        self.at = np.zeros(2, np.int64), np.zeros(2, np.int64)
        self.halves = [0, 0]

    def ask(self, rows: Sequence[int], y: Ints) -> int:
        """What these rows, one of either set, say, in the logistic domain."""
        self.y, self.at = y, (np.arange(2), np.array(rows))
        self.halves = [int(dot) >> 1 for dot in self.weights[self.at] @ y]
        return clamp_stretch(sum(self.halves) >> 14)

    def learn(self, target: int) -> None:
        """Each set for itself."""
        rates = SECOND_RATE[int(self.full), counted(self.seen, self.at, MAX_SEEN2)]
        said = np.array([squash(clamp_stretch(half >> 13)) for half in self.halves])
        error = weighed(target - said >> 4, rates)
        self.weights[self.at] = learned(self.weights[self.at], self.y, error[:, None])
