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
_MAX_UNITS = 1024  # that the adaptive stage reads
_READING = 16 * 256 * 2 + 3 * 4  # bytes of a lane for each of them, and for all
_READING_ROWS = 16 * 256 * 2 + 352 * 4


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
        """Name → row of every tensor that a model of this shape has: the table of section 9."""
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
        """Positions that each layer of attention sees."""
        return tuple(layer.window for layer in self.layers if isinstance(layer, Attention))

    @property
    def units(self) -> int:
        """Of the last layer that the adaptive stage reads, unless they are too many."""
        units = self.layers[-1].units
        return units if units <= _MAX_UNITS else 0

    @property
    def product_weights(self) -> int:
        """Weights in products: the multiplications of a byte, but for those within attention."""
        matrices = (row for row in self.tensors.values() if row.role is Role.MATRIX)
        return sum(row.stored_size for row in matrices)

    @property
    def multiply_adds(self) -> int:
        """Of a byte, at most."""
        return self.product_weights + sum(layer.other_multiply_adds for layer in self.layers)

    @property
    def stored_size(self) -> int:
        """Bytes of the tensors of a model of these dimensions."""
        return sum(row.stored_size for row in self.tensors.values())

    def memory(self, lanes: int) -> int:
        """Upper bound in bytes of what decoding a block of ``lanes`` lanes needs, its data aside.

        Four times the tensors (the file, the checked arrays, and what a kernel packs, padding
        included); what each layer remembers of each lane, with room for a chunk; what reads the
        units; buffers for a chunk of 128 steps of one lane and a step of every lane; 1 MiB for
        tables, stacks and small things.
        """
        packed = 4 * self.stored_size + sum(layer.packed_size for layer in self.layers)
        state = sum(layer.state_size for layer in self.layers)
        state += self.units * _READING + _READING_ROWS
        # Residual and normed stream, logits and frequencies; layers use the same buffers in turn.
        row = 9 * self.d_model + 8 * 256 + max(layer.row_size for layer in self.layers)
        return packed + lanes * state + (kinds.CHUNK + lanes) * row + (1 << 20)

    def to_json(self) -> str:
        """The canonical text: sorted keys, no spaces, ASCII. Part of the model's id."""
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
    """A JSON object; repeated keys, which parsers read differently, are refused."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        require(len({key for key, _ in pairs}) == len(pairs), f"{what} repeats a key")
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise ModelError(f"{what} is not valid JSON") from None
    require(isinstance(value, dict), f"{what} is not a JSON object")
    return value
