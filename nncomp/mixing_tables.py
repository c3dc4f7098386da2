"""The adaptive stage's constant tables, from exact integers (``docs/numerics.md``, section 10).

``STRETCH`` and ``SQUASH`` lead between probability and logistic domain, ``NEXT`` and ``START``
are what a byte knows of the bits that came before, ``RECIPROCAL`` is how fast an average moves;
``INITIAL`` was trained. As in ``tables``, no library's rounding enters, and only engines import
this module, when they start.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import numpy.typing as npt

from nncomp.tables import POW

__all__ = ["INITIAL", "NEXT", "RECIPROCAL", "SQUASH", "START", "STRETCH"]

BOUND = (40, 31, 13, 8, 6, 5)  # of the larger count of a history, by the smaller


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
    """STRETCH[i], the inverse at (2i + 1)/8192: the last x that is not above it; odd about 2048."""
    upper = [bisect_right(squash, (2 * i + 1) << 9, 2049) - 2049 for i in range(2048, 4096)]
    return [-x for x in reversed(upper)] + upper


def _kept(n0: int, n1: int) -> int:
    """How many histories stand for n0 zeros and n1 ones: none, one, or two with the last bit."""
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
    """The history that follows ``bit``."""
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
    """(n1 + 1/2)/(n0 + n1 + 1) in 16 bits, twice as sure where one bit never came."""
    zero, one = 2 * n0 + 1, 2 * n1 + 1
    if n0 == 0 and n1 > 0:
        one *= 2
    if n1 == 0 and n0 > 0:
        zero *= 2
    return 65535 * one // (zero + one)


def _constant(values: list[int]) -> npt.NDArray[np.int64]:
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


def _row(numbers: str) -> tuple[int, ...]:
    return tuple(map(int, numbers.split()))


# Weights that the first layer starts with, 2^14 being one: the means of what they had become on
# training text of each kind. In the order of the inputs; kinds that are not here have other ones.
INITIAL = {
    "LEAN": _row("3152 2592 2368 1744 3424 2896 2064 2624 2976 3344 720"),
    "LEAN_NETWORK": _row("1600 1664 1792 1552 2240 2240 1024 176 832 2960 9952 528"),
    "GENERAL": _row(
        "2128 1792 1760 1040 2976 880 2288 1504 1344 1056 1536 976 768 1248 1120 1056 1376 960"
        " 928 960 1792 1136 1952 1440 1136"
    ),
    "GENERAL_NETWORK": _row(
        "880 1152 1248 1472 1040 1424 896 1120 784 1312 640 688 176 96 1888 1216 10304 512"
    ),
    "RECORDS": _row(
        "2352 1312 576 -400 1488 2480 1952 1296 1536 1680 704 2048 1008 1824 416 928 1248 1376"
        " 1216 304 160 2000 2272 1648 3104"
    ),
    "X86": _row(
        "1968 -416 752 304 112 -16 2144 1856 2400 1808 1584 1888 1040 2064 1824 1216 976 896"
        " 1312 1552 1440 720 3104 2016 3376"
    ),
    "PICTURE": _row(
        "272 -240 624 768 1664 3760 3072 560 1328 784 1056 2656 2352 176 192 544 384 3264 2048"
        " 1552 3760 2240 1760 1024 -448"
    ),
    "WIDE": _row(
        "768 624 432 2736 2080 1664 1904 2704 848 672 1136 1168 1968 1904 3488 2592 2208 2160 800"
    ),
}
