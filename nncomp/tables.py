"""The two constant tables of the arithmetic, from exact integers (``docs/numerics.md``, section 2).

``EXP`` turns a difference of attention scores into a weight, ``POW`` does so for logits. No
library's rounding enters, so every machine computes the same tables. That takes a few milliseconds
at import, which is why only engines, when they start, and training import this module.
"""

from __future__ import annotations

from math import isqrt

import numpy as np
import numpy.typing as npt

__all__ = ["EXP", "POW"]


def _nearest_root(power: int, squarings: int) -> int:
    """The integer nearest to y, where power = floor((2y)^(2^squarings)) and 2y is no odd integer.

    The floor of a root is the floor of repeated square roots, so ``power`` becomes floor(2y).
    """
    for _ in range(squarings):
        power = isqrt(power)
    return (power + 1) >> 1


def _exp() -> npt.NDArray[np.uint8]:
    """EXP[D], D = 0…639: 255·2^(−D/64) in u8. (640,) uint8, EXP[0] = 255, falling to 0."""
    a = [_nearest_root((2 * 65280) ** 64 >> i, 6) for i in range(64)]  # 65280·2^(−i/64)
    table = [(a[d & 63] + (128 << (d >> 6))) >> (8 + (d >> 6)) for d in range(640)]
    return np.array(table, np.uint8)


def _pow() -> npt.NDArray[np.uint32]:
    """POW[i], i = 0…255: 2^(30 − i/256), rounded. (256,) uint32, POW[0] = 2^30."""
    return np.array([_nearest_root(1 << (31 * 256 - i), 8) for i in range(256)], np.uint32)


EXP = _exp()
POW = _pow()
EXP.flags.writeable = False
POW.flags.writeable = False
