"""Recursive least squares in the reference engine: section 11 of ``docs/numerics.md``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np
import numpy.typing as npt

__all__ = ["OF_ROWS", "OF_SOUND", "SHORT", "SQUARES", "Forgetting", "LeastSquares"]

SQUARES = 2  # decays; each gives a prediction from all inputs and one from the first SHORT inputs
SHORT = 16  # inputs of the short predictions
BATCH = 8  # samples that are added to the sums at a time
SCALE = 56  # bits to which sums are scaled before they are solved
LEAST_BITS = 20  # bits that the largest sum is taken to have at least
RIDGE = 36  # 2^RIDGE is added to the diagonal, and is the least pivot
INVERSE = 50  # roots of pivots are inverted as 2^INVERSE / root
FACTOR_BITS, WEIGHT_BITS = 29, 20  # bits to which factors and weights are limited

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Forgetting:
    """How fast sums decay, and how often they are solved."""

    decays: tuple[int, int]  # a sum loses 2^−decay of itself per batch
    every: int  # batches between two solutions for the weights


OF_SOUND, OF_ROWS = Forgetting((3, 5), 8), Forgetting((6, 9), 32)


def quotient(v: int, root: int, inverse: int, bits: int) -> int:
    """v/root, limited to ±2^bits, computed with the inverse of the root."""
    v = min(max(v, -root << bits), root << bits)
    return v * inverse >> INVERSE


def found_weights(sums: Numbers) -> tuple[list[int], list[int]]:
    """Solve for the weights with which x predicts y best, and for those of the first SHORT inputs
    alone. ``sums``, (n + 1, n + 1), are sums of products of all of (x, y). By Cholesky
    decomposition, in integers."""
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
        """The weights of the first ``taps`` inputs: the decomposition for these is the first part
        of that for all."""
        weights = [0] * n
        for i in reversed(range(taps)):
            others = sum(int(factors[i, k]) * weights[k] for k in range(i + 1, taps))
            v = (int(factors[i, n]) << 16) - others
            assert abs(v) < 1 << 54
            weights[i] = quotient(v, roots[i], inverses[i], WEIGHT_BITS)
        return weights

    return solved(n), solved(SHORT)


class LeastSquares:
    """The weights of a channel that fit its samples so far best: for each decay those of all
    inputs, then for each decay those of the first SHORT inputs."""

    def __init__(self, taps: int, forgetting: Forgetting) -> None:
        self.forgetting = forgetting
        self.sums = [np.zeros((taps + 1, taps + 1), np.int64) for _ in range(SQUARES)]  # in 1/2^8
        self.weights = [[0] * taps for _ in range(2 * SQUARES)]  # in 1/2^16
        self.seen: list[list[int]] = []  # (x, y) of samples that are not in the sums yet
        self.batches = 0

    def learn(self, x: Sequence[int], y: int) -> None:
        """Take in a sample: the differences x before it, and y, its own from the one before."""
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
