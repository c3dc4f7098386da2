"""The notation of ``table``: a number made of named features, as text and as a tree.

Numbers have 64 bits and wrap. From what binds least to what binds most:

    a > b: x, else y     one of two numbers
    #                    a hash of two numbers
    |   &   << >>   + -  as in C; >>, like > and the functions, takes numbers as signed
    *   mod 2^k          a product; the low k bits. 2P is 2*P
    word   o(3)   [P]    a feature; one with an argument; the byte P back. c1 is [1]
    clip(x) abs(x) min(x, y)         into 0..255; without the sign; the smaller
    pick(x)              one of 2^12, by a hash: the highest bits of x # 1

A tree is a number, or a tuple: ("word",) or ("o", 3) a feature, ("#", a, b) an operation, whose
operands are trees. ``[k]`` is the feature ("back", k), ``a > b: x, else y`` is (":", a, b, x, y).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

__all__ = ["FUNCTIONS", "Tree", "bound", "features", "parse"]

Tree: TypeAlias = Any  # int | tuple[str, *trees]; mypy has no recursive tuples of any length

BINARY = (("#",), ("|",), ("&",), ("<<", ">>"), ("+", "-"), ("*", "mod"))  # the loosest first
FUNCTIONS = ("clip", "abs", "min", "pick")
OPERATIONS = {":", *FUNCTIONS, *(operation for level in BINARY for operation in level)}
TOKEN = re.compile(r"\s*(0x[0-9A-F]+|[0-9]+|[A-Za-z_]\w*|<<|>>|[][()#|&+*,:>^-])")


def parse(text: str, definitions: Mapping[str, str] | None = None) -> Tree:
    """Parse ``text`` to a tree; names in ``definitions`` are replaced by their expressions.

    Raises ``ValueError`` where it is not in this notation.
    """
    parser = _Parser(text, definitions or {})
    tree = parser.choice()
    if parser.next:
        raise ValueError(f"{parser.next!r} is not expected in {text!r}")
    return tree


def features(tree: Tree) -> Iterator[tuple[Any, ...]]:
    """Yield the features in a tree, with repeats."""
    if isinstance(tree, tuple):
        if tree[0] not in OPERATIONS:
            yield tree
        for operand in tree[1:]:
            yield from features(operand)


def bound(tree: Tree, most: Mapping[str, int]) -> int:
    """An upper bound of a tree's value, given the upper bounds ``most`` of its features. Only for
    trees whose numbers are small and never negative.

    Raises ``KeyError`` for a feature that ``most`` lacks, or an operation without such a bound.
    """
    match tree:
        case int():
            return int(tree)
        case ("mod", _, int() as k):
            return (1 << k) - 1
        case ("pick", _):
            return (1 << 12) - 1
        case ("&", _, int() as mask):
            return mask
        case ("min", _, int() as largest):
            return largest
        case (":", _, _, yes, no):
            return max(bound(yes, most), bound(no, most))
        case ("|", x, y):  # all bits up to the highest of either
            return (1 << max(bound(x, most).bit_length(), bound(y, most).bit_length())) - 1
        case ("<<", x, y):
            return bound(x, most) << bound(y, most)
        case (">>", x, int() as by):
            return bound(x, most) >> by
        case ("+", x, y):
            return bound(x, most) + bound(y, most)
        case ("*", x, y):
            return bound(x, most) * bound(y, most)
        case (name, *_):
            return most[name]
    raise ValueError(f"{tree!r} is no tree")


class _Parser:
    """A recursive-descent parser; ``next`` is the token to come, empty at the end."""

    def __init__(self, text: str, definitions: Mapping[str, str]) -> None:
        self.text, self.definitions = text, definitions
        self.next, self.at = "", 0
        self.take()

    def take(self) -> str:
        """Return ``next`` and read the token after it."""
        taken = self.next
        found = TOKEN.match(self.text, self.at)
        if found is None and self.text[self.at :].strip():
            raise ValueError(f"{self.text[self.at :]!r} is not understood in {self.text!r}")
        self.next, self.at = (found[1], found.end()) if found else ("", len(self.text))
        return taken

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise ValueError(f"{token!r} is missing in {self.text!r}")

    def choice(self) -> Tree:
        first = self.binary(0)
        if self.next != ">":
            return first
        self.take()
        second = self.binary(0)
        self.expect(":")
        yes = self.binary(0)
        self.expect(",")
        self.expect("else")
        return (":", first, second, yes, self.binary(0))

    def binary(self, level: int) -> Tree:
        if level == len(BINARY):
            return self.operand()
        tree = self.binary(level + 1)
        while self.next in BINARY[level]:
            operation = self.take()
            if operation == "mod":  # 2^k
                self.expect("2")
                self.expect("^")
            tree = (operation, tree, self.binary(level + 1))
        return tree

    def operand(self) -> Tree:
        token = self.take()
        if token == "(":
            tree = self.choice()
            self.expect(")")
            return tree
        if token == "[":
            tree = ("back", self.choice())
            self.expect("]")
            return tree
        if token[:1].isdigit():
            factor = self.next[:1].isalpha() and self.next not in ("mod", "else")
            return ("*", int(token, 0), self.operand()) if factor else int(token, 0)
        if not token[:1].isalpha():
            raise ValueError(f"{token!r} is not expected in {self.text!r}")
        if token in self.definitions:
            return parse(self.definitions[token], self.definitions)
        if re.fullmatch("c[0-9]", token):
            return ("c", int(token[1:]))
        arguments: list[Tree] = []
        while self.next == "(" if not arguments else self.next == ",":
            self.take()
            arguments.append(self.choice())
        if arguments:
            self.expect(")")
        return (token, *arguments)
