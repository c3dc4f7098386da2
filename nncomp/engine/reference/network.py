"""The network of the reference engine: sections 3 to 6 of ``docs/numerics.md``.

Names and section numbers are those of that page. All arithmetic is int64, which every product and
sum fits with room, so that nothing can wrap unseen; the asserts state the narrower types that a
fast engine may use. Arrays carry one leading axis, the lanes of a block, which go in lock step.
"""

from __future__ import annotations

from math import isqrt

import numpy as np
import numpy.typing as npt

from nncomp.engine.reference.arithmetic import Ints, Tensors, clamp8, clamp16, rq
from nncomp.engine.reference.layers import LAYERS
from nncomp.model import Model
from nncomp.tables import POW

__all__ = ["HISTORY", "Network", "norm"]

HISTORY = 6  # bytes of the past that the input of a step looks at
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio: a multiplicative hash


class Network:
    """A model and what it remembers of each lane: one call of ``step`` for each byte."""

    def __init__(self, model: Model, lanes: int) -> None:
        self.config = model.config
        tensors = {  # the n-gram tables are large and only looked up, so they stay narrow
            name: tensor if name.startswith("ngram.") else tensor.astype(np.int64)
            for name, tensor in model.tensors.items()
        }
        self.tensors = Tensors(tensors)
        self.layers = [
            LAYERS[type(shape)](shape, Tensors(tensors, f"layers.{i}."), lanes)
            for i, shape in enumerate(model.config.layers)
        ]
        self.time = 0

    def step(self, history: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
        """Predict the next byte of each lane from (lanes, 6) uint8, the bytes before, newest first.

        Returns the frequencies of all bytes, (lanes, 256) uint32 in 1…2^30. The first call may be
        followed by calls with fewer lanes, never with more; the last lanes are those that end.
        """
        x = self.embed(history)
        for i in range(len(self.layers)):
            x = self.layer(i, x)
        self.time += 1
        return self.output(x)

    def embed(self, history: npt.NDArray[np.uint8]) -> Ints:
        """Section 3: the residual stream at its start, (lanes, d), |x| ≤ 9·32767."""
        tokens = history[:, 0] if self.time else np.full(len(history), 256)
        rows = self.tensors["embed.weight"][tokens]
        x = clamp16(rq(rows << 10, self.tensors.number("embed.m")))
        for i, (order, log2_rows, width, first) in enumerate(self.config.ngrams):
            context = np.zeros(len(history), np.uint64)
            for j in range(order):
                context |= history[:, j].astype(np.uint64) << np.uint64(8 * j)
            index = (context * GOLDEN) >> np.uint64(64 - log2_rows)  # uint64 arrays wrap: mod 2^64
            rows = self.tensors[f"ngram.{i}.weight"][index].astype(np.int64)
            addend = clamp16(rq(rows << 10, self.tensors.number(f"ngram.{i}.m")))
            x[:, first : first + width] += addend
        return x

    def layer(self, i: int, x: Ints) -> Ints:
        """Section 5: layer ``i`` added to the residual stream, (lanes, d) → (lanes, d)."""
        y = norm(x, self.tensors.number(f"layers.{i}.norm.c"))
        return x + clamp16(self.layers[i](y))

    def output(self, x: Ints) -> npt.NDArray[np.uint32]:
        """Section 6: (lanes, d) → frequencies, (lanes, 256) uint32 in 1…2^30."""
        z = self.tensors.multiplied("head", norm(x, self.tensors.number("norm.c")))
        distance = z.max(axis=1, keepdims=True) - z
        octaves = distance >> 8
        w = POW[distance & 255] >> np.minimum(octaves, 31)
        return np.maximum(np.where(octaves > 30, 0, w), 1).astype(np.uint32)


def norm(x: Ints, c: int) -> Ints:
    """Section 4: each lane scaled to a fixed size, (lanes, d), |x| < 2^22 → (lanes, d) s8.

    0 < c < 2^44.
    """
    assert abs(x).max() < 1 << 22 and 0 < c < 1 << 44
    roots = [max(isqrt(int(s)), 1) for s in (x * x).sum(axis=1)]
    r = np.array([min(c // root, (1 << 31) - 1) for root in roots], np.int64)
    return clamp8(rq(x, r[:, None]))
