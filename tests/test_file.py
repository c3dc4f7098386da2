"""File objects: the behaviour of ``io`` and ``lzma``, and no more work than needed."""

from __future__ import annotations

import array
import builtins
import contextlib
import gc
import io
import os
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commandline
import models
import nncomp
from conftest import examples
from fuzz import mutate
from nncomp import NNCompFile, compress, container, decompress, model, varint
from nncomp.container import records
from nncomp.decode import Decoder
from nncomp.errors import (
    ChecksumError,
    FormatError,
    MemoryLimitError,
    ModelNotFoundError,
    SizeLimitError,
)
from nncomp.options import for_reading
from nncomp.plan import Plan, layout
from nncomp.reader import ContentReader

BLOCK = 1 << 10
TEXT = models.chained(3000)
NOISE = models.noise(1024)
DATA = bytes(1000) + NOISE + TEXT + bytes(2000) + TEXT  # the model comes late


@pytest.fixture(scope="module", autouse=True)
def _models(model_directory: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        commandline.use_models(patch, model_directory)
        yield


@pytest.fixture(scope="module")
def packed() -> bytes:
    return compress(DATA, block_size=BLOCK)


@pytest.fixture(scope="module")
def several(packed: bytes) -> bytes:
    """Five frames, two without content; the content is DATA three times."""
    empty = compress(b"")
    return empty + packed + compress(DATA, block_size=2 * BLOCK) + empty + packed


class Source(io.BytesIO):
    """Notes which bytes are read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.seen: set[int] = set()

    def read(self, size: int | None = -1, /) -> bytes:
        start = self.tell()
        data = super().read(size)
        self.seen.update(range(start, start + len(data)))
        return data


class Pipe:
    """Reads, and nothing else; a little at a time."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, 100))


# ---- round trips and modes ----


def test_path_of_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "x.nnc"
    for file in (path, str(path), os.fsencode(path)):
        with NNCompFile(file, "w", level=1) as out:
            assert out.write(DATA) == len(DATA)
        assert path.read_bytes() == compress(DATA, 1)
        with NNCompFile(file) as back:
            assert back.read() == DATA


def test_file_object_stays_open() -> None:
    target = io.BytesIO()
    with NNCompFile(target, "wb", block_size=BLOCK) as out:
        for start in range(0, len(DATA), 700):
            out.write(memoryview(DATA)[start : start + 700])
    assert out.closed and not target.closed
    assert target.getvalue() == compress(DATA, block_size=BLOCK)
    target.seek(0)
    with NNCompFile(target) as back:
        assert back.read() == DATA
    assert back.closed and not target.closed


def test_nothing_written_is_an_empty_frame() -> None:
    target = io.BytesIO()
    NNCompFile(target, "w").close()
    assert target.getvalue() == compress(b"")


def test_write_counts_bytes() -> None:
    values = array.array("i", [1, 2, 3])
    target = io.BytesIO()
    with NNCompFile(target, "w") as out:
        assert out.write(values) == values.itemsize * 3 == out.tell()
        with pytest.raises(TypeError):
            out.write("text")  # type: ignore[arg-type]
    assert decompress(target.getvalue()) == values.tobytes()


def test_exclusive_and_append(tmp_path: Path) -> None:
    path = tmp_path / "x.nnc"
    with NNCompFile(path, "x") as out:
        out.write(b"one ")
    with pytest.raises(FileExistsError):
        NNCompFile(path, "x")
    with NNCompFile(path, "a") as out:
        out.write(b"two")
    assert path.read_bytes() == compress(b"one ") + compress(b"two")
    with NNCompFile(path) as back:
        assert back.read() == b"one two"


def test_append_with_a_prime(tmp_path: Path) -> None:
    """No file needs two primes; what is no frame, and whoever hands over a file, is on its own."""
    path = tmp_path / "x.nnc"
    one, other = (nncomp.Prime(text) for text in (b"one prime", b"another"))
    for prime, text in ((one, b"a"), (None, b"b"), (b"one prime", b"c")):
        with NNCompFile(path, "a", prime=prime) as out:
            out.write(text)
    packed = path.read_bytes()
    assert decompress(packed, prime=one) == b"abc"
    for mode in ("a", "ab"):
        with pytest.raises(nncomp.PrimeError) as raised:
            NNCompFile(path, mode, prime=other)
        digests = f"{one.digest.hex()[:8]}, not {other.digest.hex()[:8]}"
        assert str(raised.value) == f"it was written with another prime: {digests}"
    with pytest.raises(nncomp.PrimeError):
        nncomp.open(path, "at", prime=other)
    assert path.read_bytes() == packed
    for there in (b"", b"no frame", compress(b"none")):
        path.write_bytes(there)
        with NNCompFile(path, "a", prime=other) as out:
            out.write(b"a")
        assert path.read_bytes() == there + compress(b"a", prime=other)


def test_unbuffered_target() -> None:
    class Raw(io.RawIOBase):
        data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any, /) -> int:
            self.data += bytes(data[:100])
            return min(100, len(data))

    raw = Raw()
    with NNCompFile(raw, "w") as out:
        out.write(NOISE)
    assert decompress(raw.data) == NOISE


@pytest.mark.parametrize("mode", ["", "rw", "rt", "br", "r+", "U", "rbb", "z"])
def test_invalid_modes(mode: str) -> None:
    with pytest.raises(ValueError, match="invalid mode"):
        NNCompFile(io.BytesIO(), mode)


def test_options_of_the_other_direction() -> None:
    for bad in ({"level": 5}, {"block_size": BLOCK}, {"embed_model": True}):
        with pytest.raises(TypeError):
            NNCompFile(io.BytesIO(), "r", **cast(Any, bad))
    with pytest.raises(TypeError):
        nncomp.open(io.BytesIO(), "rt", level=1)
    with pytest.raises(TypeError):
        NNCompFile(io.BytesIO(), "w", memory_limit=1 << 30)


def test_wrong_options_create_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x.nnc"
    for bad in ({"level": 10}, {"block_size": 1}, {"threads": 0}):
        with pytest.raises(ValueError):
            NNCompFile(path, "w", **cast(Any, bad))
    assert not path.exists()
    for wrong in (None, 3, object()):
        with pytest.raises(TypeError):
            NNCompFile(wrong, "w")  # type: ignore[arg-type]


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_nothing_is_said_of_a_file_that_never_was(capsys: pytest.CaptureFixture[str]) -> None:
    """Its destructor finds nothing to end."""
    with pytest.raises(TypeError, match="file"):
        NNCompFile()  # type: ignore[call-arg]
    gc.collect()
    assert capsys.readouterr().err == ""


def test_options_reach_the_codec(foreign_model: model.Model) -> None:
    target = io.BytesIO()
    with NNCompFile(target, "w", model=foreign_model, threads=2) as out:
        out.write(TEXT)
    assert target.getvalue() == compress(TEXT, model=foreign_model)
    with pytest.raises(ModelNotFoundError):
        NNCompFile(io.BytesIO(target.getvalue())).read()
    found = NNCompFile(io.BytesIO(target.getvalue()), model=foreign_model, threads=2)
    assert found.read() == TEXT
    with pytest.raises(MemoryLimitError):
        NNCompFile(io.BytesIO(target.getvalue()), memory_limit=1000).read()
    target = io.BytesIO()
    with NNCompFile(target, "w", model=foreign_model, embed_model=True) as out:
        out.write(TEXT)
    assert decompress(target.getvalue()) == TEXT


# ---- what io expects ----


def test_state(tmp_path: Path) -> None:
    path = tmp_path / "x.nnc"
    with NNCompFile(path, "w") as out:
        assert (out.readable(), out.writable(), out.seekable()) == (False, True, False)
        assert (out.mode, out.name, out.closed) == ("wb", str(path), False)
        assert isinstance(out.fileno(), int)
        for call in (out.read, out.read1, out.readline, out.peek, lambda: out.seek(0)):
            with pytest.raises(io.UnsupportedOperation):
                call()
        with pytest.raises(io.UnsupportedOperation):
            out.readinto(bytearray(1))
    with NNCompFile(path) as back:
        assert (back.readable(), back.writable(), back.seekable()) == (True, False, True)
        assert back.mode == "rb"
        with pytest.raises(io.UnsupportedOperation):
            back.write(b"x")
    for closed in (out, back):
        closed.close()
        with pytest.raises(ValueError, match="closed"):
            closed.tell()
        for name in ("fileno", "readable", "writable", "seekable", "read", "__enter__"):
            with pytest.raises(ValueError, match="closed"):
                getattr(closed, name)()
    with pytest.raises(ValueError, match="closed"):
        out.write(b"")


def test_ways_to_read(several: bytes) -> None:
    content = DATA * 3
    lines = io.BytesIO(content).readlines()
    with NNCompFile(io.BytesIO(several)) as file:
        assert file.readlines() == lines
    with NNCompFile(io.BytesIO(several)) as file:
        assert list(file) == lines
        assert file.read() == file.read1() == file.peek() == file.readline() == b""
    with NNCompFile(io.BytesIO(several)) as file:
        assert content.startswith(file.peek()) and file.peek()
        assert file.tell() == 0
        parts = []
        while part := file.read1(777):
            parts.append(part)
        assert b"".join(parts) == content and file.tell() == len(content)
    with NNCompFile(io.BytesIO(several)) as file:
        buffer = bytearray(5000)
        assert file.readinto(buffer) == 5000 and buffer == content[:5000]
        assert file.read(0) == b""


def test_sources_that_cannot_seek(several: bytes) -> None:
    with NNCompFile(Pipe(several), threads=2) as file:
        assert not file.seekable()
        assert file.read(10) == DATA[:10]
        assert file.tell() == 10
        with pytest.raises(io.UnsupportedOperation):
            file.seek(0)
        assert file.read() == (DATA * 3)[10:]


def test_real_pipe(several: bytes) -> None:
    reading, writing = os.pipe()
    with builtins.open(writing, "wb") as out:
        out.write(several)
    with builtins.open(reading, "rb") as source, NNCompFile(source) as file:
        assert not file.seekable()
        assert file.read() == DATA * 3


# ---- seeking ----

steps = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 4000)),
        st.tuples(st.just("readline"), st.integers(-1, 300)),
        st.tuples(st.just("set"), st.integers(0, 3 * len(DATA) + 50)),
        st.tuples(st.just("end"), st.integers(-3 * len(DATA), 50)),
        st.tuples(st.just("move"), st.integers(-3000, 3000)),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=examples(60))
@given(steps, st.integers(1, 3))
def test_seeks_and_reads_are_those_of_bytes_io(
    several: bytes, steps: list[tuple[str, int]], threads: int
) -> None:
    expected = io.BytesIO(DATA * 3)
    with NNCompFile(io.BytesIO(several), threads=threads) as file:
        for kind, number in steps:
            for either in (expected, file):
                if kind == "set":
                    either.seek(number)
                elif kind == "end":
                    either.seek(number, io.SEEK_END)
                elif kind == "move":
                    either.seek(max(number, -either.tell()), io.SEEK_CUR)
            if kind.startswith("read"):
                assert getattr(file, kind)(number) == getattr(expected, kind)(number)
            assert file.tell() == expected.tell()
        assert file.read() == expected.read()


def test_seek_refuses_nonsense(packed: bytes) -> None:
    with NNCompFile(io.BytesIO(packed)) as file:
        for offset, whence in ((-1, 0), (-1, 1), (-len(DATA) - 1, 2), (0, 9)):
            with pytest.raises(ValueError):
                file.seek(offset, whence)
        assert file.read() == DATA


def test_only_what_is_needed_is_read_and_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = compress(DATA, block_size=BLOCK, reach=0)
    frame = container.read_index(io.BytesIO(packed), 1 << 30)[0]
    source = Source(packed)
    file = NNCompFile(source)
    blocks: list[container.Block] = []  # decoded so far

    def loads(block: container.Block, header: container.Header) -> Plan:
        blocks.append(block)
        return original(block, header)

    original = layout.loads
    monkeypatch.setattr(layout, "loads", loads)

    file.seek(0, io.SEEK_END)
    assert file.read() == b"" and len(blocks) == 0
    last = frame.entries[-1]
    assert min(source.seen - set(range(9))) >= last.offset + last.stored_size - 4  # the index only

    source.seen.clear()
    number = len(frame.entries) - 2
    file.seek(number * BLOCK + 100)
    assert not source.seen  # seeking alone does nothing
    assert file.read(10) == DATA[number * BLOCK + 100 :][:10]
    assert len(blocks) == 1
    # Beside the block: the frame's head, types of blocks before it, the one that names the model.
    entry = frame.entries[number]
    allowed = {*range(9), *range(entry.offset - 4, entry.offset + entry.stored_size)}
    bearer = next(e for e in frame.entries if packed[e.offset] == records.NETWORK_BLOCK)
    assert bearer.offset > frame.entries[0].offset
    allowed |= {*range(bearer.offset - 4, bearer.offset + bearer.stored_size)}
    for before in frame.entries[:number]:
        allowed |= {*range(before.offset - 4, before.offset + 1)}
    assert source.seen <= allowed

    file.seek(-5, io.SEEK_CUR)  # within the block
    assert file.read(5) == DATA[number * BLOCK + 105 :][:5]
    assert len(blocks) == 1
    file.seek(2000)  # a stored block, which needs no model
    source.seen.clear()
    assert file.read(1) == DATA[2000:2001]
    assert len(blocks) == 2
    entry = frame.entries[1]
    assert source.seen == {*range(9), *range(entry.offset - 4, entry.offset + entry.stored_size)}


def test_source_may_begin_anywhere(several: bytes) -> None:
    source = io.BytesIO(b"some other header" + several)
    source.seek(17)
    with NNCompFile(source) as file:
        file.seek(-1, io.SEEK_END)
        assert file.read() == DATA[-1:]
        file.seek(10)
        assert file.read() == (DATA * 3)[10:]
        file.seek(0)
        assert file.read() == DATA * 3


def test_asking_for_the_size_does_not_disturb_reading(packed: bytes) -> None:
    with NNCompFile(io.BytesIO(packed), threads=3) as file:
        last = len(DATA) // BLOCK * BLOCK
        assert file.read(last + 1) == DATA[: last + 1]
        assert file.seek(0, io.SEEK_END) == len(DATA)
        assert file.read() == b""
        file.seek(last)
        assert file.read() == DATA[last:]


# ---- damage ----


def test_truncation_is_an_error() -> None:
    data = compress(TEXT[:BLOCK] + bytes(100), block_size=BLOCK)
    for size in [*range(60), *range(60, len(data), 31), *range(len(data) - 40, len(data))]:
        with pytest.raises(FormatError) as caught:
            NNCompFile(io.BytesIO(data[:size])).read()
        if size:
            assert "ended before the end-of-stream marker was reached" in str(caught.value)


def test_trailing_junk_is_an_error(packed: bytes) -> None:
    for junk in (b"x", b"\0", packed[:5], packed[1:]):
        with pytest.raises(FormatError):
            NNCompFile(io.BytesIO(packed + junk)).read()
        with pytest.raises(FormatError):
            decompress(packed + junk)
        with pytest.raises((FormatError, MemoryLimitError)):  # it is read as an index
            NNCompFile(io.BytesIO(packed + junk)).seek(0, io.SEEK_END)
    source = io.BytesIO(b"junk" + packed)
    source.seek(2)
    with pytest.raises(FormatError):
        NNCompFile(source).seek(0, io.SEEK_END)


def damaged(data: bytes, number: int) -> bytes:
    """The file with a bit of a block's last payload changed."""
    entry = container.read_index(io.BytesIO(data), 1 << 30)[0].entries[number]
    bad = bytearray(data)
    bad[entry.offset + entry.stored_size - 5] ^= 1
    return bytes(bad)


def test_an_error_is_never_followed_by_the_end(packed: bytes) -> None:
    with NNCompFile(io.BytesIO(damaged(packed, 5))) as file:
        assert file.read(5 * BLOCK) == DATA[: 5 * BLOCK]
        with pytest.raises(ChecksumError):
            file.read(1)
        for _ in range(3):
            with pytest.raises(ValueError, match="failed before"):
                file.read()


def test_seeking_gets_around_damage(packed: bytes) -> None:
    with NNCompFile(io.BytesIO(damaged(packed, 5)), threads=3) as file:
        with pytest.raises(ChecksumError):
            file.read()
        file.seek(6 * BLOCK)
        assert file.read() == DATA[6 * BLOCK :]
        file.seek(0)
        assert file.read(5 * BLOCK) == DATA[: 5 * BLOCK]
        with pytest.raises(ChecksumError):
            file.read()


def test_a_wrong_index_is_noticed() -> None:
    """An index that has other sizes than its blocks, with right checks everywhere."""
    good = compress(NOISE[:BLOCK] + NOISE[:20], model="none", block_size=BLOCK)
    head, (first, second, index) = mutate.records(good)
    right = varint.dumps(BLOCK) + varint.dumps(len(second) + 4) + varint.dumps(20)
    wrong = varint.dumps(BLOCK - 1) + varint.dumps(len(second) + 4) + varint.dumps(21)
    assert index.count(right) == 1 and len(wrong) == len(right)
    bad = mutate.mended(head, [first, second, index.replace(right, wrong)])
    with NNCompFile(io.BytesIO(bad)) as file:
        assert file.seek(0, io.SEEK_END) == BLOCK + 20
        file.seek(BLOCK)
        with pytest.raises(FormatError, match="index does not match"):
            file.read()
        file.seek(0)
        with pytest.raises(FormatError, match="index does not match"):
            file.read()


def test_truncated_file_can_still_be_rewound(packed: bytes) -> None:
    with NNCompFile(io.BytesIO(packed[:-9])) as file:
        assert file.read(5) == DATA[:5]
        file.seek(0)
        assert file.read(5) == DATA[:5]
        with pytest.raises(FormatError):
            file.seek(4 * BLOCK)


# ---- writing that goes wrong ----


def test_an_exception_leaves_no_valid_file(tmp_path: Path) -> None:
    for mode, text in (("wb", NOISE), ("wt", "some text")):
        path = tmp_path / mode
        with pytest.raises(KeyError), nncomp.open(path, mode) as out:
            cast(Any, out).write(text)
            raise KeyError
        assert out.closed
        with pytest.raises(FormatError):
            decompress(path.read_bytes())


def test_a_failed_write_cannot_be_completed() -> None:
    class FullOnce(io.BytesIO):
        full = True

        def write(self, data: Any, /) -> int:
            if self.full:
                self.full = False
                raise OSError(28, "No space left on device")
            return super().write(data)

    target = FullOnce()
    out = NNCompFile(target, "w", block_size=BLOCK)
    with pytest.raises(OSError, match="No space"):
        out.write(TEXT)
    with pytest.raises(ValueError, match="failed before"):
        out.write(TEXT)
    out.close()
    with pytest.raises(FormatError):
        decompress(target.getvalue())


def test_a_full_disk_is_reported_once() -> None:
    class Full(io.BytesIO):
        def write(self, data: Any, /) -> int:
            raise OSError(28, "No space left on device")

    out = NNCompFile(Full(), "w")
    with pytest.raises(OSError, match="No space"):
        out.close()
    assert out.closed
    out.close()


# ---- open ----


def test_open_is_binary_by_default(tmp_path: Path) -> None:
    path = tmp_path / "x.nnc"
    for mode in ("w", "wb"):
        with nncomp.open(path, mode, level=2) as out:
            assert isinstance(out, NNCompFile)
            out.write(DATA)
        assert path.read_bytes() == compress(DATA, 2)
    for mode in ("r", "rb"):
        with nncomp.open(path, mode) as file:
            assert file.read() == DATA
    with nncomp.open(path) as file:
        assert file.read() == DATA


def test_open_text(tmp_path: Path) -> None:
    path = tmp_path / "x.nnc"
    text = "één\ntwo\r\nthree\n"
    with nncomp.open(path, "wt", encoding="latin-1", newline="", level=1) as out:
        out.write(text)
    assert decompress(path.read_bytes()) == text.encode("latin-1")
    with nncomp.open(path, "at", encoding="latin-1", newline="\r\n") as out:
        out.write("four\n")
    with nncomp.open(path, "rt", encoding="latin-1", newline="") as file:
        assert file.read() == text + "four\r\n"
    with nncomp.open(path, "rt", encoding="ascii", errors="replace") as file:
        assert list(file) == ["\ufffd\ufffdn\n", "two\n", "three\n", "four\n"]
        place = file.seek(0)
        assert file.readline() and file.tell() > place
    with pytest.raises(FileExistsError):
        nncomp.open(path, "xt")


def test_open_text_on_a_file_object() -> None:
    target = io.BytesIO()
    with nncomp.open(target, "wt", encoding="utf-8") as out:
        out.write("äöü")
    assert decompress(target.getvalue()).decode() == "äöü"


def test_open_refuses_nonsense() -> None:
    for mode in ("rbt", "rtb", "tr", "t", "rtt", "q"):
        with pytest.raises(ValueError, match="invalid mode"):
            nncomp.open(io.BytesIO(), mode)
    for option in ("encoding", "errors", "newline"):
        with pytest.raises(ValueError, match="text modes"):
            nncomp.open(io.BytesIO(), "rb", **cast(Any, {option: "utf-8"}))


def test_an_index_that_lies_about_sizes() -> None:
    """Content sizes that no block can have are refused before anybody counts on them."""
    dst = io.BytesIO()
    writer = container.FrameWriter(dst, container.Header(BLOCK, 1, 1))
    writer.write(container.Block(3, False, b"\0\0", b"abc", zlib.crc32(b"abc")))
    writer.end()
    head, (block, _) = mutate.records(dst.getvalue())

    def forged(content_size: int) -> bytes:
        end = b"\0\1" + varint.dumps(len(block) + 4) + varint.dumps(content_size)
        return mutate.mended(head, [block, end + varint.dumps(2 * len(end))[::-1]])

    with NNCompFile(io.BytesIO(forged(3))) as file:
        assert file.seek(0, io.SEEK_END) == 3 and file.seek(1) == 1 and file.read() == b"bc"
    for size in (0, 1025, 1 << 40, (1 << 63) - 1):
        for copies in (1, 2):
            with NNCompFile(io.BytesIO(forged(size) * copies)) as file, pytest.raises(FormatError):
                file.seek(0, io.SEEK_END)


def test_frames_without_blocks_count_in_the_index() -> None:
    empty = compress(b"", block_size=1024)
    assert len(container.read_index(io.BytesIO(empty * 100), 1 << 20)) == 100
    with pytest.raises(MemoryLimitError):
        container.read_index(io.BytesIO(empty * 100), 1 << 14)


def test_max_size_is_of_the_content_and_not_of_what_was_decoded() -> None:
    """Seeking to and fro stays within it; what stands behind it is refused, seek or not."""
    content = b"0123456789" * 1000
    packed = compress(content, 1, model="none", block_size=1024)
    with NNCompFile(io.BytesIO(packed), max_size=len(content)) as file:
        for _ in range(3):
            file.seek(0)
            assert file.read() == content
        for start in (9000, 0, 5000, 9990):
            file.seek(start)
            assert file.read(10) == content[start : start + 10]
    with NNCompFile(io.BytesIO(packed), max_size=5000) as file:
        file.seek(9000)
        with pytest.raises(SizeLimitError):
            file.read()


# ---- the lead of a block ----

GOLDEN = Path(__file__).parent / "golden"
LEAD = 1 << 16


def test_the_lead_of_a_block_comes_first() -> None:
    """It is handed out once it is verified, and what is wrong behind it is an error then."""
    content = decompress((GOLDEN / "good-lead.nnc").read_bytes())
    with NNCompFile(GOLDEN / "bad-wrong-content-check-after-lead.nnc", threads=1) as file:
        assert file.read(100) == content[:100]
        assert file.read(LEAD - 100) == content[100:LEAD]
        file.seek(5)
        assert file.read(10) == content[5:15]
        file.seek(LEAD)
        with pytest.raises(ChecksumError):
            file.read(1)
        file.seek(0)
        assert file.read(LEAD) == content[:LEAD]
    with NNCompFile(GOLDEN / "bad-wrong-lead-check.nnc", threads=1) as file:
        with pytest.raises(ChecksumError):
            file.read(1)


def test_lead_and_rest_are_one_block() -> None:
    packed = (GOLDEN / "good-lead.nnc").read_bytes()
    content = decompress(packed)
    with NNCompFile(io.BytesIO(packed + packed), threads=1) as file:
        for position in (10, LEAD - 5, 20, LEAD, len(content) - 3, 7, LEAD - 1):
            for start in (position, len(content) + position):
                file.seek(start)
                assert file.read(10) == (content + content)[start : start + 10]
        file.seek(0)
        assert file.read() == content + content
    whole = nncomp.NNDecompressor(threads=1)
    assert whole.decompress(packed) == content and whole.eof
    parts = nncomp.NNDecompressor(threads=1)
    got = parts.decompress(packed, 100)
    while not parts.eof:
        assert not parts.needs_input
        got += parts.decompress(b"", 30_000)
    assert got == content


class Failing(io.BytesIO):
    """Fails once at a read in front of ``until``."""

    until = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() < self.until:
            self.until = 0
            raise OSError("timed out")
        return super().read(size)


def with_a_copy(number: int) -> tuple[list[bytes], bytes]:
    """Seven blocks of noise, of which that one copies from the first; and compressed."""
    blocks = [models.noise(4 * BLOCK, seed) for seed in range(7)]
    blocks[number] = blocks[0][:3000] + blocks[number][3000:]
    return blocks, compress(b"".join(blocks), 1, block_size=4 * BLOCK)


def test_another_block_after_a_source_that_could_not_be_read() -> None:
    blocks, packed = with_a_copy(2)
    source = Failing(packed)
    with nncomp.open(source) as file:
        file.seek(8 * BLOCK - 1)
        assert file.read(1) == blocks[1][-1:]
        source.until = 8 * BLOCK
        file.seek(8 * BLOCK)
        with pytest.raises(OSError, match="timed out"):
            file.read(8)
        file.seek(12 * BLOCK)
        assert file.read(4 * BLOCK) == blocks[3]


@pytest.mark.parametrize(("offset", "whence"), [(100, io.SEEK_SET), (-100, io.SEEK_CUR)])
def test_a_place_in_the_buffer_after_a_source_that_could_not_be_read(
    offset: int, whence: int
) -> None:
    blocks, packed = with_a_copy(2)
    content, source = b"".join(blocks), Failing(packed)
    with nncomp.open(source) as file:
        assert file.read(200) == content[:200]
        source.until = 8 * BLOCK
        with pytest.raises(OSError, match="timed out"):
            file.read(8 * BLOCK)
        with pytest.raises(ValueError, match="reading has failed before"):
            file.read(8 * BLOCK)
        place = offset + (file.tell() if whence == io.SEEK_CUR else 0)
        assert file.seek(offset, whence) == place
        assert file.read() == content[place:]


def test_another_block_after_a_source_that_is_damaged() -> None:
    """It is read ahead, so that no call raises its error."""
    blocks, packed = with_a_copy(3)
    file = bytearray(packed)
    file[container.read_index(io.BytesIO(packed), 1 << 30)[0].entries[0].offset + 2000] ^= 1
    with nncomp.open(io.BytesIO(bytes(file)), threads=2) as reader:
        for number in (2, 4):
            reader.seek(4 * BLOCK * number)
            assert reader.read(4 * BLOCK) == blocks[number]


@pytest.mark.parametrize(
    "call",
    [
        lambda file: file.seek(0),
        lambda file: file.seek(35 * BLOCK + 5),
        lambda file: file.read(10),
        lambda file: (file.seek(0), file.read(10)),
    ],
)
def test_a_signal_at_any_line_of_the_reader(call: Callable[[NNCompFile], Any]) -> None:
    """Whatever is read behind it is right, or reading says that it has failed."""
    content = models.noise(40 * BLOCK)
    packed = compress(content, 1, block_size=BLOCK, model="none")
    for number in range(200):
        lines = iter(range(number))

        def trace(frame: Any, event: str, argument: Any, lines: Any = lines) -> Any:
            if Path(frame.f_code.co_filename).name != "reader.py":
                return None
            if event == "line" and next(lines, None) is None:
                raise KeyboardInterrupt
            return trace

        with NNCompFile(io.BytesIO(packed)) as file:
            assert file.read(20 * BLOCK) == content[: 20 * BLOCK]
            sys.settrace(trace)
            try:
                call(file)
            except KeyboardInterrupt:
                place = file.tell()
            else:
                break  # it was not interrupted: there are no more lines
            finally:
                sys.settrace(None)
            with contextlib.suppress(ValueError):
                assert file.read() == content[place:]
            file.seek(30 * BLOCK)
            assert file.read() == content[30 * BLOCK :]
    assert 10 < number < 199


class Held(io.BytesIO):
    """Once ``held`` is set, a read waits until that is done."""

    held: Callable[[], object] | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        held, self.held = self.held, None
        if held is not None:
            held()
        return super().read(size)


@pytest.mark.parametrize("target", [0, 5 * BLOCK + 7])
def test_a_seek_waits_for_the_read_of_another_thread(target: int) -> None:
    content = models.noise(8 * BLOCK)
    source = Held(compress(content, 1, block_size=BLOCK, model="none"))
    reads, ends = threading.Event(), threading.Event()

    def hold() -> None:
        reads.set()
        ends.wait(10)

    with NNCompFile(source) as file, ThreadPoolExecutor() as pool:
        assert file.seek(0, io.SEEK_END) == len(content)
        file.seek(3 * BLOCK)
        source.held = hold
        read = pool.submit(file.read, 2 * BLOCK)
        reads.wait(10)
        sought = pool.submit(file.seek, target)
        time.sleep(0.05)
        ends.set()
        assert read.result() == content[3 * BLOCK : 5 * BLOCK]
        assert (sought.result(), file.tell()) == (target, target)
        assert file.read() == content[target:]


def test_a_seek_within_a_read_is_an_error() -> None:
    """As from a signal's handler; and the read goes on."""
    source = Held(compress(NOISE * 2, 1, block_size=BLOCK, model="none"))

    def seek() -> None:
        with pytest.raises(RuntimeError, match="reentrant"):
            file.seek(0)

    with NNCompFile(source) as file:
        source.held = seek
        assert file.read() == NOISE * 2
        assert source.held is None


def test_a_read_that_has_waited_for_the_end_is_an_error(packed: bytes) -> None:
    """It must not look like the end of the content."""
    source = io.BytesIO(packed)
    reader = ContentReader(source, Decoder(for_reading({})))
    assert reader.read(9) == DATA[:9]
    reader.close()
    with pytest.raises(ValueError, match="closed file"):
        reader.readall()


@pytest.mark.parametrize("threads", [1, 3])
def test_nothing_waits_for_the_garbage_collector(threads: int) -> None:
    """Models and blocks are freed at once, also where reading fails."""
    packed = compress(DATA, 1, block_size=BLOCK, model="none")
    damaged = packed[:3000] + bytes(100) + packed[3100:]
    gc.collect()
    gc.disable()
    try:
        compress(DATA, 1, block_size=BLOCK, model="none", threads=threads)
        assert gc.collect() == 0
        assert decompress(packed, threads=threads) == DATA
        assert gc.collect() == 0
        with contextlib.suppress(FormatError):
            decompress(damaged, threads=threads)
        assert gc.collect() == 0
        with contextlib.suppress(FormatError), nncomp.open(io.BytesIO(damaged)) as file:
            file.read()
        assert gc.collect() == 0
        pieces = nncomp.NNDecompressor(threads=threads)
        for i in range(0, len(packed), 100):
            pieces.decompress(packed[i : i + 100])
        assert pieces.eof
        del pieces
        assert gc.collect() == 0
    finally:
        gc.enable()
