"""Instructions of x86, as the reference engine follows them: section 11 of ``docs/numerics.md``."""

from __future__ import annotations

from nncomp.engine.reference.hashes import MASK, combine
from nncomp.engine.reference.programs import JUMP_REACH, Program, is_far_jump, is_jump

__all__ = ["KINDS", "Instruction"]

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
        self.sib = 0  # the last one
        self.program = Program()
        self.t = 0  # bytes taken in
        self.start()

    def start(self) -> None:
        """Nothing is known of an instruction before its first byte."""
        self.part, self.left = OPCODE, 0  # bytes to come of a displacement, immediate, VEX
        self.bytes = self.operand = 0  # hashes of all its bytes, and of those of an operand
        self.value = self.known = 0  # of an operand, of which so many bytes are known; four count
        self.word, self.wide = 4, False  # bytes of an immediate, and whether it may have eight
        self.opcode = self.modrm = 0
        self.kind, self.immediate = ".", 0

    @property
    def phase(self) -> int:
        """``part`` and ``left`` in one number: 0…20."""
        return PHASE.get(self.part, self.part) + self.left

    def take(self, c: int) -> None:
        """Take in the next byte."""
        self.t += 1
        self.bytes = combine(self.bytes, c + 1)
        if self.part in (DISPLACEMENT, IMMEDIATE, VEX):
            self.operand = combine(self.operand, c + 1)
            self.value |= c << 8 * self.known & 0xFFFFFFFF
            self.known += 1
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
            self.sib = c
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
        self.operand = self.value = self.known = 0
        if self.immediate:
            self.part, self.left = IMMEDIATE, self.immediate
        else:
            self.finish()

    def end_of_operand(self) -> None:
        """Behind the last byte of a displacement, an immediate or VEX."""
        if self.part == VEX:
            self.part, self.value, self.known = AFTER_0F, 0, 0
        elif self.part == DISPLACEMENT:
            self.program.displace(self.modrm, self.is_on_stack(), self.value)
            self.expect_immediate()
        else:
            self.finish()

    def finish(self) -> None:
        """Behind the last byte."""
        extension = self.modrm >> 3 & 7
        self.program.take(self.opcode, extension, self.value, self.bytes, self.t)
        self.before = self.bytes
        summary = self.opcode | self.modrm >> 6 << 10 | (self.modrm >> 3 & 7) << 12
        self.opcodes = (self.opcodes << 16 | summary) & MASK
        self.start()

    # What contexts ask

    def is_on_stack(self) -> bool:
        """Whether the operand is at ESP and a displacement."""
        return self.modrm & 7 == 4 and self.sib == 0x24

    def here(self) -> int:
        """1 where a jump goes, else 0."""
        return int(self.t in self.program.targets)

    def ahead(self, j: int) -> int:
        """Bytes from here to the j-th place that a jump goes to, at most ``JUMP_REACH``."""
        distances = sorted(target - self.t for target in self.program.targets if target > self.t)
        return distances[j - 1] if j <= len(distances) else JUMP_REACH

    def jump(self) -> int:
        """1 where the byte is of a jump's distance, else 0."""
        return int(self.part == IMMEDIATE and is_jump(self.opcode))

    def far(self) -> int:
        """2^8 + what the byte is if this far jump goes where the last one went, or 0."""
        if self.part != IMMEDIATE or not is_far_jump(self.opcode):
            return 0
        value = self.program.far - self.t - self.left & 0xFFFFFFFF
        if (value ^ self.value) & (1 << 8 * self.known) - 1:
            return 0
        return 256 | value >> 8 * self.known & 255

    def slot(self) -> int:
        """2^8 + what the byte is if this place of the stack is the last one, or 0."""
        if self.part != DISPLACEMENT or not self.is_on_stack():
            return 0
        return 256 | self.program.slot + self.program.depth & 255
