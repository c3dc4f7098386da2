"""Predictions of numbers in floating point, or of integers of 3 or more bytes, in the reference
engine: section 11 of ``docs/numerics.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nncomp.engine.reference.samples import (
    LEARNING,
    PREDICTIONS,
    TAPS,
    differences,
    inverse_power,
    learnt,
    predicted,
    step_of,
)
from nncomp.engine.reference.squares import OF_ROWS, OF_SOUND, LeastSquares
from nncomp.mixing import NumberKind

if TYPE_CHECKING:
    from nncomp.engine.reference.features import Past

__all__ = ["Floats"]

FRACTION = 30  # bits of a fraction that are used
MOST_UP = 13  # octaves that a number may be above the largest one before; larger ones are clipped
MOST_GUESS = 1 << 46  # bound of a prediction, in units of the scale


def within(v: int, most: int) -> int:
    return min(max(v, -most), most)


def log_of(size: int) -> int:
    """log2 of ``size``, approximately, in 1/8; 0 for 0."""
    place = size.bit_length() - 1
    return 8 * place + ((size << 3 >> place) & 7) if size else 0


class Floats:
    """Predicts numbers of one kind, highest byte first, in records of ``period`` bytes: a few
    numbers, which are channels, or a row of numbers."""

    def __init__(self, kind: NumberKind, period: int) -> None:
        self.kind, self.width, self.period = kind, kind.width, period
        self.has_frames = period <= 8 * self.width
        self.weights = [[[0] * TAPS for _ in range(8)] for _ in range(LEARNING)]  # 2^16 is one
        forgetting = OF_SOUND if self.has_frames else OF_ROWS
        self.squares = [LeastSquares(TAPS, forgetting) for _ in range(8)]  # by channel
        self.errors = [[0] * 8 for _ in range(PREDICTIONS)]  # mean log_of, in 1/256, by channel
        self.scale = 0  # numbers are in units of 2^scale
        self.x = [0] * TAPS  # differences, the inputs of linear predictions
        self.down = 0  # bits by which these are shifted right to be learnt from
        self.before = 0  # the number before, of the same channel
        self.channel = 0  # the number's place in its record
        self.guesses = [0] * PREDICTIONS

    def float_of(self, bits: int) -> tuple[int, int]:
        """(fraction, exponent) of a number from its highest bits, left-aligned in 64 bits."""
        if self.kind.base == 0:
            whole = bits >> 64 - 8 * self.width
            return whole - (bits >> 63 << 8 * self.width), 0
        rest = 63 - self.kind.exponent_bits
        exponent = (bits >> rest) & ((1 << self.kind.exponent_bits) - 1)
        fraction = (bits & ((1 << rest) - 1)) >> rest - FRACTION
        if self.kind.base == 1:
            if exponent == (1 << self.kind.exponent_bits) - 1:
                return 0, 0
            fraction |= (exponent > 0) << FRACTION
        return -fraction if bits >> 63 else fraction, exponent * self.kind.base

    def in_units(self, number: tuple[int, int]) -> int:
        """A number (fraction, exponent) in units of 2^scale, rounded towards 0."""
        fraction, exponent = number
        up = min(exponent - self.scale, MOST_UP)
        size = abs(fraction) << up if up >= 0 else abs(fraction) >> -up
        return -size if fraction < 0 else size

    def bits_of(self, v: int) -> int:
        """The first 32 bits of the number nearest to v units."""
        if self.kind.base == 0:
            end = 1 << 8 * self.width - 1
            return (min(max(v, -end), end - 1) << 32 - 8 * self.width) & 0xFFFFFFFF
        sign = (v < 0) << 31
        if v == 0:
            return 0
        fraction_bits = 31 - self.kind.exponent_bits
        up = abs(v).bit_length() - 1 - FRACTION
        if self.kind.base != 1:
            up += 1
            up += -(self.scale + up) % 4
        exponent = (self.scale + up) // self.kind.base
        most = (1 << self.kind.exponent_bits) - 1
        if exponent <= 0:
            return sign
        if exponent >= most:
            return sign | most << fraction_bits
        fraction = abs(v) >> up if up >= 0 else abs(v) << -up
        below = (fraction >> FRACTION - fraction_bits) & ((1 << fraction_bits) - 1)
        return sign | exponent << fraction_bits | below

    def number(self, past: Past, k: int) -> tuple[int, int]:
        """(fraction, exponent) of the number that begins k bytes before the byte to come."""
        if past.t < k:
            return 0, 0
        at = past.t - k
        bits = int.from_bytes(bytes(past.piece[at : at + self.width]), "big")
        return self.float_of(bits << 64 - 8 * self.width)

    def predict(self, past: Past) -> None:
        """Predict the number that begins with the byte to come."""
        like = self.period if self.has_frames else self.width
        before = self.number(past, like)
        places = differences(not self.has_frames, self.width, like, self.period)
        pairs = [(self.number(past, u), self.number(past, v)) for u, v in places]
        self.scale = max(exponent for pair in [*pairs, (before,)] for _, exponent in pair)
        self.x = [self.in_units(u) - self.in_units(v) for u, v in pairs]
        self.x += [0] * (TAPS - len(self.x))
        assert all(abs(x) <= 1 << 32 for x in self.x)
        self.down = max(1, *map(abs, self.x)).bit_length() - 15
        self.before = self.in_units(before)
        self.channel = past.row_at // self.width if self.has_frames else 0
        last = -self.x[0] if self.has_frames else self.x[0] - self.x[1]
        weights = [w[self.channel] for w in self.weights]
        guesses = [self.before + predicted(w, self.x) for w in weights]
        guesses += [self.before, self.before + last]
        guesses += [self.before + predicted(w, self.x) for w in self.squares[self.channel].weights]
        self.guesses = [within(guess, MOST_GUESS) for guess in guesses]

    def learn(self, past: Past) -> None:
        """Learn from the number that was predicted, which has come."""
        value = self.in_units(self.number(past, self.width))

        def reduced(v: int) -> int:
            return within(v << -self.down if self.down < 0 else v >> self.down, 65535)

        x = [*map(reduced, self.x)]
        assert all(abs(v) <= 1 << 15 for v in x)
        self.squares[self.channel].learn(x, reduced(value - self.before))
        inverse = inverse_power(x)
        for j, guess in enumerate(self.guesses):
            log = 256 * (8 * self.scale + log_of(abs(value - guess)))
            mean = self.errors[j][self.channel]
            self.errors[j][self.channel] = mean + (log - mean >> 4) if mean else log
            if j < LEARNING:
                step = reduced(value - guess) * inverse >> 20
                weights = self.weights[j][self.channel]
                self.weights[j][self.channel] = learnt(weights, x, step, j)

    def begun(self, past: Past) -> int:
        """The bytes of the current number so far, followed by zeros: 64 bits."""
        n = past.channel
        return past.order(n) << 64 - 8 * n

    def cells(self, count: int, past: Past, k: int, node: int) -> list[tuple[int, int]]:
        """For each prediction, the cell that codes bit k after the bits of ``node``: (class of the
        size of the interval relative to the prediction's usual error, quantised distance of the
        prediction from the threshold between the values of a 0 and those of a 1)."""
        cut, width, one_is_less = self._cut(past, k, node)
        found = []
        for guess, errors in zip(self.guesses[:count], self.errors, strict=False):
            error = errors[self.channel]
            d = cut - guess if one_is_less else guess - cut
            down = max((error >> 11) - self.scale - 5, -15)
            steps = within(d >> down if down >= 0 else d << -down, 65535)
            place = step_of(steps) | (0 if past.channel else 128)
            octaves = width - (error >> 8) >> 3
            found.append((min(max(octaves + 4, 0), 7), place))
        return found

    def _cut(self, past: Past, k: int, node: int) -> tuple[int, int, bool]:
        """Returns (threshold, width, one_is_less): the smallest value whose next bit is 1; log2, in
        eighths, of the size of the interval whose next bit is 0; and whether values with a 1 are
        smaller (negative floats)."""
        if past.channel == 0 and k == 0:
            return 0, 1 << 20, True
        below = 56 - 8 * past.channel
        least = self.begun(past) | (node << 8 - k & 255) << below
        value = self.in_units(self.float_of(least | 128 >> k << below))
        size = abs(value - self.in_units(self.float_of(least)))
        return value, 8 * self.scale + log_of(size), bool(self.kind.base and least >> 63)

    def figure(self, past: Past, j: int) -> int:
        """A feature: prediction j, compared with the bytes of the number so far. It covers the
        first four bytes of a number; 0 for the others."""
        n = past.channel
        if n > 3:
            return 0
        bits = self.bits_of(self.guesses[j])
        if n == 0:
            return bits >> 20
        there = self.begun(past) >> 64 - 8 * n
        if there >> 8 * n - 1 != bits >> 31:
            return 1 << 12 | n
        fine = 1 if n == 1 else 4
        above = (bits >> 24 - 8 * n) - (there << 8)
        return 2 << 12 | n << 10 | (min(max(above, -128 * fine), 383 * fine) // fine) + 128

    def sure(self, j: int) -> int:
        """About how many leading bits of prediction j are usually right: 0…31."""
        log = 8 * self.scale + log_of(abs(self.guesses[j]))
        return min(max(log - (self.errors[j][self.channel] >> 8), 0), 255) >> 3

    def exponent(self, past: Past) -> int:
        """A feature: the byte's place in its number; from the third byte on, also the number's sign
        and exponent."""
        if past.channel < 2:
            return past.channel
        return self.begun(past) >> 63 - self.kind.exponent_bits << 4 | past.channel
