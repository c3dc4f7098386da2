"""Chooses the contexts that tables know: the most frequent ones of each bucket in a sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from nncomp import network as shapes
from nncomp.train import contexts, data
from nncomp.train.network import Network

SAMPLE = 16 << 20  # bytes of text that contexts are counted in, at most
_WINDOW, _ROWS = 1024, 512  # bytes of a window; windows that are counted at a time


def choose(network: Network, domains: list[data.Domain]) -> None:
    """Choose the known contexts of the tables of ``network`` that have none yet. The same text
    gives the same contexts."""
    both = zip(network.config.tables, network.tables, strict=True)
    new = [(shape, table) for shape, table in both if not table.chosen]
    found = checks([shape for shape, _ in new], domains)
    for (_, table), check in zip(new, found, strict=True):
        table.check = check.to(table.weight.device)
    network.chosen = True


def checks(tables: Sequence[shapes.Table], domains: list[data.Domain]) -> list[torch.Tensor]:
    """For each of ``tables``, the checks of the contexts that are most frequent in ``domains``."""
    counts = [np.zeros(1 << contexts.searched_bits(table), np.int64) for table in tables]
    for sample in samples(domains) if tables else ():
        windows = contexts.Windows(torch.from_numpy(sample))
        for table, count in zip(tables, counts, strict=True):
            places = contexts.hashed(windows.keys(table.context), contexts.searched_bits(table))
            count += np.bincount(places.numpy().ravel(), minlength=len(count))
    return [torch.from_numpy(frequent(count)) for count in counts]


def samples(domains: list[data.Domain]) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield about SAMPLE bytes of text, or all if there are fewer, drawn as in training, in parts
    (windows, T). They are always the same."""
    length = min(_WINDOW, max(len(domain.data) for domain in domains))
    total = min(SAMPLE, sum(len(domain.data) for domain in domains)) // length
    for first in range(0, total, _ROWS):
        yield data.batch(domains, min(_ROWS, total - first), length, (0, first))


def frequent(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """The checks with the ``WAYS`` largest counts among the 256 of each bucket, in ascending order:
    (buckets · WAYS,)."""
    size = 1 << contexts.CHECK_BITS
    order = counts.reshape(-1, size) * size - np.arange(size)  # no two are equal
    best = np.argpartition(-order, shapes.WAYS - 1, axis=1)[:, : shapes.WAYS]
    return np.sort(best, axis=1).astype(np.uint8).ravel()
