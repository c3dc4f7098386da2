"""The network of the reference engine: sections 1 to 6 of ``docs/numerics.md``.

Names and section numbers are those of that page. All arithmetic is int64, which every product and
sum fits with room, so that nothing can wrap unseen; the asserts state the narrower types that a
fast engine may use. Arrays carry one leading axis, the lanes of a block, which go in lock step.
"""

from __future__ import annotations

from math import isqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nncomp.model import Model
from nncomp.tables import EXP, POW

__all__ = ["HISTORY", "Network", "norm", "rq"]

Ints: TypeAlias = npt.NDArray[np.int64]

HISTORY = 6  # bytes of the past that the input of a step looks at
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio: a multiplicative hash


# 1. Conventions


def rq(x: Ints, m: Ints | int) -> Ints:
    """Requantise: x·m / 2^30, rounded to nearest, halves up. |x| < 2^29, 0 ≤ m < 2^31."""
    m = np.asarray(m, np.int64)
    assert abs(x).max() < 1 << 29 and m.min() >= 0 and m.max() < 1 << 31
    return (x * m + (1 << 29)) >> 30


def clamp(x: Ints, low: int, high: int) -> Ints:
    """Each element of ``x``, moved into low…high."""
    return np.minimum(np.maximum(x, low), high)


def clamp8(x: Ints) -> Ints:
    """Clamp to −127…127, the range s8."""
    return clamp(x, -127, 127)


def clamp16(x: Ints) -> Ints:
    """Clamp to −32767…32767."""
    return clamp(x, -32767, 32767)


def product(matrix: Ints, y: Ints) -> Ints:
    """matrix·y for every lane: (outputs, inputs), (lanes, inputs) → (lanes, outputs) in int32."""
    a: Ints = np.einsum("oi,li->lo", matrix, y)
    assert abs(a).max() < 1 << 29
    return a


# 4. Norm


def norm(x: Ints, c: int) -> Ints:
    """Scale each lane to a fixed size: (lanes, d), |x| < 2^22 → (lanes, d) s8. 0 < c < 2^44."""
    assert abs(x).max() < 1 << 22 and 0 < c < 1 << 44
    roots = [max(isqrt(int(s)), 1) for s in (x * x).sum(axis=1)]
    r = np.array([min(c // root, (1 << 31) - 1) for root in roots], np.int64)
    return clamp8(rq(x, r[:, None]))


# 3 to 6. The network


class Network:
    """A model and what it remembers of each lane: one call of ``step`` for each byte."""

    def __init__(self, model: Model, lanes: int) -> None:
        self.config = model.config
        self.tensors = {  # the n-gram tables are large and only looked up, so they stay narrow
            name: tensor if name.startswith("ngram.") else tensor.astype(np.int64)
            for name, tensor in model.tensors.items()
        }
        self.time = 0
        empty = np.zeros((lanes, 0, model.config.d_head), np.int64)
        self.keys = [empty] * model.config.n_layers  # (lanes, J, h) each, newest position first
        self.values = [empty] * model.config.n_layers

    def constant(self, name: str) -> int:
        """The one element of the tensor ``name``."""
        return int(self.tensors[name][0])

    def matrix(self, name: str, y: Ints) -> Ints:
        """The matrix ``name`` times y, each row requantised: (lanes, inputs) → (lanes, outputs)."""
        return rq(product(self.tensors[f"{name}.weight"], y), self.tensors[f"{name}.m"])

    def step(self, history: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
        """Predict the next byte of each lane from (lanes, 6) uint8, the bytes before, newest first.

        Returns the weights of all byte values, (lanes, 256) uint32 in 1…2^30. The first call may
        be followed by calls with fewer lanes, never with more; the last lanes are those that end.
        """
        x = self.embed(history)
        for i in range(self.config.n_layers):
            x = self.layer(i, x)
        self.time += 1
        return self.output(x)

    def embed(self, history: npt.NDArray[np.uint8]) -> Ints:
        """Section 3: the residual stream at its start, (lanes, d), |x| ≤ 9·32767."""
        tokens = history[:, 0] if self.time else np.full(len(history), 256)
        rows = self.tensors["embed.weight"][tokens]
        x = clamp16(rq(rows << 10, self.constant("embed.m")))
        for i, (order, log2_rows, width, first) in enumerate(self.config.ngrams):
            context = np.zeros(len(history), np.uint64)
            for j in range(order):
                context |= history[:, j].astype(np.uint64) << np.uint64(8 * j)
            index = (context * GOLDEN) >> np.uint64(64 - log2_rows)  # uint64 arrays wrap: mod 2^64
            rows = self.tensors[f"ngram.{i}.weight"][index].astype(np.int64)
            addend = clamp16(rq(rows << 10, self.constant(f"ngram.{i}.m")))
            x[:, first : first + width] += addend
        return x

    def layer(self, i: int, x: Ints) -> Ints:
        """Section 5: layer ``i`` added to the residual stream, (lanes, d) → (lanes, d)."""
        name = f"layers.{i}"
        y = norm(x, self.constant(f"{name}.norm1.c"))
        x = x + clamp16(self.matrix(f"{name}.out", self.attention(i, y)))
        y = norm(x, self.constant(f"{name}.norm2.c"))
        p = clamp(self.matrix(f"{name}.up", y), 0, 4095)
        s = np.minimum((p * p + (1 << 15)) >> 16, 255)  # (lanes, f) u8
        return x + clamp16(self.matrix(f"{name}.down", s))

    def attention(self, i: int, y: Ints) -> Ints:
        """What the heads of layer ``i`` read from its window: (lanes, d) s8 → (lanes, H·h) s8."""
        name, lanes = f"layers.{i}", len(y)
        heads, h, window = self.config.n_heads, self.config.d_head, self.config.windows[i]
        a = clamp8(self.matrix(f"{name}.qkv", y))
        q, k, v = np.split(a, [heads * h, heads * h + h], axis=1)
        q = q.reshape(lanes, heads, h)
        self.keys[i] = keys = _push(k, self.keys[i], window)  # (lanes, J, h)
        self.values[i] = values = _push(v, self.values[i], window)

        z = rq(np.einsum("lhi,lji->lhj", q, keys), self.constant(f"{name}.attn.m"))
        z += self.tensors[f"{name}.attn.bias"][:, : keys.shape[1]]  # (lanes, H, J)
        distance = z.max(axis=2, keepdims=True) - z
        assert distance.max() < 1 << 24
        u = np.where(distance < 640, EXP[np.minimum(distance, 639)], 0).astype(np.int64)  # u8
        r = self.constant(f"{name}.attn.c") // u.sum(axis=2, keepdims=True)  # Σu ≥ 255
        o = clamp8(rq(np.einsum("lhj,lji->lhi", u, values), r))
        return o.reshape(lanes, heads * h)

    def output(self, x: Ints) -> npt.NDArray[np.uint32]:
        """Section 6: (lanes, d) → weights, (lanes, 256) uint32 in 1…2^30."""
        z = self.matrix("head", norm(x, self.constant("norm.c")))
        distance = z.max(axis=1, keepdims=True) - z
        octaves = distance >> 8
        w = POW[distance & 255] >> np.minimum(octaves, 31)
        return np.maximum(np.where(octaves > 30, 0, w), 1).astype(np.uint32)


def _push(new: Ints, cache: Ints, window: int) -> Ints:
    """``new`` (lanes, h) before what ``cache`` (at least as many lanes, J, h) has of the window."""
    return np.concatenate([new[:, None], cache[: len(new), : window - 1]], axis=1)
