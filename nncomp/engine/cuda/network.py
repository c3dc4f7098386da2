"""The network on a torch device: a model's tensors there, and a run of steps of many lanes.

``Network`` is packed once for a model and device. ``Run`` has the memory of the lanes that are
coded together, all of it taken when it is made, so that ``forward`` can be captured in a graph.
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
MANY_ROWS = 4096  # from here on tiles of 64 rows, not of 16, fill a GPU


def padded_lanes(lanes: int, steps: int) -> int:
    """So many lanes that their rows fill whole tiles."""
    tile = _tile_rows(lanes * steps)
    while lanes * steps % tile:
        lanes += 1
    return lanes


def run_memory(model: Model, lanes: int, steps: int) -> int:
    """Bytes on the device that a ``Run`` of so many lanes and steps takes."""
    c = model.config
    row = 4 * c.d_model + _scratch(c) + DISTRIBUTION
    states = sum(LAYERS[type(shape)].state(shape, steps) for shape in c.layers)
    return padded_lanes(lanes, steps) * (steps * row + states + Embedding.memory(steps))


def _scratch(c: ModelConfig) -> int:
    """Bytes a row that layers use in turn."""
    return max(LAYERS[type(shape)].scratch(shape) for shape in c.layers)


def _tile_rows(rows: int) -> int:
    return 16 if rows < MANY_ROWS else 64


class Network:
    """A model's tensors on a device."""

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
    """Lanes of ``network``: each call of ``forward`` gives their next ``steps`` distributions.

    ``data`` is u8 and has ``steps`` bytes behind the last lane's end; ``start`` is (lanes) int64,
    where each lane's bytes begin. ``time`` (lanes) int32 counts the bytes of each lane so far: who
    codes them adds to it. ``activations`` are those of the units that the stage reads, (rows,
    units) s8. Lanes beyond those of ``start`` are padding.
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
        # What the last layer leaves there: squared ReLUs less 128, if they are that.
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
