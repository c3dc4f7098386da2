"""The contexts of each family, and the first weights of the adaptive stage's inputs.

This is the only list of them: ``make contexts`` writes from it the C++ headers of the native engine
and the listing in ``docs/numerics.md``, and the reference engine evaluates it. ``expression``
defines the notation, and ``family.FEATURES`` says what the names mean. To add a context, add a row.
"""

from __future__ import annotations

from dataclasses import replace

from nncomp.contexts.family import ABSENT, FIRST_ROWS, Family, Input
from nncomp.contexts.floats import FLOATS
from nncomp.contexts.samples import PICTURE, WIDE
from nncomp.contexts.x86 import X86

__all__ = ["FAMILIES", "FIRST_ROWS", "LEAN", "MAX", "MAX_CONTEXTS", "MAX_MEMORIES", "RICH"]

GENERAL = Family(
    "general",
    "Text, and whatever is nothing else.",
    # Letters of most scripts other than Latin are two or three bytes of UTF-8, all above 127. After
    # such a byte, contexts for numbers and tables are replaced by longer ones for text.
    definitions={"foreign": "c1 | c2 | c3"},
    contexts=(
        Input("o(2)", 2128, 880),
        Input("o(3)", 1792, 1152),
        Input("o(4)", 1760, 1248),
        Input("o(6)", 1040, 600),
        Input("word # c1", 2976, 1472),
        Input("word # word1", 880, 1040),
        Input("expected | 0x10000 # c1", 2288, 1424),
        Input("after2 # c1 | 0x2200", 1504, 896),
        Input("shape # 0x3401", 1344, 1120),
        Input("tokens # 0x3800", 1056, 784),
        Input("T", 1536, 1312),
        Input("P > 0: [P] << 16 | [P + 1] << 8 | c1 # 0x501, else L", 976, 640),
        Input("due(0) # outline", 768, 688),
        Input(
            "foreign > 127: (c2 << 16 | c4 << 8 | c6) # 0x62E, "
            "else over # (number # digits << 8 | c1) # change",
            1000,
            600,
        ),
        Input("expected # name", 1120, 600),
        Input("after1 mod 2^24 # c1 | 0x1100", 1056, 600),
        Input("foreign > 127: o(8) # 0x62D, else due(1)", 1376, 600),
        Input("(beside(0) << 16 | beside(1) << 8 | c1) # fields | 0x60500", 1000, 600),
        Input("t - column # name", 928, 600),
        Input("foreign > 127: word1 # o(2), else outline # outline1 # number", 960, 600),
        Input("open # word + 8", 900, 600),
        Input("due(2) # form", 900, 600),
    ),
    others=(
        Input("order 0", 1792, 176),
        Input("order 1", 1136, 96),
        Input("match 0", 1952, 1888),
        Input("match 1", 1440, 1216),
        Input("network", ABSENT, 10304),
        Input("constant", 1136, 512),
    ),
    rows=(
        *FIRST_ROWS,
        "pick(o(2))",
        "fields mod 2^4 << 8 | node",
        "pick(shape mod 2^20)",
        "pick(tokens mod 2^24)",
    ),
)

RECORDS = Family(
    "records",
    "Records of P bytes; N is the byte of the one before, NE, NW of its neighbours.",
    definitions={
        "N": "[P]",
        "NE": "[P - 1]",
        "NW": "[P + 1]",
        "NN": "[2P]",
    },
    contexts=(
        Input("o(2)", 2352),
        Input("o(3)", 1312),
        Input("o(4)", 576),
        Input("o(6)", -400),
        Input("N << 8 | c1 # 2", 1488),
        Input("N << 16 | NN << 8 | [3P] # 3", 2480),
        Input("at << 8 | c1 # 4", 1952),
        Input("c2 # 7", 1296),
        Input("c3 << 8 | c4 # 8", 1536),
        Input("expected # 12", 2048),
        Input("after1 mod 2^24 # c1 | 0x1100", 1008),
        Input("after2 # c1 | 0x2200", 1824),
        Input("N << 24 | NE << 16 | NW << 8 | NN # c1", 416),
        Input("at # 11", 928),
        Input("(c1 - NW) mod 2^8 | (c2 - [P + 2]) mod 2^8 << 8 | N << 16 # 14", 1376),
        Input("word # tokens mod 2^32", 1216),
        Input("o(8) & 0xFFC0C0C0C0C0 # 0x625", 500),
        Input("o(8) & 0xFFFFF0F0F0F0 # 0x626", 500),
        Input("N << 8 | [8] # (t & 3) | 0x62900", 500),
        Input("(N >> 4) << 16 | (NN >> 4) << 8 | ([3P] >> 4) # at | 0x62100", 500),
    ),
    others=(
        Input("order 0", 160),
        Input("order 1", 2000),
        Input("match 0", 2272),
        Input("match 1", 1648),
        Input("network", ABSENT, 8192),
        Input("constant", 3104, 0),
    ),
    rows=(
        *FIRST_ROWS,
        "pick(o(2))",
        "pick(shape mod 2^20)",
        "k << 8 | at mod 2^8",
        "6*match_class + hits",
    ),
)

CODE = Family(
    "code",
    "Instructions of a processor.",
    contexts=(
        Input("o(2)"),
        Input("o(3)"),
        Input("o(4)"),
        Input("o(6)"),
        Input("o(5)"),
        Input("o(8) # o(7)"),
        Input("c2 << 8 | c3 # 1"),
        Input("c2 << 16 | c3 << 8 | c4 # 2"),
        Input("c1 << 16 | c3 << 8 | c4 # 3"),
        Input("c1 << 8 | c3 # 4"),
        Input("c4 << 8 | c5 # 5"),
        Input("c1 << 8 | c5 # 6"),
        Input("o(8) & 0xF8C7F8C7F8C7 # 7"),
        Input("o(8) & 0xF0F0F0F0F0F0 # 8"),
        Input("[4] << 8 | [8] # (t & 3) | 0x62900"),
        Input("expected # c1"),
        Input("c1 << 24 | c2 << 16 | (t & 3) << 8 | c4 # 9"),
        Input("c3 << 16 | c4 << 8 | c5 # 10"),
        Input("c1 << 16 | c2 << 8 | c6 # 11"),
        Input("after1 mod 2^24 # c1 | 0x1100"),
        Input("after2 # c1 | 0x2200"),
    ),
    others=(
        Input("order 0"),
        Input("order 1"),
        Input("match 0"),
        Input("match 1"),
        Input("network", ABSENT, 8192),
        Input("constant", 0, 0),
    ),
    rows=(*FIRST_ROWS, "pick(o(2))", "16k + (c2 >> 4)", "16k + (c3 >> 4)", "6*match_class + hits"),
)

LEAN = Family(
    "lean",
    "The lean profile.",
    contexts=(
        Input("o(2)", 3152, 1600),
        Input("o(3)", 2592, 1664),
        Input("o(4)", 2368, 1792),
        Input("o(6)", 1744, 1552),
        Input("word # c1", 3424, 2240),
        Input("T", 2896, 2240),
        Input("P > 0: [P] << 8 | c1 # 2, else L", 2064, 1024),
    ),
    others=(
        Input("order 0", 2624, 176),
        Input("order 1", 2976, 832),
        Input("match 0", 3344, 2960),
        Input("network", ABSENT, 9952),
        Input("constant", 720, 528),
    ),
    rows=(*FIRST_ROWS, "pick(shape mod 2^24)"),
)

RICH = (GENERAL, RECORDS, CODE, X86, PICTURE, WIDE, FLOATS)  # in the order of ``mixing.Contexts``

MORE = 300  # first weight of the contexts that the max profile adds


def full(
    family: Family,
    contexts: tuple[str, ...],
    rows: tuple[str, ...],
    memories: tuple[str, ...] = (),
) -> Family:
    """The family of the max profile: all contexts of the rich profile's ``family``, and more."""
    return replace(
        family,
        name=f"max_{family.name}",
        contexts=(*family.contexts, *(Input(what, MORE, MORE) for what in contexts)),
        rows=(*family.rows, *rows),
        memories=memories,
        base=family,
    )


ROWS_OF_TEXT = (
    "predicted",
    "pick(shape mod 2^28)",
    "pick(tokens mod 2^40)",
    "min(column, 127) << 3 | k",
    "(word >> 56) mod 2^7 << 3 | k",
    "pick(shape mod 2^36)",
    "6*match_class + hits",
)
ROWS_OF_NUMBERS = (
    "predicted",
    "8all_hits + k",
    "shape mod 2^8 << 2 | k >> 1",
    "c2",
    "c3",
    "t mod 2^2 << 8 | node",
    "c1 >> 6 << 8 | node",
)
ROWS_OF_RECORDS = (
    *ROWS_OF_NUMBERS[:2],
    "16k + (c2 >> 4)",
    *ROWS_OF_NUMBERS[3:5],
    "0xFFFFF > type: min(offset, 127) << 3 | k, else t mod 2^2 << 8 | node",
    ROWS_OF_NUMBERS[-1],
)
ROWS_OF_INSTRUCTIONS = (
    "predicted",
    "pick(O # phase)",
    "phase << 5 | min(ahead(1), 15) << 1 | here",
    "6*match_class + hits",
    "phase << 5 | ((depth >> 2) & 3) << 3 | k",
    "phase > 0: opcode mod 2^9 << 1, else opcodes mod 2^9 << 1 | 1",
    ROWS_OF_NUMBERS[-1],
)

MAX = (
    full(
        GENERAL,
        (
            "c2 << 8 | c3",
            "word # word2*7 + 1",
            "beside(0) << 24 | beside(1) << 16 | beside(2) << 8 | 6 # field",
            "shape mod 2^24 # o(2) | 0x6100000",
            "(up(0) << 24 | up(1) << 16 | up2(0) << 8 | up2(1)) # c1 | 0x61100",
            "(up(2) << 24 | up(3) << 16 | up(4) << 8 | up(0)) # column | 0x6130000",
            "memory(0) mod 2^24 # 0x614",
            "shape mod 2^40 # c1 | 0x3300",
            "word1 # tokens mod 2^8",
            "column # c1 | 0x60A00",
            "cell # name",
            "o(3) # t >> 10",
        ),
        ROWS_OF_TEXT,
        ("word # c1",),
    ),
    full(
        RECORDS,
        (
            "o(5)",
            "pace > 0: pace << 8 | [pace] # 0x601, else 0",
            "c1 << 16 | c2 << 8 | c4 # 0x608",
            "c2 << 16 | c3 << 8 | c4 # 0x60B",
            "[4] << 8 | [8] # t & 3 | 0x60F00",
            "pace > 0: [pace] << 16 | [2*pace] << 8 | [3*pace] # 0x603, else 0",
            "(beside(0) << 16 | beside(1) << 8 | c1) # fields | 0x60C00",
            "word # c1 | 0x60D00",
            "o(5) # memory(0) mod 2^8",
            "o(5) # memory(0) mod 2^16",
            "(type << 16 | offset) # memory(0)",
            "(type << 16 | offset) # c1",
            "(type << 16 | offset) # memory(2) mod 2^16 | [7] << 16",
            "memory(1) mod 2^16 # memory(0) mod 2^8",
            "memory(1) mod 2^16 # c1",
            "(2N - NN) mod 2^8 | at << 8 # 13",
            "(c1 + N - NW) mod 2^8 # 10",
            "c1 << 8 | c3 # 9",
        ),
        ROWS_OF_RECORDS,
        ("type << 16 | offset", "o(5)", "(type << 16 | offset) # [6] << 8 | [7]"),
    ),
    full(
        CODE,
        ("o(7)", "pace > 0: pace << 8 | [pace] # c1 << 8 | 11, else 0", "word # c1 | 0x60600"),
        ROWS_OF_NUMBERS,
    ),
    full(
        X86,
        (
            "I # (opcodes >> 16) mod 2^16 | 0x60100000",
            "(opcodes >> 16) mod 2^32 # O",
            "pace > 0: pace << 8 | [pace] # c1 << 8 | 11, else 0",
            "operand # opcodes mod 2^16 | phase << 16",
            "O # before",
            "word # c1 | 0x60600",
            "opcodes mod 2^32 # phase | modrm << 8 | 0x6080000",
            "o(3) # phase",
            "memory(0) mod 2^8 # O",
            "memory(1) mod 2^24 # phase",
            "jump > 0: ahead(1) << 8 | ahead(2) # opcode | phase << 16, else O # room",
            "jump > 0: ahead(1) # phase, else I # room",
            "I # pushed | popped << 8",
            "I # call + depth",
            "far > 0: far # phase, else (function # O) # opcodes mod 2^16",
            "(function # phase) # modrm & 7",
            "slot > 0: slot # O, else c1 # last | phase << 8",
        ),
        ROWS_OF_INSTRUCTIONS,
        ("O", "I"),
    ),
    full(PICTURE, (), ROWS_OF_NUMBERS),
    full(
        WIDE, ("guess(4) # c2 | 0x600", "guess(4) # guess(5)", "guess(6) # 0x610"), ROWS_OF_NUMBERS
    ),
    full(
        FLOATS,
        ("o(4)", "c3 << 8 | c4 # 8", "figure(7) # figure(6)", "[4] << 8 | [8] # at | 0x60000"),
        ROWS_OF_NUMBERS,
    ),
)

FAMILIES = (*RICH, LEAN, *MAX)  # the lean profile has only one
MAX_MEMORIES = max(len(family.memories) for family in FAMILIES)
MAX_CONTEXTS = max(len(family.contexts) for family in FAMILIES)
