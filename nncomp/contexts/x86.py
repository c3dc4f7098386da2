"""The contexts for programs of x86, of the rich profile; see ``table``."""

from __future__ import annotations

from nncomp.contexts.family import ABSENT, FIRST_ROWS, Family, Input

__all__ = ["X86"]

AHEAD = "ahead(1) << 16 | ahead(2) << 8 | ahead(3) # opcode | phase << 16"

X86 = Family(
    "x86",
    "Instructions of an x86 processor.",
    definitions={
        "I": "bytes # phase",
        "O": "opcode | phase << 16 | modrm << 24",
        "room": "min(ahead(1), 16) << 1 | here",
    },
    contexts=(
        Input("o(2)", 1968),
        Input("o(6)", -416),
        Input("I", 752),
        Input("I # opcodes mod 2^32", 304),
        Input("I # opcodes mod 2^48", 112),
        Input("opcodes # O", 2144),
        Input("operand # phase << 8 | 1", 1856),
        Input("expected # c1", 2400),
        Input("c2 << 8 | c3", 1808),
        Input("c2 << 16 | c3 << 8 | c4 # 2", 1584),
        Input("O # c1", 1888),
        Input("c1 << 8 | c3 # 4", 1824),
        Input("c4 << 8 | c5 # 5", 1216),
        Input("c1 << 24 | c2 << 16 | (t & 3) << 8 | c4 # 9", 976),
        Input("[8] << 16 | [16] << 8 | [24] # t & 7", 896),
        Input("o(8) & 0xF0F0F0F0F0F0 # 8", 1312),
        Input("(O # operand) # opcodes mod 2^16", 1552),
        Input(f"jump > 0: {AHEAD}, else (O # opcodes mod 2^16) # room", 1000),
        Input("function # phase | opcode mod 2^8 << 8 | (modrm & 0xC7) << 16", 1000),
        Input("slot > 0: (function # depth) # operand # phase, else I # depth", 1000),
        Input("I # (t & 15) | opcodes mod 2^10 << 8", 1000),
    ),
    others=(
        Input("order 0", 1440),
        Input("order 1", 720),
        Input("match 0", 3104),
        Input("match 1", 2016),
        Input("network", ABSENT, 8192),
        Input("constant", 3376, 0),
    ),
    rows=(
        *FIRST_ROWS,
        "pick(o(2))",
        "8phase + ((modrm >> 3) & 7)",
        "phase << 8 | node",
        "pick(opcodes mod 2^16 # phase)",
    ),
)
