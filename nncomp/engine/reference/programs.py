"""The state of an x86 program derived from its instructions, in the reference engine.

It follows targets of jumps, beginnings of functions, and the stack: section 11 of
``docs/numerics.md``.
"""

from __future__ import annotations

__all__ = ["JUMP_REACH", "Program", "is_far_jump", "is_jump"]

JUMP_REACH = 128  # how far ahead targets of jumps are remembered
KEPT = {3, 5, 6, 7}  # callee-saved registers: EBX, EBP, ESI, EDI
ENDS = {0xC2, 0xC3, 0xCC, 0x90}  # opcodes of returns, and of the padding after them


def is_far_jump(opcode: int) -> bool:
    """Whether this is the opcode of a conditional jump by a distance of 32 bits."""
    return 0x180 <= opcode < 0x190


def is_jump(opcode: int) -> bool:
    return 0x70 <= opcode < 0x80 or opcode == 0xEB or is_far_jump(opcode)


class Program:
    """The state after the instructions before the current one, and after its displacement."""

    def __init__(self) -> None:
        self.targets: set[int] = set()  # offsets of targets of jumps; only those ahead are used
        self.far = 0  # the target of the last far jump, modulo 2^32
        self.function = 0  # where the current function begins
        self.pushed = self.popped = 0  # registers pushed and popped in it, a bit each
        self.depth = 0  # bytes of arguments pushed for the next call
        self.slot = 0  # the last displacement from the stack pointer, minus the depth then
        self.last = [0] * 8  # by base register: the lowest byte of the last displacement
        self.call = 0  # hash of the last call instruction's bytes

    def displace(self, modrm: int, on_stack: bool, value: int) -> None:
        """Note a displacement that is complete."""
        if on_stack:
            self.slot = value - self.depth
        self.last[modrm & 7] = value & 255

    def take(self, opcode: int, extension: int, value: int, hashed: int, t: int) -> None:
        """Note an instruction that ends before byte t; ``extension`` is the middle of mod-r/m,
        ``value`` its immediate, ``hashed`` the hash of its bytes."""
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
        """Follow pushes, pops and calls. The first push of a callee-saved register in a function
        saves it, and is no argument."""
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
