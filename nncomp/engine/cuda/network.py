"""The network on a torch device: a model's tensors there, and a run of steps of many lanes.

``Network`` is packed once for a model and device. ``Run`` has the memory of the lanes that are
coded together, all of it taken when it is made, so that ``forward`` can be captured in a graph.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from nncomp.engine.cuda import kernels
from nncomp.model import Model
from nncomp.tables import EXP, POW

__all__ = ["DISTRIBUTION", "Network", "Run", "padded_lanes", "run_memory"]

DISTRIBUTION = 1152  # bytes of coder.hpp's Distribution: 256 weights of 4 bytes, 16 sums of 8
TILE = 64  # columns of a product, of its inputs, and slots of a ring, that a kernel takes at a time
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
    lanes = padded_lanes(lanes, steps)
    row = 4 * c.d_model + 2 * c.n_heads * c.d_head + c.d_ff + DISTRIBUTION
    rings = sum(2 * c.d_head * _ring(window, steps) for window in c.windows)
    return lanes * (steps * row + rings)


def _tile_rows(rows: int) -> int:
    return 16 if rows < MANY_ROWS else 64


def _ring(window: int, steps: int) -> int:
    """Slots of a ring: what the window of the first of ``steps`` needs, and those written since."""
    return window + -(-(steps - 1) // TILE) * TILE


class _Matrix:
    """weight (outputs, inputs) s8 and m (outputs) int32, outputs padded to whole tiles."""

    def __init__(self, model: Model, name: str, device: torch.device) -> None:
        weight, m = model.tensors[f"{name}.weight"], model.tensors[f"{name}.m"]
        padding = -len(weight) % TILE
        self.weight = torch.from_numpy(np.pad(weight, ((0, padding), (0, 0)))).to(device)
        self.m = torch.from_numpy(np.pad(m, (0, padding))).to(device)


class _Layer:
    def __init__(self, model: Model, i: int, device: torch.device) -> None:
        name = f"layers.{i}"
        self.window = model.config.windows[i]
        self.norm1 = _constant(model, f"{name}.norm1.c", device)
        self.norm2 = _constant(model, f"{name}.norm2.c", device)
        self.qkv = _Matrix(model, f"{name}.qkv", device)
        self.out = _Matrix(model, f"{name}.out", device)
        self.up = _Matrix(model, f"{name}.up", device)
        self.down = _Matrix(model, f"{name}.down", device)
        self.attn_m = _constant(model, f"{name}.attn.m", device)
        self.attn_c = _constant(model, f"{name}.attn.c", device)
        bias = model.tensors[f"{name}.attn.bias"].astype(np.int32)
        self.bias = torch.from_numpy(bias).to(device)  # (heads, window)
        # What the products of s − 128 lack: 128 times the sum of a row, below 2^27.
        sums = 128 * model.tensors[f"{name}.down.weight"].sum(axis=1, dtype=np.int32)
        self.start = torch.from_numpy(sums).to(device)  # (d) int32


class Network:
    """A model's tensors on a device."""

    def __init__(self, model: Model, device: torch.device) -> None:
        c = model.config
        self.model = model
        self.device = device
        self.embed = torch.from_numpy(model.tensors["embed.weight"].copy()).to(device)  # (257, d)
        self.embed_m = _constant(model, "embed.m", device)
        tables, rows, offset = np.zeros((max(len(c.ngrams), 1), 8), np.int64), [], 0
        for i, (order, log2_rows, width, first) in enumerate(c.ngrams):
            m = int(model.tensors[f"ngram.{i}.m"][0])
            mask = (1 << 8 * order) - 1
            tables[i, :6] = (mask, 64 - log2_rows, width, first, offset, m)
            rows.append(model.tensors[f"ngram.{i}.weight"].ravel())
            offset += width << log2_rows
        self.tables = torch.from_numpy(tables).to(device)
        self.rows = torch.from_numpy(np.concatenate([*rows, np.zeros(16, np.int8)])).to(device)
        self.layers = [_Layer(model, i, device) for i in range(c.n_layers)]
        self.zeros = torch.zeros(c.d_model, dtype=torch.int32, device=device)
        self.norm = _constant(model, "norm.c", device)
        self.head = _Matrix(model, "head", device)
        self.exp = torch.from_numpy(np.append(EXP, np.uint8(0))).to(device)  # (641)
        self.power = torch.from_numpy(POW.astype(np.int32)).to(device)  # (256) ≤ 2^30


class Run:
    """Lanes of ``network``: each call of ``forward`` gives their next ``steps`` distributions.

    ``data`` is u8 and has ``steps`` bytes behind the last lane's end; ``start`` is (lanes) int64,
    where each lane's bytes begin. ``time`` (lanes) int32 counts the bytes of each lane so far: who
    codes them adds to it. Lanes beyond those of ``start`` are padding.
    """

    def __init__(
        self, network: Network, data: torch.Tensor, start: npt.NDArray[np.int64], steps: int
    ) -> None:
        c, device = network.model.config, network.device
        self.network = network
        self.steps = steps
        self.count = len(start)  # of lanes without padding
        self.lanes = padded_lanes(len(start), steps)
        self.rows = rows = self.lanes * steps
        self.data = data
        padding = np.zeros(self.lanes - len(start), np.int64)
        self.start = torch.from_numpy(np.concatenate([start, padding])).to(device)

        def zeros(*shape: int, dtype: torch.dtype = torch.int8) -> torch.Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        self.time = zeros(self.lanes, dtype=torch.int32)
        self.x = zeros(rows, c.d_model, dtype=torch.int32)
        self.q = zeros(rows, c.n_heads * c.d_head)
        self.o = zeros(rows, c.n_heads * c.d_head)
        self.s = zeros(rows, c.d_ff)
        self.distributions = zeros(rows, DISTRIBUTION // 4, dtype=torch.int32)
        self.sums = self.distributions.view(torch.int64)  # the same memory
        self.rings = [_ring(window, steps) for window in c.windows]
        self.keys = [zeros(self.lanes, ring, c.d_head) for ring in self.rings]
        self.values = [zeros(self.lanes, c.d_head, ring) for ring in self.rings]

    def forward(self) -> None:
        """Compute ``distributions`` (rows, 288) int32 from ``data`` and ``time``."""
        n, c = self.network, self.network.model.config
        d, q, f, h = c.d_model, c.n_heads * c.d_head, c.d_ff, c.d_head
        tile = _tile_rows(self.rows)
        tiles = self.rows // tile
        block = {"BLOCK_M": tile, "BLOCK_N": TILE, "BLOCK_K": TILE}
        padded_heads = 1 << (c.n_heads - 1).bit_length()
        # Rows of an attention product: at least 16, and about 64 where there are many steps.
        group = max((16 if self.steps == 1 else 64) // padded_heads, 1)

        kernels.embed[tiles, d // TILE](
            self.x, self.data, self.start, self.time, n.embed, n.embed_m, n.tables, n.rows,
            D=d, STEPS=self.steps, TABLES=len(c.ngrams), BLOCK_M=tile, BLOCK_N=TILE,
        )  # fmt: skip
        for i, layer in enumerate(n.layers):
            kernels.project[tiles, len(layer.qkv.weight) // TILE](
                self.x, layer.norm1, layer.qkv.weight, layer.qkv.m,
                self.q, self.keys[i], self.values[i], self.time,
                D=d, Q=q, HEAD=h, RING=self.rings[i], STEPS=self.steps, **block,
            )  # fmt: skip
            kernels.attend[self.count, -(-self.steps // group)](
                self.o, self.q, self.keys[i], self.values[i], self.time,
                layer.bias, layer.attn_m, layer.attn_c, n.exp,
                HEADS=c.n_heads, PADDED_HEADS=padded_heads, HEAD=h, PADDED_HEAD=max(h, 32),
                WINDOW=layer.window, RING=self.rings[i], STEPS=self.steps, GROUP=group,
                BLOCK_J=TILE,
            )  # fmt: skip
            kernels.accumulate[tiles, d // TILE](
                self.x, self.o, layer.out.weight, n.zeros, layer.out.m, N=d, K=q, **block
            )
            kernels.expand[tiles, f // TILE](
                self.x, layer.norm2, layer.up.weight, layer.up.m, self.s, D=d, F=f, **block
            )
            kernels.accumulate[tiles, d // TILE](
                self.x, self.s, layer.down.weight, layer.start, layer.down.m, N=d, K=f, **block
            )
        kernels.predict[(tiles,)](
            self.x, n.norm, n.head.weight, n.head.m, n.power, self.distributions, self.sums,
            D=d, BLOCK_M=tile, BLOCK_K=TILE, num_warps=8,
        )  # fmt: skip


def _constant(model: Model, name: str, device: torch.device) -> torch.Tensor:
    """A constant as (1) int64 on the device: as an argument, its value would be compiled in."""
    return torch.from_numpy(model.tensors[name].astype(np.int64)).to(device)
