"""Which files a command works on, and where the output of each belongs.

Names on the command line are taken as they are. With ``-r`` a directory stands for the regular
files in it, sorted: those without the suffix .nnc to compress, those with it otherwise. Links
inside a directory are not followed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nncomp.cli.options import Mode
from nncomp.errors import NNCompError
from nncomp.fileio import SUFFIX

__all__ = ["Input", "find"]

OnError = Callable[[str, Exception], None]  # (name, what is wrong with it)


@dataclass(frozen=True)
class Input:
    """A file to work on."""

    name: str  # what to open; '-' is stdin
    place: str  # where it would lie if it were copied to where its output belongs


def find(
    mode: Mode,
    names: tuple[str, ...],
    *,
    recursive: bool = False,
    output_dir: str | None = None,
    force: bool = False,
    on_error: OnError,
) -> list[Input]:
    """All inputs, known before any output appears among them.

    ``output_dir`` gets what 'cp -r' would put there: files under their own names, directories as
    trees. ``on_error`` is told what cannot be read, and which input would overwrite another's
    output; these are left out.
    """
    found = []
    taken: dict[str, str] = {}  # output → the input that has it
    for root, name in _expand(mode, names, recursive, force, on_error):
        if output_dir is None:
            found.append(Input(name, name))
            continue
        place = os.path.join(output_dir, _relative(root, name))
        other = taken.setdefault(os.path.normpath(place), name)
        if other == name:
            found.append(Input(name, place))
        else:
            on_error(name, NNCompError(f"has the same place in the output directory as {other}"))
    return found


def _expand(
    mode: Mode, names: tuple[str, ...], recursive: bool, force: bool, on_error: OnError
) -> Iterator[tuple[str | None, str]]:
    """(directory, file in it), or (None, file) for what is no directory to enter."""

    def wanted(name: str) -> bool:
        packed = name.endswith(SUFFIX)
        return packed if mode != Mode.COMPRESS else force or not packed

    for name in names:
        if recursive and name != "-" and os.path.isdir(name):
            for path in _walk(name, on_error):
                if wanted(path):
                    yield name, path
        else:
            yield None, name


def _walk(directory: str, on_error: OnError) -> Iterator[str]:
    """The regular files in a tree, in the order of their names."""

    def problem(error: OSError) -> None:
        on_error(str(error.filename), error)

    for parent, directories, files in os.walk(directory, onerror=problem):
        directories.sort()
        for name in sorted(files):
            path = os.path.join(parent, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


def _relative(root: str | None, name: str) -> str:
    if root is None:
        return os.path.basename(name)
    last = os.path.basename(os.path.normpath(root))
    return os.path.join("" if last in (".", "..") else last, os.path.relpath(name, root))
