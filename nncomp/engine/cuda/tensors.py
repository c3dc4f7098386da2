"""A model's tensors on a torch device, and the rows of the residual stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nncomp.model import Model

__all__ = ["TILE", "Matrix", "Rows", "Tensors"]

TILE = 64  # a kernel's tile: outputs and inputs of a product, or slots of a ring buffer


@dataclass(frozen=True)
class Matrix:
    """A matrix with its outputs padded to whole tiles."""

    weight: torch.Tensor  # (outputs, inputs) s8
    m: torch.Tensor  # (outputs) int32
    start: torch.Tensor  # (outputs) int32: what products lack if inputs are stored minus ``less``


class Tensors:
    """The tensors of ``model`` whose names begin with ``prefix``."""

    def __init__(self, model: Model, device: torch.device, prefix: str = "") -> None:
        self._model, self._device, self._prefix = model, device, prefix

    def within(self, prefix: str) -> Tensors:
        """The tensors whose names continue with ``prefix``."""
        return Tensors(self._model, self._device, self._prefix + prefix)

    def put(self, values: Any, dtype: torch.dtype) -> torch.Tensor:
        """Copy an array to the device."""
        return torch.tensor(values, dtype=dtype, device=self._device)

    def values(self, name: str) -> npt.NDArray[Any]:
        """A tensor of the model, as a numpy array."""
        return self._model.tensors[self._prefix + name]

    def numbers(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        """A tensor of the model, on the device."""
        return self.put(self.values(name), dtype)

    def number(self, name: str) -> torch.Tensor:
        """A tensor of one number, (1) int64, on the device: Triton might compile the value of a
        plain argument into the kernel."""
        return self.numbers(name, torch.int64)

    def matrix(self, name: str, less: int = 0) -> Matrix:
        """A matrix for inputs that are stored with ``less`` subtracted."""
        tensors, key = self._model.tensors, self._prefix + name
        weight, m = tensors[f"{key}.weight"], tensors[f"{key}.m"]
        padding = -len(weight) % TILE
        weight, m = np.pad(weight, ((0, padding), (0, 0))), np.pad(m, (0, padding))
        start = less * weight.sum(axis=1, dtype=np.int32)  # below 2^27
        return Matrix(
            self.put(weight, torch.int8), self.put(m, torch.int32), self.put(start, torch.int32)
        )


@dataclass(frozen=True)
class Rows:
    """The residual stream of a run, and the memory of its layers. Rows are lanes × steps, lane by
    lane."""

    x: torch.Tensor  # (rows, width) int32, the residual stream
    time: torch.Tensor  # (lanes) int32, the t of each lane's first step
    memory: torch.Tensor  # int8, for ``scratch``
    count: int  # number of lanes without padding
    steps: int
    tile: int  # rows that a kernel takes at a time

    @property
    def lanes(self) -> int:
        return len(self.time)

    @property
    def width(self) -> int:
        return self.x.shape[1]

    @property
    def tiles(self) -> int:
        return len(self.x) // self.tile

    @property
    def block(self) -> dict[str, int]:
        """The tile sizes of a product, as arguments of a kernel."""
        return {"BLOCK_M": self.tile, "BLOCK_N": TILE, "BLOCK_K": TILE}

    def zeros(self, *shape: int) -> torch.Tensor:
        """An s8 tensor that belongs to one layer."""
        return torch.zeros(shape, dtype=torch.int8, device=self.x.device)

    def scratch(self, *widths: int) -> Sequence[torch.Tensor]:
        """A (rows, width) s8 tensor for each of ``widths``, in memory that all layers share."""
        sizes = [len(self.x) * width for width in widths]
        parts = self.memory[: sum(sizes)].split(sizes)
        return [part.view(len(self.x), width) for part, width in zip(parts, widths, strict=True)]
