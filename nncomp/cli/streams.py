"""Standard input, output and error as a process may find them: closed, full, of any encoding."""

from __future__ import annotations

import io
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO, TextIO

from nncomp import fileio
from nncomp.cli.report import complain

__all__ = ["Piped", "finish", "give_up_after", "prepare"]

_OUTPUTS = {fileio.STDOUT: 1, fileio.STDERR: 2}


def prepare() -> None:
    """Make text streams of what there is; for a process of its own, before it opens anything.

    A descriptor that is closed is taken, by what can only fail: no file shall get its number, and
    be read or written by whoever means the stream. Characters that the encoding lacks are escaped.
    """
    for number, flags in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)
    sys.stdout = _text(fileio.standard_output(), sys.stdout)
    if sys.stderr is not None:  # nobody listens where the shell has closed it
        sys.stderr = _text(fileio.standard_error(), sys.stderr)


class Piped:
    """Output that somebody reads as it is written: what is written arrives at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._poll = select.poll() if hasattr(select, "poll") else None
        if self._poll is not None:
            self._poll.register(file.fileno(), 0)

    def write(self, data: bytes) -> int:
        written = self._file.write(data)
        self._file.flush()
        return written

    def watched(self, progress: Callable[[int], None] | None) -> Callable[[int], None]:
        """``progress``, and SIGPIPE once nobody reads any more: the next bytes may take long."""

        def report(count: int) -> None:
            if self._poll is not None and any(e & select.POLLERR for _, e in self._poll.poll(0)):
                signal.raise_signal(signal.SIGPIPE)
            if progress is not None:
                progress(count)

        return report


def finish(status: int, failure: int = 1) -> int:
    """Write what is left; returns ``status``, and at least ``failure`` where that failed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError as error:
            give_up_after(error)
            complain(None, error)
            status = max(status, failure)
    return status


def give_up_after(error: Exception) -> None:
    """If that was writing a stream, let what is left go nowhere: else it is tried at the end."""
    if isinstance(error, OSError) and error.filename in _OUTPUTS:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, _OUTPUTS[error.filename])
        os.close(null)


def _text(binary: BinaryIO, like: TextIO | None) -> TextIO:
    return io.TextIOWrapper(
        binary,
        encoding=None if like is None else like.encoding,
        errors="backslashreplace",
        line_buffering=True,
    )
