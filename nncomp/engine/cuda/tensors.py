"""A model's tensors on a torch device, and the rows that its layers are added to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nncomp.model import Model

__all__ = ["TILE", "Matrix", "Rows", "Tensors"]

TILE = 64  # columns of a product, of its inputs, and slots of a ring, that a kernel takes at a time


@dataclass(frozen=True)
class Matrix:
    """A matrix whose outputs are padded to whole tiles."""

    weight: torch.Tensor  # (outputs, inputs) s8
    m: torch.Tensor  # (outputs) int32
    start: torch.Tensor  # (outputs) int32: what products lack


class Tensors:
    """The tensors of ``model`` whose names begin with ``prefix``."""

    def __init__(self, model: Model, device: torch.device, prefix: str = "") -> None:
        self._model, self._device, self._prefix = model, device, prefix

    def within(self, prefix: str) -> Tensors:
        """Those whose names go on with ``prefix``."""
        return Tensors(self._model, self._device, self._prefix + prefix)

    def put(self, values: Any, dtype: torch.dtype) -> torch.Tensor:
        """Anything that is an array, on the device."""
        return torch.tensor(values, dtype=dtype, device=self._device)

    def values(self, name: str) -> npt.NDArray[Any]:
        """A tensor as the model has it."""
        return self._model.tensors[self._prefix + name]

    def numbers(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        """A tensor as it is."""
        return self.put(self.values(name), dtype)

    def number(self, name: str) -> torch.Tensor:
        """(1) int64, on the device: as a kernel's argument, its value would be compiled in."""
        return self.numbers(name, torch.int64)

    def matrix(self, name: str, less: int = 0) -> Matrix:
        """A matrix for inputs that are stored ``less`` that much."""
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
    """What the layers of a run work on: rows are lanes × steps, lane by lane."""

    x: torch.Tensor  # (rows, width) int32, the residual stream
    time: torch.Tensor  # (lanes) int32, the t of each lane's first step
    memory: torch.Tensor  # int8, for ``scratch``
    count: int  # of lanes, without padding
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
        """Tiles of a product."""
        return {"BLOCK_M": self.tile, "BLOCK_N": TILE, "BLOCK_K": TILE}

    def zeros(self, *shape: int) -> torch.Tensor:
        """s8 that belong to a layer alone."""
        return torch.zeros(shape, dtype=torch.int8, device=self.x.device)

    def scratch(self, *widths: int) -> Sequence[torch.Tensor]:
        """(rows, width) s8 for each of ``widths``, which the next layer uses, too."""
        sizes = [len(self.x) * width for width in widths]
        parts = self.memory[: sum(sizes)].split(sizes)
        return [part.view(len(self.x), width) for part, width in zip(parts, widths, strict=True)]
