"""Attention, in training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nncomp.network import layers as kinds
from nncomp.tables import EXP
from nncomp.train.arithmetic import (
    NORM_GAIN,
    SCORE_UNIT,
    Mode,
    clamp,
    constant,
    multipliers,
    requantise,
    round_,
)
from nncomp.train.layers.layer import Arithmetic, Integers, Ints, Layer, length


class Attention(Layer):
    """Section 5.1 of docs/numerics.md."""

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
        """Rows of q, k and v."""
        h = self.shape.width
        return [self.shape.heads * h, h, h]

    def units(self, residual_unit: float) -> dict[str, Tensor | float]:
        steps = [self.step(name).expand(n) for name, n in zip("qkv", self._parts, strict=True)]
        rows = torch.cat(steps)[:, None]
        return {"qkv": 1.0 / (NORM_GAIN * rows), "out": self.step("o") * residual_unit}

    def _score_unit(self) -> Tensor:
        return self.step("q") * self.step("k") * (SCORE_UNIT / math.sqrt(self.shape.width))

    def forward(self, y: Tensor, net: Arithmetic, mode: Mode) -> Tensor:
        """A query sees the last W positions."""
        B, T, _ = y.shape
        H, h, W = self.shape.heads, self.shape.width, self.shape.window
        units = self.units(net.residual_unit)
        qkv = self.product("qkv", y, units["qkv"], net, mode)
        if self.observed is not None:
            for name, part in zip("qkv", qkv.split(self._parts, dim=-1), strict=True):
                self.observe(name, part * self.step(name))
        q, k, v = clamp(qkv, -127, 127, mode).split(self._parts, dim=-1)

        # Chunks of C queries look at their own and the previous chunk: nothing wider than 2C is
        # ever formed. A sequence no longer than the window is a single chunk.
        C = min(W, T)
        assert T % C == 0
        n = T // C
        q = q.reshape(B, n, C, H, h).transpose(2, 3).reshape(B * n, H * C, h)
        k, v = (p.reshape(B, n, C, h) for p in (k, v))
        if n > 1:
            k, v = (torch.cat([F.pad(p, (0, 0, 0, 0, 1, 0))[:, :-1], p], dim=2) for p in (k, v))
        K = k.shape[2]
        k, v = (p.reshape(B * n, K, h) for p in (k, v))
        acc = net.matmul(q, k.transpose(1, 2), mode).view(B, n, H, C, K)
        z = requantise(acc, self._score_unit(), mode)
        bias = round_(self.bias * SCORE_UNIT, mode).clamp(-32767, 32767)
        z = z + pair_bias(bias, n, C, K)
        away = z - z.detach().amax(-1, keepdim=True)
        if mode is Mode.EXACT:
            u = _exp_table(away)
        else:
            u = torch.exp2(away * (1.0 / 64))
            if mode is Mode.FAKE:
                u = round_(255.0 * u, mode)
        total = u.sum(-1)
        mixed = net.matmul(u.view(B * n, H * C, K), v, mode).view(B, n, H, C, h)
        gain = self.step("v") / self.step("o")
        if mode is Mode.EXACT:
            c = torch.floor(gain * 2.0**30 + 0.5)
            r = torch.floor(c / total)[..., None]
            o = torch.floor((mixed * r + 2.0**29) * 2.0**-30)
        else:
            o = round_(mixed * (gain / total[..., None]), mode)
        o = o.permute(0, 1, 3, 2, 4).reshape(B, T, H * h)
        if self.observed is not None:
            self.observe("o", o * self.step("o"))
        return self.product("out", clamp(o, -127, 127, mode), units["out"], net, mode)

    def integers(self) -> dict[str, Ints]:
        bias = torch.floor(self.bias * SCORE_UNIT + 0.5).clamp(-32767, 32767)
        return {
            "attn.m": multipliers(self._score_unit()),
            "attn.bias": bias.numpy().astype(np.int16),
            "attn.c": constant(float(self.step("v") / self.step("o")) * 2.0**30),
        }

    def read(self, model: Integers, residual_unit: float) -> None:
        """The scales of q and k can be exchanged for each other, and those of v and out: they are
        set so that both have rows of equal mean length, as training tends to make them."""
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
        """Clips that give the model's multipliers: q and k share one, v has the other."""
        self.bias.data = (model["attn.bias"] / SCORE_UNIT).float()
        score = model.number("attn.m") * 2.0**-30 * math.sqrt(self.shape.width) / SCORE_UNIT
        steps = {"q": math.sqrt(score), "k": math.sqrt(score), "o": 1.0}
        steps["v"] = model.number("attn.c") * 2.0**-30
        for name, step in steps.items():
            self.clips[name].data.fill_(math.log(127 * max(step, 1e-9)))

    def grow_from(self, other: Layer) -> None:
        """Its window may be another: farther distances have the last one's bias."""
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
    """u8 weight of a score ``away`` ≤ 0 from the maximum: the engine's table EXP."""
    table = torch.zeros(641, dtype=away.dtype, device=away.device)
    table[:640] = torch.as_tensor(EXP.astype("float64"), dtype=away.dtype)
    return table[(-away).clamp(max=640).long()]
