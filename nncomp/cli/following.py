"""Shows new lines of a growing file as they come, like ``tail -F``.

The file is polled some times a second. If another file has taken its name, or it has become
shorter, it is read from its beginning, and a message says so. The predictor keeps what it has
learnt.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import click

from nncomp import fileio, rawio
from nncomp.cli import inputs, odd
from nncomp.cli.parameters import STREAM
from nncomp.cli.report import message_of, progress_bar, say, shown_name
from nncomp.cli.streams import Piped
from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp.counting import Growing
    from nncomp.insight.lines import Line, Lines
    from nncomp.options import Options

__all__ = ["Tail", "show"]

_PIECE = 1 << 16  # bytes that are read at a time
_SAMPLE = 1 << 20  # bytes at the file's end by which contexts are chosen
_PAUSE = 0.2  # seconds between two looks at the file
_CUT = None  # in place of a piece: the next piece does not continue the line before


def show(
    name: str, options: Options, least: float | None, *, as_json: bool, binary: bool, quiet: bool
) -> None:
    """Print new lines with a score of at least ``least``; does not return while the file may grow.
    Raises ``NNCompError`` and ``OSError``."""
    from nncomp.counting import UNIT, Growing
    from nncomp.insight.lines import Lines

    why_not = "there is no file to follow, and standard input is a terminal"
    with inputs.open_text(name, why_not) as source, fileio.standard_output() as stdout:
        odd.check_plain(source)
        seekable = name != STREAM and source.seekable()
        growing = Growing(options, _sample(source) if seekable else b"")
        lines = Lines()
        if seekable:
            _read_before(source, name, growing, lines, binary=binary, show=not quiet)
        table = None if as_json else odd.Table([name])
        if table is not None:
            click.echo(table.head(), nl=False)
        watch = Piped(stdout).watched(None)
        for piece in Tail(name, source, watch).pieces() if seekable else _piped(source):
            if piece is _CUT:
                found = lines.restart()
            else:
                if not binary:
                    odd.check_text(piece)
                found = lines.add(piece, growing.add(piece) * UNIT)
            _print(found, least, table, name)
        _print(lines.cut(), least, table, name)


def _print(lines: Iterator[Line], least: float | None, table: odd.Table | None, name: str) -> None:
    """Print lines with a score of at least ``least``, as rows of ``table``, or else as JSON."""
    for line in lines:
        if least is None or line.score >= least:
            text = json.dumps(odd.as_json(line)) + "\n" if table is None else table.row(line, name)
            click.echo(text, nl=False)


def _sample(source: BinaryIO) -> bytes:
    """The last bytes of the file; leaves its position at the beginning."""
    source.seek(max(0, source.seek(0, os.SEEK_END) - _SAMPLE))
    sample = rawio.read_full(source, _SAMPLE)
    source.seek(0)
    return sample


def _read_before(
    source: BinaryIO, name: str, growing: Growing, lines: Lines, *, binary: bool, show: bool
) -> None:
    """Read the last lines of the existing content, half a block at most, without printing them."""
    from nncomp.counting import UNIT

    size = source.seek(0, os.SEEK_END)
    start = max(0, size - growing.room // 2)
    number = _lines_in(source, start)
    source.seek(start)
    if start:  # behind the end of a line
        rest = source.readline(_PIECE)
        lines.skip(start + len(rest), number + rest.count(b"\n"))
    with progress_bar(shown_name(name), size - start, show=show) as progress:
        while (left := size - source.tell()) > 0:
            piece = rawio.read_full(source, min(_PIECE, left))
            if not piece:
                return
            if not binary:
                odd.check_text(piece)
            for _ in lines.add(piece, growing.add(piece) * UNIT):
                pass  # learnt from, not printed
            if progress is not None:
                progress(len(piece))


def _lines_in(source: BinaryIO, size: int) -> int:
    """How many lines end in the first ``size`` bytes."""
    source.seek(0)
    number = 0
    while piece := source.read(min(_SAMPLE, size)):
        number += piece.count(b"\n")
        size -= len(piece)
    return number


def _piped(source: BinaryIO) -> Iterator[bytes]:
    """Yield pieces of a pipe as they arrive, up to its end."""
    assert hasattr(source, "read1")
    while piece := source.read1(_PIECE):
        yield piece


class Tail:
    """Yields what is appended to a file, for ever. ``watch(0)`` is called while nothing comes."""

    def __init__(self, name: str, source: BinaryIO, watch: Callable[[int], None]) -> None:
        self._name = name
        self._file = source
        self._watch = watch
        self._owned = False  # whether we have opened the file
        self._gone = False  # whether the file is missing, and a message has said so

    def pieces(self) -> Iterator[bytes | None]:
        try:
            while True:
                if piece := rawio.read(self._file, _PIECE):
                    yield piece
                elif (file := self._successor()) is not None:
                    while piece := rawio.read(self._file, _PIECE):  # before it was replaced
                        yield piece
                    self._turn_to(file)
                    yield _CUT
                else:
                    self._watch(0)
                    time.sleep(_PAUSE)
        finally:
            if self._owned:
                self._file.close()

    def _successor(self) -> BinaryIO | None:
        """The file that goes on from its beginning: a new one, or this one, made shorter; else
        None."""
        mine = os.fstat(self._file.fileno())
        try:
            status = os.stat(self._name)
            other = (status.st_dev, status.st_ino) != (mine.st_dev, mine.st_ino)
            file = fileio.open_input(self._name) if other else self._file
        except (NNCompError, OSError) as error:
            if not self._gone:
                self._say(f"cannot be read any more ({message_of(error)}); waiting for it")
            self._gone = True
            return None
        self._gone = False
        return file if other or mine.st_size < self._file.tell() else None

    def _turn_to(self, file: BinaryIO) -> None:
        if file is self._file:
            self._say("has become shorter; reading it from its beginning")
            self._file.seek(0)
            return
        self._say("has been replaced; following the new file")
        if self._owned:
            self._file.close()
        self._file, self._owned = file, True

    def _say(self, text: str) -> None:
        say(f"nncomp: {shown_name(self._name)}: {text}")
