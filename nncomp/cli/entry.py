"""The entry points of installed scripts.

Importing the rest takes a moment. Nothing has been begun then, so an interrupt just ends the
process.
"""

from __future__ import annotations

import os
from typing import NoReturn

from nncomp.cli import signals

__all__ = ["nnccat", "nncgrep", "nncless", "nncomp"]


def _begin() -> None:
    signals.at_once()
    # numpy's BLAS, which is not used here, would start threads when it is imported, and end the
    # process if it cannot.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def nncomp() -> NoReturn:
    _begin()
    from nncomp.cli.main import main

    main()


def nnccat() -> NoReturn:
    _begin()
    from nncomp.cli.view import cat

    cat()


def nncgrep() -> NoReturn:
    _begin()
    from nncomp.cli.grep import main

    main()


def nncless() -> NoReturn:
    _begin()
    from nncomp.cli.view import less

    less()
