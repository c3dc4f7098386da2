"""The arithmetic of the reference engine's network: section 1 of ``docs/numerics.md``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Ints", "Tensors", "clamp", "clamp8", "clamp16", "product", "rq"]

Ints: TypeAlias = npt.NDArray[np.int64]


def rq(x: Ints, m: Ints | int) -> Ints:
    """Requantise: x·m / 2^30, rounded to nearest, halves up. |x| < 2^29, 0 ≤ m < 2^31."""
    m = np.asarray(m, np.int64)
    assert abs(x).max() < 1 << 29 and m.min() >= 0 and m.max() < 1 << 31
    return (x * m + (1 << 29)) >> 30


def clamp(x: Ints, low: int, high: int) -> Ints:
    """Clamp each element of ``x`` to low…high."""
    return np.minimum(np.maximum(x, low), high)


def clamp8(x: Ints) -> Ints:
    """Clamp each element to −127…127, the range s8."""
    return clamp(x, -127, 127)


def clamp16(x: Ints) -> Ints:
    """Clamp each element to −32767…32767."""
    return clamp(x, -32767, 32767)


def product(matrix: Ints, y: Ints) -> Ints:
    """matrix·y for every lane: (outputs, inputs), (lanes, inputs) → (lanes, outputs) in int32."""
    a: Ints = np.einsum("oi,li->lo", matrix, y)
    assert abs(a).max() < 1 << 29
    return a


class Tensors:
    """The tensors of a model whose names begin with ``prefix``."""

    def __init__(self, tensors: Mapping[str, Ints], prefix: str = "") -> None:
        self._tensors, self._prefix = tensors, prefix

    def __getitem__(self, name: str) -> Ints:
        return self._tensors[self._prefix + name]

    def number(self, name: str) -> int:
        """The only element of the tensor ``name``."""
        return int(self[name][0])

    def multiplied(self, name: str, y: Ints) -> Ints:
        """The matrix ``name`` times y, each row requantised: (lanes, inputs) → (lanes, outputs)."""
        return rq(product(self[f"{name}.weight"], y), self[f"{name}.m"])
