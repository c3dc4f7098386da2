"""The operations of a training step, with gradients written by hand: fewer passes over arrays than
torch's.

Weights come with their multipliers multiplied in (``Network.folded``), so rounded arithmetic only
adds roundings in place. Gradients are those of the arithmetic without rounding, and 0 where an
activation was clipped. ``compute`` is the type of products.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

ADDEND = 32767.0  # bound of addends of the residual stream; gradients pass even where clipped
U_ROOF = math.sqrt(255.49)  # bound of a hidden unit, in 1/256, such that its square rounds to 255


def factor(a: Tensor, compute: torch.dtype) -> Tensor:
    """``a`` as products of that type want it: what is a factor twice is converted once."""
    return a if compute is torch.float32 else a.to(compute)


def product(a: Tensor, b: Tensor, compute: torch.dtype) -> Tensor:
    """a · b, in float32."""
    y = factor(a, compute) @ factor(b, compute)
    return y if compute is torch.float32 else y.float()


def norm(x: Tensor, gain: float, rounded: bool) -> Tensor:
    """Rows of ``x``, (…, d), with a root mean square of ``gain``; as the engine does if rounded."""
    y: Tensor = _Norm.apply(x, gain, rounded)
    return y


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: float, rounded: bool) -> Tensor:
        root: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        length = gain * math.sqrt(x.shape[-1])
        if rounded:  # the engine's root is an integer, and its gain a multiplier
            r = (length / root.floor_().clamp_min_(1)).clamp_max_(2)
            y = (x * r).round_().clamp_(-127, 127)
        else:
            r = length / root.clamp_min_(1e-6)
            y = x * r
        ctx.save_for_backward(y, r)
        ctx.square = gain * gain * x.shape[-1]
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        y, r = ctx.saved_tensors
        along = torch.linalg.vecdot(g, y)[..., None] * (-1 / ctx.square)
        return torch.addcmul(g, y, along).mul_(r), None, None


def linear(
    x: Tensor, weight: Tensor, compute: torch.dtype, rounded: bool = False, limit: float = ADDEND
) -> Tensor:
    """weight · x, (…, in) to (…, out); rounded and clipped to ±``limit`` where asked."""
    y: Tensor = _Linear.apply(x.flatten(0, -2), weight, compute, rounded, limit)
    return y.view(*x.shape[:-1], len(weight))


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, compute: torch.dtype, rounded: bool, limit: float
    ) -> Tensor:
        x = factor(x, compute)
        y = product(x, weight.t(), compute)
        if rounded:
            y.round_().clamp_(-limit, limit)
        ctx.clipped = rounded and limit < ADDEND
        ctx.save_for_backward(x, weight, *([y] if ctx.clipped else []))
        ctx.compute, ctx.limit = compute, limit
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, *y = ctx.saved_tensors
        if ctx.clipped:
            g = g.masked_fill(y[0].abs() >= ctx.limit, 0.0)
        g = factor(g, ctx.compute)
        gx = product(g, weight, ctx.compute) if ctx.needs_input_grad[0] else None
        return gx, product(g.t(), x, ctx.compute), None, None, None


def feed_forward(
    x: Tensor, up: Tensor, down: Tensor, compute: torch.dtype, rounded: bool
) -> Tensor:
    """down · relu(up · x)², (…, d) to (…, d); what is squared is clipped if rounded."""
    y: Tensor = _FeedForward.apply(x.flatten(0, -2), up, down, compute, rounded)
    return y.view_as(x)


class _FeedForward(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, up: Tensor, down: Tensor, compute: torch.dtype, rounded: bool
    ) -> Tensor:
        x = factor(x, compute)
        u = x @ factor(up.t(), compute)
        if rounded:
            u = u.float().clamp_(0, U_ROOF)
            squares = factor(u.square().round_(), compute)
            y = product(squares, down.t(), compute).round_().clamp_(-ADDEND, ADDEND)
        else:  # in the type of products: the same numbers as in float32, in fewer passes
            squares = u.relu_().square()
            y = product(squares, down.t(), compute)
        ctx.save_for_backward(x, up, down, u, squares)
        ctx.compute, ctx.rounded = compute, rounded
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, up, down, u, squares = ctx.saved_tensors
        g = factor(g, ctx.compute)
        gu = (g @ factor(2 * down, ctx.compute)).to(u.dtype).mul_(u)
        if ctx.rounded:
            gu.masked_fill_(u >= U_ROOF, 0.0)
        gu = factor(gu, ctx.compute)
        gx, g_up = product(gu, up, ctx.compute), product(gu.t(), x, ctx.compute)
        return gx, g_up, product(g.t(), squares, ctx.compute), None, None


def attend(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor, gain: Tensor, compute: torch.dtype, rounded: bool
) -> Tensor:
    """Attention of queries, (B, n, H · C, h), to n chunks of K keys and values.

    Scores are in octaves; ``bias``, (n, H · C, K), is added to them. The averages of values are
    multiplied by ``gain``, and if ``rounded`` clipped to ±127.
    """
    y: Tensor = _Attend.apply(q, k, v, bias, gain, compute, rounded)
    return y


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, gain: Tensor,
        compute: torch.dtype, rounded: bool,
    ) -> Tensor:  # fmt: skip
        u = product(q, k.transpose(-1, -2), compute).add_(bias)
        highest = u.amax(-1, keepdim=True)
        if rounded:
            u.sub_(highest - math.log2(255)).exp2_().round_()
        else:
            u.sub_(highest).exp2_()
        u.mul_(u.sum(-1, keepdim=True).reciprocal_())
        mean = product(u, v, compute)
        ctx.save_for_backward(q, k, v, gain, u, mean)
        ctx.compute, ctx.rounded = compute, rounded
        y = mean * gain
        return y.round_().clamp_(-127, 127) if rounded else y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, gain, u, mean = ctx.saved_tensors
        if ctx.rounded:
            g = g.masked_fill((mean * gain).abs() >= 127.5, 0.0)
        g_gain = (g * mean).sum() if ctx.needs_input_grad[4] else None
        g = g * gain
        gz = product(g, v.transpose(-1, -2), ctx.compute)
        gz.sub_(torch.linalg.vecdot(g, mean)[..., None]).mul_(u).mul_(math.log(2))
        gq = product(gz, k, ctx.compute)
        gk = product(gz.transpose(-1, -2), q, ctx.compute)
        gv = product(u.transpose(-1, -2), g, ctx.compute)
        return gq, gk, gv, gz.sum(0), g_gain, None, None


def fold(weight: Tensor, unit: Tensor | float, scale: Tensor, step: int) -> Tensor:
    """``weight`` rounded to multiples of ``scale``, (rows, 1), × ``step``, and multiplied by
    ``unit``, a number or (rows, 1), which converts outputs to the engine's units."""
    unit = torch.as_tensor(unit, dtype=weight.dtype, device=weight.device)
    y: Tensor = _Fold.apply(weight, unit, scale * step)
    return y


class _Fold(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, unit: Tensor, scale: Tensor) -> Tensor:
        rounded = (weight / scale).round_().mul_(scale)
        ctx.save_for_backward(rounded, unit)
        return rounded * unit

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        rounded, unit = ctx.saved_tensors
        g_unit = None
        if ctx.needs_input_grad[1]:
            g_unit = (g * rounded).sum_to_size(unit.shape) if unit.dim() else (g * rounded).sum()
        return g * unit, g_unit, None


def path_logits(logits: Tensor, data: Tensor) -> Tensor:
    """(…, 8) logits of a 1 at each bit of bytes ``data``, (…), highest first, given the bits
    before it, under byte ``logits``, (…, 256)."""
    right: Tensor = _Path.apply(logits.reshape(-1, 256), data.reshape(-1))
    bits = data[..., None] >> torch.arange(7, -1, -1, device=data.device) & 1
    return right.view(bits.shape) * (2 * bits - 1)


class _Path(torch.autograd.Function):
    """(n, 8) logits of the right bit, highest first, from (n, 256) of bytes: four bits of which of
    16 groups, and four of which byte of its group.

    With 16 in the order of their number xor the right one, those that a bit leaves aside are a
    range: [0] is the right one, and [2^k, 2^(k + 1)) differ from it first at bit k.
    """

    @staticmethod
    @functools.cache
    def ranges(device: torch.device) -> tuple[Tensor, Tensor]:
        """(the range of each of the 16, the same one-hot as (16, 5))."""
        of = torch.tensor([j.bit_length() for j in range(16)], device=device)
        return of, F.one_hot(of).float()

    @staticmethod
    def forward(ctx: Any, logits: Tensor, data: Tensor) -> Tensor:
        n, device = len(data), data.device
        p = (logits - logits.amax(-1, keepdim=True)).exp_()
        groups = p.view(-1, 16)  # (n · 16, 16)
        right = torch.arange(0, 16 * n, 16, device=device) + (data >> 4)
        parts = torch.cat([groups.sum(-1).view(n, 16), groups.index_select(0, right)])  # (2n, 16)
        order = torch.cat([data >> 4, data & 15])[:, None] ^ torch.arange(16, device=device)
        sums = (parts.gather(-1, order) @ _Path.ranges(device)[1]).clamp_min_(1e-30)
        along, aside = sums.cumsum(-1)[:, :-1], sums[:, 1:]
        ctx.save_for_backward(p, parts[n:], right, order, along, aside)
        return torch.cat((along / aside).log_().flip(-1).split(n), -1)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        p, own, right, order, along, aside = ctx.saved_tensors
        g = torch.cat(g.split(4, -1)).flip(-1)  # (2n, 4)
        each = F.pad((g / along).flip(-1).cumsum(-1).flip(-1), (0, 1)) - F.pad(g / aside, (1, 0))
        each = each.index_select(-1, _Path.ranges(g.device)[0]).gather(-1, order)  # (2n, 16)
        groups, bytes_ = each.split(len(own))
        out = p.view(-1, 16) * groups.reshape(-1, 1)
        out.index_add_(0, right, own * bytes_)
        return out.view(p.shape), None
