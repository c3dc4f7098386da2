"""The torch twin of the integer network of ``docs/numerics.md``.

One function in three modes, all in the units of the integer engine:

- ``FLOAT``: nothing is rounded or clipped; where training starts;
- ``FAKE``: rounded and clipped as the engine does, gradients pass straight through;
- ``EXACT``: integer multipliers and the engine's own rounding, in float64, where every product and
  sum is below 2^53: its logits equal the reference engine's with ``==``.

Scales: weights have one a row (largest magnitude = 127), activations one learned clip a site.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nncomp.model import ModelConfig

NORM_GAIN = 28.0  # one standard deviation after a norm; 127 is then 4.5 sigma
RESIDUAL_UNIT = 2.0**6  # units of the residual stream per 1.0, at most: see Network.fit
MAX_MULTIPLIER = 1.9  # the engine holds less than 2.0
SCORE_UNIT = 64 * math.log2(math.e)  # attention scores: 1/64 octave per nat
LOGIT_UNIT = 256 * math.log2(math.e)  # logits: 1/256 octave per nat
BOS = 256  # the token before a lane's first byte


class Mode(enum.Enum):
    FLOAT = 0
    FAKE = 1
    EXACT = 2


def _round(x: Tensor, mode: Mode) -> Tensor:
    """Round half up, with the gradient of the identity; not at all in FLOAT."""
    if mode is Mode.FLOAT:
        return x
    return x + (torch.floor(x + 0.5) - x).detach()


def _clamp(x: Tensor, low: float, high: float, mode: Mode) -> Tensor:
    return x if mode is Mode.FLOAT else x.clamp(low, high)


def _multiplier(scale: Tensor, mode: Mode) -> Tensor:
    """A scale as the engine holds it: m / 2^30, m an integer below 2^31."""
    if mode is not Mode.EXACT:
        return scale
    m = torch.floor(scale.double() * 2.0**30 + 0.5)
    assert bool((m < 2.0**31).all()), "scale does not fit a multiplier"
    return m * 2.0**-30


def _requantise(x: Tensor, scale: Tensor, mode: Mode) -> Tensor:
    """rq(x, m): in EXACT, |x·m| < 2^53 makes the product and floor(· + 1/2) exact."""
    return _round(x * _multiplier(scale, mode), mode)


def weight_step(bits: int) -> int:
    """Integer weights are multiples of this: of 1 with 8 bits, of 16 with 4.

    So both fill the range of int8, and multipliers have the same size: with ±7 those of narrow
    networks would be too large for the engine.
    """
    return 1 << 8 - bits


def largest_weight(bits: int) -> int:
    """127 with 8 bits, 112 with 4."""
    return (127 >> 8 - bits) << 8 - bits


def weight_scale(weight: Tensor, bits: int = 8) -> Tensor:
    """Per-row scale (rows, 1) that maps the largest magnitude to the largest integer weight."""
    largest = weight.detach().abs().amax(dim=1, keepdim=True).clamp_min(1e-8)
    return largest / largest_weight(bits)


def _integer_weight(weight: Tensor, scale: Tensor, mode: Mode, bits: int) -> Tensor:
    step = weight_step(bits)
    return _round(weight / (scale * step), mode) * step


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


def ngram_rows(data: Tensor, order: int, log2_rows: int) -> Tensor:
    """Row of every step of ``data`` ((batch, T) int64 bytes) in a table: (batch, T) int64."""
    context = torch.zeros_like(data)
    for j in range(1, order + 1):
        past = F.pad(data, (j, 0))[:, : data.shape[1]]
        context = context + (past << (8 * (j - 1)))
    golden = 0x9E3779B97F4A7C15 - (1 << 64)  # as a signed 64-bit number; products wrap
    return ((context * golden) >> (64 - log2_rows)) & ((1 << log2_rows) - 1)


def units(name: str) -> float:
    """Integer units up to the clip of an activation site."""
    return 4088.0 if name == "u" else 127.0


class Layer(nn.Module):
    """One layer's weights and learned activation clips (as logarithms)."""

    def __init__(self, config: ModelConfig, window: int) -> None:
        super().__init__()
        d, inner, h, f = (
            config.d_model,
            config.n_heads * config.d_head,
            config.d_head,
            config.d_ff,
        )
        self.heads, self.width, self.window = config.n_heads, h, window
        self.qkv = nn.Parameter(torch.randn(inner + 2 * h, d) * 0.7 * d**-0.5)
        self.out = nn.Parameter(torch.zeros(d, inner))
        self.up = nn.Parameter(torch.randn(f, d) * 0.7 * d**-0.5)
        self.down = nn.Parameter(torch.zeros(d, f))
        # From steep to flat: heads start with different reach; nats per octave of distance.
        slope = torch.linspace(2.0, 0.25, config.n_heads)[:, None]
        self.bias = nn.Parameter(-slope * torch.log2(1.0 + torch.arange(window)))  # (H, W) nats
        self.clips = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(())) for name in ("q", "k", "v", "o", "u")}
        )

    def step(self, name: str) -> Tensor:
        """Size of one integer unit at an activation site."""
        return torch.exp(self.clips[name]) / units(name)


class Network(nn.Module):
    """The network; ``forward`` gives logits in nats, ``integer_logits`` the engine's integers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        d = config.d_model
        self.embed = nn.Parameter(torch.randn(257, d) * 0.5)
        self.ngrams = nn.ParameterList(
            nn.Parameter(torch.randn(1 << bits, width) * 0.1) for _, bits, width, _ in config.ngrams
        )
        self.layers: list[Layer] = nn.ModuleList(  # type: ignore[assignment]
            Layer(config, w) for w in config.windows
        )
        self.head = nn.Parameter(torch.zeros(256, d))
        self.weight_bits = {"layers": 8, "head": 8, "tables": 8}
        self.residual_unit = RESIDUAL_UNIT
        self.observed: dict[str, float] | None = None  # activation clips seen, while calibrating
        self.compute = torch.float32  # dtype of the matrix products; bfloat16 holds ±256 exactly

    # -- pieces ---------------------------------------------------------------------------------

    def _matmul(self, a: Tensor, b: Tensor, mode: Mode) -> Tensor:
        """Product of integer-valued matrices, returned in the residual stream's dtype."""
        if mode is Mode.EXACT:
            return a @ b
        return (a.to(self.compute) @ b.to(self.compute)).float()

    def _linear(self, x: Tensor, weight: Tensor, unit: Tensor | float, mode: Mode) -> Tensor:
        """rq(W·x, m) where m = row scale of W × ``unit``; (…, in) -> (…, out)."""
        bits = self.weight_bits["head" if weight is self.head else "layers"]
        scale = weight_scale(weight, bits)
        acc = self._matmul(x, _integer_weight(weight, scale, mode, bits).t(), mode)
        return _requantise(acc, (scale * unit)[:, 0], mode)

    def _norm(self, x: Tensor, mode: Mode) -> Tensor:
        d = x.shape[-1]
        if mode is Mode.EXACT:
            c = float(round(NORM_GAIN * math.sqrt(d) * 2.0**30))
            root = torch.floor(torch.sqrt((x * x).sum(-1, keepdim=True))).clamp_min(1)
            r = torch.floor(c / root).clamp_max(2.0**31 - 1)
            return torch.floor((x * r + 2.0**29) * 2.0**-30).clamp(-127, 127)
        root = torch.sqrt((x * x).sum(-1, keepdim=True) + 1e-6 * d)
        if mode is Mode.FAKE:  # the engine's root is an integer, and not always a large one
            root = root + (torch.floor(root).clamp_min(1) - root).detach()
        gain = NORM_GAIN * math.sqrt(d) / root
        # The engine's gain is a multiplier, too: what comes in too small stays small.
        return _clamp(_round(x * _clamp(gain, 0, 2, mode), mode), -127, 127, mode)

    def _site(self, layer: int, name: str, x: Tensor) -> Tensor:
        if self.observed is not None:
            clip = torch.quantile(x.detach().abs().flatten()[: 1 << 22].float(), 0.9997).item()
            key = f"{layer}.{name}"
            self.observed[key] = max(self.observed.get(key, 0.0), clip)
        return x

    def _attention(self, index: int, layer: Layer, y: Tensor, mode: Mode) -> Tensor:
        """(B, T, d) normed -> (B, T, d) addend. A query sees the last W positions."""
        B, T, _ = y.shape
        H, h, W = layer.heads, layer.width, layer.window
        unit = {n: layer.step(n) for n in ("q", "k", "v", "o")}
        rows = torch.cat([unit["q"].expand(H * h), unit["k"].expand(h), unit["v"].expand(h)])[
            :, None
        ]
        qkv = self._linear(y, layer.qkv, 1.0 / (NORM_GAIN * rows), mode)
        if self.observed is not None:
            q, k, v = (qkv * rows[:, 0]).split([H * h, h, h], dim=-1)
            for name, part in (("q", q), ("k", k), ("v", v)):
                self._site(index, name, part)
        q, k, v = _clamp(qkv, -127, 127, mode).split([H * h, h, h], dim=-1)

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
        acc = self._matmul(q, k.transpose(1, 2), mode).view(B, n, H, C, K)
        score_unit = unit["q"] * unit["k"] * (SCORE_UNIT / math.sqrt(h))
        z = _requantise(acc, score_unit, mode)
        bias = _round(layer.bias * SCORE_UNIT, mode).clamp(-32767, 32767)
        z = z + pair_bias(bias, n, C, K)
        away = z - z.detach().amax(-1, keepdim=True)
        if mode is Mode.EXACT:
            u = _exp_table(away)
        else:
            u = torch.exp2(away * (1.0 / 64))
            if mode is Mode.FAKE:
                u = _round(255.0 * u, mode)
        total = u.sum(-1)
        mixed = self._matmul(u.view(B * n, H * C, K), v, mode).view(B, n, H, C, h)
        gain = unit["v"] / unit["o"]
        if mode is Mode.EXACT:
            c = torch.floor(gain * 2.0**30 + 0.5)
            r = torch.floor(c / total)[..., None]
            o = torch.floor((mixed * r + 2.0**29) * 2.0**-30)
        else:
            o = _round(mixed * (gain / total[..., None]), mode)
        o = o.permute(0, 1, 3, 2, 4).reshape(B, T, H * h)
        self._site(index, "o", o * unit["o"])
        o = _clamp(o, -127, 127, mode)
        return self._linear(o, layer.out, unit["o"] * self.residual_unit, mode)

    def _feed_forward(self, index: int, layer: Layer, y: Tensor, mode: Mode) -> Tensor:
        unit = layer.step("u")
        p = self._linear(y, layer.up, 1.0 / (NORM_GAIN * unit), mode).clamp_min(0)
        self._site(index, "u", p * unit)
        p = _clamp(p, 0, 4095, mode)
        s = _clamp(_round(p * p * 2.0**-16, mode), 0, 255, mode)
        return self._linear(s, layer.down, unit * unit * (65536 * self.residual_unit), mode)

    def _embedding(self, rows: Tensor, table: Tensor, mode: Mode) -> Tensor:
        bits = self.weight_bits["tables"]
        scale = table.detach().abs().amax().clamp_min(1e-8) / largest_weight(bits)
        e = _integer_weight(F.embedding(rows, table), scale, mode, bits)
        return _requantise(e * 2.0**10, scale * (self.residual_unit * 2.0**-10), mode)

    # -- the whole ------------------------------------------------------------------------------

    def rows(self, data: Tensor) -> list[Tensor]:
        """Table rows of every step of ``data`` ((B, T) int64 bytes): byte tokens, then n-grams."""
        tokens = F.pad(data, (1, 0), value=BOS)[:, : data.shape[1]]
        return [tokens] + [
            ngram_rows(data, order, bits) for order, bits, _, _ in self.config.ngrams
        ]

    def integer_logits(self, rows: list[Tensor], mode: Mode) -> Tensor:
        """(B, T, 256) logits before each byte, in 1/256 octave; integers unless FLOAT."""

        def addend(a: Tensor) -> Tensor:
            return _clamp(a, -32767, 32767, mode)

        x = addend(self._embedding(rows[0], self.embed, mode))
        d = self.config.d_model
        for (_, _, width, first), table, row in zip(
            self.config.ngrams, self.ngrams, rows[1:], strict=True
        ):
            e = addend(self._embedding(row, table, mode))
            x = x + F.pad(e, (first, d - first - width))
        for index, layer in enumerate(self.layers):
            x = x + addend(self._attention(index, layer, self._norm(x, mode), mode))
            x = x + addend(self._feed_forward(index, layer, self._norm(x, mode), mode))
        return self._linear(self._norm(x, mode), self.head, LOGIT_UNIT / NORM_GAIN, mode)

    def forward(self, rows: list[Tensor], mode: Mode = Mode.FLOAT) -> Tensor:
        """(B, T, 256) logits in nats."""
        return self.integer_logits(rows, mode) * (1.0 / LOGIT_UNIT)

    def set_weight_bits(self, bits: Mapping[str, int]) -> None:
        """Bits, 8 or 4, of integer weights in ``layers``, ``head`` or ``tables``.

        Raises ``ValueError`` for others.
        """
        for part, number in bits.items():
            if part not in self.weight_bits or number not in (4, 8):
                raise ValueError(
                    f"{part}={number}: layers, head or tables have weights of 4 or 8 bits"
                )
            self.weight_bits[part] = number
        self.fit()

    def drop_clip_gradients(self) -> None:
        """For FLOAT, where clips do nothing yet: Adam would amplify the noise."""
        for layer in self.layers:
            for clip in layer.clips.values():
                clip.grad = None

    @torch.no_grad()
    def fit(self) -> None:
        """Take the finest residual unit whose multipliers the engine can hold (below 2.0)."""
        self.residual_unit = RESIDUAL_UNIT
        largest = max(float(self._largest_down(layer)) for layer in self.layers)
        while largest * self.residual_unit > MAX_MULTIPLIER:
            self.residual_unit /= 2

    @torch.no_grad()
    def hold(self) -> None:
        """Keep the residual unit: lower feed-forward clips whose multipliers have outgrown it.

        A network that was trained in rounded arithmetic has learnt to live with its unit; with the
        next coarser one it is up to 0.01 bits a byte worse, with a clip a little lower it is not.
        """
        for layer in self.layers:
            excess = self._largest_down(layer) * (self.residual_unit / MAX_MULTIPLIER)
            layer.clips["u"].sub_(excess.clamp_min(1.0).log() / 2)

    def _largest_down(self, layer: Layer) -> Tensor:
        """The largest multiplier of a layer's last product, per residual unit."""
        scale = weight_scale(layer.down, self.weight_bits["layers"])
        return (scale * layer.step("u") ** 2).max() * 65536

    @torch.no_grad()
    def calibrate(self, data: Tensor) -> None:
        """Set every activation clip from what ``data`` ((B, T) bytes) shows in FLOAT."""
        self.observed = {}
        self.integer_logits(self.rows(data), Mode.FLOAT)
        for key, clip in self.observed.items():
            index, name = key.split(".")
            layer = self.layers[int(index)]
            layer.clips[name].fill_(math.log(max(clip, 1e-3)))
        self.observed = None
        self.fit()


def _exp_table(away: Tensor) -> Tensor:
    """u8 weight of a score ``away`` ≤ 0 from the maximum: the engine's table EXP."""
    from nncomp.tables import EXP

    table = torch.zeros(641, dtype=away.dtype, device=away.device)
    table[:640] = torch.as_tensor(EXP.astype("float64"), dtype=away.dtype)
    return table[(-away).clamp(max=640).long()]
