"""The range coder of the reference engine: sections 7 and 8 of ``docs/numerics.md``.

It turns the 256 frequencies of a byte into probabilities of binary decisions, and these decisions
into the bytes of a lane.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from nncomp.engine import POWER_BITS
from nncomp.errors import FormatError

__all__ = [
    "COST_BITS",
    "PRECISION",
    "RangeDecoder",
    "RangeEncoder",
    "binary_logarithm",
    "counted",
    "cumulative_sums",
    "probability",
    "teller",
    "tempered",
    "writer",
]

PRECISION = 22  # bits of a probability
COST_BITS = 24  # a cost is in 1/2^24 of a bit


# 7 and 8. From frequencies to bytes


def probability(cumulative: list[int], low: int, high: int) -> int:
    """The probability that a byte in low…high−1 is in the upper half of that range, in 2^−22.

    ``cumulative[b]`` is the sum of the frequencies of all bytes below b, at most 2^39.
    """
    middle = (low + high) // 2
    upper, both = cumulative[high] - cumulative[middle], cumulative[high] - cumulative[low]
    return min(max((upper << PRECISION) // both, 1), (1 << PRECISION) - 1)


class RangeEncoder:
    """Turns bits and their probabilities into the bytes of one lane.

    The bytes out, followed by ``low``, are a number that lies at the lower end of the interval of
    all numbers that decode to the bits so far; ``range`` is the interval's width.
    """

    def __init__(self) -> None:
        self.low = 0
        self.range = (1 << 32) - 1
        self.out = bytearray()
        self.empty = True

    def encode(self, bit: int, p: int) -> None:
        """Narrow the interval by a bit whose probability of being 1 is p / 2^22, 0 < p < 2^22."""
        assert 1 << 24 <= self.range < 1 << 32 and 0 <= self.low < 1 << 32
        assert 0 < p < 1 << PRECISION
        bound = (self.range * p) >> PRECISION
        if bit:
            self.range = bound
        else:
            self.low += bound
            self.range -= bound
        self._carry()
        while self.range < 1 << 24:
            self.out.append(self.low >> 24)
            self.low = (self.low << 8) & 0xFFFFFFFF
            self.range <<= 8
        self.empty = False

    def finish(self) -> bytes:
        """Return the payload: the number in the interval with the most trailing zeros.

        The decoder reads zeros beyond the end, so these are not written.
        """
        if self.empty:
            return b""
        for k in (32, 24):
            value = (self.low + (1 << k) - 1) >> k << k
            if value < self.low + self.range:
                break
        self.low = value
        self._carry()
        if self.low:
            self.out.append(self.low >> 24)
        return bytes(self.out)

    def spent(self) -> int:
        """The cost of all bits so far, in 1/2^COST_BITS of a bit: the size of the output, plus the
        logarithm of how much the interval is narrower than 2^32."""
        return (8 * len(self.out) + 32 << COST_BITS) - binary_logarithm(self.range)

    def _carry(self) -> None:
        """Add the carry out of ``low`` to the bytes already written."""
        if self.low >> 32:
            self.low &= 0xFFFFFFFF
            i = len(self.out) - 1
            while self.out[i] == 0xFF:
                self.out[i] = 0
                i -= 1
            self.out[i] += 1  # i ≥ 0: no bit widens the interval that the lane began with


def binary_logarithm(x: int) -> int:
    """log2 of x, 1…2^32 − 1, in 1/2^COST_BITS, rounded down; computed bit by bit, by squaring."""
    digits = x.bit_length() - 1
    mantissa = x << 31 - digits  # in 1…2, 2^31 is one
    for _ in range(COST_BITS):
        mantissa = mantissa * mantissa >> 31
        digit = mantissa >> 32
        mantissa >>= digit
        digits = 2 * digits + digit
    return digits


class RangeDecoder:
    """Decodes the bits of one lane, given the probabilities that they were encoded with.

    ``code`` is the payload's number minus the lower end of the interval. Invariant: code < range.
    """

    def __init__(self, payload: bytes) -> None:
        """Raises ``FormatError`` if no encoder writes a payload that begins like this."""
        self.payload = payload
        self.position = 0  # bytes read, those beyond the end included
        self.range = (1 << 32) - 1
        self.code = 0
        self.empty = True
        for _ in range(4):
            self.code = self.code << 8 | self._byte()
        if self.code >= self.range:
            raise FormatError("lane payload is malformed")

    def decode(self, p: int) -> int:
        """Decode the next bit; p as in ``RangeEncoder.encode``. Raises ``FormatError`` past the
        payload's end."""
        assert 1 << 24 <= self.range < 1 << 32 and self.code < self.range
        assert 0 < p < 1 << PRECISION
        bound = (self.range * p) >> PRECISION
        bit = int(self.code < bound)
        if bit:
            self.range = bound
        else:
            self.code -= bound
            self.range -= bound
        while self.range < 1 << 24:
            self.code = self.code << 8 | self._byte()
            self.range <<= 8
        self.empty = False
        return bit

    def finish(self) -> None:
        """Raise ``FormatError`` unless the payload ends as an encoder would have ended it."""
        beyond = self.position - len(self.payload)
        if self.empty:
            good = not self.payload
        elif beyond == 4:  # the number is a multiple of 2^32, the only one in the interval
            good = True
        elif beyond == 3:  # it must be the smallest multiple of 2^24, and none of 2^32 be in there
            last = self.payload[-1] << 24
            good = 0 < last and self.code < 1 << 24 and last - self.code + self.range <= 1 << 32
        else:
            good = False
        if not good:
            raise FormatError("lane payload has bytes left over")

    def _byte(self) -> int:
        self.position += 1
        if self.position > len(self.payload) + 4:
            raise FormatError("lane payload ends early")
        return self.payload[self.position - 1] if self.position <= len(self.payload) else 0


def cumulative_sums(w: npt.NDArray[np.uint32]) -> list[int]:
    return [0, *w.cumsum(dtype=np.int64).tolist()]


def teller(byte: int) -> Callable[[int], int]:
    """A function that returns the bits of ``byte``, which is known, one per call, highest first."""
    bits = (byte >> k & 1 for k in range(7, -1, -1))
    return lambda p: next(bits)


def writer(encoder: RangeEncoder, byte: int) -> Callable[[int], int]:
    """A function that encodes and returns the bits of ``byte``, one per call, highest first."""
    bits = (byte >> k & 1 for k in range(7, -1, -1))

    def choose(p: int) -> int:
        bit = next(bits)
        encoder.encode(bit, p)
        return bit

    return choose


def counted(encoder: RangeEncoder, byte: int, took: list[int]) -> Callable[[int], int]:
    """A function like that of ``writer`` that also appends the cost of each bit to ``took``."""
    write, spent = writer(encoder, byte), encoder.spent()

    def choose(p: int) -> int:
        nonlocal spent
        bit, before = write(p), spent
        spent = encoder.spent()
        took.append(spent - before)
        return bit

    return choose


# Temperature


def _roots_of_two() -> list[int]:
    """2^(1/2), 2^(1/4), … in 1/2^31, each the square root of the one before, rounded down."""
    roots, last = [], 2 << 31
    for _ in range(COST_BITS):
        last = math.isqrt(last << 31)
        roots.append(last)
    return roots


_ROOTS = _roots_of_two()


def tempered(p: int, power: int) -> int:
    """The probability of a 1, in 1/2^22, whose odds are those of p raised to power/2^16."""
    one = 1 << PRECISION
    more = max(p, one - p)
    odds = (binary_logarithm(more) - binary_logarithm(one - more)) * power >> POWER_BITS  # log2
    less = 1
    if odds < PRECISION << COST_BITS:
        x = 1 << 31  # 2 to the power of the fractional part of ``odds``
        for i, root in enumerate(_ROOTS):
            if odds >> COST_BITS - 1 - i & 1:
                x = x * root >> 31
        less = max(1, (one << 31) // ((1 << 31) + (x << (odds >> COST_BITS))))
    return one - less if more == p else less
