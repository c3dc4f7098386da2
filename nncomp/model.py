"""Models: identity, and the safetensors files that hold them.

A model is a configuration (``network``) and integer tensors (``docs/numerics.md``, sections 1 and
9). Its id is a digest of exactly these, so whoever has the id has the predictor. A loader trusts
nothing: what it returns satisfies every limit the arithmetic relies on, and anything else is a
``ModelError``.
This module neither finds models (``registry``) nor runs them (``engine``).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nncomp.errors import ModelError
from nncomp.network import ARITHMETIC, ModelConfig, Tensor
from nncomp.network.config import parse_json
from nncomp.network.limits import require

__all__ = [
    "ARITHMETIC",
    "CORPUS",
    "MAX_FILE_SIZE",
    "NOTE",
    "Model",
    "ModelConfig",
    "check_name",
    "check_notes",
    "dumps",
    "load",
    "loads",
    "model_id",
    "read_header",
]

ID_SIZE = 16  # bytes of a model id
NOTE = "nncomp.note."  # what keys of notes start with
CORPUS = NOTE + "corpus"  # key of the note that says what a model was trained on
MAX_FILE_SIZE = 64 << 20  # bytes of a model file; nothing longer is read
MAX_HEADER_SIZE = 1 << 20  # bytes of its JSON header; the largest legal one needs about 50 KB

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NOTE = re.compile(re.escape(NOTE) + "[a-z0-9._-]{1,64}")


@dataclass(frozen=True, eq=False)
class Model:
    """A complete, checked model. Build one with ``Model.build``, ``load`` or ``loads``."""

    config: ModelConfig
    tensors: Mapping[str, npt.NDArray[Any]]  # exactly those of config.tensors, read-only
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
        for key, row in config.tensors.items():
            own[key] = np.array(tensors[key], dtype=row.type, order="C")
            own[key].flags.writeable = False
        return cls(config, own, name, model_id(config, own), dict(notes or {}))

    @property
    def stored_size(self) -> int:
        """Bytes of the tensors: the size of the model's file up to a header of a few KB."""
        return self.config.stored_size

    def memory(self, lanes: int) -> int:
        """Upper bound of the bytes that an engine needs for it; see ``ModelConfig.memory``."""
        return self.config.memory(lanes)


def check_name(name: object) -> str:
    """Return ``name`` if it is a legal model name, else raise ``ModelError``."""
    require(isinstance(name, str) and _NAME.fullmatch(name) is not None, "model name is not legal")
    return str(name)


def check_notes(notes: Mapping[str, str]) -> None:
    """Raise ``ModelError`` unless these are legal notes: text under 'nncomp.note.*'."""
    for key, text in notes.items():
        good = _NOTE.fullmatch(key) is not None and isinstance(text, str)
        require(good, "a note is malformed")


def model_id(config: ModelConfig, tensors: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """BLAKE2b-128 of the canonical content (section 9), 16 bytes."""
    digest = hashlib.blake2b(digest_size=ID_SIZE)
    digest.update(f"nncomp model {ARITHMETIC}\n{config.to_json()}\n".encode("ascii"))
    for name, row in sorted(config.tensors.items()):
        lines = "".join(f"{n}\n" for n in row.shape)
        digest.update(f"{name}\n{row.dtype}\n{lines}".encode("ascii"))
        digest.update(_little_endian(tensors[name], row))
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
    for key, row in header.config.tensors.items():
        start, count = header.offsets[key], math.prod(row.shape)
        stored = np.frombuffer(data, row.type.newbyteorder("<"), count, start)
        tensors[key] = stored.astype(row.type, copy=False).reshape(row.shape)
    model = Model.build(header.config, tensors, header.name if name is None else name, header.notes)
    require(model.id == header.id, "model content does not have the stored id")
    return model


def dumps(model: Model) -> bytes:
    """The bytes of the model's file: safetensors, the same bytes for the same model.

    The safetensors library is not used because it orders metadata at random.
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
    for row in sorted(model.config.tensors.values(), key=lambda r: (-r.type.itemsize, r.name)):
        part = _little_endian(model.tensors[row.name], row)
        end = offset + len(part)
        header[row.name] = {
            "dtype": row.dtype,
            "shape": list(row.shape),
            "data_offsets": [offset, end],
        }
        parts.append(part)
        offset = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    text += b" " * (-len(text) % 8)
    require(len(text) <= MAX_HEADER_SIZE, "model header is too long: shorten the notes")
    require(8 + len(text) + offset <= MAX_FILE_SIZE, "model is larger than 64 MiB")
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
    """The JSON header of a model file, checked against itself and against the file's size."""

    config: ModelConfig
    name: str
    id: bytes
    notes: dict[str, str]
    offsets: dict[str, int]  # tensor → position of its first byte in the file


def _parse_file_header(head: bytes, size: int) -> _FileHeader:
    """Parse the first bytes of a file of ``size`` bytes; ``head`` holds its header at least."""
    require(size <= MAX_FILE_SIZE, "model file is larger than 64 MiB")
    require(size >= 8 and len(head) >= 8, "not a model file: too short")
    length = int.from_bytes(head[:8], "little")
    require(2 <= length <= MAX_HEADER_SIZE, "not a model file: header length is out of range")
    require(8 + length <= min(size, len(head)), "model file is truncated")
    require(head[8:9] == b"{", "not a model file: header is not JSON")
    try:
        text = head[8 : 8 + length].decode("utf-8")
    except UnicodeDecodeError:
        raise ModelError("model header is not UTF-8") from None
    entries = parse_json(text, "model header")

    metadata = entries.pop("__metadata__", None)
    require(isinstance(metadata, dict), "not an nncomp model: no metadata")
    require(all(isinstance(v, str) for v in metadata.values()), "model metadata is malformed")
    for key in ("nncomp.config", "nncomp.id", "nncomp.name"):
        require(key in metadata, f"not an nncomp model: no {key}")
    config = ModelConfig.from_json(metadata.pop("nncomp.config"))
    name = check_name(metadata.pop("nncomp.name"))
    stored_id = metadata.pop("nncomp.id")
    require(re.fullmatch("[0-9a-f]{32}", stored_id) is not None, "model id is malformed")
    require(all(_NOTE.fullmatch(k) for k in metadata), "model metadata has an unknown key")

    require(entries.keys() == config.tensors.keys(), "model has tensors missing or too many")
    offsets = {}
    spans = []
    for key, row in config.tensors.items():
        entry = entries[key]
        good = isinstance(entry, dict) and entry.keys() == {"dtype", "shape", "data_offsets"}
        require(good, f"tensor {key} is malformed")
        require(entry["dtype"] == row.dtype, f"tensor {key} has the wrong dtype")
        require(_integers(entry["shape"]) == list(row.shape), f"tensor {key} has the wrong shape")
        span = _integers(entry["data_offsets"])
        good = len(span) == 2 and span[1] - span[0] == row.stored_size
        require(good, f"tensor {key} has a wrong size")
        spans.append(span)
        offsets[key] = 8 + length + span[0]
    # Sorted spans that meet end to start leave no hole, no overlap and no trailing byte.
    end = 0
    for start, stop in sorted(spans):
        require(start == end, "model tensors overlap or leave a hole")
        end = stop
    require(8 + length + end == size, "model file is truncated or has trailing bytes")
    return _FileHeader(config, name, bytes.fromhex(stored_id), metadata, offsets)


def _check_tensors(config: ModelConfig, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Raise ``ModelError`` unless types, shapes and values are those that the arithmetic needs."""
    require(config.stored_size <= MAX_FILE_SIZE, "model is larger than 64 MiB")
    require(tensors.keys() == config.tensors.keys(), "model has tensors missing or too many")
    for name, row in config.tensors.items():
        tensor = tensors[name]
        require(tensor.dtype == row.type, f"tensor {name} has the wrong dtype")
        require(tensor.shape == row.shape, f"tensor {name} has the wrong shape")
        for value in (int(tensor.min()), int(tensor.max())):
            good = row.low <= value <= row.high
            require(good, f"tensor {name} has {value}, not in {row.low}..{row.high}")


def _little_endian(tensor: npt.NDArray[Any], row: Tensor) -> bytes:
    return np.ascontiguousarray(tensor, dtype=row.type.newbyteorder("<")).tobytes()


def _integers(value: Any) -> list[int]:
    """``value`` if it is a list of integers that are not negative, else an empty list."""
    good = isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)
    return value if good else []
