"""A network that differs from an integer model by factors of low rank, which are what it learns.

Everything but the factors is the model's own: integer weights, multipliers, biases. What has been
learnt becomes factors of integers (``weights.Factors``), and with them the model that the file will
hold: there is no second rounding, and no export.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nncomp import weights
from nncomp.model import Model
from nncomp.train.network import SCORE_UNIT, Mode, Network, _requantise, _round
from nncomp.weights import Factors

LARGEST = 127  # of an integer factor
SHIFT = 6  # of Factors
STEP = 2.0 ** ((weights.UNIT - SHIFT) / 2)  # of a factor: a product's is 4 steps of an int8 weight


class Twin(Network):
    """``model`` plus left · rightᵀ for every matrix in its layers and its head.

    Not for tables: the rows that a file uses cost four times as much and brought less.
    """

    def __init__(self, model: Model, rank: int) -> None:
        """``rank`` ≥ 1. At first the network is the model."""
        super().__init__(model.config)
        self.model = model
        self.left, self.right = nn.ParameterDict(), nn.ParameterDict()
        self._keys: dict[int, str] = {}  # of the parameters that hold weights
        self._set("embed", self.embed)
        for i, table in enumerate(self.ngrams):
            self._set(f"ngram.{i}", table)
        for i, layer in enumerate(self.layers):
            for name in ("qkv", "out", "up", "down"):
                self._set(f"layers.{i}.{name}", getattr(layer, name), rank)
            self._set_attention(i)
        self._set("head", self.head, rank)
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name.startswith(("left", "right")))

    def _set(self, key: str, parameter: nn.Parameter, rank: int = 0) -> None:
        tensors = self.model.tensors
        parameter.data = torch.from_numpy(tensors[f"{key}.weight"].astype(np.float32))
        self._keys[id(parameter)] = name = key.replace(".", "_")  # a buffer's has no dots
        scale = tensors[f"{key}.m"].astype(np.float64) * 2.0**-30
        self.register_buffer(f"scale_{name}", torch.from_numpy(scale).float())
        if rank:
            rows, columns = parameter.shape
            self.left[name] = nn.Parameter(torch.zeros(rows, rank))
            self.right[name] = nn.Parameter(torch.randn(columns, rank))

    def _set_attention(self, index: int) -> None:
        """Clips that give the model's multipliers: q and k share one, v has the other."""
        tensors, layer = self.model.tensors, self.layers[index]
        key = f"layers.{index}.attn"
        bias = tensors[f"{key}.bias"].astype(np.float32)
        layer.bias.data = torch.from_numpy(bias) / SCORE_UNIT
        score = int(tensors[f"{key}.m"][0]) * 2.0**-30 * math.sqrt(layer.width) / SCORE_UNIT
        clips = {"q": math.sqrt(score), "k": math.sqrt(score), "o": 1.0}
        clips["v"] = int(tensors[f"{key}.c"][0]) * 2.0**-30
        for name, step in clips.items():
            layer.clips[name].data.fill_(math.log(127 * max(step, 1e-9)))

    def _scale(self, weight: Tensor) -> Tensor:
        scale: Tensor = getattr(self, f"scale_{self._keys[id(weight)]}")
        return scale

    def _linear(self, x: Tensor, weight: Tensor, unit: Tensor | float, mode: Mode) -> Tensor:
        name = self._keys[id(weight)]
        left, right = _whole(self.left[name], mode), _whole(self.right[name], mode)
        changed = weight + left @ right.t() * STEP**2
        integers = _round(changed, mode).clamp(-127, 127)
        return _requantise(self._matmul(x, integers.t(), mode), self._scale(weight), mode)

    def _embedding(self, rows: Tensor, table: Tensor, mode: Mode) -> Tensor:
        return _requantise(F.embedding(rows, table) * 2.0**10, self._scale(table), mode)

    @torch.no_grad()
    def factors(self) -> dict[str, Factors]:
        """What has been learnt, in the integers that it was learnt with."""
        found = {}
        for name in self.left:
            left, right = (
                _whole(f[name], Mode.FAKE).cpu().numpy().astype(np.int8)
                for f in (self.left, self.right)
            )
            if left.any() and right.any():
                found[f"{self._key_of(name)}.weight"] = Factors(left, right, SHIFT)
        return found

    def _key_of(self, name: str) -> str:
        return name.replace("_", ".")


def _whole(factor: Tensor, mode: Mode) -> Tensor:
    """A factor in steps: what training goes on in, so that rounding costs nothing afterwards."""
    return _round(factor / STEP, mode).clamp(-LARGEST, LARGEST)


def changed(model: Model, factors: dict[str, Factors], name: str) -> Model:
    """``model`` with ``factors`` added to its weights."""
    tensors = dict(model.tensors)
    for key, change in factors.items():
        tensors[key] = change.added_to(tensors[key])
    return Model.build(model.config, tensors, name)
