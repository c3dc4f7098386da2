"""The shape of a network: its width, its layers and its tables of contexts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from nncomp.errors import ModelError
from nncomp.network import layers as kinds
from nncomp.network import schema
from nncomp.network.layers import Attention, Layer
from nncomp.network.limits import Limit, require
from nncomp.network.schema import Role, Tensor
from nncomp.network.tables import MAX_TABLES, Table, from_entry

__all__ = ["ARITHMETIC", "ModelConfig", "parse_json"]

ARITHMETIC = 1  # version of docs/numerics.md

_WIDTH = Limit(64, 2048, 64)
_LAYERS = Limit(1, 64)
_TABLES = Limit(0, MAX_TABLES)
_MAX_UNITS = 1024  # hidden units of the last layer that the adaptive stage reads at most
_READING = 16 * 256 * 2 + 3 * 4  # bytes of a lane for each unit that the stage reads
_READING_ROWS = 16 * 256 * 2 + 352 * 4  # bytes of a lane for reading units, however many


@dataclass(frozen=True)
class ModelConfig:
    """The dimensions of a network; constructing one checks every limit (``ModelError``)."""

    arithmetic: int  # version of the arithmetic: 1
    d_model: int  # width of the residual stream
    layers: tuple[Layer, ...]
    tables: tuple[Table, ...]

    def __post_init__(self) -> None:
        Limit(ARITHMETIC, ARITHMETIC).check("arithmetic", self.arithmetic)
        _WIDTH.check("d_model", self.d_model)
        require(isinstance(self.layers, tuple), "layers is not a tuple")
        _LAYERS.check("number of layers", len(self.layers))
        for layer in self.layers:
            require(isinstance(layer, kinds.KINDS), "a layer is of an unknown kind")
            layer.check()
        require(isinstance(self.tables, tuple), "tables is not a tuple")
        _TABLES.check("number of tables", len(self.tables))
        for table in self.tables:
            require(isinstance(table, Table), "a table is not one")
            table.check(self.d_model)

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """Every tensor of a model of this shape, by name: the table of docs/numerics.md, section
        9."""
        rows = [*schema.table("embed", 257, self.d_model, statistics=0)]
        for i, table in enumerate(self.tables):
            rows += table.tensors(f"table.{i}")
        for i, layer in enumerate(self.layers):
            for row in (schema.constant("norm"), *layer.tensors(self.d_model)):
                rows.append(replace(row, name=f"layers.{i}.{row.name}", layer=i))
        rows.append(schema.constant("norm"))
        rows += schema.matrix("head", 256, self.d_model, statistics=6)
        return {row.name: row for row in rows}

    @property
    def windows(self) -> tuple[int, ...]:
        """How many positions each attention layer sees."""
        return tuple(layer.window for layer in self.layers if isinstance(layer, Attention))

    @property
    def units(self) -> int:
        """How many hidden units of the last layer the adaptive stage reads; 0 if the layer has more
        than 1024."""
        units = self.layers[-1].units
        return units if units <= _MAX_UNITS else 0

    @property
    def product_weights(self) -> int:
        """Number of weights in matrices: the multiplications per byte, except those of attention
        scores and values."""
        matrices = (row for row in self.tensors.values() if row.role is Role.MATRIX)
        return sum(row.stored_size for row in matrices)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds per byte, at most."""
        return self.product_weights + sum(layer.other_multiply_adds for layer in self.layers)

    @property
    def stored_size(self) -> int:
        """Size of all tensors of a model of these dimensions, in bytes."""
        return sum(row.stored_size for row in self.tensors.values())

    def memory(self, lanes: int) -> int:
        """Upper bound in bytes of what decoding a block of ``lanes`` lanes needs, its data aside.

        That is four times the tensors (the file, the checked arrays, and a kernel's packed copy
        with padding); the state of each layer for each lane, with room for a chunk; the weights
        with which the stage reads hidden units; buffers for a chunk of 128 steps of one lane and a
        step of every lane; and 1 MiB for tables, stacks and small things.
        """
        packed = 4 * self.stored_size + sum(layer.packed_size for layer in self.layers)
        state = sum(layer.state_size for layer in self.layers)
        state += self.units * _READING + _READING_ROWS
        # Residual stream, its normed copy, logits and frequencies; layers share their buffers.
        row = 9 * self.d_model + 8 * 256 + max(layer.row_size for layer in self.layers)
        return packed + lanes * state + (kinds.CHUNK + lanes) * row + (1 << 20)

    def to_json(self) -> str:
        """The configuration as canonical JSON: sorted keys, no spaces, ASCII. The model's id is a
        digest of it, too."""
        entries = {f.name: getattr(self, f.name) for f in fields(self)}
        entries["layers"] = [[layer.kind, *layer.numbers] for layer in self.layers]
        entries["tables"] = [table.entry for table in self.tables]
        return json.dumps(entries, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """The inverse of ``to_json``; raises ``ModelError`` for any other text."""
        entries = parse_json(text, "configuration")
        keys = {f.name for f in fields(cls)}
        require(entries.keys() == keys, "configuration keys are wrong")
        layers, tables = entries["layers"], entries["tables"]
        for values in (layers, tables):
            lists = isinstance(values, list) and all(isinstance(v, list) for v in values)
            require(lists, "configuration is malformed")
        require(all(layers), "a layer is of an unknown kind")
        entries["layers"] = tuple(kinds.from_numbers(kind, numbers) for kind, *numbers in layers)
        entries["tables"] = tuple(map(from_entry, tables))
        config = cls(**entries)
        require(config.to_json() == text, "configuration is not in canonical form")
        return config


def parse_json(text: str, what: str) -> Any:
    """Parse a JSON object. Raises ``ModelError``, also for repeated keys, on which parsers
    differ."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        require(len({key for key, _ in pairs}) == len(pairs), f"{what} repeats a key")
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise ModelError(f"{what} is not valid JSON") from None
    require(isinstance(value, dict), f"{what} is not a JSON object")
    return value
