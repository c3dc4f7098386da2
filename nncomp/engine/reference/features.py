"""The reference engine's contexts: section 11 of ``docs/numerics.md`` as a program.

What a lane knows of its own bytes (``Past``, with ``Instruction``, ``Samples`` or ``Floats`` where
the mixing asks for them), and what the expressions of ``nncomp.contexts.table``, which the contexts
hash, make of it. Nothing here is shared by lanes and nothing predicts a bit: that is ``mixer``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from nncomp.contexts.expression import Tree
from nncomp.engine.reference.floats import Floats
from nncomp.engine.reference.hashes import K1, MASK, combine
from nncomp.engine.reference.instructions import Instruction
from nncomp.engine.reference.lines import Numbers, Outline, byte_class, is_letter, with_letter
from nncomp.engine.reference.samples import Samples
from nncomp.mixing import Contexts, FloatKind, Mixing

__all__ = ["Past", "evaluate", "length_class", "run_class"]


def length_class(n: int) -> int:
    """0…23."""
    if n < 16:
        return n
    if n < 32:
        return 16 + (n >= 24)
    return min(n.bit_length() + 12, 23)


def run_class(n: int) -> int:
    """Of a run of n bytes: 0…16."""
    return n if n < 15 else 15 + (n >= 32)


# The past

MAX_FIELDS = 64  # of a line that are looked at
MAX_DEPTH = 16  # of brackets
MAX_PACE, PACE_COUNT = 4096, 15


class Pace:
    """The length of records, as far as a lane's bytes show it: ``pace``, 0 where they do not yet.

    A distance at which a byte came four times, one like the other, is counted for one of two
    candidates, and becomes the pace where it came often enough.
    """

    def __init__(self) -> None:
        self.last = [(0, 0, 0)] * 256  # where each byte came, newest first: behind it
        self.candidates, self.counts = [0, 0], [0, 0]
        self.pace = 0

    def take(self, c: int, t: int) -> None:
        """Take in a byte, with which there are t."""
        a, b, d = self.last[c]
        self.last[c] = (t, a, b)
        distance = t - a
        if not (1 < distance < MAX_PACE and distance == a - b == b - d):
            return
        if distance not in self.candidates:
            rarer = int(self.counts[0] > self.counts[1])
            self.candidates[rarer], self.counts[rarer] = distance, 0
        i = self.candidates.index(distance)
        self.counts[i] += 1
        if self.counts[i] > PACE_COUNT and self.pace != distance:
            self.pace, self.counts = distance, [0, 0]


RECORD_ENDS = 1 << 13  # offsets ahead at which a record may end
MAX_RECORD, LEAST_RECORDS = 8000, 8
NO_TYPE, NO_RECORD = 0xFFFF, 0xFFFFF


class Chain:
    """Records that follow each other, each a head of type and length, and so many bytes.

    Of all offsets ahead is known how many records in a row would end there. The first that enough
    end at begins those that are believed in, until one is too long.
    """

    def __init__(self) -> None:
        self.count = [0] * RECORD_ENDS
        self.locked = False
        self.begin = self.end = 0
        self.type = NO_TYPE  # before the head is complete

    def take(self, head: int, t: int) -> None:
        """Take in a byte, with which there are t; the last four are ``head``, the newest lowest."""
        kind, length = head >> 24 | head >> 8 & 0xFF00, head >> 8 & 0xFF | (head & 0xFF) << 8
        count = min(self.count[(t - 4) % RECORD_ENDS] + 1, 65535)
        self.count[(t - 4) % RECORD_ENDS] = 0
        if length < MAX_RECORD and head:
            there = (t + length) % RECORD_ENDS
            self.count[there] = max(self.count[there], count)
        if not self.locked:
            if self.count[t % RECORD_ENDS] < LEAST_RECORDS:
                return
            self.locked, self.end = True, t
        elif t == self.begin + 4:
            self.type, self.end = kind, t + length
            self.locked = length < MAX_RECORD
        if t == self.end:
            self.begin, self.end, self.type = t, 0, NO_TYPE


def _numbers_of(mixing: Mixing) -> Samples | Floats | None:
    """Predictions of the numbers that a stream has."""
    width = {Contexts.PICTURE: 1, Contexts.WIDE: 2}.get(mixing.contexts)
    if width:
        return Samples(width, mixing.period, mixing.stride)
    if mixing.contexts == Contexts.FLOATS:
        return Floats(FloatKind(mixing.stride), mixing.period)
    return None


class Past:
    """What a lane knows of the bytes before. Bytes before its start count as 0."""

    def __init__(self, piece: Sequence[int], mixing: Mixing) -> None:
        self.piece = piece  # of which the first t bytes are read
        self.period, self.stride = mixing.period, mixing.stride
        self.t = 0
        self.word = self.word1 = self.word2 = 0  # hashes of letters
        self.shape = self.tokens = 0  # byte classes, newest lowest; in tokens runs count once
        self.run = 0  # bytes of this class
        self.field = self.fields = 0  # hash of this field, and which one of the line it is
        self.line = self.line_above = self.line_two_above = 0  # where they start
        self.field_at = [0]  # where the fields of this line start
        self.field_at_above = [0] * MAX_FIELDS  # of the line above
        self.fields_above = 0
        self.open = [0] * MAX_DEPTH  # hashes of open brackets and the words before them
        self.depth = 0
        self.numbers = Numbers()
        self.outline = Outline()
        self.pace = Pace()
        self.chain = Chain()
        self.memory: list[int] = []  # what followed here before, of each memory
        self.row_at = self.channel = 0
        self.expected = 0xFFFF  # what a match says
        self.after1 = self.after2 = 0  # what followed here before
        self.instruction = Instruction()
        self.follows_x86 = mixing.contexts == Contexts.X86
        self.samples = _numbers_of(mixing)
        if isinstance(self.samples, Floats):
            self.stride = self.samples.width

    def remember(self) -> None:
        """Take in byte t."""
        c = self.piece[self.t]
        self.t += 1
        kind = byte_class(c)
        if c in b"([{<":
            self.depth = (self.depth + 1) % MAX_DEPTH
            self.open[self.depth] = (self.word1 + c) * K1 & MASK
        elif c in b")]}>":
            self.open[self.depth] = 0
            self.depth = (self.depth - 1) % MAX_DEPTH
        self.numbers.take(c)
        self.outline.take(c)
        self.pace.take(c, self.t)
        self.chain.take(self.order(4), self.t)
        if is_letter(kind):
            self.word = with_letter(self.word, c, kind)
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
            self.field_at.append(self.t)
        else:
            self.field = (self.field + c + 1) * K1 & MASK
        if c == 10:
            self.field_at_above, self.field_at = self.field_at, [self.t]
            self.fields_above = self.fields
            self.fields = self.field = 0
            self.line_two_above, self.line_above, self.line = self.line_above, self.line, self.t
        if self.follows_x86:
            self.instruction.take(c)
        if self.samples is not None and self.channel % self.samples.width == self.samples.width - 1:
            self.samples.learn(self)
        if self.period:
            self.row_at = (self.row_at + 1) % self.period
            self.channel = (self.channel + 1) % self.stride if self.row_at else 0

    def predict(self) -> None:
        """Where a sample begins, predict it."""
        if self.samples is not None and self.channel % self.samples.width == 0:
            self.samples.predict(self)

    def back(self, k: int) -> int:
        """The byte k ≥ 1 bytes before."""
        assert k >= 1
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

    def above_that(self, k: int) -> int:
        """Likewise in the line above that."""
        at = self.line_two_above + self.column() + k
        return self.piece[at] if at < self.line_above else 0

    def beside(self, k: int) -> int:
        """The byte k on from here in the field above, which begins where this one does."""
        if self.fields > self.fields_above or self.fields >= MAX_FIELDS:
            return 0
        at = self.field_at_above[self.fields] + self.t - self.field_at[self.fields] + k
        return self.piece[at] if at < self.line else 0


# Contexts

Feature: TypeAlias = Callable[..., int]

FEATURES: dict[str, Feature] = {  # of a past, by their names in the table
    "c": lambda p, k: p.back(k),
    "back": lambda p, k: p.back(k),
    "o": lambda p, k: p.order(k),
    "up": lambda p, k: p.above(k),
    "up2": lambda p, k: p.above_that(k),
    "t": lambda p: p.t,
    "word": lambda p: p.word,
    "word1": lambda p: p.word1,
    "word2": lambda p: p.word2,
    "shape": lambda p: p.shape,
    "tokens": lambda p: p.tokens,
    "run": lambda p: p.run,
    "field": lambda p: p.field,
    "fields": lambda p: p.fields,
    "beside": lambda p, k: p.beside(k),
    "number": lambda p: p.numbers.value,
    "digits": lambda p: p.numbers.digits,
    "over": lambda p: p.numbers.over(),
    "change": lambda p: p.numbers.change,
    "name": lambda p: p.outline.name,
    "outline": lambda p: p.outline.line,
    "outline1": lambda p: p.outline.above,
    "form": lambda p: p.outline.form,
    "due": lambda p, j: p.outline.expected(j),
    "cell": lambda p: p.outline.cell,
    "open": lambda p: p.open[p.depth],
    "pace": lambda p: p.pace.pace,
    "column": lambda p: p.column(),
    "P": lambda p: p.period,
    "B": lambda p: p.stride,
    "at": lambda p: p.row_at,
    "channel": lambda p: p.channel,
    "expected": lambda p: p.expected,
    "type": lambda p: p.chain.type if p.chain.locked else NO_RECORD,
    "offset": lambda p: p.t - p.chain.begin if p.chain.locked else 0,
    "memory": lambda p, j: p.memory[j],
    "after1": lambda p: p.after1,
    "after2": lambda p: p.after2,
    "phase": lambda p: p.instruction.phase,
    "bytes": lambda p: p.instruction.bytes,
    "operand": lambda p: p.instruction.operand,
    "opcode": lambda p: p.instruction.opcode,
    "modrm": lambda p: p.instruction.modrm,
    "before": lambda p: p.instruction.before,
    "opcodes": lambda p: p.instruction.opcodes,
    "here": lambda p: p.instruction.here(),
    "ahead": lambda p, j: p.instruction.ahead(j),
    "jump": lambda p: p.instruction.jump(),
    "far": lambda p: p.instruction.far(),
    "function": lambda p: p.instruction.program.function,
    "pushed": lambda p: p.instruction.program.pushed,
    "popped": lambda p: p.instruction.program.popped,
    "depth": lambda p: p.instruction.program.depth,
    "slot": lambda p: p.instruction.slot(),
    "last": lambda p: p.instruction.program.last[p.instruction.modrm & 7],
    "call": lambda p: p.instruction.program.call,
    "guess": lambda p, j: p.samples.guess(j, p),
    "figure": lambda p, j: p.samples.figure(p, j),
    "sure": lambda p, j: p.samples.sure(j),
    "exponent": lambda p: p.samples.exponent(p),
}


def signed(x: int) -> int:
    """The number of 64 bits that x is modulo 2^64."""
    return (x + (1 << 63) & MASK) - (1 << 63)


OPERATIONS: dict[str, Callable[..., int]] = {
    "#": combine,
    "|": operator.or_,
    "&": operator.and_,
    "<<": operator.lshift,
    ">>": lambda x, k: signed(x) >> k,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "mod": lambda x, k: x & (1 << k) - 1,
    "clip": lambda x: min(max(signed(x), 0), 255),
    "abs": lambda x: abs(signed(x)),
    "min": lambda x, y: min(signed(x), signed(y)),
    "pick": lambda x: combine(x, 1) >> 52,
}


def evaluate(tree: Tree, past: Past, bit: Mapping[str, int]) -> int:
    """The number that an expression of the table is; ``bit`` has the features of a bit, if any."""
    if isinstance(tree, int):
        return tree
    name, *operands = tree
    if name in bit:
        return bit[name]
    if name == ":":  # of the last two, only the one that is asked for
        x, y = (signed(evaluate(operand, past, bit)) for operand in operands[:2])
        return evaluate(operands[2 if x > y else 3], past, bit)
    values = [evaluate(operand, past, bit) for operand in operands]
    return OPERATIONS[name](*values) if name in OPERATIONS else FEATURES[name](past, *values)
