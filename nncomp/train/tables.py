"""Tables in training. They do without autograd: the gradient of a row is that of the sum it is in.

A step only reads and changes the rows that it uses, so a table may be large. Each row has its own
second moment, which only grows (Adagrad).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nncomp import network
from nncomp.train import contexts
from nncomp.train.arithmetic import (
    Mode,
    integer_weight,
    largest_weight,
    requantise,
    weight_step,
)

RATE = 0.2  # peak learning rate of rows
BOS = 256  # the token before a lane's first byte
STEP = 0.4  # step of rounded weights, relative to the root mean square of the rows that are used


class Table(nn.Module):
    """Weights, (rows, width), that are added to ``width`` channels from ``first``."""

    weight: Tensor
    moment: Tensor  # (rows,): sum of mean squared gradients, of one byte's cost in nats
    scale: Tensor  # value of 1 in its integers; 0 while nothing is rounded
    check: Tensor | None  # see nncomp.network.Table

    def __init__(self, rows: int, width: int, first: int, spread: float, checks: int = 0) -> None:
        """``checks`` is how many contexts it knows; until they are chosen, all checks are 0."""
        super().__init__()
        self.first, self.width = first, width
        self.register_buffer("weight", torch.randn(rows, width) * spread)
        self.register_buffer("moment", torch.zeros(rows))
        self.register_buffer("scale", torch.zeros(()))
        check = torch.zeros(checks, dtype=torch.uint8) if checks else None
        self.register_buffer("check", check)
        self.chosen: bool = not checks  # whether its known contexts, if any, are chosen

    def look_up(self, rows: Tensor, mode: Mode, bits: int, unit: float) -> Tensor:
        """Look up rows, (…), to (…, width); unless FLOAT, rounded, multiplied by ``unit`` and
        rounded again, as the engine does."""
        found = F.embedding(rows, self.weight)
        if mode is Mode.FLOAT:
            return found
        step = weight_step(bits)
        scale, most = self.scale * step, largest_weight(bits) // step
        if mode is Mode.FAKE:
            found.div_(scale).round_().clamp_(-most, most)
            return found.mul_(scale * unit).round_()
        whole = torch.floor(found / scale + 0.5).clamp(-most, most) * (step * 2.0**10)
        return requantise(whole, self.scale * (unit * 2.0**-10), mode).clamp(-32767, 32767)

    def update(
        self, rows: Tensor, gradient: Tensor, power: Tensor, scale: float, rate: float
    ) -> None:
        """Take one step at ``rate`` against the gradient of the sums, ``scale`` × ``gradient``,
        (n, d). ``power`` is the mean square of each 16 channels of the gradient, (n, d / 16)."""
        mine = slice(self.first, self.first + self.width)
        squares = power[:, self.first // 16 : (self.first + self.width) // 16].mean(1)
        self.moment.index_add_(0, rows, squares, alpha=scale * scale)
        slower = (self.moment[rows] + 1e-12).rsqrt_()[:, None]
        self.weight.index_add_(0, rows, gradient[:, mine] * slower, alpha=-rate * scale)

    def fit(self, rows: Tensor, bits: int) -> None:
        """Choose the scale by the weights of ``rows``, in which each row is as often as it is used.

        With 8 bits all their weights fit; with fewer, a step is ``STEP`` of their root mean square.
        """
        sample = F.embedding(rows.flatten(), self.weight)
        if bits == 8:
            scale = sample.abs().amax() / largest_weight(bits)
        else:
            scale = sample.square().mean().sqrt() * (STEP / weight_step(bits))
        self.scale.copy_(scale.clamp_min(1e-8))

    def coarsen(self, bits: int, uses: float) -> None:
        """Round each row to multiples of 1, 2, 4, … steps, or to zero, whichever costs least.

        The cost is the row's bits in a packed model, estimated by the entropy of a table rounded
        so, plus ``uses`` times the extra cost of the training text. The latter is, in nats, half
        the moment, which approximates the second derivative, times the square of the change. See
        ``docs/training.md``.
        """
        whole = self.weight / self.scale
        price = self.moment * self.scale.square() * (uses / (2 * math.log(2)))
        best = torch.zeros_like(whole)
        cost = price * whole.square().sum(1)  # of zeros
        for fewer in range(bits, 1, -1):
            rounded = integer_weight(self.weight, self.scale, fewer)
            share = torch.unique(rounded, return_counts=True)[1] / rounded.numel()
            now = price * (whole - rounded).square().sum(1)
            now -= self.width * (share * share.log2()).sum()
            torch.where((now < cost)[:, None], rounded, best, out=best)
            cost = torch.minimum(now, cost)
        self.weight.copy_(best * self.scale)


def made(shapes: Sequence[network.Table]) -> list[Table]:
    """Make tables of these shapes with random weights."""
    return [
        Table(t.rows, t.width, t.first, 0.1, (1 << t.log2_rows) if t.ways else 0) for t in shapes
    ]


def rows_of(shapes: Sequence[network.Table], tables: Sequence[Table], data: Tensor) -> list[Tensor]:
    """The rows of every step of ``data``, (windows, T) uint8 on the same device: (windows, T) for
    the byte embedding, then for each of ``tables``."""
    windows = contexts.Windows(data)
    found = [F.pad(data[:, :-1].long(), (1, 0), value=BOS)]
    for shape, table in zip(shapes, tables, strict=True):
        found.append(contexts.rows(shape, table.check, windows.keys(shape.context)))
    return found
