"""Estimates second moments of rows of a loaded model, since an integer model does not hold them.

A row without a moment would take its first step at the full rate, however well it was trained. So
it gets about the moment it would have: how often the text uses it, times the mean squared gradient.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nncomp.train import data as corpus
from nncomp.train import known
from nncomp.train.arithmetic import Mode
from nncomp.train.network import Network
from nncomp.train.plan import fitting
from nncomp.train.tables import rows_of

# Bytes of a sequence, sequences of a part, and parts of the text for measuring gradients: 64 KiB.
LENGTH, ROWS, PARTS = 512, 8, 16
AT_LEAST = 30.0  # uses that every row is assumed to have had, even a new one


def by_use(network: Network, domains: list[corpus.Domain], size: float) -> None:
    """Give moments to the rows that have none, and to those of tables that have none at all as if
    they had seen ``size`` bytes of ``domains``.

    New rows get those of ``AT_LEAST`` uses. The result is the same for the same network, text and
    number of threads.
    """
    tables = [network.embed, *network.tables]
    new = [table.moment == 0 for table in tables]
    if not any(rows.any() for rows in new):
        return
    power = squared_gradient(network, domains)
    without = [i for i, rows in enumerate(new) if rows.all() and tables[i].weight.any()]
    for table, rows in zip(tables, new, strict=True):
        table.moment[rows] = AT_LEAST * power
    for i, share in zip(without, shares(network, domains, without), strict=True):
        tables[i].moment += share.to(tables[i].moment) * (size * power)


def shares(network: Network, domains: list[corpus.Domain], which: list[int]) -> list[Tensor]:
    """The share of the text's bytes that use each row, (rows,), of the tables with the numbers
    ``which``; number 0 is the embedding."""
    chosen = [i - 1 for i in which if i]
    shapes = [network.config.tables[i] for i in chosen]
    tables = [network.tables[i] for i in chosen]
    counts, seen = [torch.zeros_like(t.moment) for t in (network.embed, *tables)], 0
    for sample in known.samples(domains) if which else ():
        seen += sample.size
        data = torch.tensor(sample, device=network.head.device)
        for count, rows in zip(counts, rows_of(shapes, tables, data), strict=True):
            count += torch.bincount(rows.flatten(), minlength=len(count))
    return [count / seen for count in counts[0 if 0 in which else 1 :]]


def squared_gradient(network: Network, domains: list[corpus.Domain]) -> float:
    """The mean square of the gradient of a byte's cost, in nats, with respect to a channel of the
    sum of rows."""
    length = min(LENGTH, max(len(domain.data) for domain in domains))
    length = fitting(length, network.config.windows)
    found = []
    for part in range(PARTS):
        data = corpus.batch(domains, ROWS, length, (0, part))
        x = network.sum(network.rows(data), Mode.FLOAT).requires_grad_()
        wanted = torch.from_numpy(data).to(x.device).long().flatten()
        cost = F.cross_entropy(network(x, Mode.FLOAT).flatten(0, 1), wanted, reduction="sum")
        (gradient,) = torch.autograd.grad(cost, x)
        found.append(gradient.square().mean().item())
    return float(np.mean(found))
