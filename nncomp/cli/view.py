"""``nnccat`` and ``nncless``: the content of compressed files, as it is or page by page."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import NoReturn

from nncomp.cli import streams
from nncomp.cli.main import main
from nncomp.cli.report import say

__all__ = ["cat", "less"]

_CAT = """\
Usage: nnccat [OPTION]... [FILE.nnc]...
Write the content of files that nncomp has compressed, or of standard input, to standard output.

The same as nncomp cat, and so are the options."""

_LESS = """\
Usage: nncless [OPTION]... [FILE.nnc]...
Show the content of files that nncomp has compressed, or of standard input, with less.

Options are those of less."""


def cat() -> NoReturn:
    """``nnccat``."""
    _help(_CAT)
    main("cat")


def less() -> NoReturn:
    """``nncless``: less, which asks nnccat for the content of each file."""
    _help(_LESS)
    scripts = os.path.dirname(os.path.realpath(sys.argv[0]))
    environment = {
        **os.environ,
        "NNCLESS_CAT": os.path.join(scripts, "nnccat"),
        # ||: what is empty is empty, but what fails is shown as it is; -: standard input as well.
        "LESSOPEN": '||-"$NNCLESS_CAT" --no-progress -- %s',
    }
    try:
        os.execvpe("less", ["less", *sys.argv[1:]], environment)
    except OSError as error:
        say(f"nncless: less: {error.strerror}")
        sys.exit(1)


def _help(text: str) -> None:
    if sys.argv[1:] in (["-h"], ["--help"]):
        streams.prepare()
        with contextlib.suppress(OSError):  # it is tried again
            print(text)
        sys.exit(streams.finish(0))
