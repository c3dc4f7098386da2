"""Messages for people, all on stderr: a line for an error, a line for a file, progress bars."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import click

from nncomp import fileio
from nncomp.cli import signals
from nncomp.errors import NNCompError

__all__ = [
    "Report",
    "blocks_text",
    "complain",
    "duration_text",
    "leave_out",
    "message_of",
    "open_bar",
    "printable",
    "progress_bar",
    "say",
    "shown_name",
    "size_text",
    "terminal_bar",
    "total_bar",
]


def say(line: str) -> None:
    """Print a line on stderr, if there is one. If that fails, the work goes on, and
    ``streams.finish`` tries again."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(line, file=sys.stderr, flush=True)


def leave_out(name: str) -> None:
    """Say that a file is empty and left out."""
    say(f"nncomp: {printable(name)}: is empty; left out")


def complain(name: str | None, error: Exception, program: str = "nncomp") -> None:
    """Print ``nncomp: name: message`` for an error; nothing if a signal has caused it."""
    if signals.has_caused(error):
        return
    if isinstance(error, OSError) and isinstance(error.filename, str):
        name = error.filename
    parts = [program, *([] if name is None else [printable(name)]), printable(message_of(error))]
    say(": ".join(parts))


def message_of(error: BaseException) -> str:
    """The message of an error, in one line and without the name of a file."""
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, (NNCompError, click.ClickException, OSError)):
        return str(error) or type(error).__name__
    if error.__cause__ is not None:  # numpy writes a page about what it could not import
        return message_of(error.__cause__)
    text = (str(error).splitlines() or [""])[0]
    if isinstance(error, ImportError):
        return f"a part of the program cannot be loaded: {text}"
    if sys.flags.dev_mode:
        raise error
    return f"error in the program: {type(error).__name__}: {text} ({_place(error)})"


def _place(error: BaseException) -> str:
    """The place where an error was raised: 'decode.py, line 12'."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    if where is None:
        return "?"
    return f"{os.path.basename(where.tb_frame.f_code.co_filename)}, line {where.tb_lineno}"


class Report:
    """Reports errors of inputs, and keeps the exit status of the command."""

    def __init__(self, quiet: int, program: str = "nncomp") -> None:
        self.status = 0
        self._quiet = quiet
        self._program = program

    def complain(self, name: str, error: Exception) -> None:
        """Say what is wrong with the input ``name``, unless -qq."""
        self.status = 1
        if self._quiet < 2:
            complain(fileio.STDIN if name == "-" else name, error, self._program)


def shown_name(name: str) -> str:
    """The name of an input for people."""
    return fileio.STDIN if name == "-" else printable(name)


def printable(text: str) -> str:
    """``text`` with everything escaped that could move a terminal's cursor."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def size_text(size: int) -> str:
    """Three digits and a binary unit: '512 B', '26.0 KiB', '106 KiB'."""
    if size < 1000:
        return f"{size} B"
    value, units = float(size), iter(("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"))
    while value >= 999.5:
        value /= 1024
        unit = next(units)
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {unit}"


def duration_text(seconds: float) -> str:
    """A duration for a summary: '0.41 s', '12.3 s', '2 min 05 s', '3 h 07 min'."""
    if seconds < 99.95:
        return f"{seconds:.{2 if seconds < 9.995 else 1}f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def blocks_text(blocks: Mapping[str, int], mixings: Mapping[str, int]) -> str:
    """How many blocks and streams of each kind: '3 mix, 1 stored; mixing: 2 general, 1 records
    13'."""

    def listed(counts: Mapping[str, int]) -> str:
        return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))

    kinds = listed(blocks) or "no blocks"
    return f"{kinds}; mixing: {listed(mixings)}" if mixings else kinds


def open_bar(show: bool, *, leave: bool = False, **more: Any) -> Any | None:
    """tqdm's bar, with ``more`` of what it takes, to be closed; None unless it is to be shown, and
    stderr is a terminal. ``leave``: it stays there in the end."""
    if not show or sys.stderr is None or not sys.stderr.isatty():
        return None
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no extra thread
    if 0 in os.get_terminal_size(sys.stderr.fileno()):  # a serial console's: nobody has set it
        more.update(ncols=80, nrows=24)
    else:
        more.update(dynamic_ncols=True)
    return tqdm(leave=leave, file=sys.stderr, **more)


@contextlib.contextmanager
def terminal_bar(show: bool, **more: Any) -> Iterator[Any | None]:
    """The same while a block runs."""
    bar = open_bar(show, **more)
    try:
        yield bar
    finally:
        if bar is not None:
            bar.close()


@contextlib.contextmanager
def progress_bar(
    label: str, total: int | None, *, show: bool
) -> Iterator[Callable[[int], None] | None]:
    """Show a bar with rate, and with time left if ``total`` (bytes) is known. Yields a function to
    call with bytes done, or None if nothing is shown. Short work shows no bar."""
    with _byte_bar(label, total, show) as bar:
        yield None if bar is None else lambda count: bar.update(count) and None


@contextlib.contextmanager
def total_bar(label: str, total: int, *, show: bool) -> Iterator[TotalBar]:
    """Show a bar for many files, of ``total`` bytes together; ``label`` names the first."""
    with _byte_bar(label, total, show) as bar:
        yield TotalBar(bar)


class TotalBar:
    """A bar that shows how much of all files is done, and the name of the current one."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar  # None: nothing is shown

    def add(self, count: float) -> None:
        """Move the bar by ``count`` bytes."""
        if self._bar is not None:
            self._bar.update(count)

    def name(self, text: str) -> None:
        """Show the name of the current file."""
        if self._bar is not None:
            self._bar.set_description(printable(text), refresh=False)

    def clear(self) -> None:
        """Hide the bar while lines are printed; the next bytes bring it back."""
        if self._bar is not None:
            self._bar.clear()


def _byte_bar(label: str, total: int | None, show: bool) -> AbstractContextManager[Any | None]:
    return terminal_bar(
        show,
        desc=printable(label),
        total=total,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        delay=0.5,
    )
