"""The entry points of installed scripts.

Importing the rest takes a moment. Nothing has been begun then, so an interrupt just ends the
process.
"""

from __future__ import annotations

from typing import NoReturn

from nncomp.cli import signals

__all__ = ["nnccat", "nncgrep", "nncless", "nncomp"]


def nncomp() -> NoReturn:
    signals.at_once()
    from nncomp.cli.main import main

    main()


def nnccat() -> NoReturn:
    signals.at_once()
    from nncomp.cli.view import cat

    cat()


def nncgrep() -> NoReturn:
    signals.at_once()
    from nncomp.cli.grep import main

    main()


def nncless() -> NoReturn:
    signals.at_once()
    from nncomp.cli.view import less

    less()
