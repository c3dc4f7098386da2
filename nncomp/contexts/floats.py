"""The contexts for numbers in floating point, of the rich profile; see ``table``."""

from __future__ import annotations

from nncomp.contexts.family import ABSENT, FIRST_ROWS, Family, Input

__all__ = ["FLOATS"]

FLOATS = Family(
    "floats",
    "Records or rows of numbers in floating point, highest byte first.",
    floats=True,
    definitions={"N": "[P]"},
    contexts=(
        Input("o(2)"),
        Input("o(3)"),
        Input("figure(3) # 7"),
        Input("figure(5) # c1 << 8 | sure(5) | 0x50000"),
        Input("figure(5) # figure(4)"),
        Input("N << 16 | [2P] << 8 | [3P] # 3 | at << 8"),
        Input("at << 8 | c1 # 4"),
        Input("at << 16 | c1 << 8 | c2 # 5"),
        Input("exponent # 13"),
        Input("exponent # c1"),
        Input("c2 # 7 | channel << 8"),
        Input("expected # 12"),
    ),
    others=(
        Input("order 0"),
        Input("order 1"),
        Input("match 0"),
        Input("match 1"),
        *(Input(f"sample {j}") for j in range(8)),
        Input("network", ABSENT, 8192),
        Input("constant", 800, 0),
    ),
    rows=(*FIRST_ROWS, "pick(exponent)", "8k + channel", "sure(5) << 6 | 8k + channel", "near"),
)
