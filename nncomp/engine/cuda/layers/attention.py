"""Attention on a GPU: ``docs/numerics.md``, section 5.1. Rows are those of ``kernels``."""

from __future__ import annotations

from collections.abc import Callable

import torch
import triton
import triton.language as tl

from nncomp.engine.cuda import kernels
from nncomp.engine.cuda.arithmetic import clamp, normed_product, rq
from nncomp.engine.cuda.tensors import TILE, Rows, Tensors
from nncomp.network import layers as kinds
from nncomp.tables import EXP

__all__ = ["Attention", "attend", "project"]

NEVER = tl.constexpr(-(1 << 29))  # below every attention score
FAR = tl.constexpr(640)  # a score so much below the largest has softmax weight 0


class Attention:
    """An attention layer with its tensors on a GPU."""

    def __init__(self, shape: kinds.Attention, tensors: Tensors) -> None:
        self.shape = shape
        self.norm = tensors.number("norm.c")
        self.qkv, self.out = tensors.matrix("qkv"), tensors.matrix("out")
        self.m, self.c = tensors.number("attn.m"), tensors.number("attn.c")
        self.bias = tensors.numbers("attn.bias", torch.int32)  # (heads, window)
        self.exp = tensors.put([*EXP.tolist(), 0], torch.uint8)  # (FAR + 1)

    @staticmethod
    def scratch(shape: kinds.Attention) -> int:
        return 2 * shape.heads * shape.width

    @staticmethod
    def state(shape: kinds.Attention, steps: int) -> int:
        return 2 * shape.width * _ring(shape.window, steps)

    def start(self, rows: Rows) -> Callable[[], None]:
        heads, h, window = self.shape.heads, self.shape.width, self.shape.window
        width, ring = heads * h, _ring(window, rows.steps)
        keys, values = rows.zeros(rows.lanes, ring, h), rows.zeros(rows.lanes, h, ring)
        q, o = rows.scratch(width, width)
        padded_heads = 1 << (heads - 1).bit_length()
        # Rows of an attention product: at least 16, and about 64 where there are many steps.
        group = max((16 if rows.steps == 1 else 64) // padded_heads, 1)

        def add() -> None:
            project[rows.tiles, len(self.qkv.weight) // TILE](
                rows.x, self.norm, self.qkv.weight, self.qkv.m, q, keys, values, rows.time,
                D=rows.width, Q=width, HEAD=h, RING=ring, STEPS=rows.steps, **rows.block,
            )  # fmt: skip
            attend[rows.count, -(-rows.steps // group)](
                o, q, keys, values, rows.time, self.bias, self.m, self.c, self.exp,
                HEADS=heads, PADDED_HEADS=padded_heads, HEAD=h, PADDED_HEAD=max(h, 32),
                WINDOW=window, RING=ring, STEPS=rows.steps, GROUP=group, BLOCK_J=TILE,
            )  # fmt: skip
            kernels.accumulate[rows.tiles, rows.width // TILE](
                rows.x, o, self.out.weight, self.out.start, self.out.m,
                N=rows.width, K=width, **rows.block,
            )  # fmt: skip

        return add


def _ring(window: int, steps: int) -> int:
    """Slots of a ring buffer of keys or values: the window of the first of ``steps`` steps, and
    room for the later steps, in whole tiles."""
    return window + -(-(steps - 1) // TILE) * TILE


@triton.jit
def project(
    x, c, weight, m, q, keys, values, time,
    D: tl.constexpr, Q: tl.constexpr, HEAD: tl.constexpr, RING: tl.constexpr, STEPS: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """Compute q, k and v. q is (rows, Q) s8; k and v go to their ring buffers at t mod RING:
    keys (lanes, RING, HEAD) s8, values (lanes, HEAD, RING) s8. weight has whole tiles of rows."""
    row = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    total = normed_product(x, row, c, weight, column, D, BLOCK_M, BLOCK_N, BLOCK_K)
    a = clamp(rq(total, tl.load(m + column)[None, :]), -127, 127).to(tl.int8)

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
    """Scores of the ring's slots first … first + BLOCK_J − 1: (rows, BLOCK_J) int32; NEVER for
    slots outside of the window."""
    slot = first + tl.arange(0, BLOCK_J)
    behind = last % RING - slot
    position = last - tl.where(behind < 0, behind + RING, behind)  # what the slot holds
    distance = t[:, None] - position[None, :]
    valid = (distance >= 0) & (distance < WINDOW) & (position >= 0)[None, :]
    i = tl.arange(0, PADDED_HEAD)
    place = (lane * RING + slot)[None, :] * HEAD + i[:, None]
    key = tl.load(keys + place, mask=(i < HEAD)[:, None] & (slot >= 0)[None, :], other=0)
    z = rq(tl.dot(query, key, out_dtype=tl.int32), tl.load(m)).to(tl.int32)
    z += tl.load(bias + head[:, None] * WINDOW + distance, mask=valid, other=0)
    return tl.where(valid, z, NEVER)


@triton.jit
def attend(
    o, q, keys, values, time, bias, m, c, exp,
    HEADS: tl.constexpr, PADDED_HEADS: tl.constexpr, HEAD: tl.constexpr, PADDED_HEAD: tl.constexpr,
    WINDOW: tl.constexpr, RING: tl.constexpr, STEPS: tl.constexpr, GROUP: tl.constexpr,
    BLOCK_J: tl.constexpr,
):  # fmt: skip
    """Attention of GROUP steps of a lane: o (rows, HEADS · HEAD) s8, from q, k and v of
    ``project``.

    bias is (HEADS, WINDOW) int32; exp is (FAR + 1) u8, the last one 0. The rows of a product are
    (step, head), with PADDED_HEADS for each step. RING ≥ WINDOW + STEPS − 1, so that no slot that a
    step of the chunk reads has been overwritten by a later step.
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
    out = clamp(rq(total, r[:, None]), -127, 127).to(tl.int8)
    place = row[:, None] * (HEADS * HEAD) + head[:, None] * HEAD + i[None, :]
    tl.store(o + place, out, mask=used[:, None] & (i >= 0)[None, :])
