"""Descriptions of tensors: everything but their values.

Files, checks, packed models, engines and the trainer iterate over them (``ModelConfig.tensors``),
so that only code that computes with a tensor has to name it. docs/numerics.md, section 9, is the
table.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "DTYPES",
    "Role",
    "Tensor",
    "bias",
    "check",
    "constant",
    "matrix",
    "multiplier",
    "table",
]

DTYPES: dict[str, np.dtype[Any]] = {  # by their names in safetensors
    "U8": np.dtype(np.uint8),
    "I8": np.dtype(np.int8),
    "I16": np.dtype(np.int16),
    "I32": np.dtype(np.int32),
    "I64": np.dtype(np.int64),
}
_NORM_C = (1 << 44) - 1  # largest c of a norm, which scales by r = c // R
_MULTIPLIERS, _BIASES, _CONSTANTS, _CHECKS = 7, 8, 9, 13  # values of ``Tensor.statistics``


class Role(enum.Enum):
    """The role of a tensor in a network."""

    TABLE = "table"  # embedding: a step looks up one row; it has one multiplier
    MATRIX = "matrix"  # weights of a matrix product, with a multiplier for each row
    MULTIPLIER = "multiplier"  # fixed-point scales of weights
    BIAS = "bias"  # added to attention scores, by distance
    CONSTANT = "constant"  # numerator of a division
    CHECK = "check"  # bytes by which a table recognises the contexts that it knows


@dataclass(frozen=True)
class Tensor:
    """A tensor of a model, without its values."""

    name: str
    role: Role
    dtype: str  # a key of DTYPES
    shape: tuple[int, ...]
    low: int  # smallest value it may hold
    high: int  # largest value it may hold
    statistics: int  # adaptive statistics that it shares when packed (docs/format.md, section 5)
    layer: int | None = None  # number of its layer; None: it is in none

    @property
    def type(self) -> np.dtype[Any]:
        """The numpy type."""
        return DTYPES[self.dtype]

    @property
    def stored_size(self) -> int:
        """Size in a model file, in bytes."""
        return self.type.itemsize * math.prod(self.shape)

    @property
    def is_weight(self) -> bool:
        """Whether it holds weights, and not scales, biases or the like."""
        return self.role in (Role.TABLE, Role.MATRIX)

    @property
    def key(self) -> str:
        """The name without its last part: ``head`` for ``head.weight`` and ``head.m``."""
        return self.name.rpartition(".")[0]


def table(name: str, rows: int, width: int, statistics: int) -> tuple[Tensor, ...]:
    """An embedding, (rows, width), and its only multiplier."""
    return _weight(name, Role.TABLE, (rows, width), statistics), multiplier(name)


def matrix(name: str, outputs: int, inputs: int, statistics: int) -> tuple[Tensor, ...]:
    """Weights of a matrix product, (outputs, inputs), and a multiplier for each output."""
    weight = _weight(name, Role.MATRIX, (outputs, inputs), statistics)
    return weight, multiplier(name, outputs)


def multiplier(name: str, count: int = 1) -> Tensor:
    """``count`` multipliers m of the rounding rule, 0 ≤ m < 2^31."""
    return Tensor(f"{name}.m", Role.MULTIPLIER, "I32", (count,), 0, (1 << 31) - 1, _MULTIPLIERS)


def constant(name: str, high: int = _NORM_C) -> Tensor:
    """The numerator c of a division, 0 < c ≤ ``high``."""
    return Tensor(f"{name}.c", Role.CONSTANT, "I64", (1,), 1, high, _CONSTANTS)


def bias(name: str, rows: int, window: int) -> Tensor:
    """Biases of attention scores, (rows, window): one for each distance below ``window``."""
    shape = (rows, window)
    return Tensor(f"{name}.bias", Role.BIAS, "I16", shape, -(1 << 15), (1 << 15) - 1, _BIASES)


def check(name: str, rows: int) -> Tensor:
    """A byte of the hash of each row's context, by which the row is recognised; (rows,) in buckets.
    Any value is legal."""
    return Tensor(f"{name}.check", Role.CHECK, "U8", (rows,), 0, 255, _CHECKS)


def _weight(name: str, role: Role, shape: tuple[int, int], statistics: int) -> Tensor:
    return Tensor(f"{name}.weight", role, "I8", shape, -127, 127, statistics)
