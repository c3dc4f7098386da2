"""Frames ⇄ content, on a cheap engine: zlib, lane by lane. Real engines have their own tests."""

from __future__ import annotations

import hashlib
import io
import itertools
import lzma
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import commandline
import models
import nncomp
from conftest import examples
from nncomp import container, model, packing, places, schedule
from nncomp.api import compress, compress_stream, decompress, decompress_stream
from nncomp.engine import native
from nncomp.errors import (
    ChecksumError,
    FormatError,
    MemoryLimitError,
    ModelError,
    ModelNotFoundError,
    SizeLimitError,
)
from nncomp.filters import repeat
from nncomp.mixing import Contexts, Mixing, Profile
from nncomp.options import Options, Reading, Writing
from nncomp.plan import Plan, Stream, layout, memory, trial

BLOCK = 1 << 10
SMALL = 1 << 16  # bytes: up to here, streams are coded with the network and without


def pieces(data: bytes, lanes: int) -> list[bytes]:
    size, longer = divmod(len(data), lanes)
    ends = itertools.accumulate(size + (i < longer) for i in range(lanes))
    return [data[a:b] for a, b in itertools.pairwise([0, *ends])]


class ZlibEngine:
    """An engine with the contract of the real ones and a predictor of another kind.

    Models know the words of ``models.text``; who decodes with another model or mixing notices.
    """

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.delay = 0.0

    @staticmethod
    def head(model: model.Model | None, mixing: Mixing | None) -> tuple[bytes, bytes]:
        """(dictionary, what stands before each piece)"""
        assert model is not None or mixing is not None
        known = b"" if model is None else models.text(3000)
        how = (model and model.id, mixing)
        return known, zlib.crc32(repr(how).encode()).to_bytes(4, "little")

    def encode_block(
        self,
        model: model.Model | None,
        data: bytes,
        lanes: int,
        mixing: Mixing | None = None,
        *,
        threads: int = 1,
        progress: Callable[[int], None] | None = None,
        prime: object = None,
    ) -> list[bytes]:
        self.threads.append(threads)
        self._report(len(data), progress)
        return self.payloads(model, data, lanes, mixing)

    def payloads(
        self, model: model.Model | None, data: bytes, lanes: int, mixing: Mixing | None
    ) -> list[bytes]:
        assert 1 <= lanes <= (len(data) if model else 1)
        known, head = self.head(model, mixing)

        def packed(piece: bytes) -> bytes:
            packer = zlib.compressobj(9, wbits=-15, zdict=known)
            return packer.compress(head + piece) + packer.flush()

        return [packed(piece) for piece in pieces(data, lanes)]

    def start_encoding(
        self,
        model: model.Model | None,
        data: bytes,
        lanes: int,
        mixing: Mixing,
        prime: object = None,
    ) -> ZlibEncoding:
        return ZlibEncoding(self, model, data, lanes, mixing)

    def decode_block(
        self,
        model: model.Model | None,
        payloads: list[bytes],
        size: int,
        mixing: Mixing | None = None,
        *,
        threads: int = 1,
        progress: Callable[[int], None] | None = None,
        prime: object = None,
    ) -> bytes:
        self.threads.append(threads)
        known, head = self.head(model, mixing)
        parts = []
        for payload in payloads:
            unpacker = zlib.decompressobj(wbits=-15, zdict=known)
            try:
                part = unpacker.decompress(payload) + unpacker.flush()
            except zlib.error:
                raise FormatError("a lane is damaged") from None
            if not (unpacker.eof and part.startswith(head)):
                raise FormatError("a lane is damaged")
            parts.append(part[4:])
        self._report(size, progress)
        return b"".join(parts)

    def _report(self, size: int, progress: Callable[[int], None] | None) -> None:
        for _ in range(10):
            time.sleep(self.delay / 10)
            if progress:
                progress(size // 10)
        if progress:
            progress(size - size // 10 * 10)


class ZlibEncoding:
    def __init__(self, engine: ZlibEngine, model: Any, data: bytes, lanes: int, mixing: Mixing):
        self.engine, self.of = engine, (model, data, lanes, mixing)
        self.size = 0

    def encode(
        self, steps: int, *, threads: int = 1, progress: Callable[[int], None] | None = None
    ) -> None:
        model, data, lanes, mixing = self.of
        self.size = sum(map(len, self.engine.payloads(model, data[: steps * lanes], lanes, mixing)))

    def finish(
        self, *, threads: int = 1, progress: Callable[[int], None] | None = None
    ) -> list[bytes]:
        return self.engine.encode_block(*self.of, threads=threads, progress=progress)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, model_directory: Path) -> ZlibEngine:
    commandline.use_models(monkeypatch, model_directory)
    engine = ZlibEngine()
    monkeypatch.setattr(places.engine, "get", lambda *arguments: engine)
    monkeypatch.setattr(places.engine, "in_steps", lambda *arguments: engine)
    return engine


pytestmark = pytest.mark.usefixtures("engine")

TEXT = models.text(10_000)
NOISE = models.noise(100_000)


def blocks(data: bytes) -> list[container.Block]:
    found = container.read(io.BytesIO(data), 1 << 30)
    return [item for item in found if isinstance(item, container.Block)]


def plans(data: bytes) -> list[Plan]:
    found = list(container.read(io.BytesIO(data), 1 << 30))
    (header,) = (item for item in found if isinstance(item, container.Header))
    return [layout.loads(item, header) for item in found if isinstance(item, container.Block)]


def labels(data: bytes) -> list[str]:
    return [plan.label for plan in plans(data)]


# ---- round trips ----

contents = st.one_of(
    st.binary(max_size=3000),
    st.builds(models.text, st.integers(0, 5000), st.integers(1, 9)),
    st.builds(bytes.__mul__, st.binary(max_size=9), st.integers(0, 600)),
).flatmap(lambda a: st.binary(max_size=50).map(lambda b: a + b))
slow_fixture = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=examples(100),
)


@slow_fixture
@given(contents, st.integers(1, 4))
def test_round_trip(data: bytes, threads: int) -> None:
    compressed = compress(data, block_size=BLOCK)
    assert compress(data, block_size=BLOCK, threads=threads) == compressed
    assert decompress(compressed, threads=threads) == data
    bound = len(data) + 16 + (len(data) // BLOCK + 1) * 20
    assert len(compressed) <= bound


@slow_fixture
@given(contents, st.lists(st.integers(1, 2000), min_size=1))
def test_how_input_arrives_does_not_matter(data: bytes, sizes: list[int]) -> None:
    class Pipe(io.BytesIO):
        chunks = itertools.cycle(sizes)

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None and size >= 0
            return super().read(min(size, next(self.chunks)))

    dst = io.BytesIO()
    compress_stream(Pipe(data), dst, Options(block_size=BLOCK))
    assert dst.getvalue() == compress(data, block_size=BLOCK)
    back = io.BytesIO()
    decompress_stream(Pipe(dst.getvalue()), back, Options())
    assert back.getvalue() == data


def test_concatenation() -> None:
    parts = [b"", TEXT, b"abc", NOISE, b""]
    joined = b"".join(compress(part, level=i + 1) for i, part in enumerate(parts))
    assert decompress(joined) == b"".join(parts)


@pytest.mark.parametrize("level", range(1, 10))
def test_levels(level: int) -> None:
    assert decompress(compress(TEXT, level)) == TEXT


@pytest.mark.parametrize("level", range(1, 10))
def test_every_block_size_at_every_level(level: int) -> None:
    for log2 in range(10, 27):
        packed = compress(b"x", level, model="none", block_size=1 << log2)
        assert decompress(packed) == b"x"


def test_bytes_like_input() -> None:
    assert decompress(bytearray(compress(memoryview(TEXT)))) == TEXT


def test_options_out_of_range() -> None:
    for bad in ({"level": 0}, {"level": 10}, {"block_size": 3000}, {"threads": 0}):
        with pytest.raises(ValueError):
            compress(TEXT, **bad)
    for wrong in ("no", 1, None, []):
        with pytest.raises(TypeError, match="embed_model must be a bool"):
            compress(TEXT, embed_model=wrong)  # type: ignore[arg-type]


def test_public_names() -> None:
    assert nncomp.decompress(nncomp.compress(b"abc")) == b"abc"
    assert set(nncomp.__all__) <= set(dir(nncomp))
    with pytest.raises(AttributeError):
        nncomp.nothing  # noqa: B018


# ---- sizes and block types ----


def test_sizes_of_small_files() -> None:
    assert len(compress(b"")) == 16
    assert len(compress(b"x")) == 12
    assert len(compress(b"a" * 1000)) <= 20
    assert len(compress(NOISE[:1000])) == 1013


def test_repetition_becomes_repeat_blocks() -> None:
    for data in (b"\0" * 5000, b"abc" * 2000, NOISE[:1000] * 10, b"aaa", b"ab" * 600 + b"a"):
        compressed = compress(data)
        assert labels(compressed) == ["repeat+stored"]
        assert decompress(compressed) == data
    assert "repeat+stored" not in labels(compress(b"a" * 5000 + b"b"))


def test_random_data_is_stored_unseen(engine: ZlibEngine) -> None:
    pairs = zip(models.noise(400_000), models.noise(400_000, 2), strict=True)
    skewed = bytes(a * b >> 11 for a, b in pairs)
    for data in (NOISE, lzma.compress(NOISE), lzma.compress(skewed)):
        assert labels(compress(data)) == ["stored"]
    assert engine.threads == []
    assert labels(compress(zlib.compress(skewed))) == ["stored"]
    assert engine.threads  # what deflate hides is looked at


def test_what_the_network_cannot_shrink_is_stored(engine: ZlibEngine) -> None:
    data = NOISE[:5000]
    assert labels(compress(data, block_size=BLOCK)) == ["stored"] * 5
    assert engine.threads


def test_model_is_named_only_where_that_pays() -> None:
    """The model's name and id are 24 bytes here, which the first block has to save in addition,
    but of a small frame."""
    words = b"".join(b"%d " % i for i in range(300))
    block = words[:300] + TEXT[3000:3030] + words[300:994]
    assert len(block) == BLOCK
    assert labels(compress(block)) == ["network+mix"]
    assert labels(compress(block + NOISE[:9], block_size=BLOCK)) == ["mix", "stored"]
    assert labels(compress(TEXT[:BLOCK] + block, block_size=BLOCK)) == ["network+mix"] * 2
    rest = TEXT[:BLOCK] + NOISE[:BLOCK] + TEXT[BLOCK : 2 * BLOCK]
    expected = ["network+mix", "stored", "network+mix"]
    assert labels(compress(rest, block_size=BLOCK)) == expected


UNKNOWN = "".join(f"{i * i % 977} {i * i * i}\n" for i in range(60_000)).encode()  # by models


def test_small_blocks_are_coded_with_and_without_the_network(engine: ZlibEngine) -> None:
    assert labels(compress(TEXT)) == ["network+mix"]
    assert labels(compress(UNKNOWN[:1000])) == ["mix"]
    assert len(engine.threads) == 4


def test_a_sample_decides_about_large_blocks(engine: ZlibEngine) -> None:
    for level in (1, 5, 9):
        large = UNKNOWN[: SMALL + 1]
        assert labels(compress(large, level)) == ["mix"]
        assert decompress(compress(large, level)) == large
    noisy = b"".join(TEXT[i : i + 40] + NOISE[i : i + 40] for i in range(0, 9900, 40))
    noisy = (noisy * 5)[: SMALL + 1]
    compressed = compress(noisy)
    assert labels(compressed) == ["network+mix"]
    assert decompress(compressed) == noisy


def expect(monkeypatch: pytest.MonkeyPatch, gain: int) -> None:
    """Of every network."""
    begin = trial.begin
    monkeypatch.setattr(
        trial, "begin", lambda *args, **named: replace(begin(*args, **named), gain=gain)
    )


@pytest.mark.parametrize(
    ("level", "gain", "way"),
    [
        *((1, 1000, "mix"), (2, 1000, "mix"), (3, 30, "mix"), (3, 31, "network+mix")),
        *((4, 30, "mix"), (4, 31, "network+mix"), (5, 14, "mix"), (5, 15, "network+mix")),
        *((9, 1, "mix"), (9, 2, "network+mix")),
    ],
)
def test_what_is_to_be_gained_says_what_is_coded(
    level: int, gain: int, way: str, monkeypatch: pytest.MonkeyPatch, engine: ZlibEngine
) -> None:
    expect(monkeypatch, gain)
    assert labels(compress(UNKNOWN[:70_000], level)) == [way]
    assert len(engine.threads) == 1  # in one way


def test_without_a_network_no_model_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commandline.use_models(monkeypatch, tmp_path)  # there is none
    large = models.text(600_000)
    for data in (TEXT, large):
        compressed = compress(data, model="none")
        assert labels(compressed) == ["mix"]
        assert len(plans(compressed)[0].streams[0].payloads) == 1
        assert decompress(compressed) == decompress(compressed, model="none") == data
    with pytest.raises(ValueError, match="no model to embed"):
        compress(TEXT, model="none", embed_model=True)


def test_mixing_is_chosen_for_each_block(
    monkeypatch: pytest.MonkeyPatch, engine: ZlibEngine
) -> None:
    monkeypatch.setattr(engine, "encode_block", native.encode_block)
    monkeypatch.setattr(engine, "decode_block", native.decode_block)
    records = b"".join(bytes([i & 255, 0, 7, i >> 8, *NOISE[i : i + 9]]) for i in range(5000))
    data = TEXT[: 8 * BLOCK] + records[: 8 * BLOCK]
    compressed = compress(data, block_size=8 * BLOCK)
    text, table = (plan.streams[0].mixing for plan in plans(compressed))
    assert text == Mixing(Profile.RICH) and table is not None
    assert table.contexts == Contexts.RECORDS
    assert decompress(compressed) == data
    summary = compress_stream(io.BytesIO(data), io.BytesIO(), Options(block_size=8 * BLOCK))
    assert summary.mixings == {text.label: 1, table.label: 1}


def test_lanes_and_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    data = models.text(2500)
    compressed = compress(data, block_size=BLOCK)
    assert [b.size for b in blocks(compressed)] == [1024, 1024, 452]
    expect(monkeypatch, 1000)
    large = models.text(1_100_000)
    assert [len(p.streams[0].payloads) for p in plans(compress(large))] == [2]


def test_hundred_megabytes_of_one_byte_are_quick_and_small() -> None:
    class Zeros:
        left = 100_000_000

        def read(self, size: int, /) -> bytes:
            size = min(size, self.left)
            self.left -= size
            return bytes(size)

    dst = io.BytesIO()
    started = time.monotonic()
    summary = compress_stream(Zeros(), dst, Options())
    assert summary.content_size == 100_000_000
    assert summary.stored_size == len(dst.getvalue()) < 1000

    class Count:
        total = 0

        def write(self, data: bytes, /) -> int:
            assert not data.strip(b"\0")
            self.total += len(data)
            return len(data)

    sink = Count()
    decompress_stream(io.BytesIO(dst.getvalue()), sink, Options())
    assert sink.total == 100_000_000
    assert time.monotonic() - started < 20


# ---- threads, progress, abort ----


def test_threads_share_the_blocks_at_hand(engine: ZlibEngine) -> None:
    for count, shares in {1: [4], 2: [2, 2], 3: [1, 1, 2], 4: [1] * 4}.items():
        data = TEXT[: count * BLOCK]
        compressed = compress(data, block_size=BLOCK, threads=4, model="none")
        assert sorted(engine.threads) == shares
        engine.threads.clear()
        decompress(compressed, threads=4)
        assert sorted(engine.threads) == shares
        engine.threads.clear()


def test_blocks_run_in_parallel(engine: ZlibEngine) -> None:
    engine.delay = 0.2
    started = time.monotonic()
    compressed = compress(TEXT[: 8 * BLOCK], block_size=BLOCK, threads=8)
    assert decompress(compressed, threads=8) == TEXT[: 8 * BLOCK]
    assert time.monotonic() - started < 1.5  # 3.2 one after another


def test_progress_is_complete_and_in_the_calling_thread() -> None:
    seen: list[tuple[int, threading.Thread]] = []

    def progress(count: int) -> None:
        seen.append((count, threading.current_thread()))

    dst = io.BytesIO()
    options = Options(block_size=BLOCK, threads=3)
    compress_stream(io.BytesIO(TEXT), dst, options, progress=progress)
    assert sum(count for count, _ in seen) == len(TEXT)
    seen.clear()
    decompress_stream(io.BytesIO(dst.getvalue()), io.BytesIO(), options, progress=progress)
    assert sum(count for count, _ in seen) == len(TEXT)
    assert {thread for _, thread in seen} == {threading.current_thread()}


def test_progress_covers_every_type_of_block() -> None:
    data = b"a" * BLOCK + NOISE[:BLOCK] + TEXT[:BLOCK]
    counts: list[int] = []
    dst = io.BytesIO()
    options = Options(block_size=BLOCK)
    compress_stream(io.BytesIO(data), dst, options, progress=counts.append)
    assert sum(counts) == len(data)
    counts.clear()
    decompress_stream(io.BytesIO(dst.getvalue()), io.BytesIO(), options, progress=counts.append)
    assert sum(counts) == len(data)


class Stop(Exception):
    pass


def test_progress_may_abort(engine: ZlibEngine) -> None:
    engine.delay = 5.0  # seconds a block

    def progress(count: int) -> None:
        raise Stop

    started = time.monotonic()
    before = threading.active_count()
    with pytest.raises(Stop):
        options = Options(block_size=BLOCK, model="none")
        compress_stream(io.BytesIO(TEXT), io.BytesIO(), options, progress=progress)
    while threading.active_count() > before and time.monotonic() - started < 4:
        time.sleep(0.01)
    assert time.monotonic() - started < 4


def test_failing_output_stops_the_work(engine: ZlibEngine) -> None:
    class Full:
        def write(self, data: bytes, /) -> int:
            if len(data) > 16:
                raise OSError(28, "No space left on device")
            return len(data)

    with pytest.raises(OSError, match="No space"):
        compress_stream(io.BytesIO(TEXT), Full(), Options(block_size=BLOCK))
    assert len(engine.threads) <= 4


def test_memory_bounds_the_blocks_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = threading.Lock()
    running = most = 0

    def task(threads: int, report: Callable[[int], None]) -> Iterator[int]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        yield threads

    results = list(schedule.in_order(iter([task] * 12), lambda there: 3, lambda there: 6, 8, None))
    assert len(results) == 12 and most <= 3
    assert list(schedule.in_order(iter([task] * 2), lambda there: 1, lambda there: 1, 8, None)) == [
        8,
        8,
    ]


def test_a_long_block_holds_up_results_only() -> None:
    """Others begin and end behind it, as many as there is room for"""
    ended: list[int] = []

    def task(i: int) -> Callable[[int, Callable[[int], None]], Iterator[int]]:
        def run(threads: int, report: Callable[[int], None]) -> Iterator[int]:
            deadline = time.monotonic() + 60
            while i == 0 and len(ended) < 4 and time.monotonic() < deadline:
                time.sleep(0.001)
            yield i
            ended.append(i)

        return run

    results = schedule.in_order(map(task, range(20)), lambda there: 2, lambda there: 5, 2, None)
    assert next(results) == 0 and ended[:4] == [1, 2, 3, 4]
    assert list(results) == list(range(1, 20))


# ---- models ----


def test_missing_model_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compressed = compress(TEXT, level=3)
    wanted = model_of(compressed)
    commandline.use_models(monkeypatch, tmp_path)
    with pytest.raises(ModelNotFoundError) as caught:
        decompress(compressed)
    for part in (wanted.id.hex(), str(tmp_path)):
        assert part in str(caught.value)
    with pytest.raises(ModelNotFoundError, match="no-such-model"):
        compress(TEXT, model="no-such-model")
    with pytest.raises(FileNotFoundError):
        compress(TEXT, model=tmp_path / "no-such-file")
    with pytest.raises(ModelNotFoundError, match="no-such-model"):
        compress(NOISE, model="no-such-model")  # though nothing would need it


def model_of(data: bytes) -> container.ModelRef:
    found = container.read(io.BytesIO(data), 1 << 30)
    return next(item for item in found if isinstance(item, container.ModelRef))


def test_model_by_path_and_object(tmp_path: Path) -> None:
    own = models.tiny(3)
    path = tmp_path / "own.safetensors"
    path.write_bytes(model.dumps(own))
    compressed = compress(TEXT, model=path)
    assert compress(TEXT, model=str(path)) == compress(TEXT, model=own) == compressed
    with pytest.raises(ModelNotFoundError):
        decompress(compressed)
    assert decompress(compressed, model=path) == TEXT
    assert decompress(compress(TEXT), model=path) == TEXT  # offered, not needed


def test_model_is_found_by_id_whatever_its_file_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = models.tiny(3)
    (tmp_path / "renamed.safetensors").write_bytes(model.dumps(own))
    (tmp_path / "broken.safetensors").write_bytes(b"garbage")
    (tmp_path / "unrelated.txt").write_bytes(b"garbage")
    compressed = compress(TEXT, model=own)
    monkeypatch.setenv("NNCOMP_MODELS", str(tmp_path))
    assert decompress(compressed) == TEXT


def test_model_with_a_false_id_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = models.tiny(3)
    data = bytearray(model.dumps(own))
    data[-1] ^= 1
    (tmp_path / "own.safetensors").write_bytes(data)
    monkeypatch.setenv("NNCOMP_MODELS", str(tmp_path))
    with pytest.raises(ModelError, match=r"own\.safetensors"):
        decompress(compress(TEXT, model=own))


def test_embedded_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = models.tiny(3)
    compressed = compress(TEXT, model=own, embed_model=True)
    assert model_of(compressed).data == packing.pack(own).data
    monkeypatch.setenv("NNCOMP_MODELS", str(tmp_path))
    assert decompress(compressed) == TEXT
    assert decompress(compressed * 2) == TEXT * 2
    assert len(compress(NOISE, model=own, embed_model=True)) < len(NOISE) + 100


# ---- damage and lies ----


def test_every_truncation_is_an_error() -> None:
    data = TEXT[:BLOCK] + b"\0" * BLOCK + NOISE[:40]
    compressed = compress(data, block_size=BLOCK)
    assert len(set(labels(compressed))) == 3
    for size in range(len(compressed)):
        with pytest.raises(FormatError):
            decompress(compressed[:size])


def test_sampled_bit_flips_are_errors() -> None:
    compressed = compress(TEXT[:BLOCK] + b"\0" * BLOCK + NOISE[:40], block_size=BLOCK)
    for position in range(0, 8 * len(compressed), 7):
        bad = bytearray(compressed)
        bad[position // 8] ^= 1 << position % 8
        with pytest.raises((FormatError, MemoryLimitError)):
            decompress(bytes(bad))


def test_blocks_before_the_damage_are_delivered() -> None:
    compressed = compress(TEXT, block_size=BLOCK)
    for threads in (1, 3):
        dst = io.BytesIO()
        with pytest.raises(FormatError):
            half = io.BytesIO(compressed[: len(compressed) // 2])
            decompress_stream(half, dst, Options(threads=threads))
        content = dst.getvalue()
        assert content and len(content) % BLOCK == 0 and TEXT.startswith(content)


def forge(block: container.Block, ref: container.ModelRef | None = None, **header: int) -> bytes:
    dst = io.BytesIO()
    fields = {"block_size": BLOCK, "lanes": 1, "arithmetic": model.ARITHMETIC, **header}
    writer = container.FrameWriter(dst, container.Header(**fields))
    writer.write(block, ref)
    writer.end()
    return dst.getvalue()


def test_wrong_content_is_never_delivered() -> None:
    lie = layout.dumps(Plan((Stream(3, (b"abc",)),)), 3, zlib.crc32(b"abd"))
    dst = io.BytesIO()
    with pytest.raises(ChecksumError):
        decompress_stream(io.BytesIO(forge(lie)), dst, Options())
    assert dst.getvalue() == b""


def test_engine_with_a_wrong_size_is_caught() -> None:
    own = models.tiny(1)
    ref = container.ModelRef(own.id, own.name)
    mixing = Mixing(Profile.LEAN, period=9)
    for used in (own, None):
        payloads = ZlibEngine().encode_block(used, b"abcdef", 1, mixing)
        stream = Stream(100, (*payloads,), mixing, used is not None)
        block = layout.dumps(Plan((stream,)), 100, zlib.crc32(b"abcdef"))
        forged = forge(block, ref if used else None, profile=1)
        with pytest.raises(FormatError):
            decompress(forged, model=own)


def test_unsupported_versions() -> None:
    block = layout.dumps(Plan((Stream(3, (b"abc",)),)), 3, zlib.crc32(b"abc"))
    assert decompress(forge(block)) == b"abc"
    with pytest.raises(FormatError, match="arithmetic version 9"):
        decompress(forge(block, arithmetic=9))


def test_streams_are_coded_each_in_its_own_way() -> None:
    """Of a plan that no filter here makes: a reader takes the streams, the filter says no."""
    mixing = Mixing(Profile.RICH)
    payloads = ZlibEngine().encode_block(None, TEXT[:500], 1, mixing)
    streams = Stream(500, (*payloads,), mixing), Stream(9, (b"remainder",))
    block = layout.dumps(Plan(streams), 509, zlib.crc32(TEXT[:500] + b"remainder"))
    with pytest.raises(FormatError, match="without a filter"):
        decompress(forge(block))


def test_max_size_comes_before_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be refused anyway costs no unpacking."""
    compressed = compress(TEXT, model=models.tiny(3), embed_model=True)
    monkeypatch.setattr(packing, "unpack", lambda *_: pytest.fail("a model was unpacked"))
    with pytest.raises(SizeLimitError):
        decompress(compressed, max_size=len(TEXT) - 1)


def test_embedded_model_must_be_what_it_claims() -> None:
    own = models.tiny(1)
    data = packing.pack(own).data
    stream = Stream(100, (b"x",), Mixing(Profile.RICH), True)
    block = layout.dumps(Plan((stream,)), 100, 0)
    for ref in (
        container.ModelRef(bytes(16), own.name, data),
        container.ModelRef(own.id, own.name, model.dumps(own)),
        container.ModelRef(own.id, own.name, data[:-1]),
        container.ModelRef(own.id, own.name, data + b"\0"),
        container.ModelRef(own.id, own.name, b"garbage"),
    ):
        with pytest.raises(FormatError, match="embedded model"):
            decompress(forge(block, ref))


def test_memory_limit() -> None:
    for name, more in (("base-2", {}), ("none", {}), ("nano-2", {"embed_model": True})):
        compressed = compress(TEXT, model=name, block_size=1 << 14, **more)
        need = nncomp.get_frame_info(compressed).memory_needed
        assert need is not None
        with pytest.raises(MemoryLimitError):
            decompress(compressed, memory_limit=1 << 14)  # less than two blocks
        with pytest.raises(MemoryLimitError, match="decoding needs"):
            decompress(compressed, memory_limit=need - 1)
        assert decompress(compressed, memory_limit=need) == TEXT
    assert decompress(compress(NOISE), memory_limit=8 << 20) == NOISE  # two blocks and no more


def test_memory_of_an_embedded_model() -> None:
    """It is read, and unpacked, before there is a block."""
    for block_size in (1 << 14, 1 << 26):
        compressed = compress(TEXT, 3, block_size=block_size, embed_model=True)
        need = nncomp.get_frame_info(compressed).memory_needed
        assert decompress(compressed, memory_limit=need) == TEXT


def test_a_small_block_needs_little_whatever_the_frame_allows() -> None:
    """What the plan says counts, not what the header would allow."""
    compressed = compress(models.noise(1 << 17), 9, model="none")
    need = nncomp.get_frame_info(compressed).memory_needed
    assert need == 2 * (16 << 20)  # read a block of this frame, whatever its size
    header = next(iter(container.read(io.BytesIO(compressed), 1 << 30)))
    assert isinstance(header, container.Header)
    assert memory.of_frame(header, None, None) > 8 * need


def test_what_no_filter_restores_is_not_filtered(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder trusts no filter: it joins what was split, and compares."""
    monkeypatch.setattr(repeat, "join", lambda streams, side, size: bytes(size))
    compressed = compress(b"abc" * 1000)
    assert labels(compressed) == ["mix"]
    assert decompress(compressed) == b"abc" * 1000


def test_options_are_those_of_either_direction() -> None:
    """The keywords for type checkers are the fields of ``Options``."""
    fields = {*Options.__dataclass_fields__}
    assert {"level", *Writing.__annotations__, *Reading.__annotations__} == fields
    for bad in ({"memory_limit": 1 << 30}, {"max_size": 5}, {"thread": 1}):
        with pytest.raises(TypeError):
            compress(TEXT, **bad)  # type: ignore[arg-type]
    for bad in ({"level": 5}, {"block_size": BLOCK}, {"embed_model": False}, {"thread": 1}):
        with pytest.raises(TypeError):
            decompress(compress(TEXT), **bad)  # type: ignore[arg-type]


def test_golden_bytes() -> None:
    """The layout and the probes, frozen: repeat and stored blocks need no engine."""
    data = b"\0" * BLOCK + NOISE[:BLOCK] + b"abc" * 100
    digest = hashlib.sha256(compress(data, block_size=BLOCK)).hexdigest()
    assert digest == "f8791ead7982394800880cfae7ef866dd238b7572abad3ed0be4b61d44a62f08"


def test_order_is_kept(engine: ZlibEngine) -> None:
    """Results come in order though tasks end in another, and have some each."""

    def task(i: int) -> Callable[[int, Callable[[int], None]], Iterator[int]]:
        def run(threads: int, report: Callable[[int], None]) -> Iterator[int]:
            for part in range(i % 4):
                time.sleep(0.02 * (i % 3 == part))
                yield 10 * i + part

        return run

    def tasks() -> Iterator[Callable[[int, Callable[[int], None]], Iterator[int]]]:
        yield from map(task, range(20))
        raise Stop

    results = []
    with pytest.raises(Stop):
        results.extend(schedule.in_order(tasks(), lambda there: 4, lambda there: 8, 4, None))
    got = []
    with pytest.raises(Stop):
        for result in schedule.in_order(tasks(), lambda there: 4, lambda there: 8, 4, None):
            got.append(result)
    assert got == results == [10 * i + part for i in range(20) for part in range(i % 4)]
