"""Files that are raw, short, or not ready yet: nothing is lost, nothing is taken for the end."""

from __future__ import annotations

import fcntl
import io
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import models
import nncomp
from commandline import Run, command
from nncomp import rawio
from nncomp.api import compress, compress_stream, decompress
from nncomp.options import Options

TEXT = models.chained(4000)
NOISE = models.noise(300_000)  # more than a pipe holds


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """(reading end, writing end), neither of which blocks."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:  # a test has closed it
            pass


def dripping(end: int, data: bytes, pauses: int = 3) -> threading.Thread:
    """Writes ``data`` in pieces, with pauses before, between and behind them, then closes."""

    def write() -> None:
        step = -(-len(data) // pauses)
        for i in range(0, len(data), step):
            time.sleep(0.1)
            with io.FileIO(end, "wb", closefd=False) as raw:
                rawio.write_all(raw, data[i : i + step])
        time.sleep(0.1)
        os.close(end)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def slowly_read(end: int) -> tuple[threading.Thread, bytearray]:
    found = bytearray()

    def read() -> None:
        with io.FileIO(end, "rb", closefd=False) as raw:
            while piece := rawio.read(raw, 40_000):
                found.extend(piece)
                time.sleep(0.01)

    thread = threading.Thread(target=read)
    thread.start()
    return thread, found


# ---- reading ----


@pytest.mark.parametrize("buffering", [0, -1])
def test_nothing_yet_is_not_the_end(pipe: tuple[int, int], buffering: int) -> None:
    reading, writing = pipe
    thread = dripping(writing, TEXT)
    with open(reading, "rb", buffering=buffering, closefd=False) as source:
        assert rawio.read_full(source, 1 << 20) == TEXT
        assert rawio.read(source, 1) == b""
    thread.join()


def by_stream(file: Any) -> bytes:
    out = io.BytesIO()
    compress_stream(file, out, Options(level=1, model="none"))
    return decompress(out.getvalue())


def by_file(file: Any) -> bytes:
    with nncomp.NNCompFile(file) as content:
        return content.read()


@pytest.mark.parametrize("buffering", [0, -1])
@pytest.mark.parametrize(
    ("read", "data"), [(by_stream, TEXT), (by_file, compress(TEXT, model="none"))]
)
def test_sources_that_do_not_block(
    pipe: tuple[int, int], buffering: int, read: Callable[[Any], bytes], data: bytes
) -> None:
    reading, writing = pipe
    thread = dripping(writing, data)
    with open(reading, "rb", buffering=buffering, closefd=False) as source:
        assert read(source) == TEXT
    thread.join()


class Unready(io.RawIOBase):
    """Neither takes nor gives anything, and has no descriptor."""

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> None:
        return None

    def write(self, data: Any, /) -> None:
        return None


def test_what_cannot_be_waited_for_is_an_error() -> None:
    with pytest.raises(BlockingIOError):
        rawio.read(Unready(), 10)
    with pytest.raises(BlockingIOError):
        rawio.read_full(io.BufferedReader(Unready()), 10)
    with pytest.raises(BlockingIOError):
        rawio.write_all(Unready(), b"data")
    with pytest.raises(BlockingIOError), nncomp.NNCompFile(Unready()) as file:
        file.read()


class Generous:
    """Gives more than it is asked for."""

    def read(self, size: int) -> bytes:
        return bytes(size + 1)


def test_more_than_was_wanted_is_an_error() -> None:
    for read in (by_stream, by_file, lambda file: rawio.read_full(file, 10)):
        with pytest.raises(OSError, match="were read where"):
            read(Generous())


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_bytes_of_another_type(kind: Callable[[bytes], Any]) -> None:
    class Source(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data: bytes = kind(super().read(size))
            return data

    with nncomp.open(Source(compress(TEXT, 1))) as file:
        assert file.read() == TEXT
    sink = io.BytesIO()
    compress_stream(Source(TEXT), sink, Options(model="none"))
    assert decompress(sink.getvalue()) == TEXT


class Unsteady(io.BytesIO):
    """Fails once, when told to."""

    failing = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.failing:
            self.failing = False
            raise OSError("not now")
        return super().read(size)


def test_a_reader_that_has_failed_begins_anew_where_it_is_told_to() -> None:
    source = Unsteady(compress(TEXT, 1, model="none", block_size=1 << 10))
    with nncomp.open(source) as file:
        start = file.read(10)
        source.failing = True
        with pytest.raises(OSError, match="not now"):
            file.read()
        assert (file.seek(0), file.read()) == (0, TEXT)
        assert start == TEXT[:10]


# ---- writing ----


@pytest.mark.parametrize("buffering", [0, -1])
def test_a_full_pipe_is_waited_for(pipe: tuple[int, int], buffering: int) -> None:
    reading, writing = pipe
    thread, found = slowly_read(reading)
    with open(writing, "wb", buffering=buffering, closefd=False) as target:
        for i in range(0, len(NOISE), 70_000):
            rawio.write_all(target, NOISE[i : i + 70_000])
        while buffering:  # what a buffer still holds is its owner's
            try:
                target.flush()
                break
            except BlockingIOError:
                time.sleep(0.01)
    os.close(writing)
    thread.join()
    assert bytes(found) == NOISE


@pytest.mark.slow
def test_a_file_object_that_does_not_block(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    thread, found = slowly_read(reading)
    with (
        open(writing, "wb", buffering=0, closefd=False) as target,
        nncomp.NNCompFile(target, "w", block_size=1 << 16) as file,
    ):
        file.write(NOISE)
    os.close(writing)
    thread.join()
    assert decompress(bytes(found)) == NOISE


def test_more_written_than_there_was_is_an_error() -> None:
    class Sink:
        def write(self, data: bytes) -> int:
            return len(data) + 1

    with pytest.raises(OSError, match="were written"):
        rawio.write_all(Sink(), b"data")


def test_short_and_silent_writes() -> None:
    parts: list[bytes] = []

    class Short:
        def write(self, data: bytes, /) -> int:
            parts.append(bytes(data[:7]))
            return min(7, len(data))

    class Silent:
        def write(self, data: bytes, /) -> None:
            parts.append(bytes(data))

    class Stuck:
        def write(self, data: bytes, /) -> int:
            return 0

    for target in (Short(), Silent()):
        parts.clear()
        rawio.write_all(target, TEXT[:100])
        assert b"".join(parts) == TEXT[:100]
    with pytest.raises(OSError, match="nothing could be written"):
        rawio.write_all(Stuck(), b"data")


# ---- the command, whose descriptors others share ----


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "packed"),
    [
        (["--model", "none"], False),
        (["--model", "none", "--verify", "-f", "-o", "out"], False),
        (["-d"], True),
        (["-t", "--json"], True),
        (["-l", "--json"], True),
    ],
)
def test_the_command_waits(run: Run, pipe: tuple[int, int], args: list[str], packed: bool) -> None:
    """As a shell's pipe is whose other end has been set not to block."""
    reading, writing = pipe
    thread = dripping(writing, compress(TEXT, model="none") if packed else TEXT)
    result = run(*args, stdin=reading, process=True)
    thread.join()
    if "-o" in args:
        assert decompress(Path("out").read_bytes()) == TEXT
    elif not packed:
        assert decompress(result.stdout) == TEXT
    elif args == ["-d"]:
        assert result.stdout == TEXT
    else:
        assert f'"content_size": {len(TEXT)}'.encode() in result.stdout


def test_the_command_waits_for_its_reader(run: Run, pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    Path("a.nnc").write_bytes(compress(NOISE))
    process = subprocess.Popen(command("-dc", "a.nnc"), stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    thread, found = slowly_read(reading)
    thread.join()
    assert process.stderr is not None and process.stderr.read() == b"" and process.wait() == 0
    process.stderr.close()
    assert bytes(found) == NOISE
