"""What learns bit by bit in the reference engine: section 13 of ``docs/numerics.md``."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nncomp.mixing_tables import RECIPROCAL, SQUASH, STRETCH

__all__ = [
    "ONE",
    "Cells",
    "Ints",
    "clamp_stretch",
    "counted",
    "drawn",
    "interpolated",
    "learned",
    "map_start",
    "nearer",
    "squash",
    "wrapped",
]

Ints: TypeAlias = npt.NDArray[np.int64]

ONE = (1 << 22) - 1  # the largest probability
BINS = 33  # of a map, 128 apart


class Cells:
    """Adaptive probabilities: 22 bits and a count."""

    def __init__(self, start: Ints, count: int) -> None:
        self.p = start << 6  # from 16 bits
        self.n = np.full_like(start, count)

    def stretched(self, at: tuple[Ints, ...]) -> Ints:
        """In the logistic domain."""
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
    """How often what is ``at`` (no two are the same) was seen before; counted up to ``most``."""
    n: Ints = seen[at]
    seen[at] = np.minimum(n + 1, most)
    return n


def wrapped(x: Ints) -> Ints:
    """The numbers of 32 bits that x are modulo 2^32."""
    return (x + (1 << 31) & (1 << 32) - 1) - (1 << 31)


def squash(x: int) -> int:
    """|x| ≤ 2047 → probability."""
    return int(SQUASH[x + 2048])


def clamp_stretch(x: int) -> int:
    """Into the domain of ``squash``."""
    return min(max(x, -2047), 2047)


def learned(w: Ints, x: Ints, e: Ints | int) -> Ints:
    """Weights after an error: int16, as they were."""
    assert np.abs(e).max() < 1 << 15 and abs(x).max() < 1 << 15
    moved: Ints = np.clip(w + (x * e + (1 << 14) >> 15), -32768, 32767)
    return moved


def weighed(error: Ints, rate: Ints) -> Ints:
    """An error in 1/2^18 by a rate in 1/2^10, bounded to 16 bits."""
    e: Ints = np.clip(error * rate >> 10, -32767, 32767)
    return e


def map_start() -> npt.NDArray[np.uint16]:
    """A row of a map that changes nothing: (BINS)."""
    cells = SQUASH[np.minimum(np.arange(BINS) * 128, 4095)] >> 6
    return cells.astype(np.uint16)


def interpolated(row: npt.NDArray[np.uint16], x: int) -> int:
    """What a row of a map makes of x: a probability."""
    cell, part = divmod(x + 2048, 128)
    return (int(row[cell]) * (128 - part) + int(row[cell + 1]) * part) >> 1


def nearer(x: int) -> int:
    """The cell of a row that learns."""
    cell, part = divmod(x + 2048, 128)
    return cell + (part >= 64)


def drawn(cell: int, bit: int) -> int:
    """A cell of a map, 1/64 nearer to the bit."""
    return cell + (65535 - cell + 63 >> 6) if bit else cell - (cell + 63 >> 6)
