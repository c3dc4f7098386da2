"""The arithmetic of ``docs/numerics.md`` that the network's kernels share.

Only integers occur. Tensor cores multiply s8 by s8 here; so a u8 operand is stored with 128
subtracted, and 128 times the sum of the other operand is added to the product. With
``TRITON_INTERPRET=1`` the same functions run in numpy, without a GPU.
"""

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["clamp", "normed_product", "rq"]


@triton.jit
def rq(x, m):
    """The rounding rule: (x·m + 2^29) >> 30 in int64; |x| < 2^29, 0 ≤ m < 2^31."""
    return (x.to(tl.int64) * m.to(tl.int64) + (1 << 29)) >> 30


@triton.jit
def clamp(x, low: tl.constexpr, high: tl.constexpr):
    return tl.minimum(tl.maximum(x, low), high)


@triton.jit
def _root(s):
    """floor(√s) for 0 ≤ s < 2^56, bit by bit."""
    root = tl.zeros_like(s)
    for i in tl.static_range(28):
        more = root + (1 << (27 - i))
        root = tl.where(more * more <= s, more, root)
    return root


@triton.jit
def _scale(x, row, c, D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_K: tl.constexpr):
    """The factor by which the norm scales each row: (BLOCK_M) int64, below 2^31."""
    column = tl.arange(0, BLOCK_K)
    power = tl.zeros([BLOCK_M], tl.int64)  # < 2^55
    for k in range(0, D, BLOCK_K):
        v = tl.load(x + row[:, None] * D + (k + column)[None, :]).to(tl.int64)
        power += tl.sum(v * v, axis=1)
    root = tl.maximum(_root(power), 1)
    return tl.minimum(tl.load(c) // root, (1 << 31) - 1)


@triton.jit
def normed_product(
    x, row, c, weight, column,
    D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """weight·norm(x): (BLOCK_M, BLOCK_N) int32. weight is (outputs, D) s8, x (rows, D) int32."""
    scale = _scale(x, row, c, D, BLOCK_M, BLOCK_K)
    i = tl.arange(0, BLOCK_K)
    total = tl.zeros([BLOCK_M, BLOCK_N], tl.int32)
    for k in range(0, D, BLOCK_K):
        v = tl.load(x + row[:, None] * D + (k + i)[None, :])
        y = clamp(rq(v, scale[:, None]), -127, 127).to(tl.int8)
        w = tl.load(weight + column[None, :] * D + (k + i)[:, None])
        total = tl.dot(y, w, acc=total, out_dtype=tl.int32)
    return total
