"""The tasks of distributed workers: compressing files or parts of large files, a call for each.

Places are paths or URLs, as fsspec knows them. A target appears complete or not at all, if its file
system supports that, so that repeated calls do no harm. On local and mounted disks it has been
synced by then. Errors are those of ``compress`` and ``decompress``, and ``OSError``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from nncomp import api, fileio, rawio
from nncomp.blocks import Coded
from nncomp.encode import Before, Encoder
from nncomp.errors import NNCompError
from nncomp.file import NNCompFile
from nncomp.options import Options
from nncomp.reader import Blocks

__all__ = [
    "TASK_SIZE",
    "Done",
    "Manifest",
    "Survey",
    "assemble_frame",
    "below",
    "code_blocks",
    "code_first_blocks",
    "compress",
    "decompress",
    "expand_paths",
    "file_of",
    "read",
    "read_lines",
    "size_of",
    "split_content",
    "survey",
    "try_each",
    "write",
]

TASK_SIZE = 1 << 24  # bytes of content of a task, if there are so many
_CHUNK = 1 << 20  # bytes that are read at a time


@dataclass(frozen=True)
class Done:
    """A file that was compressed or decompressed."""

    source: str
    target: str
    state: str  # fsspec's key of the source, which differs once the source is changed
    content_size: int  # bytes
    stored_size: int  # bytes
    sha256: str  # of the content


class Manifest:
    """A file that lists finished files, a line of JSON for each, so that another run can skip them.

    Several runs may share one. Raises ``OSError`` where it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = path
        self._done: dict[tuple[str, str], Done] = {}
        for line in self._lines():
            with contextlib.suppress(ValueError, TypeError):  # the last line may be cut off
                done = Done(**json.loads(line))
                self._done[done.source, done.target] = done

    def find(self, source: str, target: str, *, packed: bool) -> Done | None:
        """The entry of a source and a target; None if the source has changed since, or the target
        is missing or has another size. ``packed``: the target is the compressed file."""
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
            if lines[-1]:  # ends a line that was cut off, so that the next one is not joined to it
                self._write("")
            return lines
        self._write("")  # fails now if it cannot be written, rather than after the first file
        return []

    def _write(self, line: str) -> None:
        """Append a line in one write, so that lines of several runs do not mix."""
        if self._path is not None:
            with open(self._path, "ab", buffering=0) as file:
                rawio.write_all(file, line.encode() + b"\n")


def expand_paths(
    places: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
) -> dict[str, str]:
    """The files of ``places``, by URL, with their paths. A pattern stands for all files that match,
    unless there is a file of that very name. Raises ``NNCompError`` for names with ``::``."""
    words = [places] if isinstance(places, (str, os.PathLike)) else places
    files: dict[str, str] = {}
    for place in words:
        word = os.fspath(place)
        system, path = fsspec.core.url_to_fs(word)
        paths = [path]
        if any(sign in word for sign in "*?[") and not system.isfile(path):
            paths = [path for path in sorted(system.glob(path)) if system.isfile(path)]
        for path in paths:
            _refuse_chain(word)
            _refuse_chain(path)
            if isinstance(system, LocalFileSystem) and ".." in path.split("/"):
                path = _real(path)
            files[system.unstrip_protocol(path)] = path
    return files


def file_of(place: str) -> str:
    """The URL of the file that a place is, the same however the place is written: of a local one
    without links in its folder's name. Raises ``NNCompError`` for names with ``::``."""
    _refuse_chain(place)
    system, path = fsspec.core.url_to_fs(place)
    return str(
        system.unstrip_protocol(_real(path) if isinstance(system, LocalFileSystem) else path)
    )


def _refuse_chain(place: str) -> None:
    """Raise ``NNCompError`` for what fsspec takes for a place within another one: of a file of such
    a name, it would take another file."""
    if "::" in place:
        raise NNCompError(f"{place}: names with :: are not taken")


def _real(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def below(folder: str, name: str) -> str:
    """The place ``name`` in a folder, which may be the root of a store."""
    return f"{folder}{'' if folder.endswith('/') else '/'}{name}"


def size_of(place: str) -> int:
    """The size of a file in bytes."""
    system, path = fsspec.core.url_to_fs(place)
    return int(system.size(path))


def compress(source: str, target: str, options: Options) -> Done:
    """Compress one file to one frame."""
    state = _state(source)
    with _reading(source) as src, _writing(target) as dst:
        reader = rawio.Hashed(src, "sha256")
        summary = api.compress_stream(reader, dst, options)
        return Done(source, target, state, reader.size, summary.stored_size, reader.hexdigest())


def decompress(source: str, target: str, options: Options) -> Done:
    """Decompress all frames of one file."""
    state = _state(source)
    with _reading(source) as src, _writing(target) as dst:
        writer = rawio.Hashed(dst, "sha256")
        summary = api.decompress_stream(src, writer, options)
        return Done(source, target, state, writer.size, summary.stored_size, writer.hexdigest())


def write(target: str, contents: Iterable[bytes], options: Options) -> None:
    """Compress the concatenation of ``contents`` to one frame."""
    with _writing(target) as dst:
        api.compress_stream(_Chained(contents), dst, options)


def try_each(
    call: Callable[[str, str, Options], Done], pairs: Sequence[tuple[str, str]], options: Options
) -> list[Done | str]:
    """Call ``call`` for each (source, target); a result that failed is its error message."""
    results: list[Done | str] = []
    for source, target in pairs:
        try:
            results.append(call(source, target, options))
        except Exception as error:
            results.append(str(error) or type(error).__name__)
    return results


@dataclass(frozen=True)
class Survey:
    """What has to be known of a whole file to code parts of it independently."""

    state: str  # fsspec's key of the file, which differs once it is changed
    before: list[Before]  # for each block, what its coding needs of earlier ones


def survey(source: str, options: Options) -> Survey:
    """Read a whole file once, for tasks that then code parts of it."""
    state = _state(source)
    with _reading(source) as src:
        return Survey(state, list(Encoder(io.BytesIO(), options).survey(src)))


def code_blocks(source: str, options: Options, first: int, before: Sequence[Before]) -> list[Coded]:
    """Code blocks of a file, one for each element of ``before``, beginning with block ``first``."""
    with _reading(source) as src:
        return list(Encoder(io.BytesIO(), options).code_part(src, first, before))


def code_first_blocks(source: str, options: Options, count: int) -> list[Coded]:
    """Code the first ``count`` blocks of a file, for which no survey is needed."""
    with _reading(source) as src:
        return list(Encoder(io.BytesIO(), options).code(src, count))


def assemble_frame(
    source: str, target: str, options: Options, surveyed: str, parts: Sequence[list[Coded]]
) -> Done:
    """Write the frame of a file from its coded parts, the results of ``code_first_blocks`` and
    ``code_blocks`` in order. The bytes are those of ``compress``. Raises ``OSError`` if the file's
    state is not the one ``surveyed`` any more."""
    state = _state(source)
    with _reading(source) as src, _writing(target) as dst:
        encoder = Encoder(dst, options)
        for coded in (coded for part in parts for coded in part):
            encoder.put(coded)
        summary = encoder.end()
        reader = rawio.Hashed(src, "sha256")
        while reader.read(_CHUNK):
            pass
        if (reader.size, state) != (summary.content_size, surveyed):
            raise OSError(f"{source} was changed while it was read")
        return Done(source, target, state, reader.size, summary.stored_size, reader.hexdigest())


def split_content(source: str, size: int, options: Options) -> list[tuple[int, int]]:
    """(start, stop) of pieces of the content. A piece is whole blocks with at least ``size`` bytes;
    the last one may be smaller."""
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
    """Decompress bytes ``start`` … ``stop`` − 1 of the content."""
    with _content(source) as file:
        file.seek(start)
        content = file.read(stop - start)
    if len(content) < stop - start:
        raise _changed(source)
    return content


def read_lines(source: str, start: int, stop: int, encoding: str, errors: str) -> list[str]:
    """The lines that begin in bytes ``start`` … ``stop`` − 1 of the content, with their ends. Lines
    end with LF, as in binary files."""
    with _content(source) as file:
        if start:  # skips the rest of the line that the byte before belongs to, or all of them
            file.seek(start - 1)
            file.readline(stop - start + 1)
        lines = []
        while file.tell() < stop:
            line = file.readline()
            if not line:
                raise _changed(source)
            lines.append(line.decode(encoding, errors))
        return lines


def _changed(source: str) -> NNCompError:
    return NNCompError(f"{source}: its content has become shorter")


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
    if isinstance(system, LocalFileSystem):  # fsspec's temporary file may be on another disk
        fileio.make_directory(os.path.dirname(path))
        with fileio.create(path, force=True) as local:
            yield local
        return
    system.makedirs(posixpath.dirname(path), exist_ok=True)
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


class _Chained:
    """A readable stream that concatenates pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = memoryview(piece)
        taken, self._left = self._left[:size], self._left[size:]
        return bytes(taken)
