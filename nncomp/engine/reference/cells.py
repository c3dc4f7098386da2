"""Adaptive probabilities, weights and maps of the reference engine: section 13 of
``docs/numerics.md``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nncomp.engine.reference.arithmetic import Ints
from nncomp.mixing_tables import RECIPROCAL, SQUASH, STRETCH

__all__ = [
    "ONE",
    "Cells",
    "clamp_stretch",
    "counted",
    "drawn",
    "interpolated",
    "learned",
    "map_start",
    "nearer",
    "squash",
    "weighed",
    "wrapped",
]

ONE = (1 << 22) - 1  # the largest probability
BINS = 33  # bins of a map (APM), 128 apart in the logistic domain


class Cells:
    """Adaptive probabilities: each has 22 bits and a count that sets its rate."""

    def __init__(self, start: Ints, count: int) -> None:
        self.p = start << 6  # from 16 bits
        self.n = np.full_like(start, count)

    def stretched(self, at: tuple[Ints, ...]) -> Ints:
        """The probabilities of the cells ``at``, in the logistic domain."""
        x: Ints = STRETCH[self.p[at] >> 10]
        return x

    def learn(self, at: tuple[Ints, ...], target: Ints | int) -> None:
        """Move the cells ``at`` (no two are the same) towards ``target``, 0 or ONE."""
        p, n = self.p[at], self.n[at]
        moved = p + ((target - p >> 7) * RECIPROCAL[n] >> 8)
        assert moved.min() >= 0 and moved.max() <= ONE
        self.p[at] = moved
        self.n[at] = np.minimum(n + 1, 255)


def counted(seen: Ints, at: Ints | tuple[Ints, ...], most: int) -> Ints:
    """Increase the counts ``at`` some places (no two are the same) up to ``most``; returns what
    they were before."""
    n: Ints = seen[at]
    seen[at] = np.minimum(n + 1, most)
    return n


def wrapped(x: Ints) -> Ints:
    """``x`` modulo 2^32, as signed numbers of 32 bits."""
    return (x + (1 << 31) & (1 << 32) - 1) - (1 << 31)


def squash(x: int) -> int:
    """The probability, in 22 bits, for x in the logistic domain, |x| ≤ 2047."""
    return int(SQUASH[x + 2048])


def clamp_stretch(x: int) -> int:
    """Clamp ``x`` to the domain of ``squash``, −2047…2047."""
    return min(max(x, -2047), 2047)


def learned(w: Ints, x: Ints, e: Ints | int) -> Ints:
    """The weights ``w`` after learning from the error ``e`` of inputs ``x``; they stay in int16."""
    assert np.abs(e).max() < 1 << 15 and abs(x).max() < 1 << 15
    moved: Ints = np.clip(w + (x * e + (1 << 14) >> 15), -32768, 32767)
    return moved


def weighed(error: Ints, rate: Ints) -> Ints:
    """An error in 1/2^18 times a rate in 1/2^10, clipped to 16 bits."""
    e: Ints = np.clip(error * rate >> 10, -32767, 32767)
    return e


def map_start() -> npt.NDArray[np.uint16]:
    """A row of a map that leaves probabilities unchanged: (BINS) uint16."""
    cells = SQUASH[np.minimum(np.arange(BINS) * 128, 4095)] >> 6
    return cells.astype(np.uint16)


def interpolated(row: npt.NDArray[np.uint16], x: int) -> int:
    """The probability, in 22 bits, that a map's row gives for x, interpolated between two cells."""
    cell, part = divmod(x + 2048, 128)
    return (int(row[cell]) * (128 - part) + int(row[cell + 1]) * part) >> 1


def nearer(x: int) -> int:
    """The cell of a row that is nearest to x, which alone learns."""
    cell, part = divmod(x + 2048, 128)
    return cell + (part >= 64)


def drawn(cell: int, bit: int) -> int:
    """A cell of a map after learning ``bit``: moved 1/64 of the way to it."""
    return cell + (65535 - cell + 63 >> 6) if bit else cell - (cell + 63 >> 6)
