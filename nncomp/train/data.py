"""Training text: files in memory, grouped by domain, sampled by weight.

A domain is a folder name (``code``, ``wiki``, …); its bytes are all its files, one after the other.
A batch depends on the seed and the step alone, so a resumed run sees the same batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

INDEX_SUFFIX = ".idx"  # lists of offsets that lie beside corpus files: not training text


@dataclass(frozen=True)
class Domain:
    """Bytes of one kind and how often they are drawn."""

    name: str
    data: np.ndarray  # (n,) uint8
    weight: float


def _files(paths: Iterable[Path]) -> list[tuple[str, Path]]:
    """(domain, file) for every file below ``paths``: the domain is the name of its folder."""
    found = []
    for path in paths:
        members = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        if not members or not path.exists():
            raise FileNotFoundError(f"no training text at {path}")
        found += [(p.parent.name, p) for p in members if p.suffix != INDEX_SUFFIX]
    return found


def load(
    paths: Iterable[Path],
    weights: Mapping[str, float] | None = None,
    validation: float = 0.02,
) -> tuple[list[Domain], list[Domain]]:
    """Read ``paths`` into (training, validation) domains.

    The last ``validation`` (0…0.5) of every file is held out. A weight may name a domain or one
    file of it (``wiki/enwiktionary.dat`` by its stem: ``wiki/enwiktionary``); what no weight names
    keeps its share of the bytes when there are no weights at all, and is left out otherwise.
    """
    train: dict[str, list[np.ndarray]] = {}
    held: dict[str, list[np.ndarray]] = {}
    for domain, path in _files(paths):
        data = np.fromfile(path, dtype=np.uint8)
        key = f"{domain}/{path.stem}"
        if not weights or key not in weights:
            key = domain
        cut = int(len(data) * (1 - validation))
        train.setdefault(key, []).append(data[:cut])
        held.setdefault(key, []).append(data[cut:])

    def domains(parts: dict[str, list[np.ndarray]]) -> list[Domain]:
        joined = {name: np.concatenate(arrays) for name, arrays in sorted(parts.items())}
        return [
            Domain(name, data, weights.get(name, 0.0) if weights else float(len(data)))
            for name, data in joined.items()
            if len(data) and (not weights or weights.get(name, 0.0) > 0)
        ]

    return domains(train), domains(held)


def batch(domains: list[Domain], rows: int, length: int, key: tuple[int, ...]) -> np.ndarray:
    """(rows, length) uint8: random windows, domains drawn by weight, all fixed by ``key``."""
    usable = [d for d in domains if len(d.data) >= length]
    if not usable:
        raise ValueError(f"no domain holds {length} bytes of training text")
    rng = np.random.default_rng(key)
    share = np.array([d.weight for d in usable])
    picks = rng.choice(len(usable), size=rows, p=share / share.sum())
    out = np.empty((rows, length), np.uint8)
    for row, pick in enumerate(picks):
        data = usable[pick].data
        start = int(rng.integers(0, len(data) - length + 1))
        out[row] = data[start : start + length]
    return out
