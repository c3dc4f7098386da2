"""The reference engine's adaptive stage: ``docs/numerics.md``, sections 10 to 14, as a program.

Python integers do not wrap, so hashes are cut to 64 bits by hand; the asserts state the ranges that
a fast engine may count on. What is private to a lane is in ``lane``, what lanes share is in
``Stage`` and changes in ``Stage.update``; a lane's past and its contexts are in ``features``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from nncomp.engine.reference.arithmetic import Ints
from nncomp.engine.reference.cells import (
    ONE,
    clamp_stretch,
    drawn,
    interpolated,
    map_start,
    squash,
)
from nncomp.engine.reference.features import Past, evaluate, length_class
from nncomp.engine.reference.hashes import K1, MASK, check_of, combine, context_hash, with_nibble
from nncomp.engine.reference.lane import Lane
from nncomp.engine.reference.matches import MATCH_LEAST, MATCH_MOST
from nncomp.engine.reference.memories import Memories
from nncomp.mixing import Mixing
from nncomp.mixing_tables import NEXT, STRETCH

__all__ = ["Stage"]

# A slot holds a check, 0 if it is free; the bit histories of the nodes 1…15 of a nibble; and the
# run: the last byte plus 2^8 times how often it came in a row, or 0.
Slot: TypeAlias = list[int]

FIRST_HITS = 5  # contexts whose hits choose weights

Choose: TypeAlias = Callable[[int], int]  # codes a bit that is 1 with probability p/2^22
Predict: TypeAlias = Callable[[int, int], int]  # (low, high) → the network's p for low…high − 1


class Stage:
    """The stage while it codes a block. A step is ``code_byte`` for each lane that has a byte left,
    then ``update``.

    ``pieces`` are the lanes' bytes, of lengths ``sizes``; those from the current step on are not
    read, so that a decoder may append them. ``units`` is how many hidden units of the network the
    readout reads.
    """

    def __init__(
        self,
        mixing: Mixing,
        network: bool,
        pieces: Sequence[bytes | bytearray],
        sizes: Sequence[int],
        units: int = 0,
    ) -> None:
        self.mixing, self.pieces, self.sizes = mixing, pieces, sizes
        self.family = mixing.family
        self.values = self.family.values(network)  # expressions that the contexts hash
        self.rows = self.family.row_values()  # expressions that choose rows of weights
        self.first_rows = self.family.first_rows  # where each set's rows begin
        self.match_count = self.family.count("match")
        self.lanes = [Lane(Past(piece, mixing), self.family, network, units) for piece in pieces]

        size = max(sum(sizes), 1)
        per_byte = 4 if self.family.full else 2
        self.bucket_bits = min(max((per_byte * size - 1 >> 6).bit_length(), 10), 18)
        self.index_bits = min(max((size - 1).bit_length(), 12), 22)
        self.tables: list[defaultdict[int, list[Slot]]] = [
            defaultdict(lambda: [[0] * 17 for _ in range(4)]) for _ in self.values
        ]
        self.order0 = [0] * 256  # bit histories, [node]
        self.order1 = [[0] * 256 for _ in range(256)]  # bit histories, [last byte][node]
        self.index: list[dict[int, tuple[int, int]]] = [{} for _ in range(self.match_count)]
        self.map = np.tile(map_start(), (256, 256, 1))
        self.after1 = [0] * 256  # by byte: the last four bytes that followed it
        self.after2 = [0] * 65536  # by pair of bytes: the last two bytes that followed it
        self.memories = Memories(self.family.memory_values())

    # 11. Tables

    def slot(self, table: int, h: int) -> Slot | None:
        """The slot of a context with hash ``h``, if there is one."""
        bucket = self.tables[table].get(h >> 64 - self.bucket_bits, [])
        return next((slot for slot in bucket if slot[0] == check_of(h)), None)

    def claim(self, table: int, h: int) -> Slot:
        """The slot of a context with hash ``h``; if there is none, it replaces the slot of the
        bucket whose first history is the lowest."""
        slot = self.slot(table, h)
        if slot is None:
            bucket = self.tables[table][h >> 64 - self.bucket_bits]
            slot = min(bucket, key=lambda s: s[1])  # the first one if several are equal
            slot[:] = [check_of(h)] + [0] * 16
        return slot

    # 12. Matches

    def follow(self, lane: Lane) -> None:
        """Advance the matches by the byte that the lane has just coded."""
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
        """Look for matches where there are none that are long enough, and set their bytes."""
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
        for match in lane.matches:  # the last one that has a match prevails
            if match.length:
                past.expected = match.byte | length_class(match.length) >> 2 << 8

    # 13. Predicting a bit

    def code_byte(
        self, i: int, network: Predict | None, choose: Choose, units: Ints | None = None
    ) -> int:
        """Code the next byte of lane i and return it; shared state does not change. ``units`` are
        the network's hidden units for the readout, (n) u8."""
        lane = self.lanes[i]
        past = lane.past
        if lane.hashes:  # not the first byte
            self.follow(lane)
            past.remember()
        self.look_up(lane)
        past.after1 = self.after1[past.back(1)]
        past.after2 = self.after2[past.order(2)]
        past.predict()
        lane.memory_at = self.memories.recall(past)
        values = [evaluate(value, past, {}) for value in self.values]
        lane.hashes = [[context_hash(v, n) for n, v in enumerate(values)]]
        lane.map_cells = []
        if lane.readout is not None:
            assert units is not None
            lane.readout.take(units, past.t)
        node = 1  # the byte's bits so far, with a 1 in front of them
        for half in range(2):
            if half == 1:
                lane.hashes.append([with_nibble(h, node & 15) for h in lane.hashes[0]])
            slots = [self.slot(n, h) for n, h in enumerate(lane.hashes[half])]
            if self.family.full and half == 0:
                lane.runs = [0 if slot is None else slot[16] for slot in slots]
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
        """Code bit k, 0…7 from the highest, and return it; ``node`` has the bits before it."""
        past = lane.past
        c1 = past.back(1)
        nibble_node = node if k < 4 else node & (1 << k - 4) - 1 | 1 << k - 4
        states = [0 if slot is None else slot[nibble_node] for slot in slots]
        states += [self.order0[node], self.order1[c1][node]]
        said = None
        if network is not None:
            low = node << 8 - k & 255
            said = int(STRETCH[network(low, low + (256 >> k)) >> 10])
        inputs = lane.inputs(k, node, states, said)

        match_row = inputs.match_class * 4 + inputs.guess
        bit_features = {
            "k": k,
            "node": node,
            "match_class": inputs.match_class,
            "match_row": match_row,
            "hits": sum(slot is not None for slot in slots[:FIRST_HITS]),
            "all_hits": sum(slot is not None for slot in slots),
            "predicted": inputs.predicted,
            "near": inputs.near,
        }
        y = lane.first.ask([evaluate(row, past, bit_features) for row in self.rows], inputs.x)
        x2 = lane.second.ask([match_row, node], y)
        if lane.readout is not None:
            lane.readout.choose(inputs.match_class, inputs.guess, node, c1)
            x2 = clamp_stretch(x2 + lane.readout.ask())

        own, common = lane.final_map[inputs.near], self.map[c1, node]
        final = (2 * squash(x2) + interpolated(own, x2) + interpolated(common, x2)) >> 2
        assert 32 <= final <= ONE
        bit = choose(final)
        lane.learn(inputs, node, x2, bit)
        return bit

    # 14. After a byte step

    def update(self, count: int) -> None:
        """Update the shared state with the bytes that lanes 0…count − 1 have just coded."""
        lanes = self.lanes[:count]
        for table in range(len(self.values)):
            for half in range(2):
                for lane in lanes:
                    nibble = lane.byte >> 4 if half == 0 else lane.byte & 15
                    slot = self.claim(table, lane.hashes[half][table])
                    if half == 0:
                        n = slot[16] >> 8 if slot[16] & 255 == lane.byte else 0
                        slot[16] = min(n + 1, 255) << 8 | lane.byte
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
            self.memories.learn(lane.memory_at, lane.byte)
            for m in range(self.match_count):
                if past.t >= MATCH_LEAST[m]:
                    self.index[m][lane.match_hashes[m] >> 32 - self.index_bits] = i, past.t
