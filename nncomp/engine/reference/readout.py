"""The reference engine's readout: section 13 of ``docs/numerics.md``.

It is a linear layer on the hidden units of the network's last layer, with adaptive weights, so that
the network's features are used as this file needs them.
"""

from __future__ import annotations

import numpy as np

from nncomp.engine.reference.arithmetic import Ints
from nncomp.engine.reference.cells import clamp_stretch, counted, learned, wrapped
from nncomp.mixing_tables import READOUT_RATE, RECIPROCAL

__all__ = ["Readout"]

ROWS = 16  # rows of weights for each node
USUAL = 128  # the input of a unit whose distance from its mean is the average one
FARTHEST = 240  # bound of inputs
SURE_ERROR = 8192  # errors, in 1/2^18, up to which nothing is learnt
MAX_SEEN = 1023  # limit of the counts of rows
ONE_GAIN, MAX_GAIN = 1 << 16, 2 << 16  # gain 1, at first, and the largest gain


class Readout:
    """The readout of a lane, for ``units`` ≥ 1 hidden units."""

    def __init__(self, units: int) -> None:
        self.mean = np.zeros(units, np.int64)  # mean of each unit, in 1/128
        self.spread = np.zeros(units, np.int64)  # mean distance of each unit from its mean
        self.scale = np.zeros(units, np.int64)  # factor from distance to input, in 1/2^15
        self.weights = np.zeros((ROWS, 256, units), np.int64)  # [row][node]
        self.seen = np.zeros((ROWS, 256), np.int64)  # how often each row has learnt
        self.gain = np.full((2, 256), ONE_GAIN)  # [0][match row], [1][node]
        self.x = np.zeros(units, np.int64)  # inputs for the byte to come
        # The rows and the gains that are chosen for the bit to come.
        self.at = self.gain_at = (np.zeros(2, np.int64), np.zeros(2, np.int64))
        self.said = 0  # output for the bit to come, before gains

    def take(self, units: Ints, t: int) -> None:
        """Compute the inputs for byte t from the units, (n) u8, and update their statistics."""
        if t & (t - 1) == 0 if t < 256 else t % 256 == 0:
            self.scale = (USUAL << 15) // (self.spread + USUAL)
        distance = (units << 7) - self.mean
        self.x = np.clip(distance * self.scale >> 15, -FARTHEST, FARTHEST)
        rate = RECIPROCAL[min(t, 255)]
        self.mean = self.mean + (distance * rate >> 15)
        self.spread = self.spread + ((abs(distance) - self.spread) * rate >> 15)

    def choose(self, match_class: int, guess: int, node: int, c1: int) -> None:
        """Choose the rows and gains for the bit to come."""
        length = 0 if match_class == 0 else 1 if match_class < 16 else 4
        self.at = np.array([length + guess, 8 + (c1 >> 5)]), np.array([node, node])
        self.gain_at = np.arange(2), np.array([4 * match_class + guess, node])

    def ask(self) -> int:
        """The output, which is added to the mean of the mixer's second layer."""
        total = int(wrapped((self.weights[self.at] @ self.x).sum()))
        self.said = clamp_stretch(total >> 15)
        return self.said * (int(self.gain[self.gain_at].sum()) >> 1) >> 16

    def learn(self, error: int) -> None:
        """Let the chosen gains and rows learn from an error in 1/2^18."""
        if abs(error) <= SURE_ERROR:
            return
        moved = self.gain[self.gain_at] + (error * self.said >> 14)
        self.gain[self.gain_at] = np.clip(moved, 0, MAX_GAIN)
        e = error * READOUT_RATE[counted(self.seen, self.at, MAX_SEEN)] >> 12
        self.weights[self.at] = learned(self.weights[self.at], self.x, e[:, None])
