"""The reference engine's adaptive stage: ``docs/numerics.md``, sections 10 to 15, as a program.

Like ``reference``, it is meant to be read and to be right. Python integers do not wrap, so hashes
are cut to 64 bits by hand; the asserts state the ranges that a fast engine may count on. What is
private to a lane is in ``Lane``, what lanes share is in ``Stage`` and changes in ``Stage.update``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nncomp.mixing import Contexts, Mixing, Profile, Transform
from nncomp.mixing_tables import NEXT, RECIPROCAL, SQUASH, START, STRETCH

__all__ = ["Lane", "Stage", "restore", "transform"]

Ints: TypeAlias = npt.NDArray[np.int64]
Slot: TypeAlias = list[int]  # a check, 0 if free, then the histories of the nodes 1…15 of a nibble

MASK = (1 << 64) - 1
K1, K2, K3 = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0x632BE59BD9B4E019
ONE = (1 << 22) - 1  # the largest probability

CLASSES = 24  # of a match's length
FIRST_HITS = 5  # contexts whose hits choose weights
MATCH_LEAST = (6, 20)  # bytes that must agree
MATCH_MOST = 400  # bytes that are compared
CONSTANT, CONSTANT2 = 256, 128  # the last input of either layer
BINS = 33  # of a map, 128 apart


def initial_weights(sets: int, histories: int, matches: int, network: bool) -> list[list[int]]:
    """Weights of the first layer, for each set and input; 2^14 is one."""
    own = [720 if network else 1440] * (histories + matches)
    return [own + [8192] * network + [0] for _ in range(sets)]


def initial_weights2(sets: int) -> list[int]:
    """Weights of the second layer, for each input."""
    return [(1 << 14) // sets] * sets + [0]


def rate(t: int) -> int:
    """How fast the first layer learns: 110 at the start of a lane, falling to 30."""
    return 30 + (80 << 12) // (t + 4096)


RATE2 = 24  # of the second layer
HISTORY_COUNT, MATCH_COUNT = 8, 0  # how settled a cell is at first


# 11. The past and its contexts


def combine(a: int, b: int) -> int:
    """A hash of two numbers: 64 bits."""
    return (a + b * K1 + 0x7F4A7C15) * K2 & MASK


def with_nibble(h: int, nibble: int) -> int:
    """The hash of a context and the upper half of the byte: 64 bits."""
    return (h ^ (nibble + 1) * K1 & MASK) * K2 & MASK


def context_hash(v: int, n: int) -> int:
    """The hash of the value v of context n: 64 bits, the upper ones the best."""
    h = (v + (n + 1) * K3) * K1 & MASK
    return (h ^ h >> 29) * K2 & MASK


def byte_class(c: int) -> int:
    """1…12."""
    if c >= 128:
        return 6
    char = chr(c)
    if char.islower():
        return 1
    if char.isupper():
        return 2
    if char.isdigit():
        return 3
    single = {" ": 4, "\n": 5, ",": 8, '"': 9, "<": 10, ">": 10, ".": 11}
    return single.get(char, 7 if c < 32 else 12)


def length_class(n: int) -> int:
    """0…23."""
    if n < 16:
        return n
    if n < 32:
        return 16 + (n >= 24)
    return min(n.bit_length() + 12, 23)


class Past:
    """What a lane knows of the bytes before: section 11. Bytes before its start count as 0."""

    def __init__(self, piece: Sequence[int], period: int, stride: int) -> None:
        self.piece = piece  # of which the first t bytes are read
        self.period, self.stride = period, stride
        self.t = 0
        self.word = self.word1 = self.word2 = 0  # hashes of letters
        self.shape = self.tokens = 0  # byte classes, newest lowest; in tokens runs count once
        self.run = 0  # bytes of this class
        self.field = self.fields = 0  # hash of this field, and which one of the line it is
        self.line = self.line_above = 0  # where they start
        self.row_at = self.channel = 0
        self.expected = 0xFFFF  # what a match says
        self.after1 = self.after2 = 0  # what followed here before

    def remember(self) -> None:
        """Take in byte t."""
        c = self.piece[self.t]
        self.t += 1
        kind = byte_class(c)
        if kind in (1, 2, 6):
            self.word = (self.word + c + (32 if kind == 2 else 0) + 1) * K1 & MASK
        elif self.word != 0:
            self.word2, self.word1, self.word = self.word1, self.word, 0
        if self.shape & 15 != kind:
            self.tokens = (self.tokens << 4 | kind) & MASK
            self.run = 0
        self.run += 1
        self.shape = (self.shape << 4 | kind) & MASK
        if c in b' ,\t;|:"':
            self.fields += 1
            self.field = 0
        else:
            self.field = (self.field + c + 1) * K1 & MASK
        if c == 10:
            self.fields = self.field = 0
            self.line_above, self.line = self.line, self.t
        if self.period:
            self.row_at = (self.row_at + 1) % self.period
            self.channel = (self.channel + 1) % self.stride if self.row_at else 0

    def back(self, k: int) -> int:
        """The byte k ≥ 1 bytes before."""
        return self.piece[self.t - k] if self.t >= k else 0

    def order(self, k: int) -> int:
        """The last k bytes as a number, the newest lowest."""
        return sum(self.back(j + 1) << 8 * j for j in range(k))

    def column(self) -> int:
        """Bytes since the line began."""
        return self.t - self.line

    def above(self, k: int) -> int:
        """The byte k columns further on in the line above, 0 beyond its end."""
        at = self.line_above + self.column() + k
        return self.piece[at] if at < self.line else 0


def lean(p: Past) -> list[int]:
    """The values of the contexts of the lean profile."""
    c1 = p.back(1)
    return [
        p.order(2),
        p.order(3),
        p.order(4),
        p.order(6),
        combine(p.word, c1),
        tokens_value(p),
        combine(p.back(p.period) << 8 | c1, 2)
        if p.period
        else combine(min(p.column(), 255), p.above(0)),
    ]


def general(p: Past) -> list[int]:
    """Text, and whatever is nothing else: the first 12 beside the network."""
    c1, P = p.back(1), p.period
    return [
        p.order(2),
        p.order(3),
        p.order(4),
        p.order(6),
        combine(p.word, c1),
        combine(p.word, p.word1),
        combine(p.expected | 0x10000, c1),
        combine(p.after2, c1 | 0x2200),
        combine(p.shape, 0x3401),
        combine(p.tokens, 0x3800),
        tokens_value(p),
        combine(p.back(P) << 16 | p.back(P + 1) << 8 | c1, 0x501)
        if P
        else combine(min(p.column(), 255), p.above(0)),
        combine(p.field, p.fields | 0x3500),
        combine(p.order(8), p.order(7)),
        combine(p.word, p.word1 * 3 + p.word2 * 5),
        p.back(2) << 8 | p.back(3),
        combine(p.above(0) << 8 | c1, 77),
        combine(p.above(0) << 16 | p.above(1) << 8 | c1, 0x3700),
        combine(p.after1 & 0xFFFFFF, c1 | 0x1100),
        combine(p.shape & 0xFFFFFFFFFF, c1 | 0x3300),
    ]


def records(p: Past) -> list[int]:
    """Records of ``period`` bytes."""
    P, at = p.period, p.row_at
    c1, c2, c3, c4 = (p.back(j) for j in range(1, 5))
    N, NE, NW, NN, NNN = p.back(P), p.back(P - 1), p.back(P + 1), p.back(2 * P), p.back(3 * P)
    return [
        p.order(2),
        p.order(3),
        p.order(4),
        p.order(6),
        combine(N | at << 8, 1),
        combine(N << 8 | c1, 2),
        combine(N << 16 | NN << 8 | NNN, 3),
        combine(at << 8 | c1, 4),
        combine(N << 16 | NE << 8 | c1, 5),
        combine(at, p.order(2)),
        combine(c2, 7),
        combine(c3 << 8 | c4, 8),
        combine(c1 << 8 | c3, 9),
        combine(c1 + N - NW & 255, 10),
        combine(p.expected, 12),
        combine(at, 11),
        combine(p.after1 & 0xFFFFFF, c1 | 0x1100),
        combine(p.after2, c1 | 0x2200),
        combine(N << 24 | NE << 16 | NW << 8 | NN, c1),
        combine(N << 16 | NW << 8 | c1, c2),
    ]


def code(p: Past) -> list[int]:
    """Instructions of a processor."""
    c1, c2, c3, c4, c5, c6 = (p.back(j) for j in range(1, 7))
    return [
        p.order(2),
        p.order(3),
        p.order(4),
        p.order(6),
        p.order(5),
        combine(p.order(8), p.order(7)),
        combine(c2 << 8 | c3, 1),
        combine(c2 << 16 | c3 << 8 | c4, 2),
        combine(c1 << 16 | c3 << 8 | c4, 3),
        combine(c1 << 8 | c3, 4),
        combine(c4 << 8 | c5, 5),
        combine(c1 << 8 | c5, 6),
        combine(p.order(8) & 0xF8C7F8C7F8C7, 7),
        combine(p.order(8) & 0xF0F0F0F0F0F0, 8),
        combine(p.expected, c1),
        combine(c1 << 24 | c2 << 16 | (p.t & 3) << 8 | c4, 9),
        combine(c3 << 16 | c4 << 8 | c5, 10),
        combine(c1 << 16 | c2 << 8 | c6, 11),
        combine(p.after1 & 0xFFFFFF, c1 | 0x1100),
        combine(p.after2, c1 | 0x2200),
    ]


def picture(p: Past) -> list[int]:
    """Rows of samples: W, N, … are the same byte of the neighbouring samples."""
    P, B = p.period, p.stride
    c1, c2 = p.back(1), p.back(2)
    W, WW, N, NN = p.back(B), p.back(2 * B), p.back(P), p.back(2 * P)
    NW, NE, NNE = p.back(P + B), p.back(P - B), p.back(2 * P - B)
    last_w, last_n, last_nw = p.back(B + 1), p.back(P + 1), p.back(P + B + 1)
    from_w, from_n = c1 - last_w, c1 - last_n  # how the byte before moved
    plane = W + N - NW
    ch = p.channel << 8

    def clip(v: int) -> int:
        return min(max(v, 0), 255)

    mean = (plane + W + from_w + N + from_n) * 21846 >> 16  # of three
    return [
        combine(W << 8 | N | ch << 8, 1),
        combine(clip(plane) | ch, 2),
        combine(clip(plane) | ch | c1 << 16, 3),
        combine(W | ch | c1 << 16, 4),
        combine(N | ch | c1 << 16, 5),
        combine(clip(W + from_w) | ch, 6),
        combine(clip(N + from_n) | ch, 7),
        combine(W + N >> 1 | ch | (from_w & 255) >> 2 << 16, 8),
        combine(clip(N + NE - NNE) | ch, 9),
        combine(clip(2 * N - NN) | ch | clip(2 * W - WW) << 16, 10),
        combine(W + NE >> 1 | ch | c1 >> 2 << 16, 11),
        combine(c1 | c2 << 8 | W >> 2 << 16 | ch << 24, 12),
        combine(clip(plane + c1 - (last_w + last_n - last_nw)) | ch, 13),
        combine(clip(mean) | ch, 14),
        combine(clip(plane) | abs(W - N) >> 2 << 8 | abs(N - NW) >> 2 << 16 | ch << 24, 15),
        combine(clip(W + NE - N) | ch | from_n + 256 >> 3 << 16, 16),
    ]


def tokens_value(p: Past) -> int:
    """The last runs of byte classes, and what of the present one."""
    return combine(p.tokens & 0xFFFFFFFF, combine(p.run << 8 | p.back(1), p.word))


def context_list(mixing: Mixing, network: bool) -> tuple[Callable[[Past], list[int]], int]:
    """The function that gives the contexts' values, and how many of them count."""
    if mixing.profile == Profile.LEAN:
        return lean, 7
    if mixing.contexts == Contexts.GENERAL:
        return general, 12 if network else 20
    lists = {Contexts.RECORDS: (records, 20), Contexts.CODE: (code, 20)}
    return lists.get(mixing.contexts, (picture, 16))


# 12. Matches


class Match:
    """A place that agrees with what the lane coded last, and the byte there."""

    def __init__(self) -> None:
        self.piece, self.offset = 0, 0
        self.length = 0  # of the agreement, 0: there is no match
        self.misses = 0  # of the last 8 bytes it predicted, newest lowest
        self.byte = 0  # what it predicts


# 13. Predicting a bit


class Cells:
    """Adaptive probabilities: 22 bits and a count."""

    def __init__(self, start: Ints, count: int) -> None:
        self.p = start << 6  # from 16 bits
        self.n = np.full_like(start, count)

    def stretched(self, at: tuple[Ints, ...]) -> Ints:
        """In the logistic domain."""
        x: Ints = STRETCH[self.p[at] >> 10]
        return x

    def learn(self, at: tuple[Ints, ...], target: Ints | int) -> None:
        """Move the cells ``at`` (no two are the same) towards ``target``, 0 or ONE."""
        p, n = self.p[at], self.n[at]
        moved = p + ((target - p >> 7) * RECIPROCAL[n] >> 8)
        assert moved.min() >= 0 and moved.max() <= ONE
        self.p[at] = moved
        self.n[at] = np.minimum(n + 1, 255)


def squash(x: int) -> int:
    """|x| ≤ 2047 → probability."""
    return int(SQUASH[x + 2048])


def clamp_stretch(x: int) -> int:
    """Into the domain of ``squash``."""
    return min(max(x, -2047), 2047)


def learned(w: Ints, x: Ints, e: Ints | int) -> Ints:
    """Weights after an error: int16, as they were."""
    assert np.abs(e).max() < 1 << 15 and abs(x).max() < 1 << 15
    moved: Ints = np.clip(w + (x * e + (1 << 14) >> 15), -32768, 32767)
    return moved


def map_start() -> npt.NDArray[np.uint16]:
    """A row of a map that changes nothing: (BINS)."""
    cells = SQUASH[np.minimum(np.arange(BINS) * 128, 4095)] >> 6
    return cells.astype(np.uint16)


def interpolated(row: npt.NDArray[np.uint16], x: int) -> int:
    """What a row of a map makes of x: a probability."""
    cell, part = divmod(x + 2048, 128)
    return (int(row[cell]) * (128 - part) + int(row[cell + 1]) * part) >> 1


def nearer(x: int) -> int:
    """The cell of a row that learns."""
    cell, part = divmod(x + 2048, 128)
    return cell + (part >= 64)


def drawn(cell: int, bit: int) -> int:
    """A cell of a map, 1/64 nearer to the bit."""
    return cell + (65535 - cell + 63 >> 6) if bit else cell - (cell + 63 >> 6)


class Lane:
    """All that is private to a lane."""

    def __init__(self, past: Past, contexts: int, matches: int, sets: int, network: bool) -> None:
        self.past = past
        self.matches = [Match() for _ in range(matches)]
        self.match_hashes = [0] * matches
        self.byte = 0
        self.hashes: list[list[int]] = []  # [nibble][context]
        self.map_cells: list[tuple[int, int]] = []  # of the shared map: (node, cell) for each bit

        histories = contexts + 2
        start = np.zeros(256, np.int64)
        start[: len(START)] = START
        self.history_cells = Cells(np.tile(start, (histories, 1)), HISTORY_COUNT)
        by_class = [65535 - 65536 // (length + 3) for length in range(CLASSES)]
        self.match_cells = Cells(np.tile(np.repeat(by_class, 64), (matches, 1)), MATCH_COUNT)
        first = np.array(initial_weights(sets, histories, matches, network), np.int64)
        self.weights = np.repeat(first[:, None], 256, axis=1)  # (sets, rows, inputs)
        second = np.array(initial_weights2(sets), np.int64)
        self.weights2 = np.tile(second, (2, 256, 1))  # (2, rows, inputs)
        self.final_map = np.tile(map_start(), (3, 256, 1))


Choose: TypeAlias = Callable[[int], int]  # codes a bit, given that it is 1 with p/2^22
Predict: TypeAlias = Callable[[int, int], int]  # the network's p for the bytes low…high−1


class Stage:
    """A block being coded: ``code_byte`` for each lane that has a byte left, then ``update``.

    ``pieces`` are the lanes' bytes, of lengths ``sizes``; those from the present step on are not
    read, so that a decoder may append them.
    """

    def __init__(
        self,
        mixing: Mixing,
        network: bool,
        pieces: Sequence[bytes | bytearray],
        sizes: Sequence[int],
    ) -> None:
        self.mixing, self.pieces, self.sizes = mixing, pieces, sizes
        self.rich = mixing.profile == Profile.RICH
        self.values, self.contexts = context_list(mixing, network)
        self.match_count, self.sets = (2, 7) if self.rich else (1, 4)
        pasts = [Past(piece, mixing.period, mixing.stride) for piece in pieces]
        self.lanes = [
            Lane(past, self.contexts, self.match_count, self.sets, network) for past in pasts
        ]

        size = max(sum(sizes), 1)
        self.bucket_bits = min(max((2 * size - 1 >> 6).bit_length(), 10), 18)
        self.index_bits = min(max((size - 1).bit_length(), 12), 22)
        self.tables: list[defaultdict[int, list[Slot]]] = [
            defaultdict(lambda: [[0] * 16 for _ in range(4)]) for _ in range(self.contexts)
        ]
        self.order0 = [0] * 256  # histories
        self.order1 = [[0] * 256 for _ in range(256)]
        self.index: list[dict[int, tuple[int, int]]] = [{} for _ in range(self.match_count)]
        self.map = np.tile(map_start(), (256, 256, 1))
        self.after1 = [0] * 256  # the last four bytes that followed a byte
        self.after2 = [0] * 65536  # the last two that followed a pair

    # 11. Tables

    def slot(self, table: int, h: int) -> Slot | None:
        """The slot of a context, if there is one."""
        bucket = self.tables[table].get(h >> 64 - self.bucket_bits, [])
        return next((slot for slot in bucket if slot[0] == check_of(h)), None)

    def claim(self, table: int, h: int) -> Slot:
        """The slot of a context; if there is none, the bucket's least is made one."""
        slot = self.slot(table, h)
        if slot is None:
            bucket = self.tables[table][h >> 64 - self.bucket_bits]
            slot = min(bucket, key=lambda s: s[1])  # the first of the least
            slot[:] = [check_of(h)] + [0] * 15
        return slot

    # 12. Matches

    def follow(self, lane: Lane) -> None:
        """Matches go on, after the byte that the lane has just coded."""
        for match in lane.matches:
            if match.length == 0:
                continue
            missed = match.byte != lane.byte
            match.misses = (match.misses << 1 | missed) & 255
            if not missed:
                match.length = min(match.length + 1, 65535)
            else:
                match.length = 1 if match.misses == 1 else 0  # one miss in eight is forgiven
            match.offset += 1
            if match.offset == self.sizes[match.piece]:
                match.piece, match.offset = match.piece + 1, 0
                if match.piece == len(self.sizes) or self.sizes[match.piece] == 0:
                    match.length = 0

    def look_up(self, lane: Lane) -> None:
        """Find matches where there are none that are long enough, and take their bytes."""
        past = lane.past
        older = combine(past.order(16) >> 64, past.order(20) >> 128)
        values = [past.order(6) << 16, combine(past.order(8), older)]
        for m, match in enumerate(lane.matches):
            lane.match_hashes[m] = (values[m] * K1 & MASK) >> 32
            least = MATCH_LEAST[m]
            place = self.index[m].get(lane.match_hashes[m] >> 32 - self.index_bits)
            if match.length < least and past.t >= least and place is not None:
                piece, offset = place
                there, here = self.pieces[piece], past.piece
                most = min(offset, past.t, MATCH_MOST)
                n = 0
                while n < most and there[offset - 1 - n] == here[past.t - 1 - n]:
                    n += 1
                if n >= least:
                    match.piece, match.offset, match.length, match.misses = piece, offset, n, 0
            if match.length:
                match.byte = self.pieces[match.piece][match.offset]
        past.expected = 0xFFFF
        for match in lane.matches:  # the last one that there is
            if match.length:
                past.expected = match.byte | length_class(match.length) >> 2 << 8

    # 13. Predicting a bit

    def code_byte(self, i: int, network: Predict | None, choose: Choose) -> int:
        """Code the next byte of lane i and return it; nothing that lanes share changes."""
        lane = self.lanes[i]
        past = lane.past
        if lane.hashes:  # not the first byte
            self.follow(lane)
            past.remember()
        self.look_up(lane)
        past.after1 = self.after1[past.back(1)]
        past.after2 = self.after2[past.order(2)]
        values = self.values(past)[: self.contexts]
        lane.hashes = [[context_hash(v, n) for n, v in enumerate(values)]]
        lane.map_cells = []
        node = 1  # of the byte: 1, then the bits
        for half in range(2):
            if half == 1:
                lane.hashes.append([with_nibble(h, node & 15) for h in lane.hashes[0]])
            slots = [self.slot(n, h) for n, h in enumerate(lane.hashes[half])]
            for k in range(4 * half, 4 * half + 4):
                node = node << 1 | self.code_bit(lane, k, node, slots, network, choose)
        lane.byte = node & 255
        return lane.byte

    def code_bit(
        self,
        lane: Lane,
        k: int,
        node: int,
        slots: Sequence[Slot | None],
        network: Predict | None,
        choose: Choose,
    ) -> int:
        """Code bit k, 0…7 from the top, of which those before are in ``node``."""
        past = lane.past
        c1, c2, c3 = past.back(1), past.back(2), past.back(3)
        nibble_node = node if k < 4 else node & (1 << k - 4) - 1 | 1 << k - 4

        # Inputs
        states = [0 if slot is None else slot[nibble_node] for slot in slots]
        states += [self.order0[node], self.order1[c1][node]]
        history_at = np.arange(len(states)), np.array(states)
        inputs = lane.history_cells.stretched(history_at).tolist()
        match_class = guess = 0
        active = []  # (cell of a match, the bit it expects)
        for m, match in enumerate(lane.matches):
            v = 0
            if match.length and (match.byte | 256) >> 8 - k == node:
                bit = match.byte >> 7 - k & 1
                length = length_class(match.length)
                at = np.array([m]), np.array([length * 64 + k * 8 + (match.misses & 7)])
                active.append((at, bit))
                v = int(lane.match_cells.stretched(at)[0])
                v = v if bit else -v
                guess = bit + 1 if m == 0 else guess
                match_class = match_class or length
            inputs.append(v)
        if network is not None:
            low = node << 8 - k & 255
            inputs.append(int(STRETCH[network(low, low + (256 >> k)) >> 10]))
        x = np.array([*inputs, CONSTANT], np.int64)

        # First layer
        hits = sum(slot is not None for slot in slots[:FIRST_HITS])
        match_row = match_class * 4 + guess
        rows = [node, match_row, c1, hits * 8 + k]
        if self.rich:
            rows += [k * 16 + (c2 >> 4), k * 16 + (c3 >> 4), match_class * 6 + hits]
            if self.mixing.contexts == Contexts.RECORDS:
                rows[5] = past.row_at & 255
            if self.mixing.contexts == Contexts.PICTURE:
                rows[5] = k * 8 + past.channel
        at1 = np.arange(self.sets), np.array(rows)
        dots = lane.weights[at1] @ x
        assert abs(dots).max() < 1 << 31
        sums = np.clip(dots >> 14, -2047, 2047)
        y = np.array([*sums, CONSTANT2], np.int64)

        # Second layer
        at2 = np.arange(2), np.array([match_row, node])
        halves = [int(dot) >> 1 for dot in lane.weights2[at2] @ y]
        x2 = clamp_stretch((halves[0] + halves[1]) >> 14)

        # Final maps
        own, common = lane.final_map[guess, node], self.map[c1, node]
        final = (2 * squash(x2) + interpolated(own, x2) + interpolated(common, x2)) >> 2
        assert 1 <= final <= ONE

        bit = choose(final)

        # Learning
        target = ONE * bit
        lane.history_cells.learn(history_at, target)
        for at, expected in active:
            lane.match_cells.learn(at, ONE if expected == bit else 0)
        error = (target - SQUASH[sums + 2048] >> 4) * rate(past.t) >> 10
        lane.weights[at1] = learned(lane.weights[at1], x, error[:, None])
        error2 = [
            (target - squash(clamp_stretch(half >> 13)) >> 4) * RATE2 >> 10 for half in halves
        ]
        lane.weights2[at2] = learned(lane.weights2[at2], y, np.array(error2)[:, None])
        own[nearer(x2)] = drawn(int(own[nearer(x2)]), bit)
        lane.map_cells.append((node, nearer(x2)))
        return bit

    # 14. After a byte step

    def update(self, count: int) -> None:
        """What lanes share takes in the bytes that lanes 0…count − 1 have just coded."""
        lanes = self.lanes[:count]
        for table in range(self.contexts):
            for half in range(2):
                for lane in lanes:
                    nibble = lane.byte >> 4 if half == 0 else lane.byte & 15
                    slot = self.claim(table, lane.hashes[half][table])
                    node = 1
                    for k in range(3, -1, -1):
                        bit = nibble >> k & 1
                        slot[node] = int(NEXT[bit, slot[node]])
                        node = node << 1 | bit
        for i, lane in enumerate(lanes):
            past = lane.past
            c1, pair = past.back(1), past.order(2)
            for k, (node, cell) in enumerate(lane.map_cells):
                bit = lane.byte >> 7 - k & 1
                self.order0[node] = int(NEXT[bit, self.order0[node]])
                self.order1[c1][node] = int(NEXT[bit, self.order1[c1][node]])
                self.map[c1, node, cell] = drawn(int(self.map[c1, node, cell]), bit)
            self.after1[c1] = (self.after1[c1] << 8 | lane.byte) & 0xFFFFFFFF
            self.after2[pair] = (self.after2[pair] << 8 | lane.byte) & 0xFFFF
            for m in range(self.match_count):
                if past.t >= MATCH_LEAST[m]:
                    self.index[m][lane.match_hashes[m] >> 32 - self.index_bits] = i, past.t


def check_of(h: int) -> int:
    """The byte that tells contexts of a bucket apart: 1…255."""
    return h >> 8 & 255 or 1


# 15. Transforms


def transform(kind: Transform, data: bytes) -> bytes:
    """What is coded instead of ``data``: distances in calls become the addresses called."""
    out = bytearray(data)
    for i in reversed(_calls(kind, len(out))):  # from the end, because calls may overlap
        _move_call(kind, out, i, +1)
    return bytes(out)


def restore(kind: Transform, data: bytes) -> bytes:
    """The inverse of ``transform``."""
    out = bytearray(data)
    for i in _calls(kind, len(out)):
        _move_call(kind, out, i, -1)
    return bytes(out)


def _calls(kind: Transform, size: int) -> range:
    """Where a call may start."""
    if kind == Transform.X86:
        return range(max(size - 4, 0))
    return range(0, size - 3, 4) if kind == Transform.ARM64 else range(0)


def _move_call(kind: Transform, b: bytearray, i: int, sign: int) -> None:
    """Add to the target of the call at i, if there is one, its place, or subtract it."""
    if kind == Transform.X86:
        if b[i] in (0xE8, 0xE9) and b[i + 4] in (0x00, 0xFF):
            distance = int.from_bytes(b[i + 1 : i + 4], "little") + sign * i
            b[i + 1 : i + 4] = (distance & 0xFFFFFF).to_bytes(3, "little")
    else:
        v = int.from_bytes(b[i : i + 4], "little")
        if v >> 26 == 0x25:
            v = 0x25 << 26 | (v + sign * (i // 4)) & 0x3FFFFFF
            b[i : i + 4] = v.to_bytes(4, "little")
