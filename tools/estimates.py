"""How far off ``nncomp estimate`` is: rows for the tables of docs/estimate.md.

python tools/estimates.py FILE... [--levels 1,5,9] [--most 1048576]

Each file, or its first bytes, is estimated and compressed as a whole, on one thread, in a process:
seconds are of CPU, so that other programs count for little.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import nncomp
from nncomp import estimation


def off(found: float, real: float) -> str:
    """How much more ``found`` is, in percent."""
    return f"{100 * (found / real - 1):+.1f} %".replace("-", "−")


def row(path: Path, levels: list[int], most: int) -> tuple[str, list[float]]:
    """A row of the table; and by how much the sizes are off, as shares."""
    data = path.read_bytes()[:most]
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        started = time.process_time()
        samples = estimation.take([(file.name, len(data))])
        rows = {one.name: one for one in estimation.estimate(samples)}
        took = time.process_time() - started
    sizes, times, wrong = [], [], []
    for level in levels:
        started = time.process_time()
        size = len(nncomp.compress(data, level))
        seconds = time.process_time() - started
        found = rows[f"-{level}"]
        sizes.append(off(found.size, size))
        times.append(off(found.seconds_in, seconds))
        wrong.append(found.size / size - 1)
    cells = [path.name, f"{len(data):,}", *sizes, *times, f"{took:.1f}"]
    return f"| {' | '.join(cells)} |", wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--levels", default="1,5,9")
    parser.add_argument("--most", type=int, default=1 << 20, help="bytes of a file")
    args = parser.parse_args()
    levels = [int(level) for level in args.levels.split(",")]
    nncomp.compress(b"a" * 100)  # the model is loaded
    wrong = []
    for path in args.files:
        text, shares = row(path, levels, args.most)
        print(text, flush=True)
        wrong += shares
    mean = sum(map(abs, wrong)) / len(wrong)
    print(f"sizes: {len(wrong)}, off by {100 * mean:.1f} % in the mean")


if __name__ == "__main__":
    main()
