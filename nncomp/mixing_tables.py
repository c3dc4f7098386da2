"""The adaptive stage's constant tables, from exact integers (``docs/numerics.md``, section 10).

``STRETCH`` and ``SQUASH`` convert between probability and logistic domain, ``NEXT`` and ``START``
define bit histories (states of one byte that count zeros and ones), ``RECIPROCAL`` is how fast an
average moves. As in ``tables``, no library's rounding enters, and only engines import this module,
when they start.
"""

from __future__ import annotations

from bisect import bisect_right
from math import isqrt

import numpy as np
import numpy.typing as npt

from nncomp.tables import POW

__all__ = [
    "FIRST_RATE",
    "NEXT",
    "READOUT_RATE",
    "RECIPROCAL",
    "SECOND_RATE",
    "SQUASH",
    "START",
    "STRETCH",
]

BOUND = (40, 31, 13, 8, 6, 5)  # most that a history's larger count may be, by its smaller count


def _squash() -> list[int]:
    """SQUASH[x + 2048] = 2^22 / (1 + 2^(−x/128)), |x| ≤ 2047; SQUASH[0] is SQUASH[1]."""
    table = [0] * 4096
    for m in range(2048):  # m/128 octaves are 2m/256
        f = int(POW[2 * m & 255])
        p = (f << 22) // ((1 << 30 + (2 * m >> 8)) + f)
        table[2048 - m], table[2048 + m] = p, (1 << 22) - p
    table[0] = table[1]
    return table


def _stretch(squash: list[int]) -> list[int]:
    """STRETCH[i], the inverse: the largest x of a probability ≤ (2i + 1)/8192; odd about 2048."""
    upper = [bisect_right(squash, (2 * i + 1) << 9, 2049) - 2049 for i in range(2048, 4096)]
    return [-x for x in reversed(upper)] + upper


def _kept(n0: int, n1: int) -> int:
    """How many histories stand for n0 zeros and n1 ones: none, one, or two, by the last bit."""
    small, large = min(n0, n1), max(n0, n1)
    if small > 5 or large > BOUND[small] or n0 + n1 < 4:
        return 0
    return 2 if small > 0 and n0 + n1 <= 17 else 1


def _counts() -> list[tuple[int, int]]:
    """(zeros, ones) that each history stands for."""
    counts = []
    for length in range(4):  # exact bits, at 2^length − 1 + bits
        ones = [bin(bits).count("1") for bits in range(1 << length)]
        counts += [(length - n, n) for n in ones]
    for total in range(4, BOUND[0] + 1):
        for n1 in range(total + 1):
            counts += [(total - n1, n1)] * _kept(total - n1, n1)
    return counts


def _next(counts: list[tuple[int, int]], history: int, bit: int) -> int:
    """The history that follows ``history`` after ``bit``."""
    if history < 7:  # exact bits grow: 2^length − 1 + bits is followed by 2^(length + 1) − 1 + …
        return 2 * history + 1 + bit
    n = list(counts[history])
    n[bit] += 1
    n[1 - bit] = min(n[1 - bit], 5 + (n[1 - bit] > 6) + (n[1 - bit] > 7))  # a contradiction fades
    while _kept(*n) == 0:
        large = 0 if n[0] >= n[1] else 1
        small = 1 - large
        if n[small] >= 4:
            n[large] = (n[large] * (n[small] - 1) + n[small] // 2) // n[small]
            n[small] -= 1
        else:
            n[large] -= 1
    found = counts.index((n[0], n[1]), 15)
    return found + (bit if _kept(*n) == 2 else 0)


def _start(n0: int, n1: int) -> int:
    """The probability of a 1 after n0 zeros and n1 ones, (n1 + 1/2)/(n0 + n1 + 1), in 16 bits; if
    one bit never came, the odds are doubled against it."""
    zero, one = 2 * n0 + 1, 2 * n1 + 1
    if n0 == 0 and n1 > 0:
        one *= 2
    if n1 == 0 and n0 > 0:
        zero *= 2
    return 65535 * one // (zero + one)


def _constant(values: list[int] | list[list[int]]) -> npt.NDArray[np.int64]:
    table = np.array(values, np.int64)
    table.flags.writeable = False
    return table


_COUNTS = _counts()

SQUASH = _constant(_squash())  # (4096) 0 < p < 2^22
STRETCH = _constant(_stretch(_squash()))  # (4096) −1663…1663
NEXT = np.array([[_next(_COUNTS, s, b) for s in range(len(_COUNTS))] for b in (0, 1)], np.uint8)
NEXT.flags.writeable = False  # (2, histories): [bit][history]
START = _constant([_start(*counts) for counts in _COUNTS])  # (histories) 16-bit probabilities
RECIPROCAL = _constant([65536 // (2 * n + 3) for n in range(256)])  # 2^15/(n + 1.5)

# Learning rates of rows of weights that were used n times, falling with n. FIRST_RATE is indexed
# [is the profile max][n // 32] and SECOND_RATE [is it max][n], both in 1/2^10; READOUT_RATE [n] is
# in 1/2^12.
FIRST_RATE = _constant(
    [[16 + 9900 // (i + 37) for i in range(256)], [16 + 2700 // (i + 25) for i in range(256)]]
)
SECOND_RATE = _constant(
    [[18 + 9000 // (n + 40) for n in range(1024)], [18 + 4100 // (n + 50) for n in range(1024)]]
)
READOUT_RATE = _constant([isqrt(9_600_000 // (n + 40)) for n in range(1024)])
