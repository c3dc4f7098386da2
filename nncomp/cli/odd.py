"""Odd lines for people and programs: a table, with the oddest word of each marked, or JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from nncomp.cli.report import printable, shown_name
from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp.insight.lines import Line

__all__ = [
    "HEADS",
    "as_json",
    "as_row",
    "as_table",
    "check_plain",
    "check_text",
    "columns",
    "text_of",
]

_WIDTH = 100  # columns, where there is no terminal
_LINE = "{:>9} {:>6} {:>7} {:>7}  {}\n"
HEADS = _LINE.format("Line", "Score", "Bits", "Usual", "Text")


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


def as_table(lines: list[Line], *, json_wanted: bool) -> str:
    if json_wanted:
        return json.dumps([*map(as_json, lines)], indent=2) + "\n"
    return "".join([HEADS, *map(as_row, lines)]) if lines else ""


def as_row(line: Line) -> str:
    from nncomp.insight.lines import HEAD

    room = max(40, columns() - len(_LINE.format("", "", "", "", ""))) if on_terminal() else HEAD
    score = f"{round(line.score, 1) + 0.0:.1f}"  # and no -0.0
    bits, usual = f"{line.bits:.1f}", f"{line.usual:.1f}"
    return _LINE.format(line.number, score, bits, usual, _marked(line, room))


def _marked(line: Line, width: int) -> str:
    """The part of the line around its oddest word, which is marked."""
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


def check_text(name: str, content: bytes) -> None:
    """Raise ``NNCompError`` for what has no lines."""
    if b"\0" in content:
        text = "there are NUL bytes in it, so it is no text; -a takes it as lines"
        raise NNCompError(f"{shown_name(name)}: {text}")


def check_plain(name: str, source: BinaryIO) -> None:
    """Raise ``NNCompError`` where what begins there is compressed."""
    from nncomp.container import MAGIC

    assert hasattr(source, "peek")
    if source.peek(len(MAGIC)).startswith(MAGIC):
        text = "is compressed: nncomp -dc FILE.nnc | nncomp inspect"
        raise NNCompError(f"{shown_name(name)}: {text}")


def text_of(content: bytes) -> str:
    """For a terminal: in one line, and nothing in it moves the cursor."""
    return printable(content.decode("utf-8", "backslashreplace"))


def on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def columns() -> int:
    import shutil

    return shutil.get_terminal_size((_WIDTH, 24)).columns if on_terminal() else _WIDTH
