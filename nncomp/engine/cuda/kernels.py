"""The network's own kernels, in Triton: ``docs/numerics.md``, sections 3 and 6, on many rows.

And the product that layers end with; those of a kind of layer are in ``layers``. A row is one step
of one lane. Rows are lane by lane: row = lane · STEPS + step; a decoder has one step, an encoder a
chunk of them. ``time[lane]`` is the first step's t. Every array has whole tiles of rows,
so rows are never masked; what comes of rows past a lane's end is not used.
"""

from __future__ import annotations

import triton
import triton.language as tl

from nncomp.engine.cuda.arithmetic import clamp, normed_product, rq

__all__ = ["accumulate", "embed", "predict"]

GOLDEN = tl.constexpr(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio


@triton.jit
def embed(
    x, data, start, time, weight, m, tables, table_weight,
    D: tl.constexpr, STEPS: tl.constexpr, TABLES: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
):  # fmt: skip
    """Section 3. x (rows, D) int32; data u8, a lane's bytes from start[lane] (int64) on.

    Row i of ``tables``, (TABLES, 8) int64: a mask of the last bytes, the hash's shift, width, first
    channel, offset in ``table_weight``, multiplier, two unused.
    """
    row = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    lane = row // STEPS
    t = tl.load(time + lane) + (row % STEPS).to(tl.int32)
    at = tl.load(start + lane) + t
    past = tl.zeros([BLOCK_M], tl.int64)  # the last six bytes, most recent lowest
    for j in tl.static_range(1, 7):
        byte = tl.load(data + at - j, mask=t >= j, other=0)
        past |= byte.to(tl.int64) << (8 * (j - 1))
    token = tl.where(t == 0, 256, past & 255)

    column = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    w = tl.load(weight + token[:, None] * D + column[None, :]).to(tl.int32)
    total = clamp(rq(w << 10, tl.load(m)), -32767, 32767)
    for i in tl.static_range(TABLES):
        mask, shift = tl.load(tables + 8 * i), tl.load(tables + 8 * i + 1)
        width, first = tl.load(tables + 8 * i + 2), tl.load(tables + 8 * i + 3)
        offset, multiplier = tl.load(tables + 8 * i + 4), tl.load(tables + 8 * i + 5)
        index = ((past & mask).to(tl.uint64) * GOLDEN) >> shift.to(tl.uint64)
        inside = (column >= first) & (column < first + width)
        place = offset + index.to(tl.int64)[:, None] * width + (column - first)[None, :]
        g = tl.load(table_weight + place, mask=inside[None, :], other=0).to(tl.int32)
        total += clamp(rq(g << 10, multiplier), -32767, 32767)
    tl.store(x + row[:, None] * D + column[None, :], total.to(tl.int32))


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
    """Section 6, as coder.hpp's Distribution: 256 frequencies (int32), sums of each 16 (int64).

    ``out`` and ``sums`` are one array, of 1152 bytes a row. power is POW as int32.
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
