"""Parses x86 instructions, for the reference engine: section 11 of ``docs/numerics.md``."""

from __future__ import annotations

from nncomp.engine.reference.hashes import MASK, combine
from nncomp.engine.reference.programs import JUMP_REACH, Program, is_far_jump, is_jump

__all__ = ["KINDS", "Instruction"]

# What follows each opcode, 16 opcodes per string; the second half is for opcodes after 0F.
# p: a prefix; e: an escape byte; v, w, x: VEX with 1 or 2 more bytes, EVEX with 3;
# m, B, D, G, H: mod-r/m; and then an immediate of 1 byte (b, B), 2 (s), 2, 4 or 8 (d, D), 3 (h),
# or 6 (f); G, H: as B, D, but only for two opcodes of a group.
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

# The part of an instruction that the next byte belongs to. For the last three, ``phase`` is the
# number in PHASE plus how many bytes of the part are to come.
OPCODE, AFTER_0F, AFTER_38, AFTER_3A, MODRM, SIB, DISPLACEMENT, IMMEDIATE, VEX = range(9)
PHASE = {DISPLACEMENT: 5, IMMEDIATE: 9, VEX: 17}


class Instruction:
    """The state of parsing: the part of an x86 instruction that the byte to come belongs to."""

    def __init__(self) -> None:
        self.before = 0  # the hash of the instruction before this one
        self.opcodes = 0  # summaries of the last four instructions, 16 bits each, newest lowest
        self.sib = 0  # the last SIB byte
        self.program = Program()
        self.t = 0  # bytes taken in so far
        self.start()

    def start(self) -> None:
        """Reset the state for an instruction of which nothing is known yet."""
        self.part, self.left = OPCODE, 0  # left: bytes to come of a displacement, immediate, VEX
        self.bytes = self.operand = 0  # hashes of all bytes so far, and of the operand's
        self.value = self.known = 0  # the operand's first four bytes, and how many bytes are known
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
        """Take in an opcode, a prefix or an escape byte."""
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
        """Go on after mod-r/m or SIB: with a displacement, if there is one."""
        if mod == 3 or (mod == 0 and base != 5):
            self.expect_immediate()
        else:
            self.part, self.left = DISPLACEMENT, 1 if mod == 1 else 4

    def expect_immediate(self) -> None:
        """Go on after everything but an immediate: with that, or with the end."""
        self.operand = self.value = self.known = 0
        if self.immediate:
            self.part, self.left = IMMEDIATE, self.immediate
        else:
            self.finish()

    def end_of_operand(self) -> None:
        """Go on after the last byte of a displacement, an immediate or VEX."""
        if self.part == VEX:
            self.part, self.value, self.known = AFTER_0F, 0, 0
        elif self.part == DISPLACEMENT:
            self.program.displace(self.modrm, self.is_on_stack(), self.value)
            self.expect_immediate()
        else:
            self.finish()

    def finish(self) -> None:
        """End the instruction after its last byte, and note what it did."""
        extension = self.modrm >> 3 & 7
        self.program.take(self.opcode, extension, self.value, self.bytes, self.t)
        self.before = self.bytes
        summary = self.opcode | self.modrm >> 6 << 10 | (self.modrm >> 3 & 7) << 12
        self.opcodes = (self.opcodes << 16 | summary) & MASK
        self.start()

    # Features

    def is_on_stack(self) -> bool:
        """Whether the operand is on the stack: at ESP plus a displacement."""
        return self.modrm & 7 == 4 and self.sib == 0x24

    def here(self) -> int:
        """1 if the byte to come is the target of an earlier jump, else 0."""
        return int(self.t in self.program.targets)

    def ahead(self, j: int) -> int:
        """Bytes from here to the j-th target of a jump ahead, at most ``JUMP_REACH``."""
        distances = sorted(target - self.t for target in self.program.targets if target > self.t)
        return distances[j - 1] if j <= len(distances) else JUMP_REACH

    def jump(self) -> int:
        """1 if the byte to come belongs to the distance of a jump, else 0."""
        return int(self.part == IMMEDIATE and is_jump(self.opcode))

    def far(self) -> int:
        """2^8 + the byte to come if this far jump goes where the last one went; 0 if it does not,
        or is none."""
        if self.part != IMMEDIATE or not is_far_jump(self.opcode):
            return 0
        value = self.program.far - self.t - self.left & 0xFFFFFFFF
        if (value ^ self.value) & (1 << 8 * self.known) - 1:
            return 0
        return 256 | value >> 8 * self.known & 255

    def slot(self) -> int:
        """2^8 + the byte to come if this displacement addresses the same place of the stack as the
        last one; 0 if it is not on the stack."""
        if self.part != DISPLACEMENT or not self.is_on_stack():
            return 0
        return 256 | self.program.slot + self.program.depth & 255
