"""Candidates in torch, floating point: layers over normed channels, added to the residual."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from contexts import Keys, keys, rows, word_starts
from shapes import Attention, FeedForward, Shape, States, Table, Words
from torch import Tensor, nn

from nncomp.train.layers.attention import pair_bias
from nncomp.train.network import BOS

GAIN = 0.7  # of fresh input matrices
_CHECKED = 22  # bits of the hash that tells known contexts apart


class _Norm(torch.autograd.Function):
    """Root mean square of a row to one; torch's own gradient takes four times as many passes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        r = (
            torch.linalg.vector_norm(x, dim=-1, keepdim=True) * x.shape[-1] ** -0.5 + 1e-6
        ).reciprocal()
        y = x * r
        ctx.save_for_backward(y, r)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        y, r = ctx.saved_tensors
        along = torch.linalg.vecdot(g, y)[..., None] * (-1 / y.shape[-1])
        return torch.addcmul(g, y, along).mul_(r)


class _FeedForward(torch.autograd.Function):
    """relu(x·up)² · down, (n, d) to (n, d), which keeps one of its two inner arrays."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, up: Tensor, down: Tensor) -> Tensor:
        y = (x @ up.t()).relu_()
        ctx.save_for_backward(x, up, down, y)
        return (y * y) @ down.t()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, up, down, y = ctx.saved_tensors
        h = (g @ down).mul_(y).mul_(2)
        return h @ up, h.t() @ x, g.t() @ (y * y)


def norm(x: Tensor) -> Tensor:
    y: Tensor = _Norm.apply(x)
    return y


def fresh(rows: int, columns: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, columns) * (GAIN * columns**-0.5))


class FeedForwardLayer(nn.Module):
    def __init__(self, d: int, layer: FeedForward) -> None:
        super().__init__()
        self.up = fresh(layer.width, d)
        self.down = nn.Parameter(torch.zeros(d, layer.width))
        self.nonzero = 0.0  # share of what goes into the last product, when last measured

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(0, -2)
        if not torch.is_grad_enabled():
            self.nonzero = (rows @ self.up.t() > 0).float().mean().item()
        y: Tensor = _FeedForward.apply(rows, self.up, self.down)
        return y.view_as(x)


class AttentionLayer(nn.Module):
    """Heads share keys and values; a bias for each distance below the window."""

    def __init__(self, d: int, layer: Attention) -> None:
        super().__init__()
        self.heads, self.width = layer.heads, layer.head
        inner = layer.heads * layer.head
        self.qkv = fresh(inner + 2 * layer.head, d)
        self.out = nn.Parameter(torch.zeros(d, inner))
        slope = torch.linspace(2.0, 0.25, layer.heads)[:, None]
        self.bias = nn.Parameter(-slope * torch.log2(1.0 + torch.arange(layer.window)))

    def forward(self, x: Tensor) -> Tensor:
        B, T, _ = x.shape
        H, h = self.heads, self.width
        q, k, v = (x @ self.qkv.t()).split([H * h, h, h], -1)
        q = q.view(B, T, H, h).transpose(1, 2).reshape(B, H * T, h) * h**-0.5
        scores = (q @ k.transpose(1, 2)).view(B, H, T, T) + pair_bias(self.bias, 1, T, T)
        mixed = scores.softmax(-1).view(B, H * T, T) @ v
        return mixed.view(B, H, T, h).transpose(1, 2).reshape(B, T, H * h) @ self.out.t()


class StatesLayer(nn.Module):
    def __init__(self, d: int, layer: States) -> None:
        super().__init__()
        self.decays = layer.decays
        self.into = fresh(layer.channels, d)
        self.out = nn.Parameter(torch.zeros(d, layer.channels * len(layer.decays)))

    def forward(self, x: Tensor) -> Tensor:
        B, T, _ = x.shape
        v = x @ self.into.t()  # (B, T, m)
        distance = torch.arange(T)[:, None] - torch.arange(T)
        # An average of many is small: scaled to the size of one.
        averages = [
            torch.where(distance >= 0, 2.0 ** (-k / 2) * (1 - 2.0**-k) ** distance.clamp_min(0), 0)
            for k in self.decays
        ]
        y = torch.cat(averages) @ v  # (B, decays · T, m)
        return y.view(B, len(averages), T, -1).transpose(1, 2).reshape(B, T, -1) @ self.out.t()


class WordsLayer(nn.Module):
    """Gathers word starts, runs its layers on them, gives each byte what its word has found."""

    def __init__(self, d: int, layer: Words) -> None:
        super().__init__()
        self.layers = nn.ModuleList(made(d, part) for part in layer.layers)
        self.out = nn.Parameter(torch.zeros(d, d))
        self.place = nn.Parameter(torch.zeros(16, d))  # added by the distance from the word's start

    def forward(self, x: Tensor, words: WordIndex) -> Tensor:
        d = x.shape[-1]
        g = x.reshape(-1, d).index_select(0, words.starts)  # (words of all rows, d)
        for layer in self.layers:
            y = norm(g)
            if isinstance(layer, FeedForwardLayer):
                g = g + layer(y)
            else:
                padded = y.new_zeros(words.rows * words.longest, d).index_copy(0, words.slot, y)
                found = layer(padded.view(words.rows, words.longest, d))
                g = g + found.view(-1, d).index_select(0, words.slot)
        y = norm(g) @ self.out.t()
        found = y.index_select(0, words.word) + self.place.index_select(0, words.place)
        return found.view_as(x)


class WordIndex(NamedTuple):
    """Where words start in rows of bytes laid end to end, and which word each byte is of."""

    rows: int
    longest: int  # words of the row that has most
    starts: Tensor  # (words,)
    slot: Tensor  # (words,) row · longest + number in the row
    word: Tensor  # (bytes,)
    place: Tensor  # (bytes,) since the word's start, at most 15

    @staticmethod
    def of(data: npt.NDArray[np.uint8]) -> WordIndex:
        start = word_starts(data)
        number = start.cumsum(1) - 1
        longest = int(number[:, -1].max()) + 1
        starts = np.flatnonzero(start)
        slot = (number + longest * np.arange(len(data))[:, None])[start]
        word = start.ravel().cumsum() - 1  # every row begins with a word
        place = (np.arange(data.size) - starts[word]).clip(max=15)
        return WordIndex(len(data), longest, *map(torch.from_numpy, (starts, slot, word, place)))


def made(d: int, layer: FeedForward | Attention | States | Words) -> nn.Module:
    if isinstance(layer, FeedForward):
        return FeedForwardLayer(d, layer)
    if isinstance(layer, Attention):
        return AttentionLayer(d, layer)
    if isinstance(layer, States):
        return StatesLayer(d, layer)
    return WordsLayer(d, layer)


class Tables:
    """Byte embedding and tables of contexts, outside of autograd: their gradient is their sum's.

    Each row has a second moment of its own, which only grows (Adagrad); a step touches the rows
    that were used, and no others.
    """

    def __init__(self, shape: Shape, rate: float) -> None:
        self.d, self.rate = shape.d, rate
        self.specs = (Table("1", 8, shape.d, 0), *shape.tables)
        self.weights = [torch.randn(BOS + 1, shape.d) * 0.5]
        self.weights += [torch.randn(1 << t.log2_rows, t.width) * 0.1 for t in shape.tables]
        self.moments = [torch.zeros(len(w)) for w in self.weights]
        self.known: dict[int, npt.NDArray[np.int32]] = {}  # row of each hash; 0: unknown

    def learn_known(self, sample: npt.NDArray[np.uint8]) -> None:
        """Give rows to the contexts that are most frequent in ``sample``, (rows, T)."""
        for i, table in enumerate(self.specs):
            if table.known:
                found = rows(keys(table.context, sample), _CHECKED)
                count = np.bincount(found.ravel(), minlength=1 << _CHECKED)
                number = (1 << table.log2_rows) - 1
                best = np.argpartition(count, -number)[-number:]
                self.known[i] = np.zeros(1 << _CHECKED, np.int32)
                self.known[i][best] = np.arange(1, number + 1)

    def rows(self, data: npt.NDArray[np.uint8]) -> list[Tensor]:
        """(B, T) rows of each table."""
        token = np.full(data.shape, BOS, np.int64)
        token[:, 1:] = data[:, :-1]
        found = [token]
        made: dict[str, Keys] = {}
        for i, table in enumerate(self.specs[1:], 1):
            key = made.setdefault(table.context, keys(table.context, data))
            if table.known:
                found.append(self.known[i][rows(key, _CHECKED)].astype(np.int64))
            else:
                found.append(rows(key, table.log2_rows))
        return [torch.from_numpy(r) for r in found]

    def sum(self, rows: list[Tensor]) -> Tensor:
        """(B, T, d): the rows, each in its channels."""
        x = F.embedding(rows[0], self.weights[0])
        for table, weight, row in zip(self.specs[1:], self.weights[1:], rows[1:], strict=True):
            x[..., table.first : table.first + table.width] += F.embedding(row, weight)
        return x

    def update(self, rows: list[Tensor], gradient: Tensor, factor: float) -> None:
        """One step against ``gradient``, (B, T, d) of a sum, at ``factor`` times the rate."""
        for table, weight, moment, row in zip(
            self.specs, self.weights, self.moments, rows, strict=True
        ):
            g = gradient[..., table.first : table.first + table.width].flatten(0, 1)
            r = row.flatten()
            moment.index_add_(0, r, g.square().mean(1))
            weight.index_add_(
                0, r, g * (moment[r] + 1e-16).rsqrt()[:, None], alpha=-self.rate * factor
            )


class Network(nn.Module):
    """From the sum of the tables' rows to logits."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.layers = nn.ModuleList(made(shape.d, layer) for layer in shape.layers)
        self.head = nn.Parameter(torch.zeros(256, shape.d))
        self.bits = shape.head == "bits"
        self.has_words = any(isinstance(layer, Words) for layer in shape.layers)

    def forward(self, x: Tensor, data: npt.NDArray[np.uint8]) -> Tensor:
        """(B, T, 8) logits of a 1 at each bit of ``data``, (B, T) bytes, given those before it."""
        words = WordIndex.of(data) if self.has_words else None
        for layer in self.layers:
            y = norm(x)
            x = x + (layer(y, words) if isinstance(layer, WordsLayer) else layer(y))
        logits = norm(x) @ self.head.t()
        return node_logits(logits, data) if self.bits else path_logits(logits, data)

    def nonzero(self) -> list[float]:
        """Of each feed-forward layer, in what was last scored."""
        return [round(m.nonzero, 2) for m in self.modules() if isinstance(m, FeedForwardLayer)]


def node_logits(logits: Tensor, data: npt.NDArray[np.uint8]) -> Tensor:
    """One output for each prefix of a byte's bits: those on the path, highest bit first."""
    prefix = (data[..., None].astype(np.int64) | 256) >> np.arange(8, 0, -1)
    return logits.gather(-1, torch.from_numpy(prefix))


def path_logits(logits: Tensor, data: npt.NDArray[np.uint8]) -> Tensor:
    """What ``nncomp.train.mixture.bit_logits`` gives, in a third of the time."""
    sign = 2.0 * np.unpackbits(data[..., None], axis=-1) - 1.0
    right: Tensor = _Path.apply(
        logits.flatten(0, 1), torch.from_numpy(data.flatten().astype(np.int64))
    )
    return right.view(*data.shape, 8) * torch.from_numpy(sign.astype(np.float32))


class _Path(torch.autograd.Function):
    """(n, 8) logits of the right bit, highest first, from (n, 256) of bytes.

    With outputs in the order of byte xor right byte, those that a bit leaves aside are a range: [0]
    is the byte, and [2^k, 2^(k + 1)) differ from it first at bit k.
    """

    RANGE = torch.tensor([j.bit_length() for j in range(256)])
    SUMS = F.one_hot(RANGE).float()  # (256, 9)

    @staticmethod
    def forward(ctx: Any, logits: Tensor, data: Tensor) -> Tensor:
        order = data[:, None] ^ torch.arange(256)
        p = (logits - logits.amax(-1, keepdim=True)).gather(-1, order).exp_()
        sums = (p @ _Path.SUMS).clamp_min_(1e-30)
        along, aside = sums.cumsum(-1)[:, :-1], sums[:, 1:]
        ctx.save_for_backward(order, p, along, aside)
        return (along / aside).log_().flip(-1)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        order, p, along, aside = ctx.saved_tensors
        g = g.flip(-1)
        each = F.pad((g / along).flip(-1).cumsum(-1).flip(-1), (0, 1)) - F.pad(g / aside, (1, 0))
        return (each.index_select(-1, _Path.RANGE).mul_(p)).gather(-1, order), None
