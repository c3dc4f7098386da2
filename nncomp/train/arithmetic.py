"""The arithmetic of the trainer's network: that of ``docs/numerics.md``, in floating point.

The same function in three modes, all in the units of the integer engine:

- ``FLOAT``: nothing is rounded or clipped; training starts in it;
- ``FAKE``: rounded and clipped as the engine does, gradients pass straight through;
- ``EXACT``: integer multipliers and the engine's own rounding, in float64, where every product and
  sum is below 2^53: its logits equal the reference engine's with ``==``.

Weights have a scale for each row (largest magnitude = 127), activations a learned clip for each
site.
"""

from __future__ import annotations

import enum
import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

NORM_GAIN = 28.0  # one standard deviation after a norm; 127 is then 4.5 sigma
RESIDUAL_UNIT = 2.0**6  # units of the residual stream per 1.0, at most: see Network.fit
MAX_MULTIPLIER = 1.9  # the engine holds less than 2.0
SCORE_UNIT = 64 * math.log2(math.e)  # attention scores: 1/64 octave per nat
LOGIT_UNIT = 256 * math.log2(math.e)  # logits: 1/256 octave per nat


class Mode(enum.Enum):
    FLOAT = 0
    FAKE = 1
    EXACT = 2


def round_(x: Tensor, mode: Mode) -> Tensor:
    """Round half up, with the gradient of the identity; not at all in FLOAT."""
    if mode is Mode.FLOAT:
        return x
    return x + (torch.floor(x + 0.5) - x).detach()


def rarely_above(x: Tensor, share: float) -> float:
    """The quantile ``share`` of the magnitudes in ``x``, judged by the first million of them."""
    return torch.quantile(x.detach().abs().flatten()[: 1 << 20].float(), share).item()


def multiplier(scale: Tensor, mode: Mode) -> Tensor:
    """A scale as the engine holds it: m / 2^30, m an integer below 2^31."""
    if mode is not Mode.EXACT:
        return scale
    m = torch.floor(scale.double() * 2.0**30 + 0.5)
    assert bool((m < 2.0**31).all()), "scale does not fit a multiplier"
    return m * 2.0**-30


def requantise(x: Tensor, scale: Tensor, mode: Mode) -> Tensor:
    """rq(x, m): in EXACT, |x·m| < 2^53 makes the product and floor(· + 1/2) exact."""
    return round_(x * multiplier(scale, mode), mode)


def weight_step(bits: int) -> int:
    """The step of integer weights: 1 with 8 bits, 16 with 4.

    So weights of any bits fill the range of int8, and multipliers have the same size. With weights
    of ±7, multipliers of narrow networks would be too large for the engine.
    """
    return 1 << 8 - bits


def largest_weight(bits: int) -> int:
    """The largest integer weight: 127 with 8 bits, 112 with 4."""
    return (127 >> 8 - bits) << 8 - bits


def weight_scale(weight: Tensor, bits: int) -> Tensor:
    """Per-row scale (rows, 1) that maps the largest magnitude to the largest integer weight."""
    largest = weight.detach().abs().amax(dim=1, keepdim=True).clamp_min(1e-8)
    return largest / largest_weight(bits)


def integer_weight(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    """``weight`` rounded to integers, as floating-point numbers."""
    step, largest = weight_step(bits), largest_weight(bits)
    return (torch.floor(weight / (scale * step) + 0.5) * step).clamp(-largest, largest)


def multipliers(scale: Tensor | float) -> npt.NDArray[np.int32]:
    """m (int32) of scales: scale · 2^30 rounded. Raises ``ValueError`` from 2^31 on."""
    m = torch.floor(torch.as_tensor(scale).double().reshape(-1) * 2.0**30 + 0.5)
    if not bool(((m >= 0) & (m < 2.0**31)).all()):
        raise ValueError("a scale is too large for the integer engine")
    return m.to(torch.int64).numpy().astype(np.int32)


def constant(value: float) -> npt.NDArray[np.int64]:
    """A tensor of one number, rounded."""
    return np.array([math.floor(value + 0.5)], np.int64)
