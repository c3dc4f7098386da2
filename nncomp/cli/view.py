"""``nnccat`` and ``nncless``: show the content of compressed files, as it is or page by page."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from nncomp.cli import streams
from nncomp.cli.main import main
from nncomp.cli.report import printable, say

__all__ = ["cat", "less"]

_READ_PRIME = '--prime="$NNCLESS_PRIME" '

_CAT = """\
Usage: nnccat [OPTION]... [FILE.nnc]...
Write the content of files that nncomp has compressed, or of standard input, to standard output.

The same as nncomp cat, and so are the options."""

_LESS = """\
Usage: nncless [OPTION]... [FILE.nnc]...
Show the content of files that nncomp has compressed, or of standard input, with less.

Options are those of less, and --prime FILE for what was written with that."""


def cat() -> NoReturn:
    """Run ``nnccat``, which is ``nncomp cat``."""
    _help(_CAT)
    main("cat")


def less() -> NoReturn:
    """Run ``nncless``: less, which gets the content of each file from nnccat."""
    _help(_LESS)
    words, prime = _without_prime(sys.argv[1:])
    scripts = os.path.dirname(os.path.realpath(sys.argv[0]))
    environment = {
        **os.environ,
        "NNCLESS_CAT": os.path.join(scripts, "nnccat"),
        "NNCLESS_PRIME": prime or "",
        # "||": an empty output of nnccat is shown as empty, and if it fails less shows the file
        # itself; "-": for standard input, too.
        "LESSOPEN": f'||-"$NNCLESS_CAT" --no-progress {_READ_PRIME if prime else ""}-- %s',
    }
    try:
        os.execvpe("less", ["less", *words], environment)
    except OSError as error:
        say(f"nncless: less: {error.strerror}")
        sys.exit(1)


def _without_prime(args: Sequence[str]) -> tuple[list[str], str | None]:
    """(words for less, file of the prime); exits if that file cannot be used."""
    words: list[str] = []
    prime = None
    rest = iter(args)
    for word in rest:
        if word == "--":
            words += [word, *rest]
        elif word == "--prime":
            prime = next(rest, "")
        elif word.startswith("--prime="):
            prime = word.partition("=")[2]
        else:
            words.append(word)
    try:
        if prime is not None and not os.path.isfile(prime):
            os.stat(prime)  # says what is wrong
            raise OSError(0, "is not a file", prime)
    except OSError as error:
        say(f"nncless: --prime {printable(prime or '')}: {error.strerror}")
        sys.exit(1)
    return words, prime


def _help(text: str) -> None:
    if sys.argv[1:] in (["-h"], ["--help"]):
        streams.prepare()
        with contextlib.suppress(OSError):  # it is tried again
            print(text)
        sys.exit(streams.finish(0))
