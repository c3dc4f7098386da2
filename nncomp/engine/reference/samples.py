"""Predictions of samples in the reference engine: section 11 of ``docs/numerics.md``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nncomp.engine.reference.squares import OF_ROWS, OF_SOUND, SQUARES, LeastSquares

if TYPE_CHECKING:
    from nncomp.engine.reference.features import Past

__all__ = ["NEAREST", "PREDICTIONS", "TAPS", "Samples"]

LEARNING, FIXED = 2, 2  # predictions that learn step by step (LMS), and those that do not learn
PREDICTIONS = LEARNING + FIXED + 2 * SQUARES  # all predictions of a sample
NEAREST = 5  # the prediction whose place chooses rows of weights and maps
TAPS = 32  # inputs of a linear prediction


def signed16(v: int) -> int:
    """``v`` modulo 2^16, as a signed number: −32768…32767."""
    return (v + 32768 & 65535) - 32768


def step_of(d: int) -> int:
    """A difference quantised to 128 steps that are finer near 0: 4 steps per octave from 8 on."""
    size = abs(d)
    assert size < 1 << 16
    octave = size.bit_length() - 3  # 1 for 8…15
    step = 4 * octave + (size >> octave & 3) if size >= 8 else size // 2
    return 64 + step if d >= 0 else 63 - step


def differences(has_rows: bool, width: int, B: int, P: int) -> Iterator[tuple[int, int]]:
    """Yield pairs of earlier numbers whose differences are the inputs of linear predictions. A
    number is given by how many bytes before the byte to come it begins: the one before in the same
    channel at B, the one above at P."""
    channels = [k for k in (width, 2 * width) if k < B]  # channels that are coded before this one
    if has_rows:
        near = [P, P + B, P - B, 2 * B, 3 * B, 4 * B, P - 2 * B, P - 3 * B]
        near += [P + 2 * B, 2 * P, 2 * P - B, 2 * P + B]
        yield from ((k, B) for k in near)
        for k in channels:
            yield from [(k, k + B), (k, k + P), (k + P - B, k), (k + P + B, k)]
    else:
        own = TAPS - 4 * len(channels)
        yield from ((i * B, i * B - B) for i in range(2, own + 2))
        for k in channels:
            yield from ((k + i * B, k + i * B + B) for i in range(4))


def predicted(weights: list[int], x: list[int]) -> int:
    """The sum of differences x times weights, of which 2^16 is one."""
    total = sum(w * x for w, x in zip(weights, x, strict=True))
    assert abs(total) < 1 << 57
    return total >> 16


def inverse_power(x: list[int]) -> int:
    """2^44 divided by the power (sum of squares) of the differences x."""
    power = (1 << 12) + sum(x * x for x in x)
    assert power < 1 << 37
    return (1 << 44) // power


def learnt(weights: list[int], x: list[int], step: int, j: int) -> list[int]:
    """The weights of prediction j after a step of normalised LMS; ``step`` is its error divided by
    the power of x."""
    shift = (9, 13)[j]
    return [
        min(max(w + (step * x >> shift), -(1 << 18)), 1 << 18)
        for w, x in zip(weights, x, strict=True)
    ]


class Samples:
    """Predicts samples as numbers of 16 bits: a sample of one byte is the upper half of one."""

    def __init__(self, width: int, period: int, stride: int) -> None:
        self.width, self.period, self.stride = width, period, stride
        self.weights = [[[0] * TAPS for _ in range(8)] for _ in range(LEARNING)]  # 2^16 is one
        forgetting = OF_ROWS if self.has_rows else OF_SOUND
        self.squares = [LeastSquares(TAPS, forgetting) for _ in range(8)]  # by channel
        self.errors = [[0] * 8 for _ in range(PREDICTIONS)]  # mean errors, in 1/256, by channel
        self.before = 0  # the sample before, of the same channel
        self.x = [0] * TAPS
        self.guesses = [0] * PREDICTIONS

    @property
    def has_rows(self) -> bool:
        """Whether samples are in rows, as in pictures; otherwise they are sound."""
        return self.period > 4 * self.stride

    def difference(self, u: int, v: int) -> int:
        """The difference of two samples; modulo 2^16 if they have two bytes."""
        return signed16(u - v) if self.width == 2 else u - v

    def predict(self, past: Past) -> None:
        """Predict the sample that begins with the byte to come."""
        P, B = self.period, self.stride
        difference = self.difference

        def sample(k: int) -> int:
            """The sample that begins k ≥ width bytes before the byte to come."""
            if self.width == 1:
                return past.back(k) << 8
            return past.back(k) | past.back(k - 1) << 8

        W, WW = sample(B), sample(2 * B)
        self.before = W
        if self.has_rows:
            N, NW, NE = sample(P), sample(P + B), sample(P - B)
            third = W + difference(N, NW)
            fourth = W + ((difference(N, W) + difference(NE, W)) * 21845 >> 16)
        else:  # sound
            third = W + 2 * difference(W, WW) + difference(sample(3 * B), WW)
            fourth = W + difference(W, WW)
        pairs = differences(self.has_rows, self.width, B, P)
        self.x = [difference(sample(u), sample(v)) for u, v in pairs]
        self.x += [0] * (TAPS - len(self.x))
        assert len(self.x) == TAPS and all(abs(x) < 1 << 16 for x in self.x)

        weights = [weights[past.channel] for weights in self.weights]
        guesses = [W + predicted(w, self.x) for w in weights]
        guesses += [third, fourth]
        guesses += [W + predicted(w, self.x) for w in self.squares[past.channel].weights]
        if self.width == 2:
            self.guesses = [g & 65535 for g in guesses]
        else:
            self.guesses = [min(max(g, 0), 65280) for g in guesses]

    def guess(self, j: int, past: Past) -> int:
        """A feature: the byte to come by prediction j, in steps of 1/4 if it is a high byte."""
        g = self.guesses[j]
        low = g & 255 if past.channel % 2 == 0 else (g - past.back(1) + 128 & 65535) >> 6
        return past.channel | low << 8

    def learn(self, past: Past) -> None:
        """Learn from the sample that was predicted, which has come."""
        channel = past.channel - self.width + 1
        value = past.back(1) << 8 | (past.back(2) if self.width == 2 else 0)
        self.squares[channel].learn(self.x, self.difference(value, self.before))
        inverse = inverse_power(self.x)
        for j, guess in enumerate(self.guesses):
            error = self.difference(value, guess)
            mean = self.errors[j][channel]
            self.errors[j][channel] = mean + 16 * abs(error) - mean // 16
            assert abs(error) < 1 << 16 and self.errors[j][channel] < 1 << 24
            if j < LEARNING:
                step = error * inverse >> 20
                self.weights[j][channel] = learnt(self.weights[j][channel], self.x, step, j)

    def cells(self, count: int, past: Past, k: int, node: int) -> list[tuple[int, int]]:
        """For each prediction, the cell that codes bit k after the bits of ``node``: (its
        ``error_class``, its ``place``)."""
        return [
            (self.error_class(j, past.channel), self.place(j, past, k, node)) for j in range(count)
        ]

    def error_class(self, j: int, channel: int) -> int:
        """The class of prediction j's mean error: 0…7."""
        first = channel // self.width * self.width
        return ((self.errors[j][first] >> 8) + 1).bit_length() - 1 >> 1

    def place(self, j: int, past: Past, k: int, node: int) -> int:
        """The quantised distance of prediction j from the threshold between the values of a 0 and
        those of a 1 in bit k, after the bits of ``node``: 0…255."""
        low = node << 8 - k & 255  # possible bytes are low…low + (256 >> k) − 1
        middle = low + (128 >> k)
        guess = self.guesses[j]
        if self.width == 1:
            return step_of(guess - (middle << 8))
        if past.channel % 2 == 0:  # the low byte
            return guess - low & 255
        return 128 + step_of(signed16(guess - past.back(1) - (middle << 8)))
