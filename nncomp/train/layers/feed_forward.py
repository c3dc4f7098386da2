"""The feed-forward layer, in training."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nncomp.network import layers as kinds
from nncomp.train.arithmetic import NORM_GAIN, Mode, weight_scale
from nncomp.train.functions import feed_forward
from nncomp.train.layers.layer import Arithmetic, Integers, Layer, length


class FeedForward(Layer):
    """The feed-forward layer, as in section 5.2 of docs/numerics.md."""

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
        if mode is Mode.EXACT:
            p = self.exact("up", y, net).clamp(0, 4095)
            return self.exact("down", torch.floor(p * p * 2.0**-16 + 0.5).clamp(max=255), net)
        up, down = (self.folded(name, net, mode) for name in ("up", "down"))
        if mode is Mode.FAKE:
            up = up * 2.0**-8
        return feed_forward(y, up, down, net.compute, mode is Mode.FAKE)

    def observe(self, y: Tensor, net: Arithmetic) -> None:
        self.set_clip("u", (y @ self.up.t()).relu_())

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
