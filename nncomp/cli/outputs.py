"""Opens the output of a command: a file that appears once it is complete, or standard output."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import BinaryIO

from nncomp import fileio
from nncomp.cli import inputs
from nncomp.cli.parameters import STREAM
from nncomp.errors import NNCompError

__all__ = ["check", "named", "opened"]


def named(output: str | None) -> str | None:
    """The name of the output file; None: standard output, by '-' or by default."""
    return None if output == STREAM else output


def check(output: str | None, sources: list[str], problem: str) -> None:
    """Raise ``NNCompError``, saying ``problem``, where the output is one of the files read."""
    place = named(output)
    if place is not None and inputs.same(place, [name for name in sources if name != STREAM]):
        raise NNCompError(f"{place}: {problem}")


@contextlib.contextmanager
def opened(output: str | None, *, force: bool, binary: str = "") -> Iterator[BinaryIO]:
    """Open the output. If ``binary`` describes it, as 'a picture is', a terminal is refused unless
    ``force``. Raises ``NNCompError`` and ``OSError``."""
    place = named(output)
    opening = fileio.standard_output() if place is None else fileio.create(place, force=force)
    with opening as file:
        if binary and file.isatty() and not force:
            raise NNCompError(f"{binary} not written to a terminal; use -f to force it")
        yield file
