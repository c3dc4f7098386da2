"""The two-part ledger: bits(program) + bits(data | program).

The program is the model. What its weights take is estimated twice: of integers as their entropy,
and of a network in training by a function with a gradient, so that a loss can include it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nncomp.model import Model
from nncomp.train.network import Network, weight_scale


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
    """Bits that the tensors of ``model`` take: each int8 one its order-0 entropy, others as is."""
    bits = 0.0
    for tensor in model.tensors.values():
        if tensor.dtype == np.int8:
            counts = np.bincount(tensor.ravel().view(np.uint8), minlength=256)
            share = counts[counts > 0] / tensor.size
            bits -= tensor.size * float((share * np.log2(share)).sum())
        else:
            bits += 8 * tensor.nbytes
    return bits


def weights_of(network: Network) -> list[tuple[Tensor, Tensor]]:
    """(weight, scale) of every tensor that is stored as int8: integers are weight / scale."""
    tables = [network.embed, *network.ngrams]
    matrices = [network.head]
    for layer in network.layers:
        matrices += [layer.qkv, layer.out, layer.up, layer.down]
    found = [(table, table.detach().abs().amax().clamp_min(1e-8) / 127.0) for table in tables]
    return found + [(matrix, weight_scale(matrix)) for matrix in matrices]


def bits_per_weight(network: Network) -> Tensor:
    """Mean bits of an int8 weight (scalar, differentiable) under a two-sided geometric law.

    Each tensor has the law of its own mean magnitude μ: P(k) = (1−θ)/(1+θ)·θ^|k| with
    θ = (√(1+μ²) − 1)/μ. That θ is the best for μ, so its own change needs no gradient. Nothing
    flows through the scales: shrinking the largest weight of a row would gain nothing.
    """
    bits, count = torch.zeros((), device=network.head.device), 0
    for weight, scale in weights_of(network):
        magnitude = (weight / scale).abs().mean()
        mu = magnitude.detach().clamp_min(1e-6)
        theta = (torch.sqrt(1 + mu * mu) - 1) / mu
        cost = torch.log2((1 + theta) / (1 - theta)) - magnitude * torch.log2(theta)
        bits = bits + cost * weight.numel()
        count += weight.numel()
    return bits / count
