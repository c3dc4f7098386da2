"""The reference engine's readout: section 13 of ``docs/numerics.md``.

Rows of weights on the units of the network's last layer, so that what the network sees is read as
this file wants it.
"""

from __future__ import annotations

import numpy as np

from nncomp.engine.reference.cells import Ints, clamp_stretch, counted, learned, wrapped
from nncomp.mixing_tables import READOUT_RATE, RECIPROCAL

__all__ = ["Readout"]

ROWS = 16  # of each node
USUAL = 128  # an input that is as far from its mean as it is on average
FARTHEST = 240  # bounds inputs
SURE_ERROR = 8192  # errors in 1/2^18 up to which nothing is learnt
MAX_SEEN = 1023  # what is counted of rows
ONE_GAIN, MAX_GAIN = 1 << 16, 2 << 16


class Readout:
    """That of a lane, for so many units, at least one."""

    def __init__(self, units: int) -> None:
        self.mean = np.zeros(units, np.int64)  # of each unit; 128 is one
        self.spread = np.zeros(units, np.int64)  # how far it is from there on average
        self.scale = np.zeros(units, np.int64)  # what makes an input of its distance, in 1/2^15
        self.weights = np.zeros((ROWS, 256, units), np.int64)  # [row][node]
        self.seen = np.zeros((ROWS, 256), np.int64)  # how often each has learnt
        self.gain = np.full((2, 256), ONE_GAIN)  # by match row, by node
        self.x = np.zeros(units, np.int64)  # inputs of the byte to come
        self.at = self.gain_at = (np.zeros(2, np.int64), np.zeros(2, np.int64))  # of a bit
        self.said = 0

    def take(self, units: Ints, t: int) -> None:
        """Make inputs of the units, (n) u8, before byte t."""
        if t & (t - 1) == 0 if t < 256 else t % 256 == 0:
            self.scale = (USUAL << 15) // (self.spread + USUAL)
        distance = (units << 7) - self.mean
        self.x = np.clip(distance * self.scale >> 15, -FARTHEST, FARTHEST)
        rate = RECIPROCAL[min(t, 255)]
        self.mean = self.mean + (distance * rate >> 15)
        self.spread = self.spread + ((abs(distance) - self.spread) * rate >> 15)

    def choose(self, match_class: int, guess: int, node: int, c1: int) -> None:
        """The rows and gains for a bit."""
        length = 0 if match_class == 0 else 1 if match_class < 16 else 4
        self.at = np.array([length + guess, 8 + (c1 >> 5)]), np.array([node, node])
        self.gain_at = np.arange(2), np.array([4 * match_class + guess, node])

    def ask(self) -> int:
        """What is added to the mean of the second layer."""
        total = int(wrapped((self.weights[self.at] @ self.x).sum()))
        self.said = clamp_stretch(total >> 15)
        return self.said * (int(self.gain[self.gain_at].sum()) >> 1) >> 16

    def learn(self, error: int) -> None:
        """Gains and rows learn from an error in 1/2^18."""
        if abs(error) <= SURE_ERROR:
            return
        moved = self.gain[self.gain_at] + (error * self.said >> 14)
        self.gain[self.gain_at] = np.clip(moved, 0, MAX_GAIN)
        e = error * READOUT_RATE[counted(self.seen, self.at, MAX_SEEN)] >> 12
        self.weights[self.at] = learned(self.weights[self.at], self.x, e[:, None])
