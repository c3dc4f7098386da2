"""The base class of layers in training: weights, clips, and conversion to integers and back."""

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
    """The arithmetic that a layer uses, provided by the network that it belongs to."""

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
        """The only element of a tensor."""
        return float(self[name][0])

    def scaled(self, name: str) -> Tensor:
        """Integer weights times the scales that their multipliers stand for."""
        return self[f"{name}.weight"] * (self[f"{name}.m"][:, None] * 2.0**-30)


class Layer(nn.Module):
    """A layer's weights, and learned activation clips (as logarithms).

    The parameters that are matrices of the schema have the names that they have there.
    """

    sites: ClassVar[
        Mapping[str, float]
    ]  # for each site where activations are clipped, the clip in the engine's integer units
    last: ClassVar[str] = ""  # the matrix whose product is added to the residual stream, if any

    def __init__(self, shape: Shape, d: int, prefix: str) -> None:
        """``prefix`` is that of its tensors' names, ``layers.{i}.``"""
        super().__init__()
        self.shape, self.prefix = shape, prefix
        rows = shape.tensors(d)
        self.matrices = [row.key for row in rows if row.role is Role.MATRIX]
        self.clips = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in self.sites})

    def step(self, site: str) -> Tensor:
        """Size of one integer unit at an activation site."""
        return torch.exp(self.clips[site]) / self.sites[site]

    def observe(self, y: Tensor, net: Arithmetic) -> None:
        """Set the clips by the activations that a normed input ``y``, (B, T, d), gives in FLOAT."""
        raise NotImplementedError

    def set_clip(self, site: str, x: Tensor) -> None:
        """Set the clip of a site such that it affects about one in 3,000 of the values ``x``."""
        self.clips[site].data.fill_(math.log(max(rarely_above(x, 0.9997), 1e-3)))

    def units(self, residual_unit: float) -> dict[str, Tensor | float]:
        """For each matrix, the factor between the scales of its rows and its multipliers: a number
        or (rows, 1)."""
        raise NotImplementedError

    def forward(self, y: Tensor, net: Arithmetic, mode: Mode) -> Tensor:
        """From the normed stream, (B, T, d), to the addend of the stream, (B, T, d), not yet
        clipped.

        In FLOAT, units are natural: a normed row has a root mean square of 1. Otherwise they are
        the engine's.
        """
        raise NotImplementedError

    def folded(self, name: str, net: Arithmetic, mode: Mode) -> Tensor:
        """One of the layer's matrices, in FAKE rounded and with its multipliers multiplied in."""
        unit = self.units(net.residual_unit)[name] if mode is Mode.FAKE else 1.0
        return net.folded(self.prefix + name, getattr(self, name), unit, mode)

    def exact(self, name: str, x: Tensor, net: Arithmetic) -> Tensor:
        """The product of one of the layer's matrices and x in EXACT, requantised."""
        unit = self.units(net.residual_unit)[name]
        return net.exact(self.prefix + name, getattr(self, name), x, unit)

    def integers(self) -> dict[str, Ints]:
        """The layer's tensors for the integer model, except weights and their multipliers."""
        return {}

    def read(self, model: Integers, residual_unit: float) -> None:
        """Read the layer from an integer model, such that exporting it gives the same function."""
        raise NotImplementedError

    def follow(self, model: Integers) -> None:
        """Take everything but weights exactly from an integer model."""

    def take(self, other: Layer) -> None:
        """Copy a layer of the same shape, or an attention layer with a longer window."""
        self.load_state_dict(other.state_dict())

    def can_grow_from(self, other: Layer) -> bool:
        """Whether ``grow_from`` can copy ``other``."""
        ours, theirs = ({k: v.shape for k, v in x.named_parameters()} for x in (self, other))
        return ours == theirs

    def grow_from(self, other: Layer) -> None:
        """Begin as a copy of a layer of the same kind and size that adds nothing."""
        for name, theirs in other.named_parameters():
            self.get_parameter(name).data.copy_(theirs)
        if self.last:
            self.get_parameter(self.last).data.zero_()

    def largest_multiplier(self, bits: int) -> Tensor:
        """The largest multiplier, per residual unit, of those that may exceed the engine's range,
        for weights of ``bits`` bits; 0 if there are none."""
        return torch.zeros(())

    def shrink(self, excess: Tensor) -> None:
        """Reduce the ``largest_multiplier`` by a factor of ``excess`` ≥ 1."""


def length(matrix: Tensor) -> float:
    """The mean length of the rows, at least 1e-6."""
    return max(float(matrix.norm(dim=1).mean()), 1e-6)
