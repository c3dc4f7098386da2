"""Models embedded in files: packed, either in full or as the difference from a released model.

``docs/format.md``, section 5, is the specification. Tensors are integers before and after: packing
loses nothing, and what ``unpack`` returns has passed every check of ``Model.build``. A packed model
has no name and no notes: the container names it, and its id is that of its content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nncomp import _native
from nncomp.container import Packed
from nncomp.errors import FormatError, ModelError
from nncomp.model import ID_SIZE, MAX_FILE_SIZE, Model
from nncomp.network import ARITHMETIC, CONTEXTS, KINDS, WAYS, ModelConfig, Role, Table, Tensor

__all__ = [
    "MAX_RANK",
    "UNIT",
    "Factors",
    "base_id",
    "pack",
    "read_config",
    "unpack",
]

_WHOLE, _CHANGE = 0, 1
# The sets of statistics with which factors are coded; those of tensors are in the schema.
_RANK, _LEFT, _RIGHT = 10, 11, 12

MAX_RANK = 15
MAX_SHIFT = 30
UNIT = 8  # bits by which products of factors are shifted left, so that their steps can be large
_ROWS = 256  # rows of a matrix that are changed at a time
_RISING = {Role.BIAS, Role.CHECK}  # values rise along a row, so that differences are coded

_Tensor = npt.NDArray[Any]


@dataclass(frozen=True)
class Factors:
    """A low-rank change of a matrix, which is cheap to store: left · rightᵀ · 2^(8 − shift)."""

    left: npt.NDArray[np.int8]  # (rows, rank), rank 1..15
    right: npt.NDArray[np.int8]  # (columns, rank)
    shift: int  # 1..30

    def added_to(self, weight: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """``weight``, (rows, columns), with the change added and clipped to −127..127."""
        changed = np.empty_like(weight)
        right = self.right.astype(np.int32)
        for i in range(0, len(weight), _ROWS):  # in parts, so that little memory is needed
            rows = slice(i, i + _ROWS)
            product = self.left[rows].astype(np.int32) @ right.T << UNIT  # at most 15·2^22
            product = (product + (1 << self.shift - 1)) >> self.shift
            changed[rows] = np.clip(weight[rows] + product, -127, 127)
        return changed


def pack(
    model: Model, base: Model | None = None, factors: Mapping[str, Factors] | None = None
) -> Packed:
    """Pack ``model`` in full, or as its difference from ``base``, which has the same dimensions.

    ``factors``, by names of weights, are low-rank approximations of the difference, of which only
    the rest is then coded. Raises ``ValueError`` where dimensions differ. The same arguments give
    the same bytes.
    """
    if base is None:
        head = bytes([_WHOLE, *_dimensions(model.config)])
    elif base.config == model.config:
        head = bytes([_CHANGE]) + base.id
    else:
        raise ValueError("a model is a change of one of the same dimensions only")
    before = _start(model.config, base)
    encoder = _native.IntegerEncoder()
    for row in _order(model.config):
        if base is not None and row.is_weight:
            change = (factors or {}).get(row.name)
            _put_factors(encoder, change)
            if change is not None:
                before[row.name] = change.added_to(before[row.name])
        coded, start = (_coded(row, tensors[row.name]) for tensors in (model.tensors, before))
        encoder.put(row.statistics, coded, start)
    return Packed(model.name, head + encoder.finish())


def base_id(packed: Packed) -> bytes | None:
    """The id, 16 bytes, of the model from which this one is a difference; None: it is in full.

    Raises ``ModelError`` where that cannot be read.
    """
    data = packed.data
    if data[:1] == bytes([_WHOLE]):
        return None
    if data[:1] != bytes([_CHANGE]) or len(data) < 1 + ID_SIZE:
        raise ModelError("packed model is malformed")
    return data[1 : 1 + ID_SIZE]


class Dimensioned(Protocol):
    """A model, or the header of one, without tensors."""

    @property
    def id(self) -> bytes: ...

    @property
    def config(self) -> ModelConfig: ...


def read_config(packed: Packed, base: Dimensioned | None) -> ModelConfig:
    """The dimensions of a packed model, read without allocating its tensors. Raises
    ``ModelError``."""
    return _read_head(packed, base)[0]


def unpack(packed: Packed, base: Model | None) -> Model:
    """Unpack a model; ``base`` is the one with the id ``base_id(packed)``, if that is not None.

    Raises ``ModelError`` for anything that ``pack`` does not write. The dimensions, from
    ``read_config``, determine the memory that it takes.
    """
    config, position = _read_head(packed, base)
    tensors = _start(config, base)
    try:
        decoder = _native.IntegerDecoder(packed.data, position)
        for row in _order(config):
            if base is not None and row.is_weight:
                change = _read_factors(decoder, row.shape)
                if change is not None:
                    tensors[row.name] = change.added_to(tensors[row.name])
            coded = _coded(row, tensors[row.name])
            decoder.add(row.statistics, coded)
            tensors[row.name] = _decoded(row, coded)
        decoder.finish()
    except FormatError as error:
        raise ModelError(str(error)) from None
    return Model.build(config, tensors, packed.name)


def _put_factors(encoder: _native.IntegerEncoder, factors: Factors | None) -> None:
    def put(kind: int, values: _Tensor) -> None:
        encoder.put(kind, values, np.zeros_like(values))

    rank = 0 if factors is None else factors.left.shape[1]
    put(_RANK, np.array([[rank]], np.int8))
    if factors is not None:
        put(_RANK, np.array([[factors.shift]], np.int8))
        put(_LEFT, factors.left)
        put(_RIGHT, factors.right)


def _read_factors(decoder: _native.IntegerDecoder, shape: tuple[int, ...]) -> Factors | None:
    def read(kind: int, rows: int, columns: int) -> npt.NDArray[np.int8]:
        values = np.zeros((rows, columns), np.int8)
        decoder.add(kind, values)
        return values

    rank = int(read(_RANK, 1, 1)[0, 0])
    if rank == 0:
        return None
    shift = int(read(_RANK, 1, 1)[0, 0])
    if not (0 < rank <= MAX_RANK and 0 < shift <= MAX_SHIFT):
        raise ModelError("packed model has factors out of range")
    rows, columns = shape
    return Factors(read(_LEFT, rows, rank), read(_RIGHT, columns, rank), shift)


def _read_head(packed: Packed, base: Dimensioned | None) -> tuple[ModelConfig, int]:
    """The configuration, and where the payload begins."""
    wanted = base_id(packed)
    if wanted is not None:
        if base is None or base.id != wanted:
            raise ModelError("packed model is a change of another model")
        return base.config, 1 + ID_SIZE
    return _read_dimensions(packed.data)


def _dimensions(c: ModelConfig) -> list[int]:
    """The configuration as bytes: each limit of docs/numerics.md, in its unit, is below 256."""
    layers = [
        [KINDS.index(type(layer))]
        + [number // limit.unit for number, limit in zip(layer.numbers, layer.limits, strict=True)]
        for layer in c.layers
    ]
    tables = [
        (CONTEXTS.index(t.context), t.log2_rows, t.width // 16, t.first // 16, t.ways)
        for t in c.tables
    ]
    return [
        *(c.d_model // 64, len(layers), *(number for layer in layers for number in layer)),
        *(len(tables), *(number for table in tables for number in table)),
    ]


def _read_dimensions(data: bytes) -> tuple[ModelConfig, int]:
    position = 1

    def take(count: int) -> bytes:
        nonlocal position
        position += count
        if position > len(data):
            raise ModelError("packed model is truncated")
        return data[position - count : position]

    width, count = take(2)
    layers = []
    for _ in range(count):
        (place,) = take(1)
        if place >= len(KINDS):
            raise ModelError("packed model has a layer of an unknown kind")
        kind = KINDS[place]
        stored = take(len(kind.limits))
        numbers = [n * limit.unit for n, limit in zip(stored, kind.limits, strict=True)]
        layers.append(kind(*numbers))  # ModelConfig checks them
    tables = []
    for _ in range(take(1)[0]):
        place, log2_rows, w, first, ways = take(5)
        if place >= len(CONTEXTS):
            raise ModelError("packed model has a table of an unknown context")
        tables.append(Table(CONTEXTS[place], log2_rows, 16 * w, 16 * first, ways))
    config = ModelConfig(ARITHMETIC, 64 * width, tuple(layers), tuple(tables))
    if config.stored_size > MAX_FILE_SIZE:
        raise ModelError("packed model is larger than 64 MiB")
    return config, position


def _order(config: ModelConfig) -> list[Tensor]:
    """Tensors in the order of their names."""
    return [row for _, row in sorted(config.tensors.items())]


def _start(config: ModelConfig, base: Model | None) -> dict[str, _Tensor]:
    """The tensors from which differences are coded: copies of the base's, or zeros."""
    return {
        name: np.zeros(row.shape, row.type) if base is None else np.array(base.tensors[name])
        for name, row in config.tensors.items()
    }


def _coded(row: Tensor, tensor: _Tensor) -> _Tensor:
    """The values of a tensor that are coded, (rows, columns): differences along rows that rise."""
    columns = WAYS if row.role is Role.CHECK else tensor.shape[-1]
    rows = tensor.reshape(-1, columns)
    return np.diff(rows.astype(np.int64), prepend=0) if row.role in _RISING else rows


def _decoded(row: Tensor, coded: _Tensor) -> _Tensor:
    """The inverse of ``_coded``. Raises ``ModelError``."""
    if row.role not in _RISING:
        return coded.reshape(row.shape)
    tensor = np.cumsum(coded, axis=1)  # never fails: malformed values wrap around at worst
    if ((tensor < row.low) | (tensor > row.high)).any():
        raise ModelError("packed model has a bias or a check out of range")
    return tensor.astype(row.type).reshape(row.shape)
