"""The feed-forward layer on a GPU: ``docs/numerics.md``, section 5.2. Rows as in ``kernels``."""

from __future__ import annotations

from collections.abc import Callable

import triton
import triton.language as tl

from nncomp.engine.cuda import kernels
from nncomp.engine.cuda.arithmetic import clamp, normed_product, rq
from nncomp.engine.cuda.tensors import TILE, Rows, Tensors
from nncomp.network import layers as kinds

__all__ = ["FeedForward", "expand"]


class FeedForward:
    """A feed-forward layer with its tensors on a GPU."""

    def __init__(self, shape: kinds.FeedForward, tensors: Tensors) -> None:
        self.width = shape.width
        self.norm = tensors.number("norm.c")
        self.up, self.down = tensors.matrix("up"), tensors.matrix("down", less=128)

    @staticmethod
    def scratch(shape: kinds.FeedForward) -> int:
        return shape.width

    @staticmethod
    def state(shape: kinds.FeedForward, steps: int) -> int:
        return 0

    def start(self, rows: Rows) -> Callable[[], None]:
        (s,) = rows.scratch(self.width)

        def add() -> None:
            expand[rows.tiles, self.width // TILE](
                rows.x, self.norm, self.up.weight, self.up.m, s,
                D=rows.width, F=self.width, **rows.block,
            )  # fmt: skip
            kernels.accumulate[rows.tiles, rows.width // TILE](
                rows.x, s, self.down.weight, self.down.start, self.down.m,
                N=rows.width, K=self.width, **rows.block,
            )  # fmt: skip

        return add


@triton.jit
def expand(
    x, c, weight, m, s,
    D: tl.constexpr, F: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """Compute the hidden units, squared ReLU minus 128: s (rows, F) s8."""
    row = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    total = normed_product(x, row, c, weight, column, D, BLOCK_M, BLOCK_N, BLOCK_K)
    p = clamp(rq(total, tl.load(m + column)[None, :]), 0, 4095).to(tl.int32)
    squared = tl.minimum((p * p + (1 << 15)) >> 16, 255)
    tl.store(s + row[:, None] * F + column[None, :], (squared - 128).to(tl.int8))
