"""Features of the lines of a text, in the reference engine: section 11 of ``docs/numerics.md``.

``Numbers`` compares the numbers of a line with those of the line above. ``Outline`` hashes a line
with every run of digits collapsed, and predicts the numbers in it.
"""

from __future__ import annotations

from nncomp.engine.reference.hashes import K1, K2, MASK, combine

__all__ = ["Numbers", "Outline", "byte_class", "is_letter", "with_letter"]

MAX_NUMBERS = 64  # numbers of a line that are remembered
PLACE_BITS = 12
PLACES = 1 << PLACE_BITS  # entries of the hash tables of numbers
MAX_DIGITS = 8  # digits of a number that are predicted


def byte_class(c: int) -> int:
    """The class of a byte: 1…12."""
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


def is_letter(kind: int) -> bool:
    """Whether bytes of this class are letters or parts of them: lower case, upper case or ≥ 128."""
    return kind in (1, 2, 6)


def with_letter(h: int, c: int, kind: int) -> int:
    """The hash of a word or a name after one more byte; upper and lower case are alike."""
    return (h + c + (32 if kind == 2 else 0) + 1) * K1 & MASK


class Numbers:
    """The numbers of this line and of the one above. Points inside of a number are ignored."""

    def __init__(self) -> None:
        self.value = self.digits = 0  # value, modulo 2^64, and number of digits of this one so far
        self.line: list[int] = []  # the complete numbers of this line
        self.above: list[int] = []  # the numbers of the line above
        self.change = 0  # the last complete number minus the one above it

    def over(self) -> int:
        """The number in the line above at the same place as this number or the next, or 0."""
        return self.above[len(self.line)] if len(self.line) < len(self.above) else 0

    def take(self, c: int) -> None:
        """Take in a byte."""
        if 48 <= c < 58:
            self.value = self.value * 10 + c - 48 & MASK
            self.digits += 1
            return
        if c == 46:
            return
        if self.digits and len(self.line) < MAX_NUMBERS:
            self.change = self.value - self.over() & MASK
            self.line.append(self.value)
        self.value = self.digits = 0
        if c == 10:
            self.above, self.line, self.change = self.line, [], 0


def place(x: int) -> int:
    """The entry of a hash table of numbers for a hash of 64 bits."""
    return x >> 64 - PLACE_BITS


class Due:
    """The first digits of a predicted number, compared with the digits that come."""

    def __init__(self, text: bytes = b"") -> None:
        self.text = text
        self.state = 0  # 0: all agree so far; 1: the first digit that differs is greater; 2: less

    def digit(self, k: int) -> int:
        """Digit k of the predicted number as a byte, 0 behind the last one."""
        return self.text[k] if k < len(self.text) else 0

    def compare(self, k: int, c: int) -> None:
        """Compare with the byte ``c``, digit k of the number that comes."""
        if self.state == 0 and c != self.digit(k):
            self.state = 1 if c > self.digit(k) else 2


class Outline:
    """Names, cells, outlines of lines, and predictions of numbers from them.

    For each position in an outline (the line with every run of digits collapsed) we remember the
    number last seen there and the next one, assuming it changes by the same step; for each name
    plus the byte behind it, the number that followed.
    """

    def __init__(self) -> None:
        self.name = self.name1 = 0  # hashes of this name and of the one before
        self.line = self.above = 0  # hashes of the outlines of this line and of the one above
        self.form = self.kind = 0  # like line with runs of letters collapsed; kind of the last byte
        self.cell = self.quoted = 0  # separators of cells so far; whether within quotes
        self.text, self.value = b"", 0  # first digits of the current number; its value modulo 2^32
        self.digits = 0  # number of digits of the current number
        self.place = self.named = 0  # entries for the position in the outline and for the name
        self.before = [(b"", b"", 0)] * PLACES  # (digits last seen, digits predicted, value seen)
        self.behind_name = [b""] * PLACES  # digits of the number that followed
        self.due = [Due(), Due(), Due()]  # last seen, next, and behind the name

    def expected(self, j: int) -> int:
        """The next two digits if the number is the predicted one, the first one lowest; 1 << 16 or
        2 << 16 if it is already known to be greater or less."""
        due = self.due[j]
        if due.state:
            return due.state << 16
        return due.digit(self.digits) | due.digit(self.digits + 1) << 8

    def take(self, c: int) -> None:
        """Take in a byte."""
        kind = byte_class(c)
        letter, digit = is_letter(kind), kind == 3
        if letter or digit or c == ord("_"):
            self.name = with_letter(self.name, c, kind)
        elif self.name:
            self.name1, self.name = self.name, 0
        told = 1 if digit else 2 if letter else c + 3
        if told != self.kind:
            self.form = (self.form + told) * K1 & MASK
        self.kind = told
        if digit:
            self.count(c)
            return
        if self.digits:
            self.remember()
        self.line = (self.line + c + 1) * K1 & MASK
        self.quoted ^= c == ord('"')
        if not self.quoted and c in b",\t;|":
            self.cell += 1
        if c == 10:
            self.above, self.line = self.line, 0
            self.form = self.kind = self.cell = self.quoted = 0
        self.place = place(self.line * K2 & MASK)
        self.named = place((combine(self.name1, self.name) + c) * K1 & MASK)
        text, following, _ = self.before[self.place]
        self.due = [Due(text), Due(following), Due(self.behind_name[self.named])]

    def count(self, c: int) -> None:
        """Take in a digit."""
        if self.digits == 0:
            self.line = (self.line + 257) * K1 & MASK
        for due in self.due:
            due.compare(self.digits, c)
        self.text = (self.text + bytes([c]))[:MAX_DIGITS]
        self.value = (self.value * 10 + c - 48) % 2**32
        self.digits += 1

    def remember(self) -> None:
        """Store the number that has ended."""
        following = (2 * self.value - self.before[self.place][2]) % 2**32
        text = b"%0*d" % (len(self.text), following)
        self.before[self.place] = (self.text, text[:MAX_DIGITS], self.value)
        self.behind_name[self.named] = self.text
        self.text, self.value, self.digits = b"", 0, 0
