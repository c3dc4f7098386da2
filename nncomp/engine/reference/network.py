"""The network of the reference engine: sections 3 to 6 of ``docs/numerics.md``.

Names and section numbers are those of that page. All arithmetic is int64, with room for every
product and sum, so that nothing can wrap unnoticed; the asserts state the narrower types that a
fast engine may use. The leading axis of arrays is the lanes of a block, which go in lock step.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from math import isqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nncomp.engine.reference.arithmetic import Ints, Tensors, clamp8, clamp16, rq
from nncomp.engine.reference.contexts import KEYS, Past
from nncomp.engine.reference.layers import LAYERS
from nncomp.model import Model
from nncomp.network import WAYS, Table
from nncomp.tables import POW

__all__ = ["START", "Network", "Prediction", "norm"]

START = 256  # the token before a lane's first byte
GOLDEN = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: a multiplicative hash
CHECK = 8  # bits of a known context's check


class Prediction(NamedTuple):
    """The network's prediction of the next byte of each lane."""

    frequencies: npt.NDArray[np.uint32]  # (lanes, 256) in 1…2^30
    units: Ints  # hidden units of the last layer that the adaptive stage reads, (lanes, n) u8


class Network:
    """A model with the state of each lane; ``step`` is called for each byte."""

    def __init__(self, model: Model, lanes: int) -> None:
        self.config = model.config
        tensors = {  # tables are large and only looked up, so they stay in int8
            name: tensor if name.startswith("table.") else tensor.astype(np.int64)
            for name, tensor in model.tensors.items()
        }
        self.tensors = Tensors(tensors)
        self.layers = [
            LAYERS[type(shape)](shape, Tensors(tensors, f"layers.{i}."), lanes)
            for i, shape in enumerate(model.config.layers)
        ]
        self.pasts = [Past() for _ in range(lanes)]

    def share_first(self) -> None:
        """Copy the state of the first lane, the only one used so far, to all lanes."""
        for layer in self.layers:
            layer.share_first(len(self.pasts))
        self.pasts = [copy.deepcopy(self.pasts[0]) for _ in self.pasts]

    def step(self, tokens: Sequence[int]) -> Prediction:
        """Predict the next byte of each lane; ``tokens`` are the bytes before, at first ``START``.

        The first call may be followed by calls with fewer lanes, never with more; the last lanes
        are those that end.
        """
        x = self.embed(tokens)
        for i in range(len(self.layers)):
            x = self.layer(i, x)
        return Prediction(self.output(x), self.layers[-1].units[:, : self.config.units])

    def embed(self, tokens: Sequence[int]) -> Ints:
        """Section 3: the beginning of the residual stream, (lanes, d), |x| ≤ 25·32767."""
        for past, token in zip(self.pasts, tokens, strict=False):  # the last lanes end first
            if token != START:
                past.take(token)
        pasts = self.pasts[: len(tokens)]
        rows = self.tensors["embed.weight"][tokens]
        x = clamp16(rq(rows << 10, self.tensors.number("embed.m")))
        for i, table in enumerate(self.config.tables):
            name = f"table.{i}"
            check = self.tensors[f"{name}.check"] if table.ways else None
            numbers = [row_of(table, check, KEYS[table.context](past)) for past in pasts]
            rows = self.tensors[f"{name}.weight"][numbers].astype(np.int64)
            addend = clamp16(rq(rows << 10, self.tensors.number(f"{name}.m")))
            x[:, table.first : table.first + table.width] += addend
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


def row_of(table: Table, check: Ints | None, key: int) -> int:
    """Section 3: the row of a context's key in a table. ``check`` is the table's, if it has known
    contexts, else None."""
    key_hash = key * GOLDEN % 2**64
    if check is None:
        return key_hash >> (64 - table.log2_rows)
    buckets = len(check) // WAYS
    bucket, rest = divmod(key_hash * buckets, 2**64)  # the upper bits, and those below them
    checks = check[WAYS * bucket : WAYS * (bucket + 1)].tolist()
    wanted = rest >> (64 - CHECK)
    return WAYS * bucket + checks.index(wanted) if wanted in checks else len(check)


def norm(x: Ints, c: int) -> Ints:
    """Section 4: each lane scaled to a fixed size, (lanes, d), |x| < 2^22 → (lanes, d) s8.

    0 < c < 2^44.
    """
    assert abs(x).max() < 1 << 22 and 0 < c < 1 << 44
    roots = [max(isqrt(int(s)), 1) for s in (x * x).sum(axis=1)]
    r = np.array([min(c // root, (1 << 31) - 1) for root in roots], np.int64)
    return clamp8(rq(x, r[:, None]))
