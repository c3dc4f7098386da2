"""The attention layer, in training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nncomp.network import layers as kinds
from nncomp.tables import EXP
from nncomp.train import compiled
from nncomp.train.arithmetic import (
    NORM_GAIN,
    SCORE_UNIT,
    Mode,
    constant,
    multipliers,
    requantise,
    round_,
)
from nncomp.train.functions import attend, linear
from nncomp.train.layers.layer import Arithmetic, Integers, Ints, Layer, length


class Attention(Layer):
    """Attention, as in section 5.1 of docs/numerics.md."""

    shape: kinds.Attention
    sites = dict.fromkeys("qkvo", 127.0)
    last = "out"

    def __init__(self, shape: kinds.Attention, d: int, prefix: str) -> None:
        super().__init__(shape, d, prefix)
        inner = shape.heads * shape.width
        self.qkv = nn.Parameter(torch.randn(inner + 2 * shape.width, d) * 0.7 * d**-0.5)
        self.out = nn.Parameter(torch.zeros(d, inner))
        # From steep to flat: heads start with different reach; nats per octave of distance.
        slope = torch.linspace(2.0, 0.25, shape.heads)[:, None]
        distances = torch.arange(shape.window)
        self.bias = nn.Parameter(-slope * torch.log2(1.0 + distances))  # (H, W) nats

    @property
    def _parts(self) -> list[int]:
        """The numbers of rows of q, k and v."""
        h = self.shape.width
        return [self.shape.heads * h, h, h]

    def units(self, residual_unit: float) -> dict[str, Tensor | float]:
        steps = [self.step(name).expand(n) for name, n in zip("qkv", self._parts, strict=True)]
        rows = torch.cat(steps)[:, None]
        return {"qkv": 1.0 / (NORM_GAIN * rows), "out": self.step("o") * residual_unit}

    def _score_unit(self) -> Tensor:
        return self.step("q") * self.step("k") * (SCORE_UNIT / math.sqrt(self.shape.width))

    def forward(self, y: Tensor, net: Arithmetic, mode: Mode) -> Tensor:
        """The layer's output; a query sees the last W positions."""
        if mode is Mode.EXACT:
            return self.exact("out", self._exact_averages(y, net), net)
        out = self.folded("out", net, mode)
        return linear(self._averages(y, net, mode), out, net.compute, mode is Mode.FAKE)

    def _averages(self, y: Tensor, net: Arithmetic, mode: Mode) -> Tensor:
        """The averages of values of all heads: (B, T, H · h)."""
        rounded = mode is Mode.FAKE
        qkv = linear(y, self.folded("qkv", net, mode), net.compute, rounded, 127.0)
        bias = self.bias * (SCORE_UNIT / 64)
        if rounded:
            unit, gain = self._score_unit() / 64, self.step("v") / self.step("o")
            bias = round_(bias * 64, mode).clamp(-32767, 32767) / 64
        else:
            unit = qkv.new_tensor(SCORE_UNIT / 64 / math.sqrt(self.shape.width))
            gain = qkv.new_ones(())
        q, k, v = qkv.split(self._parts, dim=-1)
        q = q.unflatten(-1, (self.shape.heads, -1))
        if compiled.can_attend(q):
            return compiled.attend(q * unit, k, v, bias, gain, rounded).flatten(2)
        q, k, v = self._chunks(qkv)
        pairs = pair_bias(bias, k.shape[1], self._chunk(y), k.shape[2]).flatten(1, 2)
        return self._joined(attend(q * unit, k, v, pairs, gain, net.compute, rounded), y)

    def observe(self, y: Tensor, net: Arithmetic) -> None:
        qkv = y @ self.qkv.t()
        for name, part in zip("qkv", qkv.split(self._parts, dim=-1), strict=True):
            self.set_clip(name, part)
        self.set_clip("o", self._averages(y, net, Mode.FLOAT))

    def _chunk(self, y: Tensor) -> int:
        """C, the number of queries of a chunk. They look at their own and the previous chunk, so
        that scores are never wider than 2C. A sequence no longer than the window is one chunk."""
        T = y.shape[1]
        C = min(self.shape.window, T)
        assert T % C == 0
        return C

    def _chunks(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Split into chunks: queries (B, n, H · C, h), keys and values (B, n, K, h)."""
        B, T, _ = qkv.shape
        H, h, C = self.shape.heads, self.shape.width, self._chunk(qkv)
        n = T // C
        q, k, v = qkv.split(self._parts, dim=-1)
        q = q.reshape(B, n, C, H, h).transpose(2, 3).reshape(B, n, H * C, h)
        k, v = (p.reshape(B, n, C, h) for p in (k, v))
        if n > 1:
            k, v = (torch.cat([F.pad(p, (0, 0, 0, 0, 1, 0))[:, :-1], p], dim=2) for p in (k, v))
        return q, k, v

    def _joined(self, o: Tensor, y: Tensor) -> Tensor:
        """Join chunks, (B, n, H · C, h), to (B, T, H · h)."""
        (B, T, _), H, h, C = y.shape, self.shape.heads, self.shape.width, self._chunk(y)
        return o.view(B, T // C, H, C, h).transpose(2, 3).reshape(B, T, H * h)

    def _exact_averages(self, y: Tensor, net: Arithmetic) -> Tensor:
        q, k, v = self._chunks(self.exact("qkv", y, net).clamp(-127, 127))
        bias = torch.floor(self.bias * SCORE_UNIT + 0.5).clamp(-32767, 32767)
        pairs = pair_bias(bias, k.shape[1], self._chunk(y), k.shape[2]).flatten(1, 2)
        z = requantise(q @ k.transpose(-1, -2), self._score_unit(), Mode.EXACT) + pairs
        u = _exp_table(z - z.amax(-1, keepdim=True))
        c = torch.floor(self.step("v") / self.step("o") * 2.0**30 + 0.5)
        r = torch.floor(c / u.sum(-1, keepdim=True))
        o = torch.floor((u @ v * r + 2.0**29) * 2.0**-30).clamp(-127, 127)
        return self._joined(o, y)

    def integers(self) -> dict[str, Ints]:
        bias = torch.floor(self.bias * SCORE_UNIT + 0.5).clamp(-32767, 32767)
        return {
            "attn.m": multipliers(self._score_unit()),
            "attn.bias": bias.numpy().astype(np.int16),
            "attn.c": constant(float(self.step("v") / self.step("o")) * 2.0**30),
        }

    def read(self, model: Integers, residual_unit: float) -> None:
        """Read the layer from an integer model. Scale can be moved between q and k, and between v
        and out, without effect: it is chosen so that both have rows of equal mean length, as
        training tends to make them."""
        q, k, v = (model.scaled("qkv") * NORM_GAIN).split(self._parts)  # per unit of its step
        out = model.scaled("out") / residual_unit  # times the step of o
        width = math.sqrt(self.shape.width)
        qk = max(model.number("attn.m"), 1.0) * 2.0**-30 * width / SCORE_UNIT
        vo = model.number("attn.c") * 2.0**-30  # step of v / step of o
        step = {
            "q": math.sqrt(qk * length(k) / length(q)),
            "v": math.sqrt(vo * length(out) / length(v)),
        }
        step |= {"k": qk / step["q"], "o": step["v"] / vo}
        self.qkv.copy_(torch.cat([q * step["q"], k * step["k"], v * step["v"]]))
        self.out.copy_(out / step["o"])
        self.bias.copy_(model["attn.bias"] / SCORE_UNIT)
        for name, value in step.items():
            self.clips[name].fill_(math.log(value * self.sites[name]))

    def follow(self, model: Integers) -> None:
        """Set clips that give the model's multipliers: q and k share that of scores, v has that of
        averages."""
        self.bias.data = (model["attn.bias"] / SCORE_UNIT).float()
        score = model.number("attn.m") * 2.0**-30 * math.sqrt(self.shape.width) / SCORE_UNIT
        steps = {"q": math.sqrt(score), "k": math.sqrt(score), "o": 1.0}
        steps["v"] = model.number("attn.c") * 2.0**-30
        for name, step in steps.items():
            self.clips[name].data.fill_(math.log(127 * max(step, 1e-9)))

    def take(self, other: Layer) -> None:
        state = other.state_dict()
        self.load_state_dict({**state, "bias": state["bias"][:, : self.shape.window]})

    def can_grow_from(self, other: Layer) -> bool:
        """Whether the heads are the same; the window may differ."""
        return isinstance(other, Attention) and other.shape.numbers[:2] == self.shape.numbers[:2]

    def grow_from(self, other: Layer) -> None:
        """Begin as a copy of ``other`` that adds nothing; new distances get the last one's bias."""
        theirs = other.bias if isinstance(other, Attention) else self.bias
        nearest = torch.arange(self.shape.window).clamp(max=theirs.shape[1] - 1)
        reaching = theirs.detach()[:, nearest]
        self.bias = nn.Parameter(theirs.detach().clone())
        super().grow_from(other)
        self.bias = nn.Parameter(reaching)


@torch.library.custom_op("nncomp::pair_bias", mutates_args=())
def pair_bias(bias: Tensor, n: int, C: int, K: int) -> Tensor:
    """(n, H, C, K) bias of every query and key from (H, W) by distance; -1e9 where unseen.

    A query of a chunk of C sees the W keys up to its own, at K - C; nothing lies before the first
    chunk. An operator of its own, because the compiler would repeat the look-up for every row of
    the batch, one element at a time (a third of a step).
    """
    H, W = bias.shape
    keys = torch.arange(K, device=bias.device)
    distance = torch.arange(K - C, K, device=bias.device)[:, None] - keys
    table = F.pad(bias, (K, max(0, K - W)), value=-1e9)  # from distance -K on
    pairs = table[:, distance + K].expand(n, H, C, K).clone()
    if K > C:
        pairs[0, :, :, : K - C] = -1e9
    return pairs


@pair_bias.register_fake
def _(bias: Tensor, n: int, C: int, K: int) -> Tensor:
    return bias.new_empty(n, bias.shape[0], C, K)


def _pair_bias_setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.window = inputs[0].shape[1]


def _pair_bias_gradient(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    """Sums along the diagonals: rows shifted until a diagonal is a column (unseen pairs give 0)."""
    _, H, C, K = g.shape
    rows = F.pad(g.sum(0).flip(1), (0, C)).flatten(1)[:, :-C].view(H, C, K + C - 1)
    distances = rows.sum(1)[:, :K].flip(1)[:, : ctx.window]
    return F.pad(distances, (0, ctx.window - distances.shape[1])), None, None, None


pair_bias.register_autograd(_pair_bias_gradient, setup_context=_pair_bias_setup)


def _exp_table(away: Tensor) -> Tensor:
    """The u8 weight of a score that is ``away`` ≤ 0 from the maximum, by the engine's table EXP."""
    table = torch.zeros(641, dtype=away.dtype, device=away.device)
    table[:640] = torch.as_tensor(EXP.astype("float64"), dtype=away.dtype)
    return table[(-away).clamp(max=640).long()]
