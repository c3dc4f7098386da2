"""The beginning of the residual stream, on a GPU: ``docs/numerics.md``, section 3.

Rows are those of ``kernels``. ``follow`` goes through a lane's bytes in order and computes the keys
of all contexts; ``embed`` looks them up, each row independently.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import triton
import triton.language as tl

from nncomp.engine.cuda.arithmetic import clamp, rq
from nncomp.engine.cuda.tensors import TILE, Rows, Tensors
from nncomp.network import CONTEXTS, WAYS, ModelConfig

__all__ = ["Embedding", "embed", "follow"]

GOLDEN = tl.constexpr(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio
FACTOR = tl.constexpr(0x2F0B4C4700000B2D)
_PAST = 9  # numbers of a lane's state: last bytes, words, line, …
PAST, KEYS = tl.constexpr(_PAST), tl.constexpr(len(CONTEXTS))


class Embedding:
    """A model's byte embedding and tables on a device."""

    def __init__(self, config: ModelConfig, tensors: Tensors) -> None:
        self.weight = tensors.numbers("embed.weight", torch.int8)  # (257, d)
        self.m = tensors.number("embed.m")
        self.count = len(config.tables)
        places = np.zeros((max(self.count, 1), 8), np.int64)
        rows, checks = [np.zeros(16, np.int8)], [np.zeros(WAYS, np.uint8)]
        for i, table in enumerate(config.tables):
            name = f"table.{i}"
            check = sum(map(len, checks)) // WAYS if table.ways else 0  # no table's bucket is 0
            places[i] = (
                CONTEXTS.index(table.context), table.log2_rows, table.width, table.first,
                sum(map(len, rows)), tensors.values(f"{name}.m")[0], check, 0,
            )  # fmt: skip
            rows.append(tensors.values(f"{name}.weight").ravel())
            if table.ways:
                checks.append(tensors.values(f"{name}.check"))
        self.tables = tensors.put(places, torch.int64)
        self.rows = tensors.put(np.concatenate(rows), torch.int8)
        self.checks = tensors.put(np.concatenate(checks).view("<i8"), torch.int64)  # a bucket each

    @staticmethod
    def memory(steps: int) -> int:
        """Bytes of state and keys for a lane with ``steps`` steps at a time."""
        return 8 * (_PAST + steps * len(CONTEXTS))

    def start(self, rows: Rows, data: torch.Tensor, begin: torch.Tensor) -> Callable[[], None]:
        """A function that computes the beginning of the residual stream of the next steps.
        ``data`` holds all lanes' bytes, and ``begin``, (lanes) int64, where each lane's begin."""

        def zeros(*shape: int) -> torch.Tensor:
            return torch.zeros(shape, dtype=torch.int64, device=data.device)

        past, keys = zeros(rows.lanes, _PAST), zeros(len(rows.x), len(CONTEXTS))
        block = math.gcd(rows.lanes, TILE)

        def start() -> None:
            follow[(rows.lanes // block,)](
                keys, past, data, begin, rows.time, STEPS=rows.steps, BLOCK=block, num_warps=1
            )
            embed[rows.tiles, rows.width // TILE](
                rows.x, data, begin, rows.time, self.weight, self.m, keys, self.tables,
                self.checks, self.rows,
                D=rows.width, STEPS=rows.steps, TABLES=self.count, BLOCK_M=rows.tile, BLOCK_N=TILE,
            )  # fmt: skip

        return start


@triton.jit
def _is_letter(byte):
    digit = (byte >= 48) & (byte <= 57)
    return (byte >= 128) | digit | (((byte | 32) >= 97) & ((byte | 32) <= 122))


@triton.jit
def _byte_above(bytes, t, line, above, AHEAD: tl.constexpr):
    place = above + (t - line)
    known = (place >= 0) & (place < line) & (place + AHEAD < t)
    return tl.load(bytes + place + AHEAD, mask=known, other=0).to(tl.int64)


@triton.jit
def follow(keys, past, data, begin, time, STEPS: tl.constexpr, BLOCK: tl.constexpr):
    """Compute the contexts' keys, (rows, KEYS) int64 in the order of ``CONTEXTS``, and update the
    lanes' state ``past``, (lanes, PAST) int64."""
    lane = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    first_t = tl.load(time + lane).to(tl.int64)
    bytes = data + tl.load(begin + lane)
    kept = past + lane * PAST
    again = first_t > 0  # False at the beginning of a lane, where the state is 0
    last = tl.load(kept, mask=again, other=0)  # the last eight bytes, the newest lowest
    word = tl.load(kept + 1, mask=again, other=0)
    before = tl.load(kept + 2, mask=again, other=0)
    line = tl.load(kept + 3, mask=again, other=0)
    above = tl.load(kept + 4, mask=again, other=0)
    field = tl.load(kept + 5, mask=again, other=0)
    blanks = tl.load(kept + 6, mask=again, other=0)
    blanks_above = tl.load(kept + 7, mask=again, other=0)
    first = tl.load(kept + 8, mask=again, other=0)  # 256 + the line's first non-blank byte, or 0
    for step in range(STEPS):
        t = first_t + step
        old = t > 0
        byte = tl.load(bytes + t - 1, mask=old, other=0).to(tl.int64)
        letter = old & _is_letter(byte)
        ends = old & _is_letter(last & 255) & ((byte >= 0xE0) | (letter == 0))
        before = tl.where(ends, word, before)
        word = tl.where(ends, 0, word)
        lower = tl.where((byte >= 65) & (byte <= 90), byte + 32, byte)
        word = tl.where(letter, (word + lower + 1) * FACTOR, word)
        last = (last << 8) | byte
        separator = (byte == 9) | (byte == 44) | (byte == 59) | (byte == 124)
        newline = old & (byte == 10)
        above = tl.where(newline, line, above)
        line = tl.where(newline, t, line)
        field = tl.where(newline, 0, field + (old & separator).to(tl.int64))
        blank = (byte == 9) | (byte == 32)
        begun = first > 0
        blanks_above = tl.where(newline, blanks, blanks_above)
        more = (old & blank & (begun == 0)).to(tl.int64)
        blanks = tl.where(newline, 0, tl.minimum(blanks + more, 31))
        first = tl.where(begun | blank | (old == 0), first, 256 + byte)
        first = tl.where(newline, 0, first)

        key = keys + (lane * STEPS + step) * KEYS
        for count in tl.static_range(1, 8):
            tl.store(key + count - 1, last & ((1 << 8 * count) - 1))
        tl.store(key + 7, last)
        tl.store(key + 8, last & 0xFFFFFF00)
        tl.store(key + 9, last & 0xFFFF00)
        tl.store(key + 10, word)
        tl.store(key + 11, word * FACTOR + before)
        pair = (_byte_above(bytes, t, line, above, 0) << 8) | _byte_above(bytes, t, line, above, 1)
        tl.store(key + 12, (pair << 8) | (last & 255))
        tl.store(key + 13, word * FACTOR + field)
        numbers = (blanks << 13) | (blanks_above << 8) | (first & 255)
        tl.store(key + 14, numbers * FACTOR + (last & 255))
    tl.store(kept, last)
    tl.store(kept + 1, word)
    tl.store(kept + 2, before)
    tl.store(kept + 3, line)
    tl.store(kept + 4, above)
    tl.store(kept + 5, field)
    tl.store(kept + 6, blanks)
    tl.store(kept + 7, blanks_above)
    tl.store(kept + 8, first)


@triton.jit
def _row(key, log2_rows, checks, bucket_0):
    """The row of a key in a table. Its checks begin at ``bucket_0``; 0: it has none, and rows are
    chosen by hash."""
    log2 = log2_rows.to(tl.uint64)
    hash = key.to(tl.uint64) * GOLDEN
    row = (hash >> (64 - log2)).to(tl.int64)
    if bucket_0 > 0:
        bucket = (hash >> (67 - log2)).to(tl.int64)
        check = (hash >> (59 - log2)).to(tl.int64) & 255
        eight = tl.load(checks + bucket_0 + bucket)
        row = tl.zeros_like(bucket) + (1 << log2_rows)
        for i in tl.static_range(8):  # from the last slot to the first, which then prevails
            slot = 7 - i
            row = tl.where(((eight >> 8 * slot) & 255) == check, bucket * 8 + slot, row)
    return row


@triton.jit
def embed(
    x, data, begin, time, weight, m, keys, tables, checks, table_rows,
    D: tl.constexpr, STEPS: tl.constexpr, TABLES: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
):  # fmt: skip
    """Write the sum of all embeddings to x, (rows, D) int32. A lane's bytes begin in data, u8, at
    begin[lane], int64.

    Row i of ``tables``, (TABLES, 8) int64: context, log2 of rows, width, first channel, offset in
    ``table_rows``, multiplier, first bucket in ``checks`` or 0, unused.
    """
    row = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    lane = row // STEPS
    t = tl.load(time + lane) + (row % STEPS).to(tl.int32)
    byte = tl.load(data + tl.load(begin + lane) + t - 1, mask=t > 0, other=0).to(tl.int32)
    token = tl.where(t == 0, 256, byte)

    low = tl.program_id(1) * BLOCK_N
    column = low + tl.arange(0, BLOCK_N)
    w = tl.load(weight + token[:, None] * D + column[None, :]).to(tl.int32)
    total = clamp(rq(w << 10, tl.load(m)), -32767, 32767)
    for i in range(TABLES):
        table = tables + 8 * i
        width, first = tl.load(table + 2), tl.load(table + 3)
        if (first < low + BLOCK_N) & (first + width > low):
            key = tl.load(keys + row * KEYS + tl.load(table))
            index = _row(key, tl.load(table + 1), checks, tl.load(table + 6))
            inside = (column >= first) & (column < first + width)
            place = tl.load(table + 4) + index[:, None] * width + (column - first)[None, :]
            g = tl.load(table_rows + place, mask=inside[None, :], other=0).to(tl.int32)
            total += clamp(rq(g << 10, tl.load(table + 5)), -32767, 32767)
    tl.store(x + row[:, None] * D + column[None, :], total.to(tl.int32))
