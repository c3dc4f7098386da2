"""Compressed sizes, file by file: a change of ratio becomes a visible difference.

    python tools/regression.py [FOLDER]          compares; exits 1 where a size has changed
    python tools/regression.py --write [FOLDER]  records

tests/regression.csv has a line a file: the pieces in tests/data, which the tests compare too, and
the files of a corpus FOLDER, whose lines stay as they are while none is given.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import nncomp

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "tests" / "regression.csv"
PIECES = ROOT / "tests" / "data"
LEVELS = (1, 5)


def recorded() -> dict[str, list[str]]:
    """The table: name → bytes and compressed bytes by level."""
    if not TABLE.exists():
        return {}
    with TABLE.open(newline="") as file:
        return {row[0]: row[1:] for row in list(csv.reader(file))[1:]}


def sizes(path: Path) -> list[str]:
    """A line of the table for the file, as it is now."""
    data = path.read_bytes()
    return [str(n) for n in (len(data), *(len(nncomp.compress(data, level=x)) for x in LEVELS))]


def files(folders: list[Path]) -> Iterator[tuple[str, Path]]:
    """(name in the table, file): a piece by its name, a corpus file by its path in the corpus."""
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            name = path.relative_to(folder).as_posix()
            if folder == PIECES or path.parent != folder:  # a corpus has a folder a kind
                yield name, path


def main(arguments: list[str]) -> int:
    write = "--write" in arguments
    corpora = [Path(a) for a in arguments if a != "--write"]
    table = recorded()
    changed = 0
    for name, path in files([PIECES, *corpora]):
        now, before = sizes(path), table.get(name)
        if now != before:
            changed += 1
            print(name, *(before or ["new"]), "->", *now, flush=True)
        table[name] = now
    if write:
        with TABLE.open("w", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["file", "bytes", *(f"-{x}" for x in LEVELS)])
            rows.writerows([name, *line] for name, line in sorted(table.items()))
    return 1 if changed and not write else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
