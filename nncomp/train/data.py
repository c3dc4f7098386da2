"""Training text: documents in memory, grouped by domain, drawn by weight.

A domain is a folder name (``code``, ``wiki``, …). A document is a file, or a line ``offset length``
of the index ``FILE.idx`` that lies beside it. A batch depends on the domains, the seed and the step
alone, so a resumed run sees the same batches, and so does every process of a distributed one.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

INDEX_SUFFIX = ".idx"  # lists of documents that lie beside corpus files: not training text
LARGE = 1 << 16  # bytes: a file of this size can spare its tail for validation


@dataclass(frozen=True)
class Domain:
    """Text of one kind, and how often it is drawn."""

    name: str
    data: np.ndarray  # (n,) uint8: documents, one after the other
    weight: float  # share in draws, relative to other domains
    starts: np.ndarray = field(
        default_factory=lambda: np.zeros(1, np.int64)
    )  # where documents begin, sorted


@dataclass(frozen=True)
class Split:
    """Text to train on, to validate with while training, and to test with at the end."""

    train: list[Domain]
    validation: list[Domain]
    test: list[Domain]


def load(
    paths: Iterable[Path],
    weights: Mapping[str, float] | None = None,
    validation: float = 0.02,
    test: float = 0.0,
) -> Split:
    """Read ``paths``, files and folders, and divide them.

    A file gives its tail to validation and test, in the order train, validation, test, each its
    share (0…0.5) of the bytes. Files below 64 KiB that are not alone in their domain go whole, by a
    hash of their content, so copies of a document stay on one side.

    A weight may name a domain or one file of it (``wiki/enwiktionary.dat`` by its stem:
    ``wiki/enwiktionary``). Without weights a domain has its share of the bytes; with weights, what
    none names is left out. Raises ``FileNotFoundError`` and ``ValueError``.
    """
    if not (0 <= validation <= 0.5 and 0 <= test <= 0.5):
        raise ValueError("the shares of validation and test text are between 0 and 0.5")
    weights = dict(weights or {})
    groups: dict[str, list[Path]] = {}
    for path in files_of(paths):
        domain = path.absolute().parent.name
        name = f"{domain}/{path.stem}"
        groups.setdefault(name if name in weights else domain, []).append(path)
    if unknown := weights.keys() - groups.keys():
        raise ValueError(f"no training text is called {', '.join(sorted(unknown))}")

    parts: tuple[list[Domain], ...] = ([], [], [])
    for name, files in sorted(groups.items()):
        weight = weights.get(name, 0.0)
        if weights and weight <= 0:
            continue
        sides: tuple[list[tuple[np.ndarray, np.ndarray]], ...] = ([], [], [])
        for path in files:
            data = np.fromfile(path, np.uint8)
            starts = _documents(path, len(data))
            whole = len(data) < LARGE and len(files) > 1
            cuts = _cuts(data, validation, test, whole)
            for side, (low, high) in zip(sides, itertools.pairwise(cuts), strict=True):
                inside = starts[(starts > low) & (starts < high)]
                side.append((data[low:high], np.concatenate([[low], inside]) - low))
        for domains, side in zip(parts, sides, strict=True):
            if size := sum(len(data) for data, _ in side):
                domains.append(_joined(name, side, weight if weights else float(size)))
    if not parts[0]:
        raise ValueError("there is no training text")
    return Split(*parts)


def batch(domains: list[Domain], rows: int, length: int, key: tuple[int, ...]) -> np.ndarray:
    """(rows, length) uint8: the windows at ``places``."""
    picks, starts = places(domains, rows, length, key)
    return windows([d.data for d in domains], picks, starts, length)


def places(
    domains: list[Domain], rows: int, length: int, key: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Windows drawn at random, all fixed by ``key``: (rows,) domains, (rows,) starts in their data.

    A domain is drawn by weight, then a byte of it, then a window that contains the byte and lies
    within its document. So all bytes of a domain are about equally frequent, and a window begins
    where a document does as often as that takes. A document shorter than the window is followed by
    the next ones, as files are in an archive. Raises ``ValueError`` where no domain is long enough.
    """
    share = np.array([d.weight if len(d.data) >= length else 0.0 for d in domains])
    if not share.any():
        raise ValueError(f"no domain holds {length} bytes of text")
    rng = np.random.default_rng(key)
    picks = rng.choice(len(domains), size=rows, p=share / share.sum())
    where, before = rng.random(rows), rng.integers(0, length, rows)
    starts = np.empty(rows, np.int64)
    for pick, domain in enumerate(domains):
        mine = picks == pick
        position = (where[mine] * len(domain.data)).astype(np.int64)
        document = np.searchsorted(domain.starts, position, side="right") - 1
        first = domain.starts[document]
        end = np.append(domain.starts, len(domain.data))[document + 1]
        start = np.clip(position - before[mine], first, np.maximum(first, end - length))
        starts[mine] = np.minimum(start, len(domain.data) - length)
    return picks, starts


def windows(
    texts: list[np.ndarray], picks: np.ndarray, starts: np.ndarray, length: int
) -> np.ndarray:
    """For each row, ``length`` entries of the text it has picked, from its start on: (rows, length,
    …)."""
    out = np.empty((len(picks), length, *texts[0].shape[1:]), texts[0].dtype)
    for row, (pick, start) in enumerate(zip(picks, starts, strict=True)):
        out[row] = texts[pick][start : start + length]
    return out


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Every file at or below ``paths``, in a fixed order, except indices.

    Raises ``OSError`` for what cannot be examined, and ``ValueError`` for what is not a file.
    """
    found = []
    for path in paths:
        below = sorted(_below(path)) if path.is_dir() else [path]
        members = [p for p in below if p.suffix != INDEX_SUFFIX]
        if not members or not path.exists():
            raise FileNotFoundError(f"no training text at {path}")
        if below == [path] and not stat.S_ISREG(path.stat().st_mode):
            raise ValueError(f"{path}: is not a regular file")
        found += members
    return found


def _below(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for parent, _, names in os.walk(folder, onerror=fail):
        for path in (Path(parent, name) for name in names):
            with contextlib.suppress(FileNotFoundError):  # a link that leads nowhere
                if stat.S_ISREG(path.stat().st_mode):
                    yield path


def _documents(path: Path, size: int) -> np.ndarray:
    """The offsets at which the documents of a file begin: (n,) int64, beginning with 0."""
    starts = [0]
    index = path.with_suffix(INDEX_SUFFIX)
    if index.is_file() and index != path:
        try:
            starts += [int(line.split()[0]) for line in index.read_text("ascii").splitlines()]
        except (ValueError, IndexError):
            raise ValueError(f"{index} is not a list of offsets and lengths") from None
    return np.unique([s for s in starts if 0 <= s < max(size, 1)])


def _cuts(data: np.ndarray, validation: float, test: float, whole: bool) -> list[int]:
    """Four positions that divide a file into training, validation and test text."""
    n = len(data)
    if not whole:
        return [0, int(n * (1 - validation - test)), int(n * (1 - test)), n]
    digest = hashlib.blake2b(data.tobytes(), digest_size=8).digest()
    place = int.from_bytes(digest, "little") / 2**64
    if place < test:
        return [0, 0, 0, n]
    return [0, 0, n, n] if place < test + validation else [0, n, n, n]


def _joined(name: str, side: list[tuple[np.ndarray, np.ndarray]], weight: float) -> Domain:
    side = [(data, starts) for data, starts in side if len(data)]
    offsets = np.cumsum([0, *(len(data) for data, _ in side)])
    starts = [s + offset for (_, s), offset in zip(side, offsets, strict=False)]
    return Domain(name, np.concatenate([d for d, _ in side]), weight, np.concatenate(starts))
