"""Least squares by the reference engine: section 11 of ``docs/numerics.md``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np
import numpy.typing as npt

__all__ = ["OF_ROWS", "OF_SOUND", "SHORT", "SQUARES", "Forgetting", "LeastSquares"]

SQUARES = 2  # predictions of a sample by least squares of all inputs, and by those of the first
SHORT = 16  # how many these are
BATCH = 8  # samples between which sums do not change
SCALE = 56  # sums are brought to so many bits
LEAST_BITS = 20  # those of fewer are taken as having so many
RIDGE = 36  # 2^RIDGE is added to the diagonal, and the least pivot
INVERSE = 50  # 2^INVERSE over the root of a pivot
FACTOR_BITS, WEIGHT_BITS = 29, 20  # of what they are limited to

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Forgetting:
    """How sums forget, 2^−decay of them a batch; after how many batches weights are found anew."""

    decays: tuple[int, int]
    every: int


OF_SOUND, OF_ROWS = Forgetting((3, 5), 8), Forgetting((6, 9), 32)


def quotient(v: int, root: int, inverse: int, bits: int) -> int:
    """v/root, within ±2^bits, by the inverse of the root."""
    v = min(max(v, -root << bits), root << bits)
    return v * inverse >> INVERSE


def found_weights(sums: Numbers) -> tuple[list[int], list[int]]:
    """The weights with which x predicts y best, and those with which the first of x alone do, of
    the sums of products of all of (x, y)."""
    n = len(sums) - 1
    bits = max(int(sums.diagonal().max()).bit_length(), LEAST_BITS)
    a = sums << SCALE - bits
    a[np.diag_indices(n + 1)] += 1 << RIDGE
    assert (abs(a) < 1 << SCALE + 1).all()
    factors = np.zeros((n, n + 1), np.int64)  # (column, row)
    roots, inverses = [], []
    for j in range(n):
        root = isqrt(max(int(a[j, j]), 1 << RIDGE))
        roots.append(root)
        inverses.append((1 << INVERSE) // root)
        below = slice(j + 1, None)
        factors[j, below] = [
            quotient(v, root, inverses[j], FACTOR_BITS) for v in a[below, j].tolist()
        ]
        a[below, below] -= np.outer(factors[j, below], factors[j, below])

    def solved(taps: int) -> list[int]:
        """Of the first inputs: the factors of their sums are the first rows of all."""
        weights = [0] * n
        for i in reversed(range(taps)):
            others = sum(int(factors[i, k]) * weights[k] for k in range(i + 1, taps))
            v = (int(factors[i, n]) << 16) - others
            assert abs(v) < 1 << 54
            weights[i] = quotient(v, roots[i], inverses[i], WEIGHT_BITS)
        return weights

    return solved(n), solved(SHORT)


class LeastSquares:
    """The weights of a channel: for either decay, those best for its samples so far, of all inputs;
    then, for either, of the first."""

    def __init__(self, taps: int, forgetting: Forgetting) -> None:
        self.forgetting = forgetting
        self.sums = [np.zeros((taps + 1, taps + 1), np.int64) for _ in range(SQUARES)]  # 2^8: one
        self.weights = [[0] * taps for _ in range(2 * SQUARES)]  # 2^16: one; of all, of the first
        self.seen: list[list[int]] = []  # rows that are in no sum yet
        self.batches = 0

    def learn(self, x: Sequence[int], y: int) -> None:
        """A sample was y above the one before, where the differences were x."""
        self.seen.append([*x, y])
        if len(self.seen) < BATCH:
            return
        rows = np.array(self.seen, np.int64)
        self.seen = []
        self.batches += 1
        for sums, decay in zip(self.sums, self.forgetting.decays, strict=True):
            sums += (rows.T @ rows << 8) - (sums >> decay)
            assert (abs(sums) < 1 << 53).all()
        if self.batches % self.forgetting.every == 0:
            found = [found_weights(sums) for sums in self.sums]
            self.weights = [of_all for of_all, _ in found] + [of_first for _, of_first in found]
