"""A network that differs from an integer model by low-rank factors, which alone are trained (LoRA).

Everything else is the model's own: integer weights, multipliers, biases. The trained factors become
integers (``packing.Factors``), and with them the model that the file will hold: there is no second
rounding, and no export.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nncomp import packing
from nncomp.model import Model
from nncomp.network import Role
from nncomp.packing import Factors
from nncomp.train.arithmetic import Mode, round_
from nncomp.train.layers.layer import Integers
from nncomp.train.network import Network

LARGEST = 127  # largest integer of a factor
SHIFT = 6  # ``Factors.shift``
# The step of a factor, such that the step of a product is 4 steps of an int8 weight.
STEP = 2.0 ** ((packing.UNIT - SHIFT) / 2)


class FactoredNetwork(Network):
    """``model`` plus left · rightᵀ for every matrix in its layers and its head.

    Tables get no factors: changes of the rows that a file uses cost four times as much and gained
    less.
    """

    def __init__(self, model: Model, rank: int) -> None:
        """Begin with a network that equals ``model``; ``rank`` ≥ 1."""
        super().__init__(model.config)
        self.left, self.right = nn.ParameterDict(), nn.ParameterDict()
        self._names: dict[str, str] = {}  # by key; those of modules have no dots
        for row in model.config.tensors.values():
            if row.is_weight:
                self._set(model, row.key, rank if row.role is Role.MATRIX else 0)
        for row in model.config.tensors.values():
            if row.role is Role.CHECK:
                self.table(row.key).check = torch.from_numpy(np.array(model.tensors[row.name]))
        for layer in self.layers:
            layer.follow(Integers(model, layer.prefix))
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name.startswith(("left", "right")))

    def _set(self, model: Model, key: str, rank: int) -> None:
        weight, m = model.tensors[f"{key}.weight"], model.tensors[f"{key}.m"]
        self.weight(key).data.copy_(torch.from_numpy(weight.astype(np.float32)))
        self._names[key] = name = key.replace(".", "_")
        self.register_buffer(f"scale_{name}", torch.from_numpy(m * 2.0**-30).float())
        if rank:
            rows, columns = weight.shape
            self.left[name] = nn.Parameter(torch.zeros(rows, rank))
            self.right[name] = nn.Parameter(torch.randn(columns, rank))

    def _scale(self, key: str) -> Tensor:
        scale: Tensor = getattr(self, f"scale_{self._names[key]}")
        return scale

    def folded(self, key: str, weight: Tensor, unit: Tensor | float, mode: Mode) -> Tensor:
        """Fold a weight as ``Network.folded`` does, with the model's own multipliers."""
        assert mode is Mode.FAKE
        name = self._names[key]
        left, right = _whole(self.left[name], mode), _whole(self.right[name], mode)
        changed = weight + left @ right.t() * STEP**2
        return round_(changed, mode).clamp(-127, 127) * self._scale(key)[:, None]

    def look_up(self, key: str, rows: Tensor, mode: Mode) -> Tensor:
        """Look up rows as ``Network.look_up`` does, with the model's own multiplier."""
        return F.embedding(rows, self.weight(key)).mul_(self._scale(key) * 2.0**10).round_()

    def update(
        self, rows: list[Tensor], gradient: Tensor, scale: float, factor: float, mode: Mode
    ) -> None:
        """Do nothing: tables are not trained."""

    @torch.no_grad()
    def factors(self) -> dict[str, Factors]:
        """The trained factors as integers, by names of weights; those of zeros are left out."""
        found = {}
        for key, name in self._names.items():
            if name not in self.left:
                continue
            left, right = (
                _whole(f[name], Mode.FAKE).cpu().numpy().astype(np.int8)
                for f in (self.left, self.right)
            )
            if left.any() and right.any():
                found[f"{key}.weight"] = Factors(left, right, SHIFT)
        return found


def _whole(factor: Tensor, mode: Mode) -> Tensor:
    """A factor in units of its step, rounded already in training, so that nothing is lost later."""
    return round_(factor / STEP, mode).clamp(-LARGEST, LARGEST)


def changed(model: Model, factors: dict[str, Factors], name: str) -> Model:
    """``model`` with ``factors`` added to its weights."""
    tensors = dict(model.tensors)
    for key, change in factors.items():
        tensors[key] = change.added_to(tensors[key])
    return Model.build(model.config, tensors, name)
