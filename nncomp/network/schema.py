"""A row of the network's schema: all that is known of a tensor before its values are.

Files, checks, packed models, engines and the trainer go through such rows (``ModelConfig.tensors``)
and name no tensor but those that they compute with. docs/numerics.md, section 9, is the table.
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
_NORM_C = (1 << 44) - 1  # norm's r = c // R
_MULTIPLIERS, _BIASES, _CONSTANTS, _CHECKS = 7, 8, 9, 13  # statistics


class Role(enum.Enum):
    """What a tensor is for."""

    TABLE = "table"  # weights of which a step adds a row, with one multiplier
    MATRIX = "matrix"  # weights of a product, with a multiplier for each row
    MULTIPLIER = "multiplier"
    BIAS = "bias"  # of scores, by distance
    CONSTANT = "constant"  # of a division
    CHECK = "check"  # of the contexts that a table knows


@dataclass(frozen=True)
class Tensor:
    """A tensor of one model: ``layer`` says in which layer, or in none."""

    name: str
    role: Role
    dtype: str  # a key of DTYPES
    shape: tuple[int, ...]
    low: int  # least and largest number it may hold
    high: int
    statistics: int  # of a packed model: tensors that learn together (docs/format.md, section 5)
    layer: int | None = None

    @property
    def type(self) -> np.dtype[Any]:
        """The numpy type."""
        return DTYPES[self.dtype]

    @property
    def stored_size(self) -> int:
        """Bytes in a file."""
        return self.type.itemsize * math.prod(self.shape)

    @property
    def is_weight(self) -> bool:
        """Whether it is what products are of, and not a scale or a bias of them."""
        return self.role in (Role.TABLE, Role.MATRIX)

    @property
    def key(self) -> str:
        """The name of weights, short: of ``head.weight`` and ``head.m`` it is ``head``."""
        return self.name.rpartition(".")[0]


def table(name: str, rows: int, width: int, statistics: int) -> tuple[Tensor, ...]:
    """Weights to look up, rows × width, and their one multiplier."""
    return _weight(name, Role.TABLE, (rows, width), statistics), multiplier(name)


def matrix(name: str, outputs: int, inputs: int, statistics: int) -> tuple[Tensor, ...]:
    """Weights of a product, outputs × inputs, and a multiplier for each output."""
    weight = _weight(name, Role.MATRIX, (outputs, inputs), statistics)
    return weight, multiplier(name, outputs)


def multiplier(name: str, count: int = 1) -> Tensor:
    """``m`` of the rounding rule: 0 ≤ m < 2^31."""
    return Tensor(f"{name}.m", Role.MULTIPLIER, "I32", (count,), 0, (1 << 31) - 1, _MULTIPLIERS)


def constant(name: str, high: int = _NORM_C) -> Tensor:
    """``c``, which is divided: 0 < c ≤ ``high``."""
    return Tensor(f"{name}.c", Role.CONSTANT, "I64", (1,), 1, high, _CONSTANTS)


def bias(name: str, rows: int, window: int) -> Tensor:
    """What is added to scores, for each distance below ``window``."""
    shape = (rows, window)
    return Tensor(f"{name}.bias", Role.BIAS, "I16", shape, -(1 << 15), (1 << 15) - 1, _BIASES)


def check(name: str, rows: int) -> Tensor:
    """A byte of the hash of each row's context, bucket by bucket; any value is legal."""
    return Tensor(f"{name}.check", Role.CHECK, "U8", (rows,), 0, 255, _CHECKS)


def _weight(name: str, role: Role, shape: tuple[int, int], statistics: int) -> Tensor:
    return Tensor(f"{name}.weight", role, "I8", shape, -127, 127, statistics)
