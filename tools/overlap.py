#!/usr/bin/env python3
"""How much of the evaluation files is in the training text?

    tools/overlap.py TRAINING_DIR EVALUATION_DIR [--bytes 64]

Prints, for each evaluation file and for all of them, the share of its windows of that many bytes
that occur anywhere in the training text. One window in 16 is looked at, chosen by its content, so
both sides choose the same ones; windows of fewer than 8 different bytes (rules, padding) do not
count. Needs numpy; 600 MB take about two minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SAMPLE = 16  # one window in so many
DISTINCT = 8  # bytes that a window has to have to mean anything
CHUNK = 1 << 22  # bytes hashed at a time
ODD = 0x9E3779B97F4A7C15


def windows(data: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(hashes, positions) of the sampled windows of ``size`` (a power of two) bytes of uint8."""
    if len(data) < size:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    hashed = data.astype(np.uint64) + np.uint64(1)
    factor, width = ODD, 1
    while width < size:  # two windows side by side make one of twice the width
        hashed = hashed[:-width] + hashed[width:] * np.uint64(factor)
        factor, width = factor * factor & 0xFFFFFFFFFFFFFFFF, 2 * width
    hashed ^= hashed >> np.uint64(29)
    hashed *= np.uint64(0xBF58476D1CE4E5B9)
    hashed ^= hashed >> np.uint64(32)
    positions = np.flatnonzero(hashed % np.uint64(SAMPLE) == 0)
    return hashed[positions], positions


def meaningful(data: np.ndarray, size: int) -> np.ndarray:
    """The sorted hashes of the sampled windows that have enough different bytes."""
    hashes, positions = windows(data, size)
    hashes, first = np.unique(hashes, return_index=True)
    good = [len(set(data[p : p + size].tolist())) >= DISTINCT for p in positions[first]]
    return hashes[np.array(good, bool)]


def chunks(path: Path, size: int) -> Iterator[np.ndarray]:
    """A file's bytes in pieces that overlap by a window."""
    data = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)
    for start in range(0, len(data), CHUNK):
        yield np.asarray(data[start : start + CHUNK + size - 1])


def files(directory: Path, *suffixes: str) -> list[Path]:
    """Regular files below a directory; with these suffixes, if any are given."""
    found = sorted(p for p in directory.rglob("*") if p.is_file())
    return [p for p in found if not suffixes or p.suffix in suffixes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("training", type=Path)
    parser.add_argument("evaluation", type=Path)
    parser.add_argument("--bytes", type=int, default=64, choices=[16, 32, 64, 128, 256])
    args = parser.parse_args()

    wanted = {p: meaningful(np.fromfile(p, np.uint8), args.bytes) for p in files(args.evaluation)}
    everything = np.unique(np.concatenate(list(wanted.values())))
    seen = np.zeros(len(everything), bool)
    for path in files(args.training, ".dat"):
        for chunk in chunks(path, args.bytes):
            hashes, _ = windows(chunk, args.bytes)
            place = np.searchsorted(everything, hashes).clip(max=len(everything) - 1)
            seen[place[everything[place] == hashes]] = True
    found = everything[seen]
    row = "{:<40} {:>10} {:>10} {:>8}"
    print(row.format("file", "windows", "found", "share"))
    for path, hashes in wanted.items():
        common = int(np.isin(hashes, found).sum())
        name = str(path.relative_to(args.evaluation))
        print(row.format(name, len(hashes), common, f"{common / max(len(hashes), 1):.4%}"))
    share = len(found) / max(len(everything), 1)
    print(row.format(f"all, {args.bytes} bytes", len(everything), len(found), f"{share:.4%}"))


if __name__ == "__main__":
    main()
