"""What a kind of layer is to the trainer: weights, clips, and their way to integers and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nncomp.model import Model
from nncomp.network import Layer as Shape
from nncomp.network import Role
from nncomp.train.arithmetic import Mode, rarely_above

Ints = npt.NDArray[np.integer]


class Arithmetic(Protocol):
    """What a layer computes with: the network that it belongs to."""

    residual_unit: float
    compute: torch.dtype  # of products

    def folded(self, key: str, weight: Tensor, unit: Tensor | float, mode: Mode) -> Tensor:
        """The weight; in FAKE rounded, and with its multipliers: its row scales × ``unit``."""

    def exact(self, key: str, weight: Tensor, x: Tensor, unit: Tensor | float) -> Tensor:
        """rq(weight·x, m) in EXACT, where m = row scale of the weight × ``unit``."""


class Integers:
    """Tensors of an integer model whose names begin with ``prefix``, as float64."""

    def __init__(self, model: Model, prefix: str = "") -> None:
        self._tensors, self._prefix = model.tensors, prefix

    def __getitem__(self, name: str) -> Tensor:
        return torch.from_numpy(self._tensors[self._prefix + name].astype(np.float64))

    def number(self, name: str) -> float:
        """The one element of a tensor."""
        return float(self[name][0])

    def scaled(self, name: str) -> Tensor:
        """Integer weights times what their multipliers stand for."""
        return self[f"{name}.weight"] * (self[f"{name}.m"][:, None] * 2.0**-30)


class Layer(nn.Module):
    """A layer's weights, and learned activation clips (as logarithms).

    The parameters that are matrices of the schema have the names that they have there.
    """

    sites: ClassVar[
        Mapping[str, float]
    ]  # where activations are clipped → integer units up to there
    last: ClassVar[str] = ""  # the matrix whose product is added to the residual stream, if any

    def __init__(self, shape: Shape, d: int, prefix: str) -> None:
        """``prefix``: of its tensors' names, ``layers.{i}.``"""
        super().__init__()
        self.shape, self.prefix = shape, prefix
        rows = shape.tensors(d)
        self.matrices = [row.key for row in rows if row.role is Role.MATRIX]
        self.clips = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in self.sites})

    def step(self, site: str) -> Tensor:
        """Size of one integer unit at an activation site."""
        return torch.exp(self.clips[site]) / self.sites[site]

    def observe(self, y: Tensor, net: Arithmetic) -> None:
        """Set the clips by what comes of ``y``, (B, T, d) normed, in FLOAT."""
        raise NotImplementedError

    def set_clip(self, site: str, x: Tensor) -> None:
        """Clip there what is rarer than one in 3,000 of ``x``."""
        self.clips[site].data.fill_(math.log(max(rarely_above(x, 0.9997), 1e-3)))

    def units(self, residual_unit: float) -> dict[str, Tensor | float]:
        """By matrix: its multipliers are the scales of its rows times this; (rows, 1) or one."""
        raise NotImplementedError

    def forward(self, y: Tensor, net: Arithmetic, mode: Mode) -> Tensor:
        """(B, T, d) normed -> (B, T, d) what is added to the stream, not yet clipped.

        In FLOAT in natural units: normed is a root mean square of 1; else in the engine's.
        """
        raise NotImplementedError

    def folded(self, name: str, net: Arithmetic, mode: Mode) -> Tensor:
        """One of its matrices, with its multipliers in it."""
        unit = self.units(net.residual_unit)[name] if mode is Mode.FAKE else 1.0
        return net.folded(self.prefix + name, getattr(self, name), unit, mode)

    def exact(self, name: str, x: Tensor, net: Arithmetic) -> Tensor:
        """One of its matrices times x, requantised."""
        unit = self.units(net.residual_unit)[name]
        return net.exact(self.prefix + name, getattr(self, name), x, unit)

    def integers(self) -> dict[str, Ints]:
        """Its tensors that are neither weights nor their multipliers, for the integer model."""
        return {}

    def read(self, model: Integers, residual_unit: float) -> None:
        """The inverse of export, as far as the function depends on it."""
        raise NotImplementedError

    def follow(self, model: Integers) -> None:
        """Take what is no weight from an integer model, exactly."""

    def take(self, other: Layer) -> None:
        """Be what a layer of the same shape is, or one of attention with a longer window."""
        self.load_state_dict(other.state_dict())

    def can_grow_from(self, other: Layer) -> bool:
        """Whether ``grow_from`` can begin as it."""
        ours, theirs = ({k: v.shape for k, v in x.named_parameters()} for x in (self, other))
        return ours == theirs

    def grow_from(self, other: Layer) -> None:
        """Begin as a copy of a layer of the same kind and size that adds nothing."""
        for name, theirs in other.named_parameters():
            self.get_parameter(name).data.copy_(theirs)
        if self.last:
            self.get_parameter(self.last).data.zero_()

    def largest_multiplier(self, bits: int) -> Tensor:
        """Of those that may outgrow the engine, per residual unit; ``bits`` of a weight."""
        return torch.zeros(())

    def shrink(self, excess: Tensor) -> None:
        """Make what ``largest_multiplier`` is of smaller, by a factor of ``excess`` (1…)."""


def length(matrix: Tensor) -> float:
    """Mean length of the rows, at least a little."""
    return max(float(matrix.norm(dim=1).mean()), 1e-6)
