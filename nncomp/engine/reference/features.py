"""The reference engine's contexts: section 11 of ``docs/numerics.md`` as a program.

What a lane knows of its own bytes (``Past``, with ``Instruction`` and ``Samples`` where the mixing
asks for them), and what the expressions of ``nncomp.contexts.table``, which the contexts hash, make
of it. Nothing here is shared by lanes and nothing predicts a bit: that is ``mixer``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from nncomp.contexts.expression import Tree
from nncomp.mixing import Contexts, Mixing

__all__ = [
    "K1",
    "MASK",
    "PREDICTIONS",
    "Past",
    "combine",
    "context_hash",
    "evaluate",
    "length_class",
    "with_nibble",
]

MASK = (1 << 64) - 1
K1, K2, K3 = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0x632BE59BD9B4E019
PREDICTIONS = 4  # predictions of a sample
TAPS = 24  # inputs of a linear one


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


# Instructions of x86

# What follows an opcode, 16 of them in a string; the second half is of those behind 0F. p: it is a
# prefix, e: an escape, v, w, x: of VEX or EVEX; m, B, D, G, H: mod-r/m follows; b, B: then a byte,
# s: two, d, D: two, four or eight, h: three, f: six; G, H: like B, D, but in two of a group only.
KINDS = (
    "mmmmbd..mmmmbd.e" "mmmmbd..mmmmbd.." "mmmmbdp.mmmmbdp." "mmmmbdp.mmmmbdp."
    "pppppppppppppppp" "................" "..xmppppdDbB...." "bbbbbbbbbbbbbbbb"
    "BDBBmmmmmmmmmmmm" "..........f....." "dddd....bd......" "bbbbbbbbdddddddd"
    "BBs.wvBDh.s..b.." "mmmmbb..mmmmmmmm" "bbbbbbbbddfb...." "p.pp..GH......mm"
    "mmmm......mm.m.." "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "........e.e....."
    "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "BBBBmmm.mmmmmmmm"
    "dddddddddddddddd" "mmmmmmmmmmmmmmmm" "...mBm.....mBmmm" "mmmmmmmmmmBmmmmm"
    "mmBmBBBm........" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm"
)  # fmt: skip

# What the next byte of an instruction is. Of the last three that and more: plus the bytes to come.
OPCODE, AFTER_0F, AFTER_38, AFTER_3A, MODRM, SIB, DISPLACEMENT, IMMEDIATE, VEX = range(9)
PHASE = {DISPLACEMENT: 5, IMMEDIATE: 9, VEX: 17}


class Instruction:
    """Where the byte to come stands in an instruction of an x86 processor."""

    def __init__(self) -> None:
        self.before = 0  # the hash of the instruction before this one
        self.opcodes = 0  # of the last four, 16 bits each, the newest lowest
        self.start()

    def start(self) -> None:
        """Nothing is known of an instruction before its first byte."""
        self.part, self.left = OPCODE, 0  # bytes to come of a displacement, immediate, VEX
        self.bytes = self.operand = 0  # hashes of all its bytes, and of those of an operand
        self.word, self.wide = 4, False  # bytes of an immediate, and whether it may have eight
        self.opcode = self.modrm = 0
        self.kind, self.immediate = ".", 0

    @property
    def phase(self) -> int:
        """``part`` and ``left`` in one number: 0…20."""
        return PHASE.get(self.part, self.part) + self.left

    def take(self, c: int) -> None:
        """Take in the next byte."""
        self.bytes = combine(self.bytes, c + 1)
        if self.part in (DISPLACEMENT, IMMEDIATE, VEX):
            self.operand = combine(self.operand, c + 1)
            self.left -= 1
            if self.left == 0:
                self.end_of_operand()
        elif self.part == MODRM:
            self.modrm = c
            if self.kind in "GH" and c >> 3 & 7 < 2:  # TEST, the first two of the group
                self.immediate = 1 if self.kind == "G" else self.word
            if c >> 6 != 3 and c & 7 == 4:
                self.part = SIB
            else:
                self.expect_displacement(c >> 6, c & 7)
        elif self.part == SIB:
            self.expect_displacement(self.modrm >> 6, c & 7)
        else:
            self.take_opcode(c)

    def take_opcode(self, c: int) -> None:
        """Take in an opcode, or what may come before it."""
        kind = {AFTER_38: "m", AFTER_3A: "B"}.get(self.part) or KINDS[self.part << 8 | c]
        self.opcode = self.part << 8 | c
        if kind == "p":
            if c == 0x66:
                self.word = 2
            if 0x48 <= c < 0x50:
                self.wide = True
        elif kind == "e":
            self.part = {0x0F: AFTER_0F, 0x38: AFTER_38, 0x3A: AFTER_3A}[c]
        elif kind in "vwx":
            self.part, self.left = VEX, "vwx".index(kind) + 1
        else:
            word = 8 if kind == "d" and 0xB8 <= c < 0xC0 and self.wide else self.word
            sizes = {"b": 1, "B": 1, "s": 2, "h": 3, "d": word, "D": self.word, "f": 6}
            self.kind, self.immediate = kind, sizes.get(kind, 0)
            if kind in "mBDGH":
                self.part = MODRM
            else:
                self.expect_immediate()

    def expect_displacement(self, mod: int, base: int) -> None:
        """Behind mod-r/m, or SIB."""
        if mod == 3 or (mod == 0 and base != 5):
            self.expect_immediate()
        else:
            self.part, self.left = DISPLACEMENT, 1 if mod == 1 else 4

    def expect_immediate(self) -> None:
        """Behind all else."""
        self.operand = 0
        if self.immediate:
            self.part, self.left = IMMEDIATE, self.immediate
        else:
            self.finish()

    def end_of_operand(self) -> None:
        """Behind the last byte of a displacement, an immediate or VEX."""
        if self.part == VEX:
            self.part = AFTER_0F
        elif self.part == DISPLACEMENT:
            self.expect_immediate()
        else:
            self.finish()

    def finish(self) -> None:
        """Behind the last byte."""
        self.before = self.bytes
        summary = self.opcode | self.modrm >> 6 << 10 | (self.modrm >> 3 & 7) << 12
        self.opcodes = (self.opcodes << 16 | summary) & MASK
        self.start()


# Predicted samples


def signed16(v: int) -> int:
    """The number of 16 bits that v is modulo 2^16: −32768…32767."""
    return (v + 32768 & 65535) - 32768


def step_of(d: int) -> int:
    """A difference in 128 steps that are finer near 0: 4 for each octave from 8 on."""
    size = abs(d)
    assert size < 1 << 16
    octave = size.bit_length() - 3  # of 8…15: 1
    step = 4 * octave + (size >> octave & 3) if size >= 8 else size // 2
    return 64 + step if d >= 0 else 63 - step


class Samples:
    """Predictions of a sample of 16 bits: of two bytes, or of one, which is its upper half."""

    def __init__(self, width: int, period: int, stride: int) -> None:
        self.width, self.period, self.stride = width, period, stride
        self.weights = [[[0] * TAPS for _ in range(8)] for _ in range(2)]  # by channel; 2^16: one
        self.errors = [[0] * 8 for _ in range(PREDICTIONS)]  # means, in 1/256, by channel
        self.x = [0] * TAPS
        self.guesses = [0] * PREDICTIONS

    def difference(self, u: int, v: int) -> int:
        """Of two samples; modulo 2^16 where they are numbers of 16 bits."""
        return signed16(u - v) if self.width == 2 else u - v

    def predict(self, past: Past) -> None:
        """Predict the sample that begins with the byte to come."""
        P, B = self.period, self.stride
        difference = self.difference

        def sample(k: int) -> int:
            """The sample k ≥ width bytes before."""
            if self.width == 1:
                return past.back(k) << 8
            return past.back(k) | past.back(k - 1) << 8

        channels = [k for k in (self.width, 2 * self.width) if k < B]  # coded before this one
        W, WW = sample(B), sample(2 * B)
        if P > 4 * B:  # rows
            N, NW, NE = sample(P), sample(P + B), sample(P - B)
            near = [P, P + B, P - B, 2 * B, 3 * B, 4 * B, P - 2 * B, P - 3 * B]
            near += [P + 2 * B, 2 * P, 2 * P - B, 2 * P + B]
            pairs = [(sample(k), W) for k in near]
            for k in channels:
                v = sample(k)
                pairs += [(v, sample(k + B)), (v, sample(k + P))]
                pairs += [(sample(k + P - B), v), (sample(k + P + B), v)]
            third = W + difference(N, NW)
            fourth = W + ((difference(N, W) + difference(NE, W)) * 21845 >> 16)
        else:  # sound
            pairs = [(sample(i * B), sample(i * B - B)) for i in range(2, 18)]
            for k in channels:
                pairs += [(sample(k + i * B), sample(k + i * B + B)) for i in range(4)]
            third = W + 2 * difference(W, WW) + difference(sample(3 * B), WW)
            fourth = W + difference(W, WW)
        self.x = [difference(u, v) for u, v in pairs]
        self.x += [0] * (TAPS - len(self.x))
        assert len(self.x) == TAPS and all(abs(x) < 1 << 16 for x in self.x)
        linear = []
        for weights in self.weights:
            total = sum(w * x for w, x in zip(weights[past.channel], self.x, strict=True))
            assert abs(total) < 1 << 39
            linear.append(W + (total >> 16))
        guesses = [*linear, third, fourth]
        if self.width == 2:
            self.guesses = [g & 65535 for g in guesses]
        else:
            self.guesses = [min(max(g, 0), 65280) for g in guesses]

    def guess(self, j: int, past: Past) -> int:
        """What prediction j says of the byte to come: of the high one in steps of a quarter."""
        g = self.guesses[j]
        low = g & 255 if past.channel % 2 == 0 else (g - past.back(1) + 128 & 65535) >> 6
        return past.channel | low << 8

    def learn(self, channel: int, value: int) -> None:
        """The sample that was predicted is ``value``."""
        power = (1 << 12) + sum(x * x for x in self.x)
        assert power < 1 << 37
        inverse = (1 << 44) // power
        for j, guess in enumerate(self.guesses):
            error = self.difference(value, guess)
            mean = self.errors[j][channel]
            self.errors[j][channel] = mean + 16 * abs(error) - mean // 16
            assert abs(error) < 1 << 16 and self.errors[j][channel] < 1 << 24
            if j < 2:
                step = error * inverse >> 20
                shift = (9, 13)[j]
                self.weights[j][channel] = [
                    min(max(w + (step * x >> shift), -(1 << 18)), 1 << 18)
                    for w, x in zip(self.weights[j][channel], self.x, strict=True)
                ]

    def error_class(self, j: int, channel: int) -> int:
        """How wrong prediction j is on average: 0…7."""
        first = channel // self.width * self.width
        return ((self.errors[j][first] >> 8) + 1).bit_length() - 1 >> 1

    def place(self, j: int, past: Past, k: int, node: int) -> int:
        """Where prediction j stands, seen from what bit k decides behind those of ``node``."""
        low = node << 8 - k & 255  # the bytes possible are low…low + (256 >> k) − 1
        middle = low + (128 >> k)
        guess = self.guesses[j]
        if self.width == 1:
            return step_of(guess - (middle << 8))
        if past.channel % 2 == 0:  # the low byte
            return guess - low & 255
        return 128 + step_of(signed16(guess - past.back(1) - (middle << 8)))


# The past


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
        self.line = self.line_above = 0  # where they start
        self.row_at = self.channel = 0
        self.expected = 0xFFFF  # what a match says
        self.after1 = self.after2 = 0  # what followed here before
        self.instruction = Instruction()
        self.follows_x86 = mixing.contexts == Contexts.X86
        width = {Contexts.PICTURE: 1, Contexts.WIDE: 2}.get(mixing.contexts)
        self.samples = Samples(width, mixing.period, mixing.stride) if width else None

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
        if self.follows_x86:
            self.instruction.take(c)
        if self.samples is not None and self.channel % self.samples.width == self.samples.width - 1:
            value = c << 8 | (self.back(2) if self.samples.width == 2 else 0)
            self.samples.learn(self.channel - self.samples.width + 1, value)
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


# Contexts

Feature: TypeAlias = Callable[..., int]

FEATURES: dict[str, Feature] = {  # of a past, by their names in the table
    "c": lambda p, k: p.back(k),
    "back": lambda p, k: p.back(k),
    "o": lambda p, k: p.order(k),
    "up": lambda p, k: p.above(k),
    "t": lambda p: p.t,
    "word": lambda p: p.word,
    "word1": lambda p: p.word1,
    "word2": lambda p: p.word2,
    "shape": lambda p: p.shape,
    "tokens": lambda p: p.tokens,
    "run": lambda p: p.run,
    "field": lambda p: p.field,
    "fields": lambda p: p.fields,
    "column": lambda p: p.column(),
    "P": lambda p: p.period,
    "B": lambda p: p.stride,
    "at": lambda p: p.row_at,
    "channel": lambda p: p.channel,
    "expected": lambda p: p.expected,
    "after1": lambda p: p.after1,
    "after2": lambda p: p.after2,
    "phase": lambda p: p.instruction.phase,
    "bytes": lambda p: p.instruction.bytes,
    "operand": lambda p: p.instruction.operand,
    "opcode": lambda p: p.instruction.opcode,
    "modrm": lambda p: p.instruction.modrm,
    "before": lambda p: p.instruction.before,
    "opcodes": lambda p: p.instruction.opcodes,
    "guess": lambda p, j: p.samples.guess(j, p),
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
