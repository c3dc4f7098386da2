"""The trainer's network: the integer one of ``docs/numerics.md``, in torch.

``arithmetic`` has its modes and roundings, ``layers`` the kinds of layers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nncomp.network import ModelConfig
from nncomp.train import contexts
from nncomp.train.arithmetic import (
    LOGIT_UNIT,
    MAX_MULTIPLIER,
    NORM_GAIN,
    RESIDUAL_UNIT,
    Mode,
    clamp,
    integer_weight,
    requantise,
    round_,
    table_scale,
    weight_scale,
)
from nncomp.train.layers import LAYERS, Layer

BOS = 256  # the token before a lane's first byte


class Network(nn.Module):
    """The network; ``forward`` gives logits in nats, ``integer_logits`` the engine's integers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        d = config.d_model
        self.embed = nn.Parameter(torch.randn(257, d) * 0.5)
        self.tables = nn.ParameterList(
            nn.Parameter(torch.randn(table.rows, table.width) * 0.1) for table in config.tables
        )
        for i, table in enumerate(config.tables):
            if table.ways:  # nothing is known yet but what has the check 0
                check = torch.zeros(1 << table.log2_rows, dtype=torch.uint8)
                self.register_buffer(f"check_{i}", check)
        self.layers: list[Layer] = nn.ModuleList(  # type: ignore[assignment]
            LAYERS[type(shape)](shape, d, f"layers.{i}.") for i, shape in enumerate(config.layers)
        )
        self.head = nn.Parameter(torch.zeros(256, d))
        self.weight_bits = {"layers": 8, "head": 8, "tables": 8}
        self.residual_unit = RESIDUAL_UNIT
        self.compute = torch.float32  # dtype of the matrix products; bfloat16 holds ±256 exactly

    def weight(self, key: str) -> nn.Parameter:
        """What becomes the tensor ``{key}.weight`` of the integer model."""
        path, _, name = key.rpartition(".")
        found = self.get_parameter(f"tables.{name}" if path == "table" else key)
        assert isinstance(found, nn.Parameter)
        return found

    def check(self, i: int) -> Tensor | None:
        """What becomes the tensor ``table.{i}.check``, (2^b,) uint8; None: rows are hashed."""
        return self.get_buffer(f"check_{i}") if self.config.tables[i].ways else None

    def bits_of(self, key: str) -> int:
        """Bits of the integers of ``weight(key)``."""
        part = key.partition(".")[0]
        return self.weight_bits[part if part in self.weight_bits else "tables"]

    # -- pieces ---------------------------------------------------------------------------------

    def matmul(self, a: Tensor, b: Tensor, mode: Mode) -> Tensor:
        """Product of integer-valued matrices, returned in the residual stream's dtype."""
        if mode is Mode.EXACT:
            return a @ b
        return (a.to(self.compute) @ b.to(self.compute)).float()

    def linear(
        self, key: str, weight: Tensor, x: Tensor, unit: Tensor | float, mode: Mode
    ) -> Tensor:
        """rq(W·x, m) where m = row scale of W × ``unit``; (…, in) -> (…, out)."""
        bits = self.bits_of(key)
        scale = weight_scale(weight, bits)
        acc = self.matmul(x, integer_weight(weight, scale, mode, bits).t(), mode)
        return requantise(acc, (scale * unit)[:, 0], mode)

    def look_up(self, key: str, table: Tensor, rows: Tensor, mode: Mode) -> Tensor:
        """Rows of a table, requantised: (…) -> (…, width)."""
        bits = self.bits_of(key)
        scale = table_scale(table, bits)
        e = integer_weight(F.embedding(rows, table), scale, mode, bits)
        return requantise(e * 2.0**10, scale * (self.residual_unit * 2.0**-10), mode)

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
        return clamp(round_(x * clamp(gain, 0, 2, mode), mode), -127, 127, mode)

    # -- the whole ------------------------------------------------------------------------------

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def rows(self, data: Tensor) -> list[Tensor]:
        """Table rows of every step of ``data`` ((B, T) int64 bytes): byte tokens, then contexts."""
        found = [F.pad(data, (1, 0), value=BOS)[:, : data.shape[1]]]
        windows = data.cpu().numpy().astype(np.uint8)
        keys = {c: contexts.keys(c, windows) for c in {t.context for t in self.config.tables}}
        for i, table in enumerate(self.config.tables):
            check = self.check(i)
            known = None if check is None else check.cpu().numpy()
            rows = contexts.rows(table, known, keys[table.context])
            found.append(torch.from_numpy(rows).to(data.device))
        return found

    def integer_logits(self, rows: list[Tensor], mode: Mode) -> Tensor:
        """(B, T, 256) logits before each byte, in 1/256 octave; integers unless FLOAT."""

        def addend(a: Tensor) -> Tensor:
            return clamp(a, -32767, 32767, mode)

        x = addend(self.look_up("embed", self.embed, rows[0], mode))
        d = self.config.d_model
        for i, table in enumerate(self.config.tables):
            e = addend(self.look_up(f"table.{i}", self.tables[i], rows[1 + i], mode))
            x = x + F.pad(e, (table.first, d - table.first - table.width))
        for layer in self.layers:
            x = x + addend(layer(self._norm(x, mode), self, mode))
        y = self._norm(x, mode)
        return self.linear("head", self.head, y, LOGIT_UNIT / NORM_GAIN, mode)

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
        bits = self.weight_bits["layers"]
        largest = max(float(layer.largest_multiplier(bits)) for layer in self.layers)
        while largest * self.residual_unit > MAX_MULTIPLIER:
            self.residual_unit /= 2

    @torch.no_grad()
    def hold(self) -> None:
        """Keep the residual unit: lower feed-forward clips whose multipliers have outgrown it.

        A network that was trained in rounded arithmetic has learnt to live with its unit; with the
        next coarser one it is up to 0.01 bits a byte worse, with a clip a little lower it is not.
        """
        for layer in self.layers:
            largest = layer.largest_multiplier(self.weight_bits["layers"])
            layer.shrink((largest * (self.residual_unit / MAX_MULTIPLIER)).clamp_min(1.0))

    @torch.no_grad()
    def calibrate(self, data: Tensor) -> None:
        """Set every activation clip from what ``data`` ((B, T) bytes) shows in FLOAT."""
        for layer in self.layers:
            layer.observed = {}
        self.integer_logits(self.rows(data), Mode.FLOAT)
        for layer in self.layers:
            for site, clip in (layer.observed or {}).items():
                layer.clips[site].fill_(math.log(max(clip, 1e-3)))
            layer.observed = None
        self.fit()
