"""Data in pieces: however it is cut, the bytes are those of the one-shot functions."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commandline
import models
import nncomp
from conftest import examples
from nncomp import NNCompressor, NNDecompressor, compress, container, levels, model, packing
from nncomp.errors import (
    ChecksumError,
    FormatError,
    MemoryLimitError,
    ModelError,
    ModelNotFoundError,
)
from nncomp.mixing import Mixing, Profile
from nncomp.plan import Plan, Stream, layout, parts

BLOCK = 1 << 10
TEXT = models.chained(3000)
NOISE = models.noise(700)
DATA = TEXT + bytes(2000) + NOISE  # blocks of every type


@pytest.fixture(scope="module", autouse=True)
def _models(model_directory: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        commandline.use_models(patch, model_directory)
        yield


@pytest.fixture(scope="module")
def packed() -> bytes:
    return compress(DATA, block_size=BLOCK)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """Pieces of these sizes over and over, empty ones among them."""
    position = 0
    while position < len(data):
        for size in sizes:
            yield data[position : position + size]
            position += size


pieces = st.lists(st.integers(0, 3000), min_size=1, max_size=9).filter(any)
quick = settings(deadline=None, max_examples=examples(40))


# ---- compression ----


@quick
@given(pieces, st.integers(0, len(DATA)), st.integers(1, 3))
def test_cutting_the_input_does_not_matter(sizes: list[int], size: int, threads: int) -> None:
    data = DATA[:size]
    compressor = NNCompressor(block_size=BLOCK, threads=threads)
    parts = [compressor.compress(piece) for piece in cut(data, sizes)]
    assert b"".join([*parts, compressor.flush()]) == compress(data, block_size=BLOCK)


def test_full_blocks_come_out_at_once() -> None:
    compressor = NNCompressor(block_size=BLOCK)
    assert compressor.compress(NOISE) == b""
    assert compressor.compress(bytes(BLOCK - len(NOISE))) == b""  # it may be all, and a small frame
    assert compressor.compress(NOISE) == b""
    first = compressor.compress(bytes(BLOCK - len(NOISE)))
    assert first[:4] == b"\x89NNC" and len(first) > len(NOISE)
    other = models.noise(700, 2)
    assert compressor.compress(other) == b""
    assert len(compressor.compress(bytes(BLOCK - len(other)))) > len(other)
    assert len(compressor.flush()) < 30


def test_options_are_those_of_compress(foreign_model: model.Model) -> None:
    every: list[dict[str, Any]] = [
        {"level": 1},
        {"model": foreign_model},
        {"model": foreign_model, "embed_model": True},
    ]
    for options in every:
        compressor = NNCompressor(**options)
        assert compressor.compress(TEXT) + compressor.flush() == compress(TEXT, **options)
    assert NNCompressor(2).flush() == compress(b"", 2)
    for bad in [{"level": 0}, {"block_size": 3000}, {"threads": 0}]:
        with pytest.raises(ValueError):
            NNCompressor(**bad)  # type: ignore[arg-type]


def test_bytes_like_pieces() -> None:
    compressor = NNCompressor()
    parts = [compressor.compress(p) for p in (bytearray(b"ab"), memoryview(b"cd"))]
    assert nncomp.decompress(b"".join([*parts, compressor.flush()])) == b"abcd"
    with pytest.raises(TypeError):
        NNCompressor().compress("text")  # type: ignore[arg-type]


def test_nothing_after_flush() -> None:
    compressor = NNCompressor()
    compressor.flush()
    with pytest.raises(ValueError, match="ended"):
        compressor.compress(b"x")
    with pytest.raises(ValueError, match="ended"):
        compressor.flush()


def test_what_failed_cannot_be_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise MemoryError

    compressor = NNCompressor(block_size=BLOCK)
    with monkeypatch.context() as patch:
        patch.setattr(parts, "choose_parts", fail)
        with pytest.raises(MemoryError):
            compressor.compress(TEXT)
    with pytest.raises(ValueError, match="failed before"):
        compressor.compress(b"")
    with pytest.raises(ValueError, match="failed before"):
        compressor.flush()


# ---- decompression ----


@quick
@given(pieces, st.integers(1, 3), st.binary(max_size=9))
def test_cutting_the_compressed_data_does_not_matter(
    packed: bytes, sizes: list[int], threads: int, tail: bytes
) -> None:
    decompressor = NNDecompressor(threads=threads)
    parts = []
    rest = b""
    for piece in cut(packed + tail, sizes):
        if decompressor.eof:
            rest += piece
        else:
            assert decompressor.unused_data == b""
            parts.append(decompressor.decompress(piece))
    assert decompressor.eof and not decompressor.needs_input
    assert b"".join(parts) == DATA
    assert decompressor.unused_data + rest == tail


def test_byte_by_byte(packed: bytes) -> None:
    decompressor = NNDecompressor()
    content = b""
    for i in range(len(packed)):
        assert decompressor.needs_input and not decompressor.eof
        content += decompressor.decompress(packed[i : i + 1])
    assert decompressor.eof and content == DATA


@quick
@given(st.lists(st.integers(0, 2500), min_size=1, max_size=5).filter(any), pieces)
def test_max_length(packed: bytes, lengths: list[int], sizes: list[int]) -> None:
    """The loop of ``bz2`` and ``lzma``: give input only when it is asked for."""
    decompressor = NNDecompressor(threads=2)
    source = cut(packed + b"tail", sizes)
    content = b""
    while not decompressor.eof:
        for length in lengths:
            part = decompressor.decompress(
                next(source) if decompressor.needs_input else b"", length
            )
            assert len(part) <= length
            content += part
            if decompressor.eof:
                break
    assert content == DATA
    assert (decompressor.unused_data + b"".join(source)).startswith(b"tail")


@pytest.mark.parametrize("more", [0, 9])
def test_after_exactly_max_length_an_empty_call_finds_that_input_is_needed(more: int) -> None:
    """As in ``lzma``; with a block's bytes and no more, or some of the next one's."""
    content = models.noise(3 * BLOCK)
    packed = compress(content, 1, block_size=BLOCK)
    second = container.read_index(io.BytesIO(packed), 1 << 30)[0].entries[1].offset
    for limit, needs in ((BLOCK, False), (BLOCK + 1, True)):
        decompressor = NNDecompressor()
        assert decompressor.decompress(packed[: second + more], limit) == content[:BLOCK]
        assert decompressor.needs_input == needs
        assert decompressor.decompress(b"", limit) == b"" and decompressor.needs_input
        assert decompressor.decompress(packed[second + more :]) == content[BLOCK:]


def test_input_that_comes_before_what_was_read_ahead_is_taken() -> None:
    content = models.noise(3 << 12)
    packed = compress(content, 1, block_size=1 << 12)
    at = container.read_index(io.BytesIO(packed), 1 << 30)[0].entries[1].offset + 9
    decompressor = NNDecompressor(threads=2)
    parts = [decompressor.decompress(piece, 10) for piece in (packed[:at], packed[at:])]
    while not decompressor.eof:
        assert not decompressor.needs_input
        parts.append(decompressor.decompress(b"", 1000))
    assert b"".join(parts) == content


def test_no_block_is_decoded_before_it_is_asked_for(
    packed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = []

    def loads(block: container.Block, header: container.Header) -> Plan:
        blocks.append(block)
        return original(block, header)

    original = layout.loads
    monkeypatch.setattr(layout, "loads", loads)
    decompressor = NNDecompressor()
    assert decompressor.decompress(packed, 10) == TEXT[:10]
    assert [block.size for block in blocks] == [BLOCK]
    assert not decompressor.needs_input


def test_frame_after_frame() -> None:
    data = compress(b"one") + compress(b"") + compress(b"three")
    contents = []
    while data:
        decompressor = NNDecompressor()
        contents.append(decompressor.decompress(data))
        assert decompressor.eof
        data = decompressor.unused_data
    assert contents == [b"one", b"", b"three"]


def test_after_the_end() -> None:
    decompressor = NNDecompressor()
    decompressor.decompress(compress(b"x"))
    with pytest.raises(EOFError):
        decompressor.decompress(b"")


def test_truncation_shows_in_eof(packed: bytes) -> None:
    decompressor = NNDecompressor()
    assert decompressor.decompress(packed[:-1]) == DATA
    assert not decompressor.eof and decompressor.needs_input
    decompressor.decompress(packed[-1:])
    assert decompressor.eof


def test_damage_is_an_error_and_stays_one(packed: bytes) -> None:
    bad = bytearray(packed)
    bad[len(packed) // 2] ^= 1
    for threads in (1, 9):
        decompressor = NNDecompressor(threads=threads)
        with pytest.raises(ChecksumError):
            decompressor.decompress(bad)
        with pytest.raises(ValueError, match="failed before"):
            decompressor.decompress(b"")
        assert not decompressor.eof and decompressor.unused_data == b""
    with pytest.raises(FormatError, match=r"not an \.nnc file"):
        NNDecompressor().decompress(b"something else")


def test_content_before_the_damage_can_be_had(packed: bytes) -> None:
    decompressor = NNDecompressor()
    assert decompressor.decompress(packed[:-9] + b"012345678", BLOCK) == DATA[:BLOCK]
    with pytest.raises(FormatError):
        decompressor.decompress(b"")


def test_decoding_options(packed: bytes, foreign_model: model.Model) -> None:
    data = compress(TEXT, model=foreign_model)
    assert NNDecompressor(model=foreign_model).decompress(data) == TEXT
    with pytest.raises(ModelNotFoundError):
        NNDecompressor().decompress(data)
    with pytest.raises(MemoryLimitError):
        NNDecompressor(memory_limit=1000).decompress(packed)


# ---- get_frame_info ----


def test_frame_info() -> None:
    packed = compress(DATA, 3, block_size=BLOCK)
    info = nncomp.get_frame_info(packed + b"whatever follows")
    assert info.content_size == len(DATA)
    assert info.stored_size == len(packed)
    assert sum(info.blocks.values()) == -(-len(DATA) // BLOCK)
    assert set(info.blocks) >= {"network+mix", "repeat+stored", "stored"}
    mixed = sum(count for kind, count in info.blocks.items() if "mix" in kind)
    assert sum(info.mixings.values()) == mixed >= info.mixings["general"] > 0
    assert (info.block_size, info.lanes) == (BLOCK, 1)
    assert info.version == container.VERSION
    assert (info.arithmetic, info.profile) == (model.ARITHMETIC, "rich")
    assert info.model == levels.get(3).model and len(info.model_id or "") == 32
    assert not info.model_embedded
    assert info.memory_needed is not None and info.memory_needed > 2 * BLOCK


def test_frame_info_without_a_model() -> None:
    info = nncomp.get_frame_info(compress(b""))
    assert (info.content_size, info.stored_size, info.blocks) == (0, 16, {})
    assert (info.model, info.model_id, info.model_embedded) == (None, None, False)
    assert info.memory_needed == 2 * info.block_size


def test_frame_info_of_models_that_are_elsewhere(foreign_model: model.Model) -> None:
    info = nncomp.get_frame_info(compress(TEXT, model=foreign_model))
    assert info.model_id == foreign_model.id.hex() and info.memory_needed is None
    info = nncomp.get_frame_info(compress(TEXT, model=foreign_model, embed_model=True))
    assert info.model_embedded and info.memory_needed is not None
    assert info.model_size == len(packing.pack(foreign_model).data)
    assert info.model_base is None


def test_frame_info_of_a_change(foreign_model: model.Model, model_directory: Path) -> None:
    base = model.load(model_directory / "base-2.safetensors")
    tensors = dict(base.tensors)
    tensors["head.m"] = base.tensors["head.m"] + np.int32(1)
    changed = model.Model.build(base.config, tensors, "changed")
    packed = packing.pack(changed, base)
    info = nncomp.get_frame_info(compress(TEXT, model=packed))
    assert (info.model, info.model_id) == ("changed", changed.id.hex())
    assert (info.model_embedded, info.model_size) == (True, len(packed.data))
    assert info.model_base == "base-2"  # the first with its id
    assert info.memory_needed is not None


def test_listing_unpacks_nothing(
    foreign_model: model.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dimensions tell what memory is needed, and what is wrong with them shows."""
    packed = packing.pack(foreign_model)
    whole = compress(TEXT, model=packed)
    large = dataclasses.replace(packed, data=bytes([0, 32, 3, *[1, 128] * 3, 0]))

    def refuse(*arguments: object) -> None:
        raise AssertionError("a model was loaded")

    need = nncomp.get_frame_info(whole).memory_needed
    with monkeypatch.context() as patch:
        for place in (packing, model):
            patch.setattr(place, "unpack" if place is packing else "load", refuse)
        info = nncomp.get_frame_info(whole)
        assert info.memory_needed == need
        for data in (b"\x00\x01", b"\x02", large.data):
            bad = dataclasses.replace(packed, data=data)
            sink = io.BytesIO()
            writer = container.FrameWriter(sink, container.Header(1 << 16, 1, 1, Profile.RICH))
            stream = Stream(100, (b"x",), Mixing(Profile.RICH), network=True)
            ref = container.ModelRef(foreign_model.id, "bad", bad.data)
            writer.write(layout.dumps(Plan((stream,)), 100, 0), ref)
            writer.end()
            with pytest.raises(FormatError, match="embedded model is malformed"):
                nncomp.get_frame_info(sink.getvalue())
    with pytest.raises(ModelError, match="larger than 64 MiB"):
        packing.unpack(large, None)


def test_frame_info_needs_a_whole_frame(packed: bytes) -> None:
    with pytest.raises(FormatError, match="ended before the end-of-stream marker was reached"):
        nncomp.get_frame_info(packed[:-1])
    with pytest.raises(FormatError):
        nncomp.get_frame_info(b"")
