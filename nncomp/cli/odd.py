"""Formats odd lines: as a table in which the oddest word of each is marked, or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from nncomp.cli.report import printable, shown_name
from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp.insight.lines import Line

__all__ = [
    "Table",
    "as_json",
    "check_plain",
    "check_text",
    "columns",
    "text_of",
]

_WIDTH = 100  # columns of the output if it is no terminal
_PLACE = 9  # columns for a line's number


def as_json(line: Line) -> dict[str, Any]:
    return {
        "line": line.number,
        "offset": line.offset,
        "score": round(line.score, 2),
        "bits": round(line.bits, 2),
        "usual": round(line.usual, 2),
        "word": text_of(line.text[line.start : line.stop]),
        "word_bits": round(line.word_bits, 2),
        "word_usual": round(line.word_usual, 2),
        "text": text_of(line.text),
    }


class Table:
    """A table of lines; if they are of several files, with names as in grep, 'name:line'."""

    def __init__(self, names: Sequence[str]) -> None:
        self._labels = {name: shown_name(name) + ":" for name in names} if len(names) > 1 else {}
        self._width = _PLACE + max(map(len, self._labels.values()), default=0)
        self._begun = False

    def rows(self, lines: Iterable[Line], name: str) -> str:
        """The rows of one file's lines; the very first row of the table comes with its head."""
        return "".join(self.row(line, name) for line in lines)

    def row(self, line: Line, name: str) -> str:
        score = f"{round(line.score, 1) + 0.0:.1f}"  # and no -0.0
        bits, usual = f"{line.bits:.1f}", f"{line.usual:.1f}"
        place = f"{self._labels.get(name, '')}{line.number}"
        return self.head() + self._row(place, score, bits, usual, _marked(line, self._room()))

    def head(self) -> str:
        """The head of the table at the first call, '' after that."""
        if self._begun:
            return ""
        self._begun = True
        return self._row("Line", "Score", "Bits", "Usual", "Text")

    def _row(self, place: str, score: str, bits: str, usual: str, text: str) -> str:
        return f"{place:>{self._width}} {score:>6} {bits:>7} {usual:>7}  {text}\n"

    def _room(self) -> int:
        """Columns for the text of a line."""
        from nncomp.insight.lines import HEAD

        return max(40, columns() - len(self._row("", "", "", "", ""))) if on_terminal() else HEAD


def _marked(line: Line, width: int) -> str:
    """The part of the line around its oddest word, with that word marked, ``width`` columns at
    most."""
    before, word, behind = (
        text_of(part)
        for part in (
            line.text[: line.start],
            line.text[line.start : line.stop],
            line.text[line.stop :],
        )
    )
    marks = ("", "") if on_terminal() else ("»", "«")
    room = max(0, width - len(word) - sum(map(len, marks)))
    if len(before) + len(behind) > room:
        left = max(room // 2, room - len(behind))
        if len(before) > left:
            before = "…" + before[len(before) - left + 1 :] if left > 1 else ""
        behind = behind[: max(0, room - len(before))]
    if on_terminal():
        return before + click.style(word, bold=True, fg="red") + behind
    return before + marks[0] + word + marks[1] + behind


def check_text(content: bytes) -> None:
    """Raise ``NNCompError`` if the content has NUL bytes, so that it is no text."""
    if b"\0" in content:
        raise NNCompError("there are NUL bytes in it, so it is no text; -a takes it as lines")


def check_plain(source: BinaryIO) -> None:
    """Raise ``NNCompError`` if the source is compressed by nncomp."""
    from nncomp.container import MAGIC, MAGICS

    assert hasattr(source, "peek")
    if source.peek(len(MAGIC)).startswith(MAGICS):
        raise NNCompError("is compressed: nncomp -dc FILE.nnc | nncomp inspect")


def text_of(content: bytes) -> str:
    """The content as printable text in one line, with nothing that moves a terminal's cursor."""
    return printable(content.decode("utf-8", "backslashreplace"))


def on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def columns() -> int:
    import shutil

    return shutil.get_terminal_size((_WIDTH, 24)).columns if on_terminal() else _WIDTH
