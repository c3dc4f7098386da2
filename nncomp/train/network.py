"""The trainer's network: the integer network of ``docs/numerics.md``, in torch.

``arithmetic`` defines its modes, ``functions`` the operations, ``layers`` the kinds of layers, and
``tables`` the embeddings, which are trained without autograd.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nncomp.network import ModelConfig
from nncomp.train.arithmetic import (
    LOGIT_UNIT,
    MAX_MULTIPLIER,
    NORM_GAIN,
    RESIDUAL_UNIT,
    Mode,
    integer_weight,
    rarely_above,
    requantise,
    weight_scale,
    weight_step,
)
from nncomp.train.functions import ADDEND, fold, linear, norm
from nncomp.train.layers import LAYERS, Layer
from nncomp.train.tables import RATE, Table, made, rows_of

Bytes = npt.NDArray[np.uint8]


WEIGHT_BITS = {"layers": 8, "head": 8, "embed": 8, "tables": 8}  # if nothing else is said
BITS = range(4, 9)  # that weights may have


class Network(nn.Module):
    """The network: ``sum`` adds the rows of tables, and ``forward`` goes from there to logits in
    nats."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        d = config.d_model
        self.embed = Table(257, d, 0, 0.5)
        self.tables: list[Table] = nn.ModuleList(made(config.tables))  # type: ignore[assignment]
        self.layers: list[Layer] = nn.ModuleList(  # type: ignore[assignment]
            LAYERS[type(shape)](shape, d, f"layers.{i}.") for i, shape in enumerate(config.layers)
        )
        self.head = nn.Parameter(torch.zeros(256, d))
        self.weight_bits = dict(WEIGHT_BITS)
        self.residual_unit = RESIDUAL_UNIT
        self.calibrated = False  # whether clips and scales of tables are set
        self.compute = torch.float32  # dtype of the matrix products

    def table(self, key: str) -> Table:
        """The table with the key ``embed`` or ``table.{i}``, as in the integer model."""
        return self.embed if key == "embed" else self.tables[int(key.rpartition(".")[2])]

    @property
    def chosen(self) -> bool:
        """Whether the known contexts of all tables are chosen."""
        return all(table.chosen for table in self.tables)

    @chosen.setter
    def chosen(self, value: bool) -> None:
        for table in self.tables:
            table.chosen = value or table.check is None

    def weight(self, key: str) -> Tensor:
        """The weights that become the tensor ``{key}.weight`` of the integer model."""
        if key == "embed" or key.startswith("table."):
            return self.table(key).weight
        return self.get_parameter(key)

    def bits_of(self, key: str) -> int:
        """Bits of the integers of ``weight(key)``."""
        part = key.partition(".")[0]
        return self.weight_bits["tables" if part == "table" else part]

    # -- tables ---------------------------------------------------------------------------------

    @torch.no_grad()
    def rows(self, data: Bytes) -> list[Tensor]:
        """The row of every step of ``data``, (B, T), in the embedding and in every table."""
        there = torch.tensor(data, device=self.head.device)
        return rows_of(self.config.tables, self.tables, there)

    @torch.no_grad()
    def sum(self, rows: list[Tensor], mode: Mode) -> Tensor:
        """The sum of the rows, each added to its channels: (B, T, d), in residual units unless
        FLOAT."""
        x = self.look_up("embed", rows[0], mode)
        for i, table in enumerate(self.tables):
            last = table.first + table.width
            x[..., table.first : last] += self.look_up(f"table.{i}", rows[1 + i], mode)
        return x

    def look_up(self, key: str, rows: Tensor, mode: Mode) -> Tensor:
        """Look up the rows, (…), of a table: (…, width)."""
        return self.table(key).look_up(rows, mode, self.bits_of(key), self.residual_unit)

    @torch.no_grad()
    def update(
        self, rows: list[Tensor], gradient: Tensor, scale: float, factor: float, mode: Mode
    ) -> None:
        """Train the tables' rows. The gradient of the text's cost, in nats, with respect to their
        sum is ``scale`` × ``gradient``, (B, T, d); the rate is ``factor`` times the peak rate."""
        gradient = gradient.flatten(0, -2)
        power = gradient.square().view(len(gradient), -1, 16).mean(-1)
        if mode is Mode.FAKE:
            scale *= self.residual_unit
        for table, r in zip((self.embed, *self.tables), rows, strict=True):
            table.update(r.flatten(), gradient, power, scale, RATE * factor)

    @torch.no_grad()
    def coarsen(self, uses: float) -> None:
        """Call ``Table.coarsen`` for all tables of contexts; the network must be calibrated."""
        for table in self.tables:
            table.coarsen(self.weight_bits["tables"], uses)

    # -- the whole ------------------------------------------------------------------------------

    def folded(self, key: str, weight: Tensor, unit: Tensor | float, mode: Mode) -> Tensor:
        """The weight; in FAKE rounded, and with its multipliers: its row scales × ``unit``."""
        if mode is Mode.FLOAT:
            return weight
        bits = self.bits_of(key)
        return fold(weight, unit, weight_scale(weight, bits), weight_step(bits))

    def exact(self, key: str, weight: Tensor, x: Tensor, unit: Tensor | float) -> Tensor:
        """rq(weight·x, m) in EXACT, where m = row scale of the weight × ``unit``."""
        bits = self.bits_of(key)
        scale = weight_scale(weight, bits)
        products = x @ integer_weight(weight, scale, bits).t()
        return requantise(products, (scale * unit)[:, 0], Mode.EXACT)

    def forward(self, x: Tensor, mode: Mode = Mode.FLOAT) -> Tensor:
        """Logits in nats, (B, T, 256), from the result of ``sum``; in FAKE they are not rounded."""
        if mode is Mode.EXACT:
            return self._integers(x) * (1.0 / LOGIT_UNIT)
        gain = NORM_GAIN if mode is Mode.FAKE else 1.0
        for layer in self.layers:
            x = x + layer(norm(x, gain, mode is Mode.FAKE), self, mode)
        head = self.folded("head", self.head, LOGIT_UNIT / NORM_GAIN, mode)
        if mode is Mode.FAKE:
            head = head * (1.0 / LOGIT_UNIT)
        return linear(norm(x, gain, mode is Mode.FAKE), head, self.compute)

    @torch.no_grad()
    def _integers(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer(_exact_norm(x), self, Mode.EXACT).clamp(-32767, 32767)
        return self.exact("head", self.head, _exact_norm(x), LOGIT_UNIT / NORM_GAIN)

    @torch.no_grad()
    def logits(self, data: Bytes, mode: Mode) -> Tensor:
        """(B, T, 256) logits in nats before each byte of ``data``, (B, T), in any mode."""
        return self.forward(self.sum(self.rows(data), mode), mode)

    # -- integers -------------------------------------------------------------------------------

    def set_weight_bits(self, bits: Mapping[str, int]) -> None:
        """Bits, 4 to 8, of integer weights in ``layers``, ``head``, ``embed`` or ``tables``.

        Raises ``ValueError`` for others.
        """
        for part, number in bits.items():
            if part not in self.weight_bits or number not in BITS:
                raise ValueError(
                    f"{part}={number}: layers, head, embed or tables have weights of 4 to 8 bits"
                )
            self.weight_bits[part] = number
            self.calibrated &= part != "tables" and part != "embed"
        self.fit()

    @torch.no_grad()
    def fit(self, largest: float = 0.0) -> None:
        """Choose the finest residual unit with which the engine can hold all multipliers (below
        2.0) and add values up to ``largest``."""
        self.residual_unit = RESIDUAL_UNIT
        bits = self.weight_bits["layers"]
        multiplier = max(float(layer.largest_multiplier(bits)) for layer in self.layers)
        multiplier = max(multiplier, largest * (MAX_MULTIPLIER / ADDEND))
        while multiplier * self.residual_unit > MAX_MULTIPLIER:
            self.residual_unit /= 2

    @torch.no_grad()
    def hold(self) -> None:
        """Keep the residual unit by lowering feed-forward clips whose multipliers would exceed the
        engine's range.

        A network that was trained in rounded arithmetic has adapted to its unit: the next coarser
        one costs up to 0.01 bits per byte, a slightly lower clip costs nothing.
        """
        for layer in self.layers:
            largest = layer.largest_multiplier(self.weight_bits["layers"])
            layer.shrink((largest * (self.residual_unit / MAX_MULTIPLIER)).clamp_min(1.0))

    @torch.no_grad()
    def calibrate(self, data: Bytes) -> None:
        """Set activation clips and tables' scales by running ``data``, (B, T), in FLOAT."""
        rows = self.rows(data)
        self.embed.fit(rows[0], self.bits_of("embed"))
        for table, r in zip(self.tables, rows[1:], strict=True):
            table.fit(r, self.bits_of("table"))
        x, largest = self.sum(rows, Mode.FLOAT), 0.0
        for layer in self.layers:
            y = norm(x, 1.0, False)
            layer.observe(y, self)
            added = layer(y, self, Mode.FLOAT)
            largest = max(largest, rarely_above(added, 0.999))
            x = added.add_(x)
        self.fit(largest)
        self.calibrated = True


def _exact_norm(x: Tensor) -> Tensor:
    c = float(round(NORM_GAIN * math.sqrt(x.shape[-1]) * 2.0**30))
    root = torch.floor(torch.sqrt((x * x).sum(-1, keepdim=True))).clamp_min(1)
    r = torch.floor(c / root).clamp_max(2.0**31 - 1)
    return torch.floor((x * r + 2.0**29) * 2.0**-30).clamp(-127, 127)
