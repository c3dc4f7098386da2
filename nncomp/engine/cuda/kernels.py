"""The network's kernels, in Triton: ``docs/numerics.md``, sections 3 to 6, on many rows at once.

A row is one step of one lane. Rows are lane by lane: row = lane · STEPS + step; a decoder has one
step, an encoder a chunk of them. ``time[lane]`` is the first step's t. Every array has whole tiles
of rows, so rows are never masked; what comes of rows past a lane's end is not used.

Only integers occur. Tensor cores multiply s8 by s8 here, so that u8 operands are stored less 128,
and 128 times the sum of the other operand is added. Under ``TRITON_INTERPRET=1`` the same functions
run in numpy, without a GPU.
"""

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["accumulate", "attend", "embed", "expand", "predict", "project"]

GOLDEN = tl.constexpr(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio
NEVER = tl.constexpr(-(1 << 29))  # below every attention score
FAR = tl.constexpr(640)  # attention weights of this distance and above are 0


@triton.jit
def _rq(x, m):
    """The rounding rule: (x·m + 2^29) >> 30 in int64; |x| < 2^29, 0 ≤ m < 2^31."""
    return (x.to(tl.int64) * m.to(tl.int64) + (1 << 29)) >> 30


@triton.jit
def _clamp(x, low: tl.constexpr, high: tl.constexpr):
    return tl.minimum(tl.maximum(x, low), high)


@triton.jit
def _root(s):
    """floor(√s) for 0 ≤ s < 2^56, a bit at a time."""
    root = tl.zeros_like(s)
    for i in tl.static_range(28):
        more = root + (1 << (27 - i))
        root = tl.where(more * more <= s, more, root)
    return root


@triton.jit
def _scale(x, row, c, D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_K: tl.constexpr):
    """What norm multiplies each row by: (BLOCK_M) int64, below 2^31."""
    column = tl.arange(0, BLOCK_K)
    power = tl.zeros([BLOCK_M], tl.int64)  # < 2^55
    for k in range(0, D, BLOCK_K):
        v = tl.load(x + row[:, None] * D + (k + column)[None, :]).to(tl.int64)
        power += tl.sum(v * v, axis=1)
    root = tl.maximum(_root(power), 1)
    return tl.minimum(tl.load(c) // root, (1 << 31) - 1)


@triton.jit
def _normed_product(
    x, row, c, weight, column,
    D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """weight·norm(x): (BLOCK_M, BLOCK_N) int32. weight is (outputs, D) s8, x (rows, D) int32."""
    scale = _scale(x, row, c, D, BLOCK_M, BLOCK_K)
    i = tl.arange(0, BLOCK_K)
    total = tl.zeros([BLOCK_M, BLOCK_N], tl.int32)
    for k in range(0, D, BLOCK_K):
        v = tl.load(x + row[:, None] * D + (k + i)[None, :])
        y = _clamp(_rq(v, scale[:, None]), -127, 127).to(tl.int8)
        w = tl.load(weight + column[None, :] * D + (k + i)[:, None])
        total = tl.dot(y, w, acc=total, out_dtype=tl.int32)
    return total


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
    total = _clamp(_rq(w << 10, tl.load(m)), -32767, 32767)
    for i in tl.static_range(TABLES):
        mask, shift = tl.load(tables + 8 * i), tl.load(tables + 8 * i + 1)
        width, first = tl.load(tables + 8 * i + 2), tl.load(tables + 8 * i + 3)
        offset, multiplier = tl.load(tables + 8 * i + 4), tl.load(tables + 8 * i + 5)
        index = ((past & mask).to(tl.uint64) * GOLDEN) >> shift.to(tl.uint64)
        inside = (column >= first) & (column < first + width)
        place = offset + index.to(tl.int64)[:, None] * width + (column - first)[None, :]
        g = tl.load(table_weight + place, mask=inside[None, :], other=0).to(tl.int32)
        total += _clamp(_rq(g << 10, multiplier), -32767, 32767)
    tl.store(x + row[:, None] * D + column[None, :], total.to(tl.int32))


@triton.jit
def project(
    x, c, weight, m, q, keys, values, time,
    D: tl.constexpr, Q: tl.constexpr, HEAD: tl.constexpr, RING: tl.constexpr, STEPS: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """q, k and v of section 5. q goes to (rows, Q) s8; k and v go to their rings at t mod RING:
    keys (lanes, RING, HEAD) s8, values (lanes, HEAD, RING) s8. weight has whole tiles of rows."""
    row = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    total = _normed_product(x, row, c, weight, column, D, BLOCK_M, BLOCK_N, BLOCK_K)
    a = _clamp(_rq(total, tl.load(m + column)[None, :]), -127, 127).to(tl.int8)

    lane = row // STEPS
    slot = (tl.load(time + lane) + (row % STEPS).to(tl.int32)) % RING
    everyone = row[:, None] >= 0
    tl.store(q + row[:, None] * Q + column[None, :], a, mask=everyone & (column < Q)[None, :])
    i = column - Q  # of k
    place = (lane * RING + slot)[:, None] * HEAD + i[None, :]
    tl.store(keys + place, a, mask=everyone & ((i >= 0) & (i < HEAD))[None, :])
    i = column - Q - HEAD  # of v
    place = (lane[:, None] * HEAD + i[None, :]) * RING + slot[:, None]
    tl.store(values + place, a, mask=everyone & ((i >= 0) & (i < HEAD))[None, :])


@triton.jit
def _scores(
    query, head, t, last, first, lane, keys, bias, m,
    HEAD: tl.constexpr, PADDED_HEAD: tl.constexpr, WINDOW: tl.constexpr, RING: tl.constexpr,
    BLOCK_J: tl.constexpr,
):  # fmt: skip
    """z of the ring's slots first … first + BLOCK_J − 1: (rows, BLOCK_J) int32, else NEVER."""
    slot = first + tl.arange(0, BLOCK_J)
    behind = last % RING - slot
    position = last - tl.where(behind < 0, behind + RING, behind)  # what the slot holds
    distance = t[:, None] - position[None, :]
    valid = (distance >= 0) & (distance < WINDOW) & (position >= 0)[None, :]
    i = tl.arange(0, PADDED_HEAD)
    place = (lane * RING + slot)[None, :] * HEAD + i[:, None]
    key = tl.load(keys + place, mask=(i < HEAD)[:, None] & (slot >= 0)[None, :], other=0)
    z = _rq(tl.dot(query, key, out_dtype=tl.int32), tl.load(m)).to(tl.int32)
    z += tl.load(bias + head[:, None] * WINDOW + distance, mask=valid, other=0)
    return tl.where(valid, z, NEVER)


@triton.jit
def attend(
    o, q, keys, values, time, bias, m, c, exp,
    HEADS: tl.constexpr, PADDED_HEADS: tl.constexpr, HEAD: tl.constexpr, PADDED_HEAD: tl.constexpr,
    WINDOW: tl.constexpr, RING: tl.constexpr, STEPS: tl.constexpr, GROUP: tl.constexpr,
    BLOCK_J: tl.constexpr,
):  # fmt: skip
    """Attention of GROUP steps of a lane: o (rows, HEADS · HEAD) s8 from what ``project`` wrote.

    bias (HEADS, WINDOW) int32; exp (FAR + 1) u8, the last one 0. Rows of a product are heads of
    steps, PADDED_HEADS for each step. RING ≥ WINDOW + STEPS − 1, so no slot that a step of the
    chunk reads was overwritten by a later one.
    """
    lane = tl.program_id(0).to(tl.int64)
    index = tl.arange(0, GROUP * PADDED_HEADS)
    step = tl.program_id(1) * GROUP + index // PADDED_HEADS
    head = index % PADDED_HEADS
    used = (head < HEADS) & (step < STEPS)
    head = tl.where(used, head, 0)
    begin = tl.load(time + lane)
    t = begin + tl.where(used, step, 0)
    last = begin + STEPS - 1
    row = lane * STEPS + step

    i = tl.arange(0, PADDED_HEAD)
    place = row[:, None] * (HEADS * HEAD) + head[:, None] * HEAD + i[None, :]
    query = tl.load(q + place, mask=used[:, None] & (i < HEAD)[None, :], other=0)
    top = tl.full([GROUP * PADDED_HEADS], NEVER, tl.int32)
    for first in range(0, RING, BLOCK_J):
        z = _scores(query, head, t, last, first, lane, keys, bias, m,
                    HEAD, PADDED_HEAD, WINDOW, RING, BLOCK_J)  # fmt: skip
        top = tl.maximum(top, tl.max(z, axis=1))

    i = tl.arange(0, HEAD)
    weights = tl.zeros([GROUP * PADDED_HEADS], tl.int32)
    total = tl.zeros([GROUP * PADDED_HEADS, HEAD], tl.int32)  # < 2^25
    for first in range(0, RING, BLOCK_J):
        z = _scores(query, head, t, last, first, lane, keys, bias, m,
                    HEAD, PADDED_HEAD, WINDOW, RING, BLOCK_J)  # fmt: skip
        u = tl.load(exp + tl.minimum(top[:, None] - z, FAR)).to(tl.int32)
        weights += tl.sum(u, axis=1)
        slot = first + tl.arange(0, BLOCK_J)
        value = tl.load(values + (lane * HEAD + i[None, :]) * RING + slot[:, None])
        total = tl.dot((u - 128).to(tl.int8), value, acc=total, out_dtype=tl.int32)
        total += 128 * tl.sum(value.to(tl.int32), axis=0)[None, :]
    r = tl.load(c) // tl.maximum(weights, 1).to(tl.int64)
    out = _clamp(_rq(total, r[:, None]), -127, 127).to(tl.int8)
    place = row[:, None] * (HEADS * HEAD) + head[:, None] * HEAD + i[None, :]
    tl.store(o + place, out, mask=used[:, None] & (i >= 0)[None, :])


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
    addend = _clamp(_rq(total, tl.load(m + column)[None, :]), -32767, 32767).to(tl.int32)
    place = x + row[:, None] * N + column[None, :]
    tl.store(place, tl.load(place) + addend)


@triton.jit
def expand(
    x, c, weight, m, s,
    D: tl.constexpr, F: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """Squared ReLU of section 5, less 128: s (rows, F) s8."""
    row = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    total = _normed_product(x, row, c, weight, column, D, BLOCK_M, BLOCK_N, BLOCK_K)
    p = _clamp(_rq(total, tl.load(m + column)[None, :]), 0, 4095).to(tl.int32)
    squared = tl.minimum((p * p + (1 << 15)) >> 16, 255)
    tl.store(s + row[:, None] * F + column[None, :], (squared - 128).to(tl.int8))


@triton.jit
def predict(
    x, c, weight, m, power, out, sums,
    D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """Section 6, as coder.hpp's Distribution: 256 weights (int32) and the sums of each 16 (int64).

    ``out`` and ``sums`` are one array, of 1152 bytes a row. power is POW as int32.
    """
    row = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.arange(0, 256)
    total = _normed_product(x, row, c, weight, column, D, BLOCK_M, 256, BLOCK_K)
    z = _rq(total, tl.load(m + column)[None, :])
    distance = tl.max(z, axis=1)[:, None] - z  # int64: up to 2^31
    octaves = tl.minimum(distance >> 8, 31).to(tl.int32)
    w = tl.maximum(tl.load(power + (distance & 255)) >> octaves, 1)
    tl.store(out + row[:, None] * 288 + column[None, :], w)
    group = tl.sum(tl.reshape(w.to(tl.int64), [BLOCK_M, 16, 16]), axis=2)
    tl.store(sums + row[:, None] * 144 + 128 + tl.arange(0, 16)[None, :], group)
