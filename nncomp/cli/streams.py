"""Makes standard streams safe to use, whether they are closed, full, or of any encoding."""

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
    """Set up the standard streams of a process, before it opens anything.

    A closed descriptor is replaced by one on which reading or writing fails. Otherwise the next
    file would get its number, and be read or written in place of the stream. Characters that the
    encoding lacks are escaped.
    """
    for number, flags in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            _open_nothing(number, flags)
    sys.stdout = _text(fileio.standard_output(), sys.stdout)
    if sys.stderr is not None:  # nobody listens where the shell has closed it
        sys.stderr = _text(fileio.standard_error(), sys.stderr)


def _open_nothing(number: int, flags: int) -> None:
    """Take the lowest free descriptor, ``number``, for a file that ``flags`` forbid to use."""
    try:
        os.open(os.devnull, flags)
    except OSError:  # as in a bare chroot: the end of a pipe does as well
        ends = os.pipe()
        keep, other = ends if flags == os.O_RDONLY else ends[::-1]
        os.close(other)
        if keep != number:
            os.dup2(keep, number)
            os.close(keep)


class Piped:
    """Output to a reader that may wait for it: everything is flushed at once."""

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
        """``progress`` that also raises SIGPIPE once nobody reads any more, rather than only at the
        next write, which may be far off."""

        def report(count: int) -> None:
            if self._poll is not None and any(e & select.POLLERR for _, e in self._poll.poll(0)):
                signal.raise_signal(signal.SIGPIPE)
            if progress is not None:
                progress(count)

        return report


def finish(status: int, failure: int = 1) -> int:
    """Flush the standard streams; returns ``status``, or at least ``failure`` if that fails."""
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
    """If ``error`` came from writing to a standard stream, discard the rest of its buffer, which
    would otherwise be written again at exit."""
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
