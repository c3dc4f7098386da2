"""Families of contexts, and the features that their expressions may use; see ``table``."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from nncomp.contexts.expression import Tree, bound, parse

__all__ = [
    "ABSENT",
    "BIT",
    "DEFINITIONS",
    "FEATURES",
    "FIRST_ROWS",
    "INSTRUCTION",
    "MOST",
    "NUMBERS",
    "Family",
    "Input",
]

ABSENT = None  # in place of a weight: the input takes no part
# First weights of untrained inputs, without and beside the network; 2^14 is one.
EVEN, EVEN_BESIDE = 1440, 720

# The first sets of weights of every family, as the expressions that choose a row in them. A row's
# learning rate falls with how often it was chosen, so there may be thousands of rare rows.
FIRST_ROWS = ("shape mod 2^4 << 8 | node", "match_row", "c1 >> 5 << 6 | 8hits + k")

# The features that an expression can use. Each engine has a function for each name.
FEATURES = {
    # the past of a lane
    "c": "c1 … c9: the byte so far back",
    "back": "[k]: the byte k back",
    "o": "o(k): the last k bytes as a number, the newest lowest; k is 1 … 8",
    "up": "up(k): the byte k columns on in the line above",
    "up2": "up2(k): likewise in the line above that",
    "t": "how many bytes the lane has coded",
    "word": "hash of the letters of this word",
    "word1": "of the word before",
    "word2": "of that before it",
    "shape": "classes of the last 16 bytes, four bits each",
    "tokens": "the same with each run of a class as one",
    "run": "bytes of this class so far",
    "beside": "beside(k): the byte k on from here in the field above, which begins where this does",
    "open": "hash of the bracket that is open, and of the word before it",
    "field": "hash of the bytes of this field",
    "fields": "which one of the line it is",
    "number": "the number that the last digits are, points between them left out, or 0",
    "digits": "how many there are",
    "over": "the number in the line above that is in the same place as this one or the next, or 0",
    "change": "by how much the number before is more than the one in its place there",
    "name": "hash of the bytes of this name: letters, both cases alike, digits, _",
    "outline": "hash of this line, in which a run of digits is one thing",
    "outline1": "that of the line above",
    "form": "hash of this line, in which runs of letters, digits, any other byte are one thing",
    "due": "due(j): what digits come next if the number is one that is due here",
    "cell": "how many commas, tabs, semicolons and bars came in this line outside of quotes",
    "column": "bytes since the line began",
    "pace": "at what distance bytes come again, as far as they show it, or 0",
    "type": "that of the record, of a chain of them with a type and a length in front of each",
    "offset": "where in that record the byte is, or 0",
    "P": "the period: bytes of a record or of a row of samples, or 0",
    "B": "the stride: bytes of a sample",
    "at": "where in a record or row the byte is",
    "channel": "where in a sample it is",
    # other places of the block
    "expected": "what a match predicts, and how long it is",
    "after1": "the last four bytes that followed c1 anywhere",
    "after2": "the last two that followed c2 and c1",
    "memory": "memory(j): the last four that followed where memory j was the same",
    # an instruction of x86
    "phase": "what the byte is",
    "bytes": "hash of the instruction's bytes",
    "operand": "hash of those of its operand",
    "opcode": "its opcode",
    "modrm": "its byte of that name",
    "before": "hash of the bytes of the instruction before",
    "opcodes": "those of the last four, 16 bits each",
    # the program around it
    "here": "1 where a jump goes, or 0",
    "ahead": "ahead(j): bytes from here to the j-th place that a jump goes to, 128 from there on",
    "jump": "1 where the byte is of a jump's distance, or 0",
    "far": "256 + what the byte is if this jump by 32 bits goes where the last one went, or 0",
    "function": "where this function begins",
    "pushed": "registers that it has pushed, a bit each",
    "popped": "likewise popped",
    "depth": "bytes of arguments that wait on the stack for a call",
    "slot": "256 + what the byte is if this place of the stack is the last one, or 0",
    "last": "the lowest byte of the last displacement with this base",
    "call": "hash of the bytes of the last call",
    # samples
    "guess": "guess(j): what prediction j says of the byte",
    # numbers in floating point
    "figure": "figure(j): what prediction j says of the byte to come",
    "sure": "sure(j): how many bits of prediction j are about right",
    "exponent": "the number's, with its sign, once they are there, and which byte it is",
    # the bit to come, for rows of weights only
    "k": "which one of the byte it is: 0 … 7",
    "node": "1 and the byte's bits before it",
    "match_class": "of the length of the first active match",
    "match_row": "that, and what match 0 says",
    "hits": "how many of the first five contexts have a slot",
    "all_hits": "how many of all have one",
    "predicted": "256 + the byte that a match expects, or 0",
    "near": "where prediction 5 stands",
}
BIT = {"k", "node", "match_class", "match_row", "hits", "all_hits", "predicted", "near"}
MOST = {  # upper bounds of the features that may choose rows
    "c": 255,
    "back": 255,
    "t": (1 << 32) - 1,
    "phase": 31,
    "here": 1,
    "channel": 7,
    "sure": 31,
    "k": 7,
    "node": 255,
    "match_class": 23,
    "match_row": 95,
    "hits": 5,
    "all_hits": 63,
    "predicted": 511,
    "near": 255,
}
INSTRUCTION = {"phase", "bytes", "operand", "opcode", "modrm", "before", "opcodes"}
INSTRUCTION |= {"here", "ahead", "jump", "far", "function", "pushed", "popped", "depth", "slot"}
INSTRUCTION |= {"last", "call"}
NUMBERS = {"number", "digits", "over", "change"}
NUMBERS |= {"name", "outline", "outline1", "form", "due", "cell"}

# Abbreviations that every family may use.
DEFINITIONS = {
    "T": "(tokens mod 2^32) # ((run << 8 | c1) # word)",
    "L": "min(column, 255) # up(0)",
}


@dataclass(frozen=True)
class Input:
    """An input of the mixer's first layer, and its first weight.

    ``what`` is the expression that a context hashes, or the name of another input. ``alone`` is the
    weight without the network and ``beside`` that beside it: s16, 2^14 is one, or ``ABSENT``.
    """

    what: str
    alone: int | None = EVEN
    beside: int | None = EVEN_BESIDE

    def weight(self, network: bool) -> int | None:
        return self.beside if network else self.alone


@dataclass(frozen=True)
class Family:
    """The contexts for one kind of content, in order, and all that depends on them.

    ``rows`` are the expressions by which the sets of weights of the mixer's first layer choose
    their row: 4 or 7 sets, or 14 in the max profile.
    """

    name: str
    about: str
    contexts: tuple[Input, ...]
    others: tuple[Input, ...]
    rows: tuple[str, ...]
    width: int = 0  # bytes of a sample that is predicted: 1 or 2; 0: samples are not predicted
    floats: bool = False  # whether numbers in floating point are predicted
    definitions: dict[str, str] = field(default_factory=dict)
    memories: tuple[str, ...] = ()  # expressions; for each value the bytes that followed are kept
    base: Family | None = None  # the rich profile's family, with whose contexts and rows it begins

    @property
    def full(self) -> bool:
        """Whether it belongs to the max profile, where contexts also keep runs and give three
        inputs each."""
        return self.base is not None

    def inputs(self, network: bool) -> list[Input]:
        """The inputs that take part beside the network, or without it."""
        both = (*self.contexts, *self.others)
        return [i for i in both if i.weight(network) is not ABSENT]

    def count(self, kind: str, network: bool = False) -> int:
        """How many ``context``, ``match`` or ``sample`` inputs take part."""
        if kind == "context":
            return sum(i.weight(network) is not ABSENT for i in self.contexts)
        return sum(i.what.startswith(kind) for i in self.others)

    def values(self, network: bool) -> list[Tree]:
        """The trees of the expressions that the contexts hash."""
        names = DEFINITIONS | self.definitions
        return [parse(i.what, names) for i in self.contexts if i.weight(network) is not ABSENT]

    def memory_values(self) -> list[Tree]:
        """The trees of the expressions that the memories hash."""
        return [parse(memory, DEFINITIONS | self.definitions) for memory in self.memories]

    def row_values(self) -> list[Tree]:
        """The trees of the expressions that choose rows of weights."""
        return [parse(row, DEFINITIONS | self.definitions) for row in self.rows]

    @cached_property
    def first_rows(self) -> list[int]:
        """Where the rows of each set begin in one array of all rows, and the number of all rows."""
        return [0, *accumulate(bound(row, MOST) + 1 for row in self.row_values())]
