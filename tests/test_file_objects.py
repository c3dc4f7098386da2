"""``NNCompFile`` on other people's file objects, and in their hands."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import logging
import mmap
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
import nncomp
from nncomp import NNCompFile

BLOCK = 4096
CONTENT = models.chained(2 * BLOCK) + models.noise(5000)
QUICK: Any = {"level": 1, "model": "none", "block_size": BLOCK}
PACKED = nncomp.compress(CONTENT[:5000], **QUICK) + nncomp.compress(CONTENT[5000:], **QUICK)
LINES = [f"line {i}\n" for i in range(3000)]


# ---- reading from ----

Opened = contextlib.AbstractContextManager[Any]
SOURCES: dict[str, Callable[[Path], Opened]] = {}


def source(opened: Callable[[Path], Iterator[Any]]) -> Callable[[Path], Iterator[Any]]:
    """Adds a kind of file, opened for reading ``PACKED``, which is in the path that it gets."""
    SOURCES[opened.__name__] = contextlib.contextmanager(opened)
    return opened


@source
def bytes_io(path: Path) -> Iterator[Any]:
    yield io.BytesIO(PACKED)


@source
def raw(path: Path) -> Iterator[Any]:
    with open(path, "rb", buffering=0) as file:
        yield file


@source
def buffered(path: Path) -> Iterator[Any]:
    with open(path, "rb") as file:
        yield file


@source
def for_both(path: Path) -> Iterator[Any]:
    with open(path, "r+b") as file:
        yield file


@source
def temporary(path: Path) -> Iterator[Any]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(PACKED)
        file.seek(0)
        yield file


@source
def spooled(path: Path) -> Iterator[Any]:
    with tempfile.SpooledTemporaryFile(max_size=1000) as file:
        file.write(PACKED)
        file.seek(0)
        yield file


@source
def mapped(path: Path) -> Iterator[Any]:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        yield memory


@source
def gzipped(path: Path) -> Iterator[Any]:
    with gzip.open(io.BytesIO(gzip.compress(PACKED))) as file:
        yield file


@source
def twice_compressed(path: Path) -> Iterator[Any]:
    with NNCompFile(io.BytesIO(nncomp.compress(PACKED, level=1, model="none"))) as file:
        yield file


@source
def member_of_zip(path: Path) -> Iterator[Any]:
    with zipfile.ZipFile(path.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "x")
    with zipfile.ZipFile(path.with_suffix(".zip")) as archive, archive.open("x") as file:
        yield file


@source
def member_of_tar(path: Path) -> Iterator[Any]:
    with tarfile.open(path.with_suffix(".tar"), "w") as archive:
        archive.add(path, "x")
    with tarfile.open(path.with_suffix(".tar")) as archive:
        yield archive.extractfile("x")


@source
def response(path: Path) -> Iterator[Any]:
    with urllib.request.urlopen(path.as_uri()) as file:
        yield file


@contextlib.contextmanager
def feeding(file: Any, data: bytes) -> Iterator[None]:
    """Writes ``data`` on a thread of its own, and closes the file."""

    def feed() -> None:
        with file:
            file.write(data)

    thread = threading.Thread(target=feed)
    thread.start()
    yield
    thread.join()


@source
def pipe(path: Path) -> Iterator[Any]:
    reading, writing = os.pipe()
    with feeding(open(writing, "wb"), PACKED), open(reading, "rb") as file:
        yield file


@source
def raw_pipe(path: Path) -> Iterator[Any]:
    reading, writing = os.pipe()
    with feeding(open(writing, "wb"), PACKED), open(reading, "rb", buffering=0) as file:
        yield file


@source
def output_of_a_process(path: Path) -> Iterator[Any]:
    code = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        yield process.stdout


@source
def connection(path: Path) -> Iterator[Any]:
    here, there = socket.socketpair()
    with here, there, feeding(there.makefile("wb"), PACKED):
        there.close()
        with here.makefile("rb") as file:
            yield file


@source
def raw_connection(path: Path) -> Iterator[Any]:
    here, there = socket.socketpair()
    with here, there, feeding(there.makefile("wb"), PACKED):
        there.close()
        with here.makefile("rb", buffering=0) as file:
            yield file


class OnlyReads:
    """As little as one can have: pieces as they come."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._data.read(min(size, 1000))


@source
def only_reads(path: Path) -> Iterator[Any]:
    yield OnlyReads(PACKED)


@source
def of_fsspec(path: Path) -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open(f"file://{path}") as file:
        yield file


@source
def in_memory_of_fsspec(path: Path) -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://x.nnc", "wb") as file:
        file.write(PACKED)
    with fsspec.open("memory://x.nnc") as file:
        yield file


@source
def cached_by_fsspec(path: Path) -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    cache = str(path.with_suffix(".cache"))
    with fsspec.open(f"simplecache::file://{path}", simplecache={"cache_storage": cache}) as file:
        yield file


@source
def in_an_archive_of_fsspec(path: Path) -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
        archive.write(path, "x")
    with fsspec.open(f"zip://x::file://{path.with_suffix('.zip')}") as file:
        yield file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.nnc"
    path.write_bytes(PACKED)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", SOURCES)
def test_reading_from(kind: str, path: Path) -> None:
    """All of it, then again from places where the source can seek; and it stays open."""
    with SOURCES[kind](path) as file:
        with NNCompFile(file) as content:
            assert content.read(100) == CONTENT[:100]
            assert content.readline() == CONTENT[100:].split(b"\n")[0] + b"\n"
            assert content.tell() + len(content.read()) == len(CONTENT)
            if content.seekable():
                for place in (0, 2 * BLOCK + 1, 4999, len(CONTENT)):
                    assert content.seek(place) == place
                    assert content.read(2000) == CONTENT[place : place + 2000]
                assert content.seek(-10, io.SEEK_END) == len(CONTENT) - 10
            else:
                with pytest.raises(io.UnsupportedOperation):
                    content.seek(0)
        assert content.closed
        assert not getattr(file, "closed", False)


# ---- writing to ----

TARGETS: dict[str, Callable[[Path], contextlib.AbstractContextManager[tuple[Any, Any]]]] = {}


def target(opened: Callable[[Path], Iterator[Any]]) -> Callable[[Path], Iterator[Any]]:
    """Adds a kind of file, opened for writing, and a function that reads it once it is closed."""
    TARGETS[opened.__name__] = contextlib.contextmanager(opened)
    return opened


@target
def into_bytes_io(path: Path) -> Iterator[Any]:
    file = io.BytesIO()
    yield file, file.getvalue


@target
def into_raw(path: Path) -> Iterator[Any]:
    with open(path, "wb", buffering=0) as file:
        yield file, path.read_bytes


@target
def into_buffered(path: Path) -> Iterator[Any]:
    with open(path, "wb") as file:
        yield file, path.read_bytes


@target
def into_spooled(path: Path) -> Iterator[Any]:
    with tempfile.SpooledTemporaryFile(max_size=1000) as file:

        def written() -> bytes:
            file.seek(0)
            return file.read()

        yield file, written


@target
def into_gzip(path: Path) -> Iterator[Any]:
    inner = io.BytesIO()
    file = gzip.GzipFile(fileobj=inner, mode="wb")

    def written() -> bytes:
        file.close()
        return gzip.decompress(inner.getvalue())

    yield file, written


@target
def into_another(path: Path) -> Iterator[Any]:
    inner = io.BytesIO()
    file = nncomp.open(inner, "wb", level=1, model="none")

    def written() -> bytes:
        file.close()
        return nncomp.decompress(inner.getvalue())

    yield file, written


@target
def into_zip(path: Path) -> Iterator[Any]:
    with zipfile.ZipFile(path, "w") as archive:
        file = archive.open("x", "w")

        def written() -> bytes:
            file.close()
            return archive.read("x")

        yield file, written


@contextlib.contextmanager
def collecting(file: Any) -> Iterator[Callable[[], bytes]]:
    """Reads on a thread of its own, to the end."""
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(file.read()))
    thread.start()

    def collected() -> bytes:
        thread.join()
        return found[0]

    with file:
        yield collected


@target
def into_pipe(path: Path) -> Iterator[Any]:
    reading, writing = os.pipe()
    with collecting(open(reading, "rb")) as collected, open(writing, "wb", buffering=0) as file:

        def written() -> bytes:
            file.close()
            return collected()

        yield file, written


@target
def into_connection(path: Path) -> Iterator[Any]:
    here, there = socket.socketpair()
    with here, there, collecting(there.makefile("rb")) as collected:
        file = here.makefile("wb", buffering=0)

        def written() -> bytes:
            here.shutdown(socket.SHUT_WR)
            return collected()

        yield file, written


class OnlyWrites:
    """As little as one can have, and not even a count."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.parts.append(bytes(data))


@target
def into_what_only_writes(path: Path) -> Iterator[Any]:
    file = OnlyWrites()
    yield file, lambda: b"".join(file.parts)


@target
def into_fsspec(path: Path) -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    opened = fsspec.open(f"file://{path}", "wb")

    def written() -> bytes:
        opened.close()
        return path.read_bytes()

    yield opened.open(), written


@target
def into_memory_of_fsspec(path: Path) -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://y.nnc", "wb") as file:
        yield file, lambda: fsspec.filesystem("memory").cat("/y.nnc")


@pytest.mark.slow
@pytest.mark.parametrize("kind", TARGETS)
def test_writing_to(kind: str, tmp_path: Path) -> None:
    """Two frames one behind the other; the file stays open between them and after."""
    with TARGETS[kind](tmp_path / "x") as (file, written):
        for mode, part in (("wb", CONTENT[:5000]), ("ab", CONTENT[5000:])):
            with NNCompFile(file, mode, **QUICK) as content:
                for i in range(0, len(part), 3000):
                    assert content.write(part[i : i + 3000]) == len(part[i : i + 3000])
                assert content.tell() == len(part)
            assert not getattr(file, "closed", False)
        with contextlib.suppress(AttributeError):
            file.flush()
        assert written() == PACKED


# ---- in other hands ----


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.nnc"
    path.write_bytes(nncomp.compress("".join(LINES).encode(), **QUICK))
    return path


def test_text_layers_of_others(lines: Path) -> None:
    with NNCompFile(lines) as file, io.TextIOWrapper(file, "ascii") as text:
        assert list(text) == LINES
    with NNCompFile(lines) as file, io.BufferedReader(file, 100) as buffered_again:
        assert [line.decode() for line in buffered_again] == LINES
    with nncomp.open(lines, "rt") as text:
        place = [text.readline(), text.tell(), text.readline()][1]
        text.seek(place)
        assert text.read() == "".join(LINES[1:])


def test_copies(lines: Path, tmp_path: Path) -> None:
    with (
        nncomp.open(lines) as file,
        nncomp.open(tmp_path / "copy", "wb", level=1, model="none") as copy,
    ):
        shutil.copyfileobj(file, copy)
    with nncomp.open(tmp_path / "copy", "rt") as text:
        assert text.readlines() == LINES


def test_formats_of_the_standard_library(tmp_path: Path) -> None:
    path = tmp_path / "x.nnc"
    value = {"numbers": list(range(1000)), "text": "é" * 100}
    with nncomp.open(path, "wt", level=1, model="none", encoding="utf-8") as text:
        json.dump(value, text)
    with nncomp.open(path, "rt", encoding="utf-8") as text:
        assert json.load(text) == value
    with nncomp.open(path) as file:
        assert json.load(file) == value
    with nncomp.open(path, "wb", level=1, model="none") as file:
        pickle.dump(value, file)
        pickle.dump(LINES, file)
    with nncomp.open(path) as file:
        assert [pickle.load(file), pickle.load(file)] == [value, LINES]
    with nncomp.open(path, "wt", level=1, model="none", newline="", encoding="utf-8") as text:
        csv.writer(text).writerows([[1, "a\nb"], [2, "c,d"]])
    with nncomp.open(path, "rt", newline="", encoding="utf-8") as text:
        assert list(csv.reader(text)) == [["1", "a\nb"], ["2", "c,d"]]


def test_arrays_of_numpy(tmp_path: Path) -> None:
    path = tmp_path / "x.npy.nnc"
    array = np.arange(5000, dtype="f8").reshape(50, 100)
    with nncomp.open(path, "wb", level=1, model="none") as file:
        np.save(file, array)
        np.save(file, array.T)
    with nncomp.open(path) as file:
        assert np.array_equal(np.load(file), array)
        assert np.array_equal(np.load(file), array.T)


def test_a_zip_inside(tmp_path: Path) -> None:
    path = tmp_path / "x.zip.nnc"
    with (
        nncomp.open(path, "wb", level=1, model="none") as file,
        zipfile.ZipFile(file, "w") as archive,
    ):
        archive.writestr("a", "".join(LINES))
        archive.writestr("b", CONTENT)
    with nncomp.open(path) as file, zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.read("b") == CONTENT
        assert archive.read("a").decode() == "".join(LINES)


def test_logging_and_print(tmp_path: Path) -> None:
    path = tmp_path / "x.log.nnc"
    logger = logging.Logger("of this test")
    with nncomp.open(path, "at", level=1, model="none") as text:
        logger.addHandler(handler := logging.StreamHandler(text))
        logger.warning("one")
        handler.close()
        with contextlib.redirect_stdout(text):
            print("two")
    assert nncomp.decompress(path.read_bytes()) == b"one\ntwo\n"


def test_as_what_smart_open_opens_a_suffix_with(lines: Path, tmp_path: Path) -> None:
    smart_open = pytest.importorskip("smart_open")
    smart_open.register_compressor(".nnc", NNCompFile)
    with smart_open.open(str(lines)) as text:
        assert list(text) == LINES
    with smart_open.open(str(tmp_path / "z.nnc"), "w") as text:
        text.writelines(LINES)
    assert nncomp.decompress((tmp_path / "z.nnc").read_bytes()).decode() == "".join(LINES)
