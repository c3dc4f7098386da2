"""The two-part ledger: bits(program) + bits(data | program).

The program is the model, as a file would carry it. While a network is in training, a function with
a gradient estimates what its weights will take, so that a loss can include it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nncomp import weights
from nncomp.model import Model
from nncomp.train.network import Network


@dataclass(frozen=True)
class Ledger:
    """Bits of a model, and of ``size`` bytes of data coded with it."""

    size: int  # bytes
    program: float  # bits
    data: float  # bits

    @property
    def total(self) -> float:
        """Bits of both parts."""
        return self.program + self.data


def program_bits(model: Model) -> float:
    """Bits of ``model`` where a file carries it in full."""
    return 8.0 * len(weights.pack(model).data)


def integers_of(network: Network) -> list[Tensor]:
    """Every tensor that is stored as int8, before it is rounded: −127…127, with gradients."""
    matrices = [network.head]
    for layer in network.layers:
        matrices += [layer.qkv, layer.out, layer.up, layer.down]
    found = [127 * w / w.abs().amax().clamp_min(1e-8) for w in (network.embed, *network.ngrams)]
    return found + [127 * w / w.abs().amax(1, keepdim=True).clamp_min(1e-8) for w in matrices]


def bits_per_weight(network: Network) -> Tensor:
    """Mean bits of an int8 weight (scalar, differentiable) under a two-sided geometric law.

    Each tensor has the law of its own mean magnitude μ: P(k) = (1−θ)/(1+θ)·θ^|k| with
    θ = μ/(1 + √(1+μ²)). That θ is the best for μ, so its own change needs no gradient. What shrinks
    is a row's mean beside its largest weight.
    """
    bits, count = torch.zeros((), device=network.head.device), 0
    for integers in integers_of(network):
        magnitude = integers.abs().mean()
        mu = magnitude.detach().clamp_min(0.01)
        theta = mu / (1 + torch.sqrt(1 + mu * mu))
        cost = torch.log2((1 + theta) / (1 - theta)) - magnitude * torch.log2(theta)
        bits = bits + cost * integers.numel()
        count += integers.numel()
    return bits / count
