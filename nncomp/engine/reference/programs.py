"""What instructions of x86 show of a program, as the reference engine follows them.

Where jumps go, which function this is, what is on the stack: section 11 of ``docs/numerics.md``.
"""

from __future__ import annotations

__all__ = ["JUMP_REACH", "Program", "is_far_jump", "is_jump"]

JUMP_REACH = 128  # how far ahead targets of jumps are remembered
KEPT = {3, 5, 6, 7}  # registers that calls keep: EBX, EBP, ESI, EDI
ENDS = {0xC2, 0xC3, 0xCC, 0x90}  # returns, and what fills the space behind them


def is_far_jump(opcode: int) -> bool:
    """By a distance of 32 bits."""
    return 0x180 <= opcode < 0x190


def is_jump(opcode: int) -> bool:
    return 0x70 <= opcode < 0x80 or opcode == 0xEB or is_far_jump(opcode)


class Program:
    """What the instructions before this one show, and its displacement."""

    def __init__(self) -> None:
        self.targets: set[int] = set()  # of jumps: offsets, of which those from t on count
        self.far = 0  # where the last far jump went, modulo 2^32
        self.function = 0  # where this one begins
        self.pushed = self.popped = 0  # registers since, a bit each
        self.depth = 0  # bytes of the arguments on the stack
        self.slot = 0  # the last displacement from the stack pointer, less the depth
        self.last = [0] * 8  # the lowest byte of the last displacement, by base
        self.call = 0  # hash of the last call's bytes

    def displace(self, modrm: int, on_stack: bool, value: int) -> None:
        """A displacement ends."""
        if on_stack:
            self.slot = value - self.depth
        self.last[modrm & 7] = value & 255

    def take(self, opcode: int, extension: int, value: int, hashed: int, t: int) -> None:
        """An instruction ends before byte t; ``extension`` is the middle of mod-r/m."""
        if is_jump(opcode):
            distance = value if is_far_jump(opcode) else (value & 255 ^ 128) - 128
            if 0 <= distance < JUMP_REACH:
                self.targets.add(t + distance)
            if is_far_jump(opcode):
                self.far = t + distance & 0xFFFFFFFF
        self.take_stack(opcode, extension, hashed)
        if opcode in ENDS:
            self.function = t
            self.pushed = self.popped = self.depth = self.slot = 0

    def take_stack(self, opcode: int, extension: int, hashed: int) -> None:
        """Pushes, pops and calls. A kept register's first push in a function is no argument."""
        register = opcode & 7
        if 0x50 <= opcode < 0x58:
            if register not in KEPT or self.pushed >> register & 1:
                self.depth += 4
            self.pushed |= 1 << register
        elif 0x58 <= opcode < 0x60:
            self.depth = max(self.depth - 4, 0)
            self.popped |= 1 << register
        elif opcode in (0x68, 0x6A) or (opcode == 0xFF and extension == 6):
            self.depth += 4
        elif opcode == 0xE8 or (opcode == 0xFF and extension == 2):
            self.call, self.depth = hashed, 0
