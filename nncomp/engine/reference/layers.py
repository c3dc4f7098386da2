"""The kinds of layers: section 5 of ``docs/numerics.md``, a class for each.

A layer holds the state of some lanes. It is called once for each byte with the normed residual
stream, (lanes, d) s8, and returns the addend of the stream, (lanes, d), not yet clamped. Later
calls may have fewer lanes: the last ones end first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from nncomp.engine.reference.arithmetic import Ints, Tensors, clamp, clamp8, rq
from nncomp.network import layers as kinds
from nncomp.tables import EXP

__all__ = ["LAYERS", "Attention", "FeedForward", "Layer"]


class Layer(Protocol):
    """The interface of a layer."""

    units: Ints  # hidden units of the last step, (lanes, units) u8

    def __call__(self, y: Ints) -> Ints: ...

    def share_first(self, lanes: int) -> None:
        """Copy the state of the first lane, the only one used so far, to all lanes."""


class Attention:
    """Attention, as in section 5.1."""

    def __init__(self, shape: kinds.Attention, tensors: Tensors, lanes: int) -> None:
        self.shape, self.tensors = shape, tensors
        self.keys = self.values = np.zeros((lanes, 0, shape.width), np.int64)  # newest first
        self.units = np.zeros((lanes, 0), np.int64)

    def __call__(self, y: Ints) -> Ints:
        lanes, heads, h = len(y), self.shape.heads, self.shape.width
        a = clamp8(self.tensors.multiplied("qkv", y))
        q, k, v = np.split(a, [heads * h, heads * h + h], axis=1)
        q = q.reshape(lanes, heads, h)
        self.keys = keys = _push(k, self.keys, self.shape.window)  # (lanes, J, h)
        self.values = values = _push(v, self.values, self.shape.window)

        z = rq(np.einsum("lhi,lji->lhj", q, keys), self.tensors.number("attn.m"))
        z += self.tensors["attn.bias"][:, : keys.shape[1]]  # (lanes, H, J)
        distance = z.max(axis=2, keepdims=True) - z
        assert distance.max() < 1 << 24
        u = np.where(distance < 640, EXP[np.minimum(distance, 639)], 0).astype(np.int64)  # u8
        r = self.tensors.number("attn.c") // u.sum(axis=2, keepdims=True)  # Σu ≥ 255
        o = clamp8(rq(np.einsum("lhj,lji->lhi", u, values), r))
        return self.tensors.multiplied("out", o.reshape(lanes, heads * h))

    def share_first(self, lanes: int) -> None:
        self.keys = np.repeat(self.keys[:1], lanes, axis=0)
        self.values = np.repeat(self.values[:1], lanes, axis=0)


def _push(new: Ints, cache: Ints, window: int) -> Ints:
    """``new``, (lanes, h), in front of ``cache``, (at least as many lanes, J, h), cut to the
    window."""
    return np.concatenate([new[:, None], cache[: len(new), : window - 1]], axis=1)


class FeedForward:
    """The feed-forward layer, as in section 5.2."""

    def __init__(self, shape: kinds.FeedForward, tensors: Tensors, lanes: int) -> None:
        self.tensors = tensors
        self.units = np.zeros((lanes, shape.width), np.int64)

    def __call__(self, y: Ints) -> Ints:
        p = clamp(self.tensors.multiplied("up", y), 0, 4095)
        self.units = np.minimum((p * p + (1 << 15)) >> 16, 255)  # (lanes, f) u8
        return self.tensors.multiplied("down", self.units)

    def share_first(self, lanes: int) -> None:
        """Do nothing: this layer has no state."""


LAYERS: dict[type[kinds.Layer], Callable[[Any, Tensors, int], Layer]] = {
    kinds.Attention: Attention,
    kinds.FeedForward: FeedForward,
}
