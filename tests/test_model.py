"""Model files: what is written, what identifies a model, and one test for each way to be wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from conftest import examples
from nncomp import model as model_module
from nncomp.errors import ModelError
from nncomp.model import (
    Model,
    dumps,
    load,
    loads,
    model_id,
    read_header,
)
from nncomp.network import Attention, FeedForward, ModelConfig, Table

GOOD: dict[str, Any] = {
    "arithmetic": 1,
    "d_model": 64,
    "layers": (Attention(2, 32, 64), FeedForward(64)),
    "tables": models.hashed((2, 8, 32, 0)),
}


@pytest.fixture(scope="module")
def tiny() -> Model:
    return models.tiny()


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """A file's header, parsed, and its tensors."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(header: dict[str, Any] | bytes, body: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def rejects(data: bytes, match: str) -> None:
    with pytest.raises(ModelError, match=match) as caught:
        loads(data)
    assert "\n" not in str(caught.value)


# Configuration


@pytest.mark.parametrize(
    "change",
    [
        {"arithmetic": 0},
        {"arithmetic": 2},
        {"d_model": 0},
        {"d_model": 96},
        {"d_model": 2112},
        {"d_model": 64.0},
        {"d_model": True},
        {"d_model": "64"},
        {"d_model": 10**4000},
        {"layers": ()},
        {"layers": (FeedForward(64),) * 65},
        {"layers": [FeedForward(64)]},
        {"layers": (("feed_forward", 64),)},
        {"layers": (None,)},
        {"layers": (Attention(0, 64, 64),)},
        {"layers": (Attention(65, 64, 64),)},
        {"layers": (Attention(1, 32, 64),)},
        {"layers": (Attention(64, 128, 64),)},
        {"layers": (Attention(8, 8, 64),)},
        {"layers": (Attention(4, 48, 64),)},
        {"layers": (Attention(1, 256, 64),)},
        {"layers": (Attention(2, 32, 0),)},
        {"layers": (Attention(2, 32, 1088),)},
        {"layers": (Attention(2, 32, 100),)},
        {"layers": (Attention(2, 32, None),)},  # type: ignore[arg-type]
        {"layers": (FeedForward(0),)},
        {"layers": (FeedForward(8256),)},
        {"layers": (FeedForward(100),)},
        {"layers": (FeedForward(True),)},
        {"layers": (FeedForward(10**4000),)},
        {"tables": (Table("2", 8, 32, 0, 0),) * 25},
        {"tables": (Table("0", 8, 32, 0, 0),)},
        {"tables": (Table("9", 8, 32, 0, 0),)},
        {"tables": (Table(2, 8, 32, 0, 0),)},  # type: ignore[arg-type]
        {"tables": (Table("Word", 8, 32, 0, 0),)},
        {"tables": (Table("2", 7, 32, 0, 0),)},
        {"tables": (Table("2", 21, 32, 0, 0),)},
        {"tables": (Table("2", 8, 0, 0, 0),)},
        {"tables": (Table("2", 8, 24, 0, 0),)},
        {"tables": (Table("2", 8, 32, 8, 0),)},
        {"tables": (Table("2", 8, 32, -16, 0),)},
        {"tables": (Table("2", 8, 32, 48, 0),)},
        {"tables": (Table("2", 8, 32, 0, 4),)},
        {"tables": (Table("2", 8, 32, 0, 16),)},
        {"tables": (Table("2", 8, 32, 0, True),)},
        {"tables": (("2", 8, 32, 0, 0),)},
        {"tables": [Table("2", 8, 32, 0, 0)]},
    ],
    ids=lambda change: str(change)[:40],
)
def test_config_limits(change: dict[str, Any]) -> None:
    ModelConfig(**GOOD)
    with pytest.raises(ModelError) as caught:
        ModelConfig(**{**GOOD, **change})
    assert len(str(caught.value)) < 100


def test_config_at_its_limits() -> None:
    large = models.pairs(2048, 32, 128, 8192, (1024,) * 32, ())
    tables = (Table("8", 20, 2048, 0, 8), Table("1", 8, 16, 2032, 0)) * 12
    dataclasses.replace(large, tables=tables)
    models.pairs(64, 4, 16, 64, (64,), ())


def test_config_text() -> None:
    config = ModelConfig(**GOOD)
    text = config.to_json()
    assert text == (
        '{"arithmetic":1,"d_model":64,"layers":[["attention",2,32,64],["feed_forward",64]],'
        '"tables":[["2",8,32,0,0]]}'
    )
    assert ModelConfig.from_json(text) == config


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        "NaN",
        "[" * 100_000,
        '{"arithmetic":1}',
        ModelConfig(**GOOD).to_json() + " ",
        ModelConfig(**GOOD).to_json().replace(":1,", ":1.0,"),
        ModelConfig(**GOOD).to_json().replace(":1,", ": 1,"),
        ModelConfig(**GOOD).to_json().replace('["feed_forward",64]', "64"),
        ModelConfig(**GOOD).to_json().replace('["feed_forward",64]', "[]"),
        ModelConfig(**GOOD).to_json().replace('"feed_forward"', '"other"'),
        ModelConfig(**GOOD).to_json().replace('"feed_forward"', "[]"),
        ModelConfig(**GOOD).to_json().replace('"feed_forward",64', '"feed_forward"'),
        ModelConfig(**GOOD).to_json().replace('"feed_forward",64', '"feed_forward",64,64'),
        ModelConfig(**GOOD).to_json().replace('"feed_forward",64', '"feed_forward",{}'),
        ModelConfig(**GOOD).to_json().replace('[["2",8,32,0,0]]', '["2"]'),
        ModelConfig(**GOOD).to_json().replace("32,0,0]]", "32,0,[]]]"),
        ModelConfig(**GOOD).to_json().replace("32,0,0]]", "32,0]]"),
        ModelConfig(**GOOD).to_json().replace("32,0,0]]", "32,0,0,0]]"),
        ModelConfig(**GOOD).to_json().replace('["2",', "[2,"),
        ModelConfig(**GOOD).to_json().replace('["2",', "[[],"),
        ModelConfig(**GOOD).to_json().replace('"d_model":64', '"d_model":64,"d_model":64'),
        ModelConfig(**GOOD).to_json().replace("]}", "],}"),
        ModelConfig(**GOOD).to_json().replace('"d_model":64', '"d_model":64,"more":1'),
        ModelConfig(**GOOD).to_json().replace('"d_model":64', '"d_model":' + "9" * 10_000),
    ],
    ids=lambda text: text[:20],
)
def test_config_text_is_strict(text: str) -> None:
    with pytest.raises(ModelError):
        ModelConfig.from_json(text)


def test_sizes(tiny: Model) -> None:
    weights = [t for n, t in tiny.tensors.items() if n.endswith(".weight")]
    products = [n for n in tiny.tensors if n.endswith(".weight") and n[0] in "lh"]
    config = tiny.config
    assert config.product_weights == sum(tiny.tensors[n].size for n in products)
    assert config.multiply_adds == config.product_weights + sum(128 * w for w in config.windows)
    assert len(config.layers) == 4 and config.windows == (64, 64)
    assert tiny.stored_size == sum(t.nbytes for t in tiny.tensors.values())
    assert sum(t.nbytes for t in weights) < tiny.stored_size < len(dumps(tiny))
    assert tiny.memory(1) > 3 * tiny.stored_size
    rings = sum(2 * 32 * w for w in config.windows)
    assert tiny.memory(33) - tiny.memory(1) >= 32 * rings


# Identity


def test_id_is_what_the_page_says(tiny: Model) -> None:
    text = "nncomp model 1\n" + tiny.config.to_json() + "\n"
    content = text.encode()
    for name in sorted(tiny.tensors):
        tensor = tiny.tensors[name]
        dtype = {1: "I8", 2: "I16", 4: "I32", 8: "I64"}[tensor.itemsize]
        shape = "".join(str(n) + "\n" for n in tensor.shape)
        content += f"{name}\n{dtype}\n{shape}".encode() + tensor.tobytes()
    assert tiny.id == hashlib.blake2b(content, digest_size=16).digest()


def test_id_depends_on_content_alone(tiny: Model) -> None:
    renamed = Model.build(tiny.config, tiny.tensors, "other-2", {"nncomp.note.a": "b"})
    assert renamed.id == tiny.id
    for name in tiny.tensors:
        tensors = dict(tiny.tensors)
        changed = tensors[name].copy()
        changed.flat[-1] ^= 1
        tensors[name] = changed
        assert model_id(tiny.config, tensors) != tiny.id
    assert models.tiny(seed=2).id != tiny.id


# Files


def test_round_trip(tiny: Model, tmp_path: Path) -> None:
    noted = Model.build(tiny.config, tiny.tensors, "tiny-1", {"nncomp.note.data": "été \u2028 1"})
    data = dumps(noted)
    path = tmp_path / "tiny-1.safetensors"
    path.write_bytes(data)
    for again in (loads(data), load(path), load(str(path))):
        assert (again.config, again.name, again.id) == (noted.config, noted.name, noted.id)
        assert again.notes == noted.notes
        assert dumps(again) == data
        for name, tensor in again.tensors.items():
            assert tensor.dtype == tiny.tensors[name].dtype
            assert np.array_equal(tensor, tiny.tensors[name])
            assert not tensor.flags.writeable and tensor.flags.c_contiguous
    assert read_header(path) == ("tiny-1", tiny.id, tiny.config, noted.notes)
    assert loads(data, name="embedded").name == "embedded"


def test_the_library_reads_our_files(tiny: Model, tmp_path: Path) -> None:
    data = dumps(tiny)
    tensors = safetensors.numpy.load(data)
    assert tensors.keys() == tiny.tensors.keys()
    assert all(np.array_equal(tensors[name], tiny.tensors[name]) for name in tensors)
    path = tmp_path / "model"
    path.write_bytes(data)
    with safetensors.safe_open(path, "numpy") as file:
        assert file.metadata()["nncomp.config"] == tiny.config.to_json()


def test_we_read_the_library_s_files(tiny: Model) -> None:
    metadata, _ = split(dumps(tiny))
    data = safetensors.numpy.save(dict(tiny.tensors), metadata["__metadata__"])
    assert loads(data).id == tiny.id


def test_tensors_are_aligned(tiny: Model) -> None:
    data = dumps(tiny)
    header, body = split(data)
    for name, entry in header.items():
        if name != "__metadata__":
            start = len(data) - len(body) + entry["data_offsets"][0]
            assert start % tiny.tensors[name].itemsize == 0


@pytest.mark.parametrize("name", ["", "A", "-a", ".a", "a/b", "a b", "a\n", "é", "a" * 65, "../a"])
def test_illegal_names(tiny: Model, name: str) -> None:
    with pytest.raises(ModelError, match="name"):
        Model.build(tiny.config, tiny.tensors, name)
    header, body = split(dumps(tiny))
    header["__metadata__"]["nncomp.name"] = name
    rejects(join(header, body), "name")


@pytest.mark.parametrize("name", ["a", "base-2", "0", "a" * 64, "a._-9"])
def test_legal_names(tiny: Model, name: str) -> None:
    assert loads(dumps(tiny), name=name).name == name


def test_illegal_notes(tiny: Model) -> None:
    for key in ("note", "nncomp.id", "nncomp.note.", "nncomp.note.A"):
        with pytest.raises(ModelError, match="note"):
            Model.build(tiny.config, tiny.tensors, "tiny", {key: "text"})
    with pytest.raises(ModelError, match="too long"):
        dumps(Model.build(tiny.config, tiny.tensors, "tiny", {"nncomp.note.a": "a" * (1 << 20)}))


def test_missing_file(tmp_path: Path) -> None:
    for function in (load, read_header):
        with pytest.raises(FileNotFoundError):
            function(tmp_path / "none")


# Hostile files


def test_truncation_everywhere(tiny: Model, tmp_path: Path) -> None:
    data = dumps(tiny)
    cuts = [*range(0, 4000, 37), *range(4000, len(data), 4999), len(data) - 1]
    path = tmp_path / "model"
    for cut in cuts:
        rejects(data[:cut], "model")
        path.write_bytes(data[:cut])
        with pytest.raises(ModelError):
            read_header(path)
    rejects(data + b"\0", "trailing")


@settings(max_examples=examples(100), deadline=None)
@given(st.data())
def test_flips_never_pass(draw: st.DataObject) -> None:
    """Any change of one byte is a ModelError, or one of header text without a meaning."""
    model = models.tiny()
    data = bytearray(dumps(model))
    length = int.from_bytes(data[:8], "little")
    position = draw.draw(st.one_of(st.integers(0, 8 + length), st.integers(0, len(data) - 1)))
    data[position] ^= draw.draw(st.integers(1, 255))
    try:
        assert loads(bytes(data)).id == model.id and position < 8 + length
    except ModelError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("length", [0, 1, 1 << 20, (1 << 20) + 1, 1 << 32, (1 << 64) - 1])
def test_header_lengths(tiny: Model, tmp_path: Path, length: int) -> None:
    data = length.to_bytes(8, "little") + dumps(tiny)[8:]
    rejects(data, "header|truncated")
    path = tmp_path / "model"
    path.write_bytes(data)
    with pytest.raises(ModelError):
        read_header(path)


def test_large_files_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_module, "MAX_FILE_SIZE", 1000)
    path = tmp_path / "model"
    path.write_bytes(bytes(2000))
    for function in (load, read_header):
        with pytest.raises(ModelError, match="larger"):
            function(path)


@pytest.mark.parametrize(
    "header",
    [
        b"{}",
        b"[]",
        b"null",
        b" {}",
        b"{",
        b"{\xff}",
        b'{"__metadata__":null}',
        b'{"__metadata__":{}}',
        b'{"__metadata__":{"nncomp.config":1}}',
        b'{"a":' * 100_000,
        b'{"a":1,"a":1}',
    ],
    ids=lambda header: header[:20].decode("latin-1"),
)
def test_malformed_headers(header: bytes) -> None:
    rejects(join(header, b""), "model")


def entry(name: str, **change: Any) -> Callable[[dict[str, Any]], None]:
    def apply(header: dict[str, Any]) -> None:
        header[name].update(change)

    return apply


def metadata(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(header: dict[str, Any]) -> None:
        header["__metadata__"][key] = value

    return apply


HEAD = "head.weight"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (entry(HEAD, dtype="U8"), "dtype"),
        (entry(HEAD, dtype="F32"), "dtype"),
        (entry(HEAD, dtype=None), "dtype"),
        (entry(HEAD, shape=[64, 256]), "shape"),
        (entry(HEAD, shape=[256 * 64]), "shape"),
        (entry(HEAD, shape=[256.0, 64]), "shape"),
        (entry(HEAD, shape="256"), "shape"),
        (entry(HEAD, shape=[-256, -64]), "shape"),
        (entry(HEAD, data_offsets=[0, 256 * 64]), "overlap"),
        (entry(HEAD, data_offsets=[0]), "size"),
        (entry(HEAD, data_offsets=[256 * 64, 0]), "size"),
        (entry(HEAD, data_offsets=[-256 * 64, 0]), "size"),
        (entry(HEAD, data_offsets=[1 << 62, (1 << 62) + 256 * 64]), "hole"),
        (entry(HEAD, data_offsets=None), "size"),
        (entry(HEAD, more=1), "malformed"),
        (lambda header: header[HEAD].pop("dtype"), "malformed"),
        (lambda header: header.update({HEAD: 1}), "malformed"),
        (lambda header: header.pop(HEAD), "missing"),
        (lambda header: header.update(more=header[HEAD]), "too many"),
        (metadata("nncomp.id", "0" * 32), "stored id"),
        (metadata("nncomp.id", "0" * 31), "id is malformed"),
        (metadata("nncomp.id", "A" * 32), "id is malformed"),
        (metadata("nncomp.id", None), "malformed"),
        (metadata("nncomp.config", "{}"), "configuration"),
        (metadata("format", "pt"), "unknown key"),
        (metadata("nncomp.note.a", 1), "malformed"),
        (lambda header: header["__metadata__"].pop("nncomp.name"), "no nncomp.name"),
    ],
)
def test_changed_headers(tiny: Model, change: Any, match: str) -> None:
    header, body = split(dumps(tiny))
    change(header)
    rejects(join(header, body), match)


def test_hole_between_tensors(tiny: Model) -> None:
    header, body = split(dumps(tiny))
    last = max(header, key=lambda n: header[n]["data_offsets"][1] if n[0] != "_" else 0)
    header[last]["data_offsets"] = [n + 1 for n in header[last]["data_offsets"]]
    rejects(join(header, body + b"\0"), "hole")


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("embed.weight", -128, "has -128"),
        ("table.1.weight", -128, "has -128"),
        ("layers.3.down.weight", -128, "has -128"),
        ("embed.m", -1, "not in 0"),
        ("layers.0.attn.m", -(1 << 31), "not in 0"),
        ("layers.3.up.m", -1, "not in 0"),
        ("norm.c", 0, "not in 1"),
        ("norm.c", -1, "not in 1"),
        ("layers.0.norm.c", 1 << 44, "not in 1"),
        ("layers.3.norm.c", (1 << 63) - 1, "not in 1"),
        ("layers.0.attn.c", 0, "not in 1"),
        ("layers.2.attn.c", (1 << 38) + 1, "not in 1"),
    ],
)
def test_values_out_of_range(tiny: Model, name: str, value: int, match: str) -> None:
    tensors = {key: tensor.copy() for key, tensor in tiny.tensors.items()}
    tensors[name].flat[-1] = value
    with pytest.raises(ModelError, match=match):
        Model.build(tiny.config, tensors, "tiny")
    # A file with these tensors whose id is right: only the check of values can refuse it.
    hostile = Model(tiny.config, tensors, "tiny", model_id(tiny.config, tensors))
    rejects(dumps(hostile), match)


def test_build_checks_tensors(tiny: Model) -> None:
    for name, row in tiny.config.tensors.items():
        for wrong in (np.zeros(row.shape, np.uint8), np.zeros((*row.shape, 1), row.type)):
            with pytest.raises(ModelError, match=name):
                Model.build(tiny.config, {**tiny.tensors, name: wrong}, "tiny")
    with pytest.raises(ModelError, match="too many"):
        Model.build(tiny.config, {**tiny.tensors, "more": np.zeros(1, np.int8)}, "tiny")


def test_build_copies(tiny: Model) -> None:
    tensors = {name: tensor.copy() for name, tensor in tiny.tensors.items()}
    model = Model.build(tiny.config, tensors, "tiny")
    tensors["head.weight"][:] = 0
    assert model.tensors["head.weight"].any()


def test_config_that_would_need_too_much(tiny: Model) -> None:
    """Refused from the configuration, before anything of its size is allocated."""
    large = models.pairs(2048, 32, 128, 8192, (1024,) * 32, ())
    with pytest.raises(ModelError, match="larger"):
        Model.build(large, {}, "large")
