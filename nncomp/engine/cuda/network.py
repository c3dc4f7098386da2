"""The network on a torch device: a model's tensors, and the forward pass for many lanes.

``Network`` is made once for a model and device. ``Run`` holds the memory of the lanes that are
coded together; all of it is allocated at the beginning, so that ``forward`` can be captured in a
CUDA graph.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from nncomp.engine.cuda import kernels
from nncomp.engine.cuda.embedding import Embedding
from nncomp.engine.cuda.layers import LAYERS
from nncomp.engine.cuda.tensors import TILE, Rows, Tensors
from nncomp.model import Model
from nncomp.network import ModelConfig
from nncomp.tables import POW

__all__ = ["DISTRIBUTION", "Network", "Run", "padded_lanes", "run_memory"]

DISTRIBUTION = 1152  # bytes of coder.hpp's Distribution: 256 frequencies of 4 bytes, 16 sums of 8
MANY_ROWS = 4096  # from so many rows on, tiles of 64 rows fill a GPU; below, tiles of 16 are used


def padded_lanes(lanes: int, steps: int) -> int:
    """``lanes`` rounded up so that the rows of all lanes fill whole tiles."""
    tile = _tile_rows(lanes * steps)
    while lanes * steps % tile:
        lanes += 1
    return lanes


def run_memory(model: Model, lanes: int, steps: int) -> int:
    """Bytes on the device that a ``Run`` of these lanes and steps takes."""
    c = model.config
    row = 4 * c.d_model + _scratch(c) + DISTRIBUTION
    states = sum(LAYERS[type(shape)].state(shape, steps) for shape in c.layers)
    return padded_lanes(lanes, steps) * (steps * row + states + Embedding.memory(steps))


def _scratch(c: ModelConfig) -> int:
    """Bytes per row of the scratch memory that layers share."""
    return max(LAYERS[type(shape)].scratch(shape) for shape in c.layers)


def _tile_rows(rows: int) -> int:
    return 16 if rows < MANY_ROWS else 64


class Network:
    """A model with its tensors on a device."""

    def __init__(self, model: Model, device: torch.device) -> None:
        c = model.config
        self.model = model
        self.device = device
        tensors = Tensors(model, device)
        self.embedding = Embedding(c, tensors)
        self.layers = [
            LAYERS[type(shape)](shape, tensors.within(f"layers.{i}."))
            for i, shape in enumerate(c.layers)
        ]
        self.norm = tensors.number("norm.c")
        self.head = tensors.matrix("head")
        self.power = tensors.put(POW.astype(np.int32), torch.int32)  # (256) ≤ 2^30


class Run:
    """Lanes that ``network`` predicts together, ``steps`` bytes of each per call of ``forward``.

    ``data`` is u8 and has ``steps`` bytes behind the last lane's end; ``start``, (lanes) int64, is
    where each lane's bytes begin. ``time``, (lanes) int32, counts the bytes of each lane so far;
    whoever codes them has to increase it. ``activations``, (rows, units) s8, are those of the
    hidden units that the stage reads. Lanes beyond those of ``start`` are padding.
    """

    def __init__(
        self, network: Network, data: torch.Tensor, start: npt.NDArray[np.int64], steps: int
    ) -> None:
        c, device = network.model.config, network.device
        self.network = network
        self.steps = steps
        self.count = len(start)  # of lanes without padding
        self.lanes = padded_lanes(len(start), steps)
        rows = self.lanes * steps
        padding = np.zeros(self.lanes - len(start), np.int64)
        begin = torch.from_numpy(np.concatenate([start, padding])).to(device)

        def zeros(*shape: int, dtype: torch.dtype) -> torch.Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        self.time = zeros(self.lanes, dtype=torch.int32)
        self.distributions = zeros(rows, DISTRIBUTION // 4, dtype=torch.int32)
        self.sums = self.distributions.view(torch.int64)  # the same memory
        self.rows = Rows(
            zeros(rows, c.d_model, dtype=torch.int32),
            self.time,
            zeros(rows * _scratch(c), dtype=torch.int8),
            self.count,
            steps,
            _tile_rows(rows),
        )
        # The last layer leaves its hidden units there, if it has any: squared ReLUs minus 128.
        (self.activations,) = self.rows.scratch(c.units)
        self.start = network.embedding.start(self.rows, data, begin)
        self.layers = [layer.start(self.rows) for layer in network.layers]

    def forward(self) -> None:
        """Compute ``distributions`` (rows, 288) int32 from ``data`` and ``time``."""
        n, rows = self.network, self.rows
        self.start()
        for add in self.layers:
            add()
        kernels.predict[(rows.tiles,)](
            rows.x, n.norm, n.head.weight, n.head.m, n.power, self.distributions, self.sums,
            D=rows.width, BLOCK_M=rows.tile, BLOCK_K=TILE, num_warps=8,
        )  # fmt: skip
