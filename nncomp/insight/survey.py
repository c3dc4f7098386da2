"""Surveys where the bits of a file are: along it, by kind of byte, and in costly passages."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nncomp.counting import UNIT, Counted, Parts

__all__ = ["FORETOLD", "HEAD", "KINDS", "Block", "Part", "Passage", "Survey"]

KINDS = ("words", "numbers", "space", "punctuation", "markup", "other bytes", "repeats")
FORETOLD = ("no match", "match, wrong", "match, right")  # what the longest match predicted
HEAD = 1 << 20  # bytes at the beginning of the content that are kept
_SLICE = 1 << 20  # bytes that are processed at a time
_MOST_POINTS = 1 << 20  # sums of costs that are kept at most
_CURVE = 1 << 13  # points of the curve at most
_CURVE_STEP = 1 << 4  # bytes that a point of the curve stands for at least
_PASSAGE = 256  # bytes of a passage
_TOP = 20  # costliest passages that are kept
# So many bytes in a row that cost less than so many bits each count as repeats.
_REPEAT, _REPEAT_BITS = 32, 0.05
_TAG = re.compile(rb"<[A-Za-z/!?][^<>]{0,999}>")


@dataclass(frozen=True)
class Block:
    """A block of the content, which was counted independently of the others."""

    offset: int  # in the content
    size: int  # bytes
    bits: float
    mixing: str  # 'general', 'records 13'; 'stored' where nothing is predicted
    network: bool


@dataclass(frozen=True)
class Part:
    """The bytes with the same value of FORETOLD, and their costs by parts of the program."""

    said: str  # one of FORETOLD
    size: int  # bytes
    bits: float  # cost with all parts of the program
    bits_of_stage: float  # cost with the stage alone
    bits_of_network: float | None  # cost with the network alone; None where it was not tried


@dataclass(frozen=True)
class Passage:
    """A piece of the content that costs much."""

    offset: int  # in the content
    bits: float
    content: bytes
    costs: npt.NDArray[np.float32]  # bits of each byte


class Survey:
    """Takes the content block by block; apart from ``blocks``, its size is bounded."""

    def __init__(self) -> None:
        self.size = 0  # bytes
        self.bits = 0.0
        self.blocks: list[Block] = []
        self.bytes_of = np.zeros(len(KINDS), np.int64)  # by kind
        self.bits_of = np.zeros(len(KINDS))
        self._parts = np.zeros((len(FORETOLD), 4))  # bytes, and bits as in ``Part``
        self._asked = True  # whether the network was tried wherever anything was predicted
        self.head = b""  # the beginning of the content
        self.head_costs = np.empty(0, np.float32)  # bits of each byte of it
        self.point = 1  # bytes that each of ``points`` stands for
        self._sums = np.zeros(_MOST_POINTS)  # bits of the bytes of each point
        self._heap: list[tuple[float, int, Passage]] = []

    def add(self, counted: Counted) -> None:
        """Take in the next block."""
        bits = float(counted.costs.sum(dtype=np.uint64)) * UNIT
        mixing = "stored" if counted.mixing is None else counted.mixing.label
        size = len(counted.content)
        self.blocks.append(Block(self.size, size, bits, mixing, counted.network))
        if counted.parts is not None:
            self._add_parts(counted.costs, counted.parts)
        for start in range(0, size, _SLICE):
            place = slice(start, start + _SLICE)
            costs = counted.costs[place].astype(np.float32) * np.float32(UNIT)
            self._add(counted.content[place], costs)
        self.bits += bits

    @property
    def points(self) -> npt.NDArray[np.float64]:
        """Mean bits per byte of each ``point`` bytes of the content, at most 2^20 means; the last
        one may be of fewer bytes."""
        return self._means(self.point)

    @property
    def step(self) -> int:
        """How many bytes a point of the curve stands for."""
        step = max(_CURVE_STEP, self.point)
        while self.size > step * _CURVE:
            step *= 2
        return step

    @property
    def curve(self) -> npt.NDArray[np.float64]:
        """Mean bits per byte of each ``step`` bytes; the last one may be of fewer bytes."""
        return self._means(self.step)

    def _means(self, size: int) -> npt.NDArray[np.float64]:
        """Mean bits per byte of each ``size`` bytes, which is a multiple of ``point``."""
        sizes = np.full(-(-self.size // size), size)
        if self.size % size:
            sizes[-1] = self.size % size
        each = size // self.point
        sums = self._sums[: len(sizes) * each].reshape(len(sizes), each).sum(axis=1)
        means: npt.NDArray[np.float64] = sums / sizes
        return means

    @property
    def parts(self) -> list[Part]:
        """The predicted bytes by whether a match foretold them, with their costs by parts."""
        rows = zip(FORETOLD, self._parts.tolist(), strict=True)
        return [
            Part(said, int(count), final, stage, network if self._asked else None)
            for said, (count, final, stage, network) in rows
            if count
        ]

    @property
    def passages(self) -> list[Passage]:
        """The costliest passages, the costliest first, and the first of equally costly ones."""
        return [one for *_, one in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]

    def _add_parts(self, costs: npt.NDArray[np.uint32], parts: Parts) -> None:
        self._parts[:, 0] += np.bincount(parts.foretold, minlength=len(FORETOLD))
        self._asked = self._asked and parts.network is not None
        costs = costs[: len(parts.stage)]
        for column, its in enumerate((costs, parts.stage, parts.network), 1):
            if its is not None:
                sums = np.bincount(parts.foretold, its, minlength=len(FORETOLD))
                self._parts[:, column] += sums * UNIT

    def _add(self, content: bytes, costs: npt.NDArray[np.float32]) -> None:
        kinds = _kinds(content, costs)
        self.bytes_of += np.bincount(kinds, minlength=len(KINDS))
        self.bits_of += np.bincount(kinds, costs, minlength=len(KINDS))
        if room := HEAD - len(self.head):
            self.head += content[:room]
            self.head_costs = np.concatenate([self.head_costs, costs[:room]])
        while self.size + len(content) > self.point * len(self._sums):
            halved = self._sums.reshape(-1, 2).sum(axis=1)
            self._sums = np.concatenate([halved, np.zeros_like(halved)])
            self.point *= 2
        places = np.arange(self.size, self.size + len(content)) // self.point
        first = int(places[0])
        sums = np.bincount(places - first, costs)
        self._sums[first : first + len(sums)] += sums
        for passage in self._passages_of(content, costs):
            heapq.heappush(self._heap, (passage.bits, -passage.offset, passage))
            if len(self._heap) > _TOP:
                heapq.heappop(self._heap)
        self.size += len(content)

    def _passages_of(self, content: bytes, costs: npt.NDArray[np.float32]) -> Iterator[Passage]:
        starts = np.arange(0, len(content), _PASSAGE)
        sums = np.add.reduceat(costs, starts)
        least = self._heap[0][0] if len(self._heap) == _TOP else -1.0
        for i in np.argsort(-sums, kind="stable")[:_TOP]:
            if sums[i] > least:
                place = slice(int(starts[i]), int(starts[i]) + _PASSAGE)
                offset = self.size + place.start
                yield Passage(offset, float(sums[i]), content[place], costs[place].copy())


def _table() -> npt.NDArray[np.uint8]:
    """The kind of each byte value, as an index into KINDS; markup and repeats are found later."""
    table = np.full(256, KINDS.index("other bytes"), np.uint8)
    for kind, characters in (
        ("punctuation", bytes(range(33, 127))),
        ("words", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"),
        ("words", bytes(range(0x80, 0xF5))),
        ("numbers", b"0123456789"),
        ("space", b" \t\r\n"),
    ):
        table[list(characters)] = KINDS.index(kind)
    return table


_KIND_OF = _table()


def _kinds(content: bytes, costs: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    kinds = _KIND_OF[np.frombuffer(content, np.uint8)]
    if b"\0" in content:  # binary data, where letters are not words
        kinds[:] = KINDS.index("other bytes")
    else:
        for match in _TAG.finditer(content):
            kinds[match.start() : match.end()] = KINDS.index("markup")
    cheap = np.concatenate([[False], costs < _REPEAT_BITS, [False]])
    (edges,) = np.nonzero(cheap[1:] != cheap[:-1])
    for start, stop in edges.reshape(-1, 2):
        if stop - start >= _REPEAT:
            kinds[start:stop] = KINDS.index("repeats")
    return kinds
