"""Triton kernels of the network's output (``docs/numerics.md``, section 6), and of the product with
which every layer ends. Other kernels are in ``layers`` and ``embedding``.

A row is one step of one lane: row = lane · STEPS + step. A decoder has one step at a time, an
encoder a chunk of them. ``time[lane]`` is the t of the first step. Every array has whole tiles of
rows, so rows are never masked; results of rows past a lane's end are not used.
"""

from __future__ import annotations

import triton
import triton.language as tl

from nncomp.engine.cuda.arithmetic import clamp, normed_product, rq

__all__ = ["accumulate", "predict"]


@triton.jit
def accumulate(
    x, a, weight, start, m,
    N: tl.constexpr, K: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """x += clamp16(rq(start + weight·a)): x (rows, N) int32, a (rows, K) s8, start (N) int32."""
    row = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    i = tl.arange(0, BLOCK_K)
    total = tl.zeros([BLOCK_M, BLOCK_N], tl.int32) + tl.load(start + column)[None, :]
    for k in range(0, K, BLOCK_K):
        v = tl.load(a + row[:, None] * K + (k + i)[None, :])
        w = tl.load(weight + column[None, :] * K + (k + i)[:, None])
        total = tl.dot(v, w, acc=total, out_dtype=tl.int32)
    addend = clamp(rq(total, tl.load(m + column)[None, :]), -32767, 32767).to(tl.int32)
    place = x + row[:, None] * N + column[None, :]
    tl.store(place, tl.load(place) + addend)


@triton.jit
def predict(
    x, c, weight, m, power, out, sums,
    D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """Compute the distributions of section 6 in the layout of coder.hpp's Distribution: 256
    frequencies (int32), and the sum of each 16 of them (int64).

    ``out`` and ``sums`` are the same array, with 1152 bytes per row. power is POW as int32.
    """
    row = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.arange(0, 256)
    total = normed_product(x, row, c, weight, column, D, BLOCK_M, 256, BLOCK_K)
    z = rq(total, tl.load(m + column)[None, :])
    distance = tl.max(z, axis=1)[:, None] - z  # int64: up to 2^31
    octaves = tl.minimum(distance >> 8, 31).to(tl.int32)
    w = tl.maximum(tl.load(power + (distance & 255)) >> octaves, 1)
    tl.store(out + row[:, None] * 288 + column[None, :], w)
    group = tl.sum(tl.reshape(w.to(tl.int64), [BLOCK_M, 16, 16]), axis=2)
    tl.store(sums + row[:, None] * 144 + 128 + tl.arange(0, 16)[None, :], group)
