"""Finds the files that a command works on, and the place of each output.

Names on the command line are taken as they are. With ``-r`` a directory stands for the regular
files in it, sorted: those without the suffix .nnc to compress, those with it otherwise. Links
inside a directory are not followed.

All inputs and outputs are known before anything is written, so that no output can be taken for an
input, or be overwritten by the next one.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import click

from nncomp import fileio, rawio
from nncomp.cli.options import Mode
from nncomp.cli.parameters import STREAM
from nncomp.errors import NNCompError

__all__ = ["Input", "check_once", "find", "names", "open_packed", "open_text", "read_text", "same"]

_Key = tuple[object, object]  # identifies a file, however its name is spelt


@dataclasses.dataclass(frozen=True)
class Input:
    """A file to work on, or the reason not to."""

    name: str  # what to open; '-' is stdin
    target: str | None = None  # the file to write; None: none, or standard output
    problem: Exception | None = None
    # The output of an earlier input whose name is the same where case is ignored.
    alike: str | None = None


def names(
    given: tuple[str, ...], lines_of: str | None = None, records_of: str | None = None
) -> tuple[str, ...]:
    """The names on the command line, then those in a list: one a line, or each ended by a NUL.

    Standard input where there is neither. In a list, '-' is a file like any other. Raises
    ``NNCompError`` and ``OSError``, and ``click.UsageError`` where standard input is asked for
    twice.
    """
    if lines_of is None and records_of is None:
        return given or (STREAM,)
    if lines_of is not None and records_of is not None:
        raise click.UsageError("--files-from and --files-from0 exclude each other")
    path = lines_of if lines_of is not None else records_of
    assert path is not None
    if path == STREAM and STREAM in given:
        raise click.UsageError("standard input is either a list of files or one of them")
    with fileio.standard_input() if path == STREAM else open(path, "rb") as file:
        data = b"".join(iter(lambda: rawio.read(file, 1 << 20), b""))
    if lines_of is not None and b"\0" in data:
        shown = fileio.STDIN if path == STREAM else path
        raise NNCompError(f"{shown}: has NUL characters: a list for --files-from0?")
    listed = map(os.fsdecode, data.split(b"\0" if lines_of is None else b"\n"))
    return given + tuple("./-" if name == STREAM else name for name in listed if name)


def check_once(names: tuple[str, ...]) -> None:
    """Raise ``click.UsageError`` where standard input is to be read a second time."""
    if names.count(STREAM) > 1:
        raise click.UsageError("standard input can be read once: '-' is given twice")


def open_text(name: str, on_terminal: str) -> BinaryIO:
    """Open a file of any kind; '-' is standard input. Raises ``NNCompError`` with the text
    ``on_terminal`` if that is a terminal, and ``OSError``."""
    if name == STREAM and os.isatty(0):
        raise NNCompError(on_terminal)
    if os.path.isdir(name):
        raise IsADirectoryError(errno.EISDIR, "is a directory", name)
    return fileio.standard_input() if name == STREAM else fileio.open_input(name, special=True)


def read_text(name: str, on_terminal: str, size: int) -> bytes:
    """Read the first ``size`` bytes of a file as ``open_text`` opens it."""
    with open_text(name, on_terminal) as source:
        return rawio.read_full(source, size)


def open_packed(name: str) -> BinaryIO:
    """Open a compressed file; '-' is standard input. Raises ``NNCompError`` if that is a terminal,
    and ``OSError``. A FIFO is refused, lest it blocks, but not one that is open already."""
    if name == STREAM and os.isatty(0):
        raise NNCompError("compressed data not read from a terminal")
    if name == STREAM:
        return fileio.standard_input()
    return fileio.open_input(name, special=fileio.is_descriptor(name))


def find(
    mode: Mode,
    names: tuple[str, ...],
    *,
    recursive: bool = False,
    every: bool = False,
    suffix: str = fileio.SUFFIX,
    output_dir: str | None = None,
    target_of: Callable[[str], str | None] | None = None,
    others: Iterable[str] = (),
) -> list[Input]:
    """Find all inputs, in the order of ``names``.

    ``every``: take all files of a directory, with and without the suffix, which is ``suffix`` or
    the usual one. ``target_of`` maps the name of an input to that of its output, or None, or raises
    ``NNCompError``. ``output_dir`` gets what 'cp -r' would put there: files under their own names,
    directories as trees. ``others`` are files that are read, too, so that no output may replace
    them.
    """
    found = []
    for root, item in _expand(mode, names, recursive, every, suffix):
        if target_of is not None and item.problem is None:
            place = item.name
            if output_dir is not None:
                place = os.path.join(output_dir, _relative(root, item.name))
            try:
                item = dataclasses.replace(item, target=target_of(place))
            except NNCompError as error:
                item = dataclasses.replace(item, problem=_first_problem(item.name, error))
        found.append(item)
    return list(_checked(found, others))


def _first_problem(name: str, problem: NNCompError) -> Exception:
    """The error of the file itself, if it has one, rather than ``problem``, that of its name."""
    try:
        fileio.check_input(name, special=True)
    except (NNCompError, OSError) as error:
        return error
    return problem


def same(name: str, others: Iterable[str]) -> bool:
    """Whether ``name`` is, or once written would be, the same file as one of ``others``."""
    keys = {*_keys(name)}
    return any(not keys.isdisjoint(_keys(other)) for other in others)


def _expand(
    mode: Mode, names: tuple[str, ...], recursive: bool, every: bool, suffix: str
) -> Iterator[tuple[str | None, Input]]:
    """Yield (directory, file in it) for directories that are entered, else (None, file)."""
    for name in names:
        if recursive and name != STREAM and os.path.isdir(name):
            for item in _walk(name):
                packed = fileio.suffix_of(item.name, suffix) is not None
                if every or item.problem is not None or packed == (mode != Mode.COMPRESS):
                    yield name, item
        else:
            yield None, Input(name)


def _walk(directory: str) -> Iterator[Input]:
    """Yield the regular files in a tree in the order of their names, and those that cannot be
    examined, with the problem."""
    problems: list[OSError] = []
    for parent, directories, files in os.walk(directory, onerror=problems.append):
        yield from _taken(problems)
        directories.sort()
        for name in sorted(files):
            path = os.path.join(parent, name)
            try:
                if stat.S_ISREG(os.lstat(path).st_mode):
                    yield Input(path)
            except OSError as error:
                yield Input(path, problem=error)
    yield from _taken(problems)


def _taken(problems: list[OSError]) -> Iterator[Input]:
    while problems:
        error = problems.pop(0)
        yield Input(str(error.filename), problem=error)


def _relative(root: str | None, name: str) -> str:
    if root is None:
        return os.path.basename(name)
    last = os.path.basename(os.path.normpath(root))
    return os.path.join("" if last in (".", "..") else last, os.path.relpath(name, root))


def _checked(items: list[Input], others: Iterable[str]) -> Iterator[Input]:
    """Yield ``items``, with a problem where an output is also that of another input, or is an input
    itself, or one of the ``others``. A file that is given twice is yielded once."""
    sources = {key: Input(name) for name in others for key in _keys(name)}
    for item in items:
        if item.problem is None and item.target is not None:
            for key in _keys(item.name):
                sources.setdefault(key, item)
    outputs: dict[_Key, Input] = {}
    folded: dict[str, str] = {}
    for item in items:
        target = item.target
        if item.problem is not None or target is None:
            yield item
            continue
        entry = _entry(item.name)
        first = outputs.setdefault(_entry(target), item)
        if first is not item and _entry(first.name) == entry:
            continue
        met = [sources[key] for key in _keys(target) if key in sources]
        met = [other for other in met if _entry(other.name) != entry]
        if first is not item:
            problem = NNCompError(f"has the same output as {first.name}")
            item = dataclasses.replace(item, problem=problem)
        elif met:
            problem = NNCompError(f"its output would overwrite the input {met[0].name}")
            item = dataclasses.replace(item, problem=problem)
        alike = folded.setdefault(_folded(target), target)
        yield item if alike == target else dataclasses.replace(item, alike=alike)


def _folded(name: str) -> str:
    """The same for all names that a file system may take for one: some ignore case, or in how many
    characters a letter is written."""
    place = os.path.abspath(name)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", place).casefold())


def _keys(name: str) -> list[_Key]:
    """The keys of a file: its place, and if it exists, its device and inode."""
    file = _file(name)
    return [_entry(name), *([] if file is None else [file])]


def _entry(name: str) -> _Key:
    """The key of a file's place: its directory and name, neither of which has to exist."""
    parent, base = os.path.split(name)
    return _file(parent or os.curdir) or os.path.realpath(parent), base


def _file(name: str) -> _Key | None:
    try:
        status = os.stat(name)
    except OSError:
        return None
    return status.st_dev, status.st_ino
