"""Whole files and parts of large ones, each by a call of its own: what workers are given.

Places are paths or URLs, as fsspec knows them. A target appears complete or not at all, where its
file system can: a call that is repeated, or that ran twice, leaves what one would. On local disks,
and what is mounted like one, it is on disk by then. Errors are those of ``compress`` and
``decompress``, and ``OSError``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from nncomp import api, fileio, rawio
from nncomp.encode import Before, Coded, Encoder
from nncomp.file import NNCompFile
from nncomp.options import Options
from nncomp.reader import Blocks

__all__ = [
    "TASK_SIZE",
    "Done",
    "Manifest",
    "Survey",
    "begin",
    "code",
    "compress",
    "decompress",
    "each",
    "found",
    "join",
    "pieces",
    "read",
    "read_lines",
    "size_of",
    "survey",
    "url_of",
    "write",
]

TASK_SIZE = 1 << 24  # bytes of content that a task has, if there are so many
_CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Done:
    """A file that was compressed or decompressed."""

    source: str
    target: str
    state: str  # of the source, which another one has once it is changed
    content_size: int
    stored_size: int
    sha256: str  # of the content


class Manifest:
    """What is done, a line of JSON for each file, so that another run may leave it out.

    Several runs may share one. Raises ``OSError`` where it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = path
        self._done: dict[tuple[str, str], Done] = {}
        for line in self._lines():
            with contextlib.suppress(ValueError, TypeError):  # the last one may be cut off
                done = Done(**json.loads(line))
                self._done[done.source, done.target] = done

    def find(self, source: str, target: str, *, packed: bool) -> Done | None:
        """What is known of a target that is there, and of a source as it was; ``packed``: the
        target is what is compressed."""
        done = self._done.get((source, target))
        if done is None or done.state != _state(source):
            return None
        size = done.stored_size if packed else done.content_size
        try:
            return done if size_of(target) == size else None
        except OSError:
            return None

    def add(self, done: Done) -> None:
        self._done[done.source, done.target] = done
        self._write(json.dumps(dataclasses.asdict(done)))

    def _lines(self) -> list[str]:
        if self._path is None:
            return []
        with contextlib.suppress(FileNotFoundError):
            with open(self._path, encoding="utf-8", errors="replace") as file:
                lines = file.read().split("\n")
            if lines[-1]:  # what was cut off gets an end, so that the next line is one
                self._write("")
            return lines
        self._write("")  # or the first that is done would show that nothing can be
        return []

    def _write(self, line: str) -> None:
        """At once, so that lines of several runs do not mix."""
        if self._path is not None:
            with open(self._path, "ab", buffering=0) as file:
                rawio.write_all(file, line.encode() + b"\n")


def found(places: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> dict[str, str]:
    """URL and path of each file, once; a pattern stands for all files that it fits, unless there is
    one of that very name."""
    words = [places] if isinstance(places, (str, os.PathLike)) else places
    files: dict[str, str] = {}
    for place in words:
        word = os.fspath(place)
        system, path = fsspec.core.url_to_fs(word)
        paths = [path]
        if any(sign in word for sign in "*?[") and not system.isfile(path):
            paths = [path for path in sorted(system.glob(path)) if system.isfile(path)]
        files |= {system.unstrip_protocol(path): path for path in paths}
    return files


def url_of(place: str) -> str:
    """The same for all ways to write a place."""
    system, path = fsspec.core.url_to_fs(place)
    return str(system.unstrip_protocol(path))


def size_of(place: str) -> int:
    """Bytes of a file."""
    system, path = fsspec.core.url_to_fs(place)
    return int(system.size(path))


def compress(source: str, target: str, options: Options) -> Done:
    """One file into one frame."""
    state = _state(source)
    with _reading(source) as src, _writing(target) as dst:
        reader = _Hashed(src)
        summary = api.compress_stream(reader, dst, options)
        return Done(source, target, state, reader.size, summary.stored_size, reader.sha256)


def decompress(source: str, target: str, options: Options) -> Done:
    """All frames of one file."""
    state = _state(source)
    with _reading(source) as src, _writing(target) as dst:
        writer = _Hashed(dst)
        summary = api.decompress_stream(src, writer, options)
        return Done(source, target, state, writer.size, summary.stored_size, writer.sha256)


def write(target: str, contents: Iterable[bytes], options: Options) -> None:
    """One frame of these contents, one behind the other."""
    with _writing(target) as dst:
        api.compress_stream(_Chained(contents), dst, options)


def each(
    call: Callable[[str, str, Options], Done], pairs: Sequence[tuple[str, str]], options: Options
) -> list[Done | str]:
    """``call`` for each source and target; what is wrong stands for what is not done."""
    results: list[Done | str] = []
    for source, target in pairs:
        try:
            results.append(call(source, target, options))
        except Exception as error:
            results.append(str(error) or type(error).__name__)
    return results


@dataclass(frozen=True)
class Survey:
    """What coding a part of a file takes of what is before it."""

    state: str  # of the file
    before: list[Before]  # for each block


def survey(source: str, options: Options) -> Survey:
    """All of one file, read once, for those who code parts of it."""
    state = _state(source)
    with _reading(source) as src:
        return Survey(state, list(Encoder(io.BytesIO(), options).survey(src)))


def code(source: str, options: Options, first: int, before: Sequence[Before]) -> list[Coded]:
    """Blocks of one file, from the one of number ``first`` on, as many as there is of a survey."""
    with _reading(source) as src:
        return list(Encoder(io.BytesIO(), options).code_part(src, first, before))


def begin(source: str, options: Options, count: int) -> list[Coded]:
    """The first ``count`` blocks of one file, which need no survey."""
    with _reading(source) as src:
        return list(Encoder(io.BytesIO(), options).code(src, count))


def join(
    source: str, target: str, options: Options, surveyed: str, parts: Sequence[list[Coded]]
) -> Done:
    """The frame of one file, of what ``begin`` and ``code`` gave for all of it, if its state is
    still the one ``surveyed``: the bytes are ``compress``'s."""
    state = _state(source)
    with _reading(source) as src, _writing(target) as dst:
        encoder = Encoder(dst, options)
        for coded in (coded for part in parts for coded in part):
            encoder.put(coded)
        summary = encoder.end()
        reader = _Hashed(src)
        while reader.read(_CHUNK):
            pass
        if (reader.size, state) != (summary.content_size, surveyed):
            raise OSError(f"{source} was changed while it was read")
        return Done(source, target, state, reader.size, summary.stored_size, reader.sha256)


def pieces(source: str, size: int, options: Options) -> list[tuple[int, int]]:
    """(start, stop) of pieces of the content, whole blocks of at least ``size`` bytes, but the last
    may be smaller."""
    with _reading(source) as src:
        starts = Blocks.of(src, options.memory_limit).starts
    found = []
    start = 0
    for stop in starts[1:]:
        if stop - start >= size or stop == starts[-1]:
            found.append((start, stop))
            start = stop
    return found


def read(source: str, start: int, stop: int) -> bytes:
    """A piece of the content."""
    with _content(source) as file:
        file.seek(start)
        return file.read(stop - start)


def read_lines(source: str, start: int, stop: int, encoding: str, errors: str) -> list[str]:
    """The lines that begin in a piece of the content, with their ends: LF, as in binary files."""
    with _content(source) as file:
        if start:  # where the line ends that the byte before belongs to
            file.seek(start - 1)
            file.readline()
        lines = []
        while file.tell() < stop:
            lines.append(file.readline().decode(encoding, errors))
        return lines


@contextlib.contextmanager
def _content(source: str) -> Iterator[NNCompFile]:
    with _reading(source) as src, NNCompFile(src) as file:
        yield file


def _reading(source: str) -> contextlib.AbstractContextManager[BinaryIO]:
    return cast("contextlib.AbstractContextManager[BinaryIO]", fsspec.open(source, "rb"))


@contextlib.contextmanager
def _writing(target: str) -> Iterator[BinaryIO]:
    """A file that becomes ``target`` when the block is left without error."""
    system, path = fsspec.core.url_to_fs(target)
    if isinstance(system, LocalFileSystem):  # fsspec would move it from another disk, bit by bit
        fileio.make_directory(os.path.dirname(path))
        with fileio.create(path, force=True) as local:
            yield local
        return
    system.makedirs(system._parent(path), exist_ok=True)
    file = system.open(path, "wb", autocommit=False)
    try:
        yield file
        file.close()
    except BaseException:
        with contextlib.suppress(Exception):
            file.close()
        with contextlib.suppress(Exception):
            file.discard()
        raise
    file.commit()


def _state(source: str) -> str:
    system, path = fsspec.core.url_to_fs(source)
    return str(system.ukey(path))


class _Hashed:
    """A stream, counted and hashed on its way."""

    def __init__(self, file: BinaryIO) -> None:
        self.size = 0
        self._file = file
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def read(self, size: int = -1, /) -> bytes:
        return self._taken(self._file.read(size))

    def write(self, data: bytes, /) -> int:
        rawio.write_all(self._file, self._taken(data))
        return len(data)

    def _taken(self, data: bytes) -> bytes:
        self.size += len(data)
        self._hash.update(data)
        return data


class _Chained:
    """Pieces as a stream to read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = memoryview(piece)
        taken = self._left if size < 0 else self._left[:size]
        self._left = self._left[len(taken) :]
        return bytes(taken)
