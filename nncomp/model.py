"""Models: configuration, identity, and the safetensors files that hold them.

A model is a configuration and integer tensors (``docs/numerics.md``, sections 1 and 9). Its id is a
digest of exactly these, so whoever has the id has the predictor. A loader trusts nothing: what it
returns satisfies every limit the arithmetic relies on, and anything else is a ``ModelError``.
This module neither finds models (``registry``) nor runs them (``engine``).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from nncomp.errors import ModelError

__all__ = [
    "ARITHMETIC",
    "MAX_FILE_SIZE",
    "Model",
    "ModelConfig",
    "check_name",
    "check_notes",
    "dumps",
    "load",
    "loads",
    "model_id",
    "read_header",
    "tensor_shapes",
]

ARITHMETIC = 1  # version of docs/numerics.md
ID_SIZE = 16  # bytes of a model id
MAX_FILE_SIZE = 64 << 20  # bytes of a model file; nothing longer is read
MAX_HEADER_SIZE = 1 << 20  # bytes of its JSON header; the largest legal one needs about 50 KB

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NOTE = re.compile(r"nncomp\.note\.[a-z0-9._-]{1,64}")
_DTYPES: dict[str, np.dtype[Any]] = {
    "I8": np.dtype(np.int8),
    "I16": np.dtype(np.int16),
    "I32": np.dtype(np.int32),
    "I64": np.dtype(np.int64),
}
_NORM_C_END = 1 << 44  # exclusive: norm's r = c // R
_ATTN_C_END = (1 << 38) + 1  # exclusive: c // 255 must stay below 2**31
_CHUNK = 128  # an encoder's steps at a time


@dataclass(frozen=True)
class ModelConfig:
    """The dimensions of a network; constructing one checks every limit (``ModelError``)."""

    arithmetic: int  # version of the arithmetic: 1
    d_model: int  # width of the residual stream
    n_heads: int  # query heads; one key and value head serves them all
    d_head: int  # width of a head
    d_ff: int  # width of the feed-forward layer
    windows: tuple[int, ...]  # positions each layer sees, self included: one entry a layer
    ngrams: tuple[tuple[int, int, int, int], ...]  # (order, log2 rows, width, first channel) each

    def __post_init__(self) -> None:
        numbers = [self.arithmetic, self.d_model, self.n_heads, self.d_head, self.d_ff]
        _require(isinstance(self.windows, tuple), "windows is not a tuple")
        _require(isinstance(self.ngrams, tuple), "ngrams is not a tuple")
        numbers += self.windows
        for table in self.ngrams:
            four = isinstance(table, tuple) and len(table) == 4
            _require(four, "an n-gram entry is not four numbers")
            numbers += table
        # type() and not isinstance(): a bool is no dimension. The bound keeps messages short.
        good = all(type(n) is int and abs(n) < 1 << 31 for n in numbers)
        _require(good, "a dimension is not a small integer")

        _require(self.arithmetic == ARITHMETIC, f"arithmetic {self.arithmetic} is not supported")
        _check_multiple("d_model", self.d_model, 64, 2048)
        _check_range("n_heads", self.n_heads, 1, 64)
        _require(self.d_head in (16, 32, 64, 128), f"d_head {self.d_head} is not 16, 32, 64 or 128")
        _check_multiple("n_heads * d_head", self.n_heads * self.d_head, 64, 4096)
        _check_multiple("d_ff", self.d_ff, 64, 8192)
        _check_range("number of layers", len(self.windows), 1, 32)
        for window in self.windows:
            _check_multiple("window", window, 64, 1024)
        _check_range("number of n-gram tables", len(self.ngrams), 0, 8)
        for order, log2_rows, width, first in self.ngrams:
            _check_range("n-gram order", order, 2, 6)
            _check_range("n-gram log2 rows", log2_rows, 8, 18)
            _check_multiple("n-gram width", width, 16, self.d_model)
            good = first >= 0 and first % 16 == 0
            _require(good, f"n-gram channel {first} is not a multiple of 16")
            _check_range("end of n-gram channels", first + width, 16, self.d_model)

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return len(self.windows)

    @property
    def parameters(self) -> int:
        """Weights in products: multiplications a byte costs, attention and look-ups aside."""
        q, h, d = self.n_heads * self.d_head, self.d_head, self.d_model
        return self.n_layers * (q + 2 * h + q + 2 * self.d_ff) * d + 256 * d

    @property
    def stored_size(self) -> int:
        """Bytes of the tensors of a model of these dimensions."""
        return _stored_size(self)

    def memory(self, lanes: int) -> int:
        """Upper bound in bytes of what decoding a block of ``lanes`` lanes needs, its data aside.

        Four times the tensors (the file, the checked arrays, and what a kernel packs, padding
        included) and the biases once more as int32; for each lane the rings of keys and values
        with room for a chunk, 2·h·(W + 128) a layer; buffers for a chunk of 128 steps of one lane
        and a step of every lane; 1 MiB for tables, stacks and small things.
        """
        q, h = self.n_heads * self.d_head, self.d_head
        biases = sum(4 * self.n_heads * (w + 32) for w in self.windows)
        rings = sum(2 * h * (w + _CHUNK) for w in self.windows)
        # Residual and normed stream; int32 and int8 of q, k, v; scores and weights of every head;
        # int32 and u8 of the feed-forward layer; logits and weights.
        row = 9 * self.d_model + 6 * (q + 2 * h) + 5 * self.n_heads * max(self.windows)
        row += 5 * self.d_ff + 8 * 256
        return 4 * self.stored_size + biases + lanes * rings + (_CHUNK + lanes) * row + (1 << 20)

    def to_json(self) -> str:
        """The canonical text: sorted keys, no spaces, ASCII. Part of the model's id."""
        entries = {f.name: getattr(self, f.name) for f in fields(self)}
        return json.dumps(entries, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """The inverse of ``to_json``; raises ``ModelError`` for any other text."""
        entries = _parse_json(text, "configuration")
        keys = {f.name for f in fields(cls)}
        _require(entries.keys() == keys, "configuration keys are wrong")
        windows, ngrams = entries["windows"], entries["ngrams"]
        lists = isinstance(ngrams, list) and all(isinstance(v, list) for v in [windows, *ngrams])
        _require(lists, "configuration is malformed")
        entries["windows"] = tuple(windows)
        entries["ngrams"] = tuple(tuple(table) for table in ngrams)
        config = cls(**entries)
        _require(config.to_json() == text, "configuration is not in canonical form")
        return config


@dataclass(frozen=True, eq=False)
class Model:
    """A complete, checked model. Build one with ``Model.build``, ``load`` or ``loads``."""

    config: ModelConfig
    tensors: Mapping[str, npt.NDArray[Any]]  # exactly those of tensor_shapes(config), read-only
    name: str
    id: bytes  # 16 bytes: model_id(config, tensors)
    notes: Mapping[str, str] = field(default_factory=dict)  # 'nncomp.note.*', not part of the id

    @classmethod
    def build(
        cls,
        config: ModelConfig,
        tensors: Mapping[str, npt.NDArray[Any]],
        name: str,
        notes: Mapping[str, str] | None = None,
    ) -> Model:
        """Check names, dtypes, shapes and ranges, copy the tensors and compute the id.

        Raises ``ModelError``; ``notes`` are free text under keys that start with ``nncomp.note.``.
        """
        check_name(name)
        check_notes(notes or {})
        _check_tensors(config, tensors)
        own = {}
        for key, (dtype, _) in tensor_shapes(config).items():
            own[key] = np.array(tensors[key], dtype=_DTYPES[dtype], order="C")
            own[key].flags.writeable = False
        return cls(config, own, name, model_id(config, own), dict(notes or {}))

    @property
    def stored_size(self) -> int:
        """Bytes of the tensors: the size of the model's file up to a header of a few KB."""
        return self.config.stored_size

    def memory(self, lanes: int) -> int:
        """As ``ModelConfig.memory``."""
        return self.config.memory(lanes)


def check_name(name: object) -> str:
    """Return ``name`` if it is a legal model name, else raise ``ModelError``."""
    _require(isinstance(name, str) and _NAME.fullmatch(name) is not None, "model name is not legal")
    return str(name)


def check_notes(notes: Mapping[str, str]) -> None:
    """Raise ``ModelError`` unless these are legal notes: text under 'nncomp.note.*'."""
    for key, text in notes.items():
        good = _NOTE.fullmatch(key) is not None and isinstance(text, str)
        _require(good, "a note is malformed")


def tensor_shapes(config: ModelConfig) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name → (safetensors dtype, shape) of every tensor a model has: the table of section 9."""
    d, f, h = config.d_model, config.d_ff, config.d_head
    q = config.n_heads * h
    table: dict[str, tuple[str, tuple[int, ...]]] = {}

    def matrix(name: str, rows: int, columns: int, multipliers: int) -> None:
        table[f"{name}.weight"] = ("I8", (rows, columns))
        table[f"{name}.m"] = ("I32", (multipliers,))

    matrix("embed", 257, d, 1)
    for i, (_, log2_rows, width, _) in enumerate(config.ngrams):
        matrix(f"ngram.{i}", 1 << log2_rows, width, 1)
    for i, window in enumerate(config.windows):
        layer = f"layers.{i}"
        table[f"{layer}.norm1.c"] = ("I64", (1,))
        matrix(f"{layer}.qkv", q + 2 * h, d, q + 2 * h)
        table[f"{layer}.attn.m"] = ("I32", (1,))
        table[f"{layer}.attn.bias"] = ("I16", (config.n_heads, window))
        table[f"{layer}.attn.c"] = ("I64", (1,))
        matrix(f"{layer}.out", d, q, d)
        table[f"{layer}.norm2.c"] = ("I64", (1,))
        matrix(f"{layer}.up", f, d, f)
        matrix(f"{layer}.down", d, f, d)
    table["norm.c"] = ("I64", (1,))
    matrix("head", 256, d, 256)
    return table


def model_id(config: ModelConfig, tensors: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """BLAKE2b-128 of the canonical content (section 9), 16 bytes."""
    digest = hashlib.blake2b(digest_size=ID_SIZE)
    digest.update(f"nncomp model {ARITHMETIC}\n{config.to_json()}\n".encode("ascii"))
    for name, (dtype, shape) in sorted(tensor_shapes(config).items()):
        lines = "".join(f"{n}\n" for n in shape)
        digest.update(f"{name}\n{dtype}\n{lines}".encode("ascii"))
        digest.update(_little_endian(tensors[name], dtype))
    return digest.digest()


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model file. Raises ``ModelError``, and ``OSError`` as ``open`` does."""
    with open(path, "rb") as file:
        return loads(file.read(MAX_FILE_SIZE + 1))


def loads(data: bytes, name: str | None = None) -> Model:
    """The model in ``data``, the bytes of a file; ``name``, if given, replaces the stored name.

    Raises ``ModelError`` unless every byte is accounted for and the content has the stored id.
    """
    header = _parse_file_header(data[: 8 + MAX_HEADER_SIZE], len(data))
    tensors = {}
    for key, (dtype, shape) in tensor_shapes(header.config).items():
        start = header.offsets[key]
        count = math.prod(shape)
        stored = np.frombuffer(data, _DTYPES[dtype].newbyteorder("<"), count, start)
        tensors[key] = stored.astype(_DTYPES[dtype], copy=False).reshape(shape)
    model = Model.build(header.config, tensors, header.name if name is None else name, header.notes)
    _require(model.id == header.id, "model content does not have the stored id")
    return model


def dumps(model: Model) -> bytes:
    """The bytes of the model's file: safetensors, the same bytes for the same model.

    Written here because the library orders metadata at random.
    """
    metadata = {
        "nncomp.config": model.config.to_json(),
        "nncomp.id": model.id.hex(),
        "nncomp.name": model.name,
        **model.notes,
    }
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    parts = []
    offset = 0
    # Widest elements first, so that every tensor is aligned.
    table = tensor_shapes(model.config)
    for name in sorted(table, key=lambda n: (-_DTYPES[table[n][0]].itemsize, n)):
        dtype, shape = table[name]
        part = _little_endian(model.tensors[name], dtype)
        end = offset + len(part)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        parts.append(part)
        offset = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    text += b" " * (-len(text) % 8)
    _require(len(text) <= MAX_HEADER_SIZE, "model header is too long: shorten the notes")
    _require(8 + len(text) + offset <= MAX_FILE_SIZE, "model is larger than 64 MiB")
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def read_header(
    path: str | os.PathLike[str],
) -> tuple[str, bytes, ModelConfig, Mapping[str, str]]:
    """(name, id, configuration, notes) of a model file, without reading its tensors.

    The layout is checked against the configuration and the file's size; the id is as stored, which
    only ``load`` verifies. Raises ``ModelError`` and ``OSError``.
    """
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(8)
        length = min(int.from_bytes(head, "little"), MAX_HEADER_SIZE)
        header = _parse_file_header(head + file.read(length), size)
    return header.name, header.id, header.config, header.notes


@dataclass(frozen=True)
class _FileHeader:
    """What the JSON header of a model file says, checked against itself and the file's size."""

    config: ModelConfig
    name: str
    id: bytes
    notes: dict[str, str]
    offsets: dict[str, int]  # tensor → position of its first byte in the file


def _parse_file_header(head: bytes, size: int) -> _FileHeader:
    """Parse the first bytes of a file of ``size`` bytes; ``head`` holds its header at least."""
    _require(size <= MAX_FILE_SIZE, "model file is larger than 64 MiB")
    _require(size >= 8 and len(head) >= 8, "not a model file: too short")
    length = int.from_bytes(head[:8], "little")
    _require(2 <= length <= MAX_HEADER_SIZE, "not a model file: header length is out of range")
    _require(8 + length <= min(size, len(head)), "model file is truncated")
    _require(head[8:9] == b"{", "not a model file: header is not JSON")
    try:
        text = head[8 : 8 + length].decode("utf-8")
    except UnicodeDecodeError:
        raise ModelError("model header is not UTF-8") from None
    entries = _parse_json(text, "model header")

    metadata = entries.pop("__metadata__", None)
    _require(isinstance(metadata, dict), "not an nncomp model: no metadata")
    _require(all(isinstance(v, str) for v in metadata.values()), "model metadata is malformed")
    for key in ("nncomp.config", "nncomp.id", "nncomp.name"):
        _require(key in metadata, f"not an nncomp model: no {key}")
    config = ModelConfig.from_json(metadata.pop("nncomp.config"))
    name = check_name(metadata.pop("nncomp.name"))
    stored_id = metadata.pop("nncomp.id")
    _require(re.fullmatch("[0-9a-f]{32}", stored_id) is not None, "model id is malformed")
    _require(all(_NOTE.fullmatch(k) for k in metadata), "model metadata has an unknown key")

    table = tensor_shapes(config)
    _require(entries.keys() == table.keys(), "model has tensors missing or too many")
    offsets = {}
    spans = []
    for key, (dtype, shape) in table.items():
        bytes_needed = _DTYPES[dtype].itemsize * math.prod(shape)
        entry = entries[key]
        good = isinstance(entry, dict) and entry.keys() == {"dtype", "shape", "data_offsets"}
        _require(good, f"tensor {key} is malformed")
        _require(entry["dtype"] == dtype, f"tensor {key} has the wrong dtype")
        _require(_integers(entry["shape"]) == list(shape), f"tensor {key} has the wrong shape")
        span = _integers(entry["data_offsets"])
        _require(
            len(span) == 2 and span[1] - span[0] == bytes_needed, f"tensor {key} has a wrong size"
        )
        spans.append(span)
        offsets[key] = 8 + length + span[0]
    # Sorted spans that meet end to start leave no hole, no overlap and no trailing byte.
    end = 0
    for start, stop in sorted(spans):
        _require(start == end, "model tensors overlap or leave a hole")
        end = stop
    _require(8 + length + end == size, "model file is truncated or has trailing bytes")
    return _FileHeader(config, name, bytes.fromhex(stored_id), metadata, offsets)


def _check_range(what: str, value: int, low: int, high: int) -> None:
    _require(low <= value <= high, f"{what} {value} is not in {low}..{high}")


def _check_multiple(what: str, value: int, unit: int, high: int) -> None:
    good = unit <= value <= high and value % unit == 0
    _require(good, f"{what} {value} is not a multiple of {unit} in {unit}..{high}")


def _check_tensors(config: ModelConfig, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Raise ``ModelError`` unless dtypes, shapes and values are those that the arithmetic needs."""
    table = tensor_shapes(config)
    _require(_stored_size(config) <= MAX_FILE_SIZE, "model is larger than 64 MiB")
    _require(tensors.keys() == table.keys(), "model has tensors missing or too many")
    for name, (dtype, shape) in table.items():
        tensor = tensors[name]
        _require(tensor.dtype == _DTYPES[dtype], f"tensor {name} has the wrong dtype")
        _require(tensor.shape == shape, f"tensor {name} has the wrong shape")
        if name.endswith(".weight"):
            _require(int(tensor.min()) >= -127, f"tensor {name} contains -128")
        elif name.endswith(".m"):
            _require(int(tensor.min()) >= 0, f"tensor {name} contains a negative multiplier")
        elif name.endswith(".c"):
            end = _ATTN_C_END if name.endswith(".attn.c") else _NORM_C_END
            _require(0 < int(tensor[0]) < end, f"tensor {name} is out of range")


def _stored_size(config: ModelConfig) -> int:
    shapes = tensor_shapes(config).values()
    return sum(_DTYPES[dtype].itemsize * math.prod(shape) for dtype, shape in shapes)


def _little_endian(tensor: npt.NDArray[Any], dtype: str) -> bytes:
    return np.ascontiguousarray(tensor, dtype=_DTYPES[dtype].newbyteorder("<")).tobytes()


def _integers(value: Any) -> list[int]:
    """``value`` if it is a list of integers that are not negative, else an empty list."""
    good = isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)
    return value if good else []


def _parse_json(text: str, what: str) -> Any:
    """A JSON object; repeated keys, which parsers read differently, are refused."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _require(len({key for key, _ in pairs}) == len(pairs), f"{what} repeats a key")
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise ModelError(f"{what} is not valid JSON") from None
    _require(isinstance(value, dict), f"{what} is not a JSON object")
    return value


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ModelError(message)
