"""The feed-forward layer, in training."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nncomp.network import layers as kinds
from nncomp.train.arithmetic import NORM_GAIN, Mode, clamp, round_, weight_scale
from nncomp.train.layers.layer import Arithmetic, Integers, Layer, length


class FeedForward(Layer):
    """Section 5.2 of docs/numerics.md."""

    sites = {"u": 4088.0}  # noqa: RUF012
    last = "down"

    def __init__(self, shape: kinds.FeedForward, d: int, prefix: str) -> None:
        super().__init__(shape, d, prefix)
        self.up = nn.Parameter(torch.randn(shape.width, d) * 0.7 * d**-0.5)
        self.down = nn.Parameter(torch.zeros(d, shape.width))

    def units(self, residual_unit: float) -> dict[str, Tensor | float]:
        unit = self.step("u")
        return {"up": 1.0 / (NORM_GAIN * unit), "down": unit * unit * (65536 * residual_unit)}

    def forward(self, y: Tensor, net: Arithmetic, mode: Mode) -> Tensor:
        units = self.units(net.residual_unit)
        p = self.product("up", y, units["up"], net, mode).clamp_min(0)
        if self.observed is not None:
            self.observe("u", p * self.step("u"))
        p = clamp(p, 0, 4095, mode)
        s = clamp(round_(p * p * 2.0**-16, mode), 0, 255, mode)
        return self.product("down", s, units["down"], net, mode)

    def read(self, model: Integers, residual_unit: float) -> None:
        up = model.scaled("up") * NORM_GAIN
        down = model.scaled("down") / (65536 * residual_unit)  # times the squared step of u
        step = (length(down) / length(up)) ** (1 / 3)
        self.up.copy_(up * step)
        self.down.copy_(down / step**2)
        self.clips["u"].fill_(math.log(step * self.sites["u"]))

    def largest_multiplier(self, bits: int) -> Tensor:
        return (weight_scale(self.down, bits) * self.step("u") ** 2).max() * 65536

    def shrink(self, excess: Tensor) -> None:
        self.clips["u"].sub_(excess.log() / 2)
