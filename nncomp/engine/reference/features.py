"""Features of the stage: section 11 of ``docs/numerics.md`` as a program.

``Past`` is the state that a lane derives from its own bytes, with ``Instruction``, ``Samples`` or
``Floats`` where the mixing asks for them. ``evaluate`` computes the expressions of
``nncomp.contexts.table`` from it, which contexts hash. Nothing here is shared by lanes, and nothing
predicts a bit: that is done in ``mixer``.
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
from nncomp.mixing import Contexts, Mixing

__all__ = ["Past", "evaluate", "length_class", "run_class"]


def length_class(n: int) -> int:
    """The class of a match's length: 0…23, finer for short ones."""
    if n < 16:
        return n
    if n < 32:
        return 16 + (n >= 24)
    return min(n.bit_length() + 12, 23)


def run_class(n: int) -> int:
    """The class of a run of n equal bytes: 0…16."""
    return n if n < 15 else 15 + (n >= 32)


# The past

MAX_FIELDS = 64  # fields of a line whose beginnings are used
MAX_DEPTH = 16  # open brackets that are remembered
MAX_PACE, PACE_COUNT = 4096, 15  # limit of a pace in bytes; findings after which it is believed


class Pace:
    """Guesses the length of records: ``pace``, or 0 while it is not known.

    Whenever a byte value has occurred four times at equal distances, that distance is counted for
    one of two candidates; a candidate that is counted often enough becomes the pace.
    """

    def __init__(self) -> None:
        self.last = [(0, 0, 0)] * 256  # by byte: where its last three occurrences end, newest first
        self.candidates, self.counts = [0, 0], [0, 0]
        self.pace = 0

    def take(self, c: int, t: int) -> None:
        """Take in the byte ``c``; t is the number of bytes so far, this one included."""
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


RECORD_ENDS = 1 << 13  # offsets ahead for which ends of records are counted
MAX_RECORD, LEAST_RECORDS = 8000, 8  # limit of a record in bytes; records that make a chain
NO_TYPE, NO_RECORD = 0xFFFF, 0xFFFFF  # the type before a record's head is complete; outside of one


class Chain:
    """Parses records that follow each other, each a head with type and length and then its bytes.

    For each offset ahead, ``count`` holds how many well-formed records in a row would end there.
    Once LEAST_RECORDS end at the current byte, the parser locks on to that chain, until a record
    claims MAX_RECORD bytes or more.
    """

    def __init__(self) -> None:
        self.count = [0] * RECORD_ENDS
        self.locked = False
        self.begin = self.end = 0
        self.type = NO_TYPE  # before the head is complete

    def take(self, head: int, t: int) -> None:
        """Take in a byte; t is the number of bytes so far, and ``head`` the last four of them, the
        newest lowest."""
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
    """The predictor of the samples or floats of a stream; None where it has neither."""
    width = {Contexts.PICTURE: 1, Contexts.WIDE: 2}.get(mixing.contexts)
    if width:
        return Samples(width, mixing.period, mixing.stride)
    kind = mixing.number_kind
    return None if kind is None else Floats(kind, mixing.period)


class Past:
    """The past of a lane. Bytes before its start count as 0."""

    def __init__(self, piece: Sequence[int], mixing: Mixing) -> None:
        self.piece = piece  # the lane's bytes, of which only the first t are read
        self.period, self.stride = mixing.period, mixing.stride
        self.t = 0
        self.word = self.word1 = self.word2 = 0  # hashes of letters
        self.shape = self.tokens = 0  # byte classes, newest lowest; in tokens, one for each run
        self.run = 0  # how many bytes of the newest class there are in a row
        self.field = self.fields = 0  # hash of this field, and its number in the line
        self.line = self.line_above = self.line_two_above = 0  # where these lines start
        self.field_at = [0]  # where the fields of this line start
        self.field_at_above = [0] * MAX_FIELDS  # where those of the line above start
        self.fields_above = 0  # number of the last field of the line above
        self.open = [0] * MAX_DEPTH  # hashes of open brackets and the words before them
        self.depth = 0
        self.numbers = Numbers()
        self.outline = Outline()
        self.pace = Pace()
        self.chain = Chain()
        self.memory: list[int] = []  # of each memory, the bytes that followed its value before
        self.row_at = self.channel = 0  # place of the byte to come in a record or row, in a sample
        self.expected = 0xFFFF  # prediction of the longest match, and the class of its length
        self.after1 = self.after2 = 0  # the bytes that followed the last byte, the last two, before
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
        """If a sample begins with the byte to come, predict it."""
        if self.samples is not None and self.channel % self.samples.width == 0:
            self.samples.predict(self)

    def back(self, k: int) -> int:
        """The byte k ≥ 1 bytes before the one to come."""
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
        """The byte k columns further on in the line two lines above, 0 beyond its end."""
        at = self.line_two_above + self.column() + k
        return self.piece[at] if at < self.line_above else 0

    def beside(self, k: int) -> int:
        """The byte at the same offset, plus k, in the field of the same number in the line
        above."""
        if self.fields > self.fields_above or self.fields >= MAX_FIELDS:
            return 0
        at = self.field_at_above[self.fields] + self.t - self.field_at[self.fields] + k
        return self.piece[at] if at < self.line else 0


# Contexts

Feature: TypeAlias = Callable[..., int]

FEATURES: dict[str, Feature] = {  # functions of a Past, by the features' names in the table
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
    """``x`` modulo 2^64, as a signed number of 64 bits."""
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
    """The value of an expression of the table; ``bit`` has the features of the bit to come, if
    any."""
    if isinstance(tree, int):
        return tree
    name, *operands = tree
    if name in bit:
        return bit[name]
    if name == ":":  # only one of the last two operands is evaluated
        x, y = (signed(evaluate(operand, past, bit)) for operand in operands[:2])
        return evaluate(operands[2 if x > y else 3], past, bit)
    values = [evaluate(operand, past, bit) for operand in operands]
    return OPERATIONS[name](*values) if name in OPERATIONS else FEATURES[name](past, *values)
